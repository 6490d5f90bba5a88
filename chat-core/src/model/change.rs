//! What the commit pipeline hands to a store, and what comes back: the writes of the hot path as data.

use super::{
    Broadcast, ConversationId, Cursor, Message, MessageId, NewBroadcast, NewMessage, Rev, Seq, Timestamp,
    UserId,
};
use serde::{Deserialize, Serialize};

/// One write of a batch. A batch is one transaction, applied in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Change {
    /// Store a message.
    Append(NewMessage),
    /// Store a broadcast with its job or all of its messages.
    Broadcast(Box<NewBroadcast>),
    /// Move receipt cursors of one conversation.
    Cursors(CursorFlush),
    /// Delete a message for all.
    Delete(DeleteMessage),
    /// Replace a message's text.
    Edit(EditMessage),
}

/// A new text for one's own message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditMessage {
    /// Which message.
    pub message_id: MessageId,
    /// Who asks; must be its sender and still a member.
    pub actor: UserId,
    /// The new text.
    pub content: String,
    /// Refuse with `conflict` unless the message's `rev` is this.
    pub base_rev: Option<Rev>,
    /// The moment to stamp.
    pub now: Timestamp,
}

/// The deletion of a message for all; its row stays as a tombstone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteMessage {
    /// Which message.
    pub message_id: MessageId,
    /// Who asks: its sender, or in a group an owner or administrator.
    pub actor: UserId,
    /// The moment to stamp.
    pub now: Timestamp,
}

/// The pending cursors of one conversation. They take one number together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorFlush {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// At most one entry per person.
    pub moves: Vec<CursorMove>,
    /// The moment to stamp.
    pub now: Timestamp,
}

/// Where one person's cursors shall be at least. The store clamps to the head and never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorMove {
    /// Whose.
    pub user_id: UserId,
    /// A device has everything up to here.
    pub delivered_seq: Seq,
    /// Read up to here; implies delivered.
    pub read_seq: Seq,
}

/// The result of one [`Change`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Committed {
    /// Of a broadcast.
    Broadcast(Box<CommittedBroadcast>),
    /// Of a cursor flush.
    Cursors(CursorsMoved),
    /// Of an append, edit or delete.
    Message(Box<CommittedMessage>),
}

/// Whether a change did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It took numbers and is to be announced.
    Applied,
    /// It was done before; this is the present state and nothing is to be announced.
    Repeated,
}

/// A message after its append, edit or deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedMessage {
    /// Its whole state.
    pub message: Message,
    /// Whether this call did it.
    pub outcome: Outcome,
    /// The conversation's count of membership changes at the commit.
    pub member_rev: Rev,
}

/// A stored broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedBroadcast {
    /// Its state.
    pub broadcast: Broadcast,
    /// Its messages, one per receiver in the order given, where they were part of the transaction (or of the first one).
    pub messages: Vec<CommittedMessage>,
    /// Whether this call stored it.
    pub outcome: Outcome,
}

/// The result of a cursor flush.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorsMoved {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The number that the flush took; the present one if nothing moved.
    pub cursor: Cursor,
    /// The conversation's count of membership changes at the commit.
    pub member_rev: Rev,
    /// Only the rows that really moved.
    pub moved: Vec<MovedCursor>,
}

/// One row that a flush moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedCursor {
    /// Whose.
    pub user_id: UserId,
    /// Where delivered is.
    pub delivered_seq: Seq,
    /// Where read is.
    pub read_seq: Seq,
    /// Where delivered was.
    pub old_delivered_seq: Seq,
    /// Where read was.
    pub old_read_seq: Seq,
}
