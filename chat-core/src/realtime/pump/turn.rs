//! One conversation's turn: step by step, with reads of the store between, until nothing waits.

use super::fill;
use crate::{
    Chat, Result,
    model::{ConversationId, CursorsMoved, Message, MessageAnchor, Seq, UserId},
    protocol::{ReceiptStatus, ServerFrame, encode},
    realtime::{
        hub::{CLASSIC_RECEIPTS, Item, Landmark, Step, needed},
        meters::Meters,
    },
};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Pauses after reads that failed for want of the store. Then the turn is given up, and the repair loop comes back to it.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_millis(2_000),
];

/// Drives the turn of a conversation to its end.
pub(super) async fn run(chat: &Chat, id: ConversationId, reads: &Semaphore, meters: &Meters) {
    let hub = &chat.inner.hub;
    let mut failures = 0;
    loop {
        let step = match hub.next_step(id) {
            Step::Done => return,
            Step::Wait(until) => {
                tokio::time::sleep_until(until).await;
                continue;
            }
            step => step,
        };
        let permit = reads.acquire().await;
        let done = take(chat, id, step, meters).await;
        drop(permit);
        match done {
            Ok(()) => failures = 0,
            Err(error) => {
                let pause = PAUSES.get(failures).filter(|_| error.kind().is_retryable());
                tracing::warn!(%error, conversation = %id, "turn of a conversation failed");
                let Some(pause) = pause else { return hub.abandon_turn(id) };
                failures += 1;
                tokio::time::sleep(*pause).await;
            }
        }
    }
}

async fn take(chat: &Chat, id: ConversationId, step: Step, meters: &Meters) -> Result<()> {
    match step {
        Step::Done | Step::Wait(_) => Ok(()),
        Step::Fill { after, cursor, reader } => {
            meters.filled.increment(1);
            fill::fill(chat, id, after, cursor, reader).await
        }
        Step::Roster => {
            let roster = chat.inner.store.load_roster(id).await?;
            chat.inner.hub.set_roster(id, roster);
            Ok(())
        }
        Step::Tell { item, reader } => tell(chat, id, item, reader).await,
    }
}

async fn tell(chat: &Chat, id: ConversationId, item: Item, reader: UserId) -> Result<()> {
    let hub = &chat.inner.hub;
    match item {
        Item::Conversation(rev) => {
            let (conversation, _) = chat.inner.store.load_membership(id, reader).await?;
            if conversation.meta_rev == rev {
                let view = chat.present_shared(&conversation).await?;
                hub.tell_event(id, rev, &encode(&ServerFrame::ConversationChanged(Box::new(view))));
            } else {
                // The row has changed again since, and carries that later number.
                hub.step_to(id, rev);
            }
        }
        Item::Cursors(moved) => tell_receipts(chat, &moved).await?,
        Item::Member(member) => {
            let views = chat.present_members(std::slice::from_ref(&*member)).await?;
            for view in views {
                hub.tell_event(id, member.rev, &encode(&ServerFrame::MemberChanged(Box::new(view))));
            }
        }
        Item::Message(message) => {
            let status = if message.rev == message.created_rev {
                ReceiptStatus::Sent
            } else {
                status_of(chat, reader, &message).await?
            };
            let known = crate::model::Rev::new(message.rev.get() - 1);
            hub.tell_message(chat, &message, status, known);
        }
        Item::Typing { user_id, is_typing } => hub.tell_typing(id, user_id, is_typing),
    }
    Ok(())
}

async fn status_of(chat: &Chat, reader: UserId, message: &Message) -> Result<ReceiptStatus> {
    let views = chat.present_messages(reader, std::slice::from_ref(message)).await?;
    Ok(views.first().map_or(ReceiptStatus::Sent, |view| view.status))
}

async fn tell_receipts(chat: &Chat, flush: &CursorsMoved) -> Result<()> {
    let hub = &chat.inner.hub;
    let landmarks = match needed(&flush.moved, hub.has_classic(flush.conversation_id)) {
        Some((first, last)) => landmarks(chat, flush.conversation_id, first, last).await?,
        None => Vec::new(),
    };
    hub.tell_receipts(flush, &landmarks);
    Ok(())
}

/// Reads which messages stand from `first` to `last`, at most the newest of them.
pub(super) async fn landmarks(
    chat: &Chat,
    id: ConversationId,
    first: Seq,
    last: Seq,
) -> Result<Vec<Landmark>> {
    let count = usize::try_from(last.get() - first.get() + 1).unwrap_or(CLASSIC_RECEIPTS);
    let limit = count.clamp(1, CLASSIC_RECEIPTS);
    let anchor = MessageAnchor::Before(last.next());
    let slice = chat.inner.store.list_messages(id, anchor, first, limit).await?;
    Ok(slice
        .messages
        .iter()
        .map(|message| Landmark { seq: message.seq, id: message.id, sender_id: message.sender_id })
        .collect())
}
