//! Messages and receipts: the hot path.

use crate::{
    Error, Result,
    model::{
        Change, Committed, ConversationId, Message, MessageAnchor, MessageId, MessageKey, MessageSlice,
        RequestHash, Seq, UserId,
    },
};
use async_trait::async_trait;

/// Whether a failed batch may have been stored all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommitFailure {
    /// Nothing of it is stored.
    #[error("batch was not committed")]
    NotCommitted,
    /// The engine went away before it answered: look every key up.
    #[error("batch may have been committed")]
    Unknown,
}

/// The failure of a whole batch.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{failure}: {error}")]
pub struct CommitError {
    /// What is known about the batch.
    pub failure: CommitFailure,
    /// Why.
    #[source]
    pub error: Error,
}

/// Keeps messages and receipt cursors.
#[async_trait]
pub trait MessageStore: Send + Sync + 'static {
    /// Applies a batch in order as one transaction; one result per change, in the same order.
    ///
    /// # Contract
    /// - The conversations concerned are locked in rising id; then, in a snapshot taken after the locks, keys (stored and
    ///   earlier in the batch), membership, role and ban are looked up, and only what is really written takes numbers.
    /// - What a caller can cause is the result of its own change and leaves the neighbours and the numbers alone:
    ///   the same key and hash is [`Repeated`](crate::model::Outcome::Repeated) with the present state (tombstone included),
    ///   the same key with another hash is `conflict`, a non-member gets `not_found`, a banned sender `forbidden`,
    ///   a `reply_to` outside the conversation or out of the sender's sight is `not_found`, an attachment whose row is gone
    ///   (it may have been cleared away since the use case looked) too. The key is looked up first, membership before the ban.
    /// - A retry of somebody who has left since still gets the first result.
    /// - An append takes one `seq` and one `rev` and moves no cursor.
    /// - An edit or delete takes one `rev`; the same text again, or a second deletion, takes none and is `Repeated`.
    ///   An edit of a tombstone is `conflict`, of another's message `forbidden`, with another `base_rev` than the row's
    ///   `conflict` unless the text is the same. A deletion empties text, link and attachments. Who cannot see the message
    ///   gets `not_found`.
    /// - A cursor flush clamps to the head, never goes back, keeps `read <= delivered`, takes one number if any row moved.
    ///   People who are not in the conversation are passed over.
    /// - A broadcast with messages is stored with all of them or refused as a whole; the same key replays its first answer.
    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Committed>>, CommitError>;

    /// Finds a message by its sender's key, with the digest of the request that made it.
    async fn find_message_by_key(
        &self,
        sender: UserId,
        key: &MessageKey,
    ) -> Result<Option<(Message, RequestHash)>>;

    /// Loads a message if the reader is in its conversation and may see it; else `not_found`.
    async fn load_message(&self, id: MessageId, reader: UserId) -> Result<Message>;

    /// Lists messages of a conversation from `visible_from` on, in rising `seq`, at any depth by key.
    ///
    /// Of a page around a place `limit / 2` messages (rounded down) are below it. Whether there are more on either side is told
    /// for an empty page too.
    async fn list_messages(
        &self,
        id: ConversationId,
        anchor: MessageAnchor,
        visible_from: Seq,
        limit: usize,
    ) -> Result<MessageSlice>;

    /// Lists a person's direct messages over all peers, tombstones included, highest id first, with their total number.
    async fn list_direct_history(
        &self,
        user: UserId,
        offset: u64,
        limit: usize,
    ) -> Result<(u64, Vec<Message>)>;

    /// Counts unread messages per conversation: above `read_seq`, visible, not one's own, not deleted; capped at 1,000.
    ///
    /// In the order of `ids`; conversations that the person is not in are left out.
    async fn count_unread(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<(ConversationId, u32)>>;
}
