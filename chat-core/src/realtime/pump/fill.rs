//! Filling a hole: reads from the store what hints did not bring, and tells it as if they had.

use super::turn;
use crate::{
    Chat, Result,
    model::{
        ChangeQuery, ChangeSet, ConversationId, Cursor, CursorsMoved, Member, Message, MovedCursor, Rev, Seq,
        UserId,
    },
    protocol::{ReceiptStatus, Reset, ServerFrame, encode},
};
use bytes::Bytes;

/// Rows of one hole. A larger one is left to the clients to fetch, each when it can.
const ROWS: usize = 500;

/// A row that was missed.
enum Row {
    /// Anything that clients know as a frame of its own.
    Event(Bytes),
    Message(Box<Message>, ReceiptStatus),
}

/// Tells everything of a conversation that came after these numbers. `reader` is the listener who sees most.
pub(super) async fn fill(
    chat: &Chat,
    id: ConversationId,
    after: Rev,
    cursor: Cursor,
    reader: UserId,
) -> Result<()> {
    let hub = &chat.inner.hub;
    let query = ChangeQuery {
        conversation_id: id,
        user_id: reader,
        after_rev: after,
        after_cursor: Some(cursor),
        limit: ROWS,
    };
    let changes = chat.inner.store.read_changes(query).await?;
    if !changes.me.is_active() {
        // The reader has left since the list of members was read.
        hub.forget_members(id);
        return Ok(());
    }
    let conversation = &changes.conversation;
    let (head, head_cursor) = (conversation.last_rev, conversation.last_cursor);
    if changes.has_more {
        hub.tell_dirty(id, head, cursor);
    } else {
        for (rev, row) in rows(chat, &changes, after, reader).await? {
            match row {
                Row::Event(frame) => hub.tell_event(id, rev, &frame),
                Row::Message(message, status) => {
                    hub.tell_message(chat, &message, status, after);
                }
            }
        }
        hub.step_to(id, head);
    }
    tell_cursors(chat, id, head_cursor, &changes.cursors).await
}

/// Lists the missed rows in rising `rev`, ready to be told.
async fn rows(chat: &Chat, changes: &ChangeSet, after: Rev, reader: UserId) -> Result<Vec<(Rev, Row)>> {
    let mut rows = Vec::with_capacity(changes.messages.len() + changes.members.len() + 1);
    let conversation = &changes.conversation;
    if conversation.meta_rev > after {
        let view = chat.present_shared(conversation).await?;
        let frame = encode(&ServerFrame::ConversationChanged(Box::new(view)));
        rows.push((conversation.meta_rev, Row::Event(frame)));
    }
    if conversation.reset_rev > after {
        let reset = Reset {
            conversation_id: Some(conversation.id),
            rev: Some(conversation.reset_rev),
            cursor: Some(conversation.last_cursor),
            first_seq: Some(conversation.first_seq),
            last_seq: Some(conversation.last_seq),
            user_rev: None,
        };
        rows.push((conversation.reset_rev, Row::Event(encode(&ServerFrame::Reset(reset)))));
    }
    for (member, view) in changes.members.iter().zip(chat.present_members(&changes.members).await?) {
        rows.push((member.rev, Row::Event(encode(&ServerFrame::MemberChanged(Box::new(view))))));
    }
    let views = chat.present_messages(reader, &changes.messages).await?;
    for (message, view) in changes.messages.iter().zip(views) {
        rows.push((message.rev, Row::Message(Box::new(message.clone()), view.status)));
    }
    rows.sort_by_key(|(rev, _)| *rev);
    Ok(rows)
}

/// Tells where receipts stand that moved unseen. Where they stood is not known, so that classic connections may hear of a message again.
async fn tell_cursors(chat: &Chat, id: ConversationId, cursor: Cursor, rows: &[Member]) -> Result<()> {
    let moved = rows.iter().map(|row| MovedCursor {
        user_id: row.user_id,
        delivered_seq: row.delivered_seq,
        read_seq: row.read_seq,
        old_delivered_seq: Seq::ZERO,
        old_read_seq: Seq::ZERO,
    });
    let flush = CursorsMoved { conversation_id: id, cursor, member_rev: Rev::ZERO, moved: moved.collect() };
    let hub = &chat.inner.hub;
    let last = rows.iter().map(|row| row.delivered_seq).max().unwrap_or_default();
    let landmarks = if last > Seq::ZERO && hub.has_classic(id) {
        turn::landmarks(chat, id, Seq::new(1), last).await?
    } else {
        Vec::new()
    };
    hub.tell_list(&flush, &landmarks);
    Ok(())
}
