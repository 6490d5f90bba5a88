//! What a classic connection is sent when it opens: direct messages that no device of the person has, and who is online.
//!
//! Such a client cannot resume and does not tell doubles apart, so that here every message is sent exactly once: what is
//! read and what is live meet at a number.

use super::{connection::Connection, hub::Subscription};
use crate::{
    Result,
    model::{ConversationKind, Head, Message, MessageAnchor, Rev, Seq},
    protocol::{CloseCode, Reader, ReceiptStatus, ServerFrame, encode},
};
use ahash::AHashSet;
use std::sync::Arc;

/// Messages of one conversation that are sent at most, the newest.
const PER_CONVERSATION: usize = 200;

/// Messages that are sent at most in all.
const IN_ALL: usize = 1_000;

/// Sends what was missed and lets live events follow.
pub(super) async fn open(connection: Arc<Connection>) {
    let sent = send_missed(&connection).await;
    if let Err(error) = sent {
        tracing::warn!(%error, connection = connection.endpoint.id, "missed messages could not be read");
        connection.close(CloseCode::Drain);
    }
    connection.endpoint.end_resume();
    connection.end_opening();
}

async fn send_missed(connection: &Connection) -> Result<()> {
    let inner = &connection.chat.inner;
    let feed = inner.read(inner.store.load_feed(connection.user_id())).await?;
    let directs: Vec<&Head> = feed
        .heads
        .iter()
        .filter(|head| head.kind == ConversationKind::Direct && head.left_rev.is_none())
        .collect();
    let subscriptions: Vec<_> = directs.iter().map(|head| Subscription::from(*head)).collect();
    let missed: AHashSet<_> = inner.hub.subscribe(&connection.endpoint, &subscriptions).into_iter().collect();
    for notice in connection.chat.online_for(connection.user_id(), !feed.heads.is_empty()).await? {
        connection.endpoint.outbox.row(encode(&ServerFrame::UserStatus(notice))).await;
    }
    let mut rest = IN_ALL;
    for head in directs {
        let is_behind = head.last_seq > head.delivered_seq || missed.contains(&head.conversation_id);
        if is_behind && rest > 0 {
            rest -= send_conversation(connection, head, rest.min(PER_CONVERSATION)).await?;
        }
    }
    Ok(())
}

/// Sends what others wrote above the person's delivered cursor; returns how many messages that were.
async fn send_conversation(connection: &Connection, head: &Head, limit: usize) -> Result<usize> {
    let inner = &connection.chat.inner;
    let id = head.conversation_id;
    let list = inner.store.list_messages(id, MessageAnchor::Latest, Seq::ZERO, limit);
    let slice = inner.read(list).await?;
    let is_missed = |message: &&Message| {
        message.seq > head.delivered_seq
            && message.sender_id != connection.user_id()
            && message.deleted_at.is_none()
    };
    let mut last = None;
    let mut count = 0;
    for message in slice.messages.iter().filter(is_missed) {
        let reader = Reader { is_sender: false, visible_from: Seq::ZERO };
        let view = connection.chat.present_message_as(message, ReceiptStatus::Delivered, reader);
        connection.endpoint.outbox.row(encode(&ServerFrame::ReceiveMessage(Box::new(view)))).await;
        last = Some(message.seq);
        count += 1;
    }
    if let Some(seq) = last {
        connection.endpoint.ask_for_proof(id, seq);
    }
    // Live events up to the newest message of the page were part of it.
    let snapshot = slice.messages.iter().map(|message| message.created_rev).max().unwrap_or(Rev::ZERO);
    inner.hub.release(&connection.endpoint, id, snapshot, None);
    Ok(count)
}
