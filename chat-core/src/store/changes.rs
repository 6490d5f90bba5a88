//! Reading what changed: for returning clients and for the repair of lost hints.

use crate::{
    Result,
    model::{ChangeQuery, ChangeSet, ConversationId, Feed, Heads, Member, Pulse, Rev, Timestamp, UserId},
};
use async_trait::async_trait;

/// Reads changes.
#[async_trait]
pub trait ChangeStore: Send + Sync + 'static {
    /// Loads a person and the heads of all memberships, ended ones included, newest activity first; one snapshot.
    async fn load_feed(&self, user: UserId) -> Result<Feed>;

    /// Lists the person's membership rows whose `user_rev` is above `after`, in rising `user_rev`.
    async fn list_feed(&self, user: UserId, after: Rev, limit: usize) -> Result<Vec<Member>>;

    /// Reads the rows of a conversation that changed, with its head, in one snapshot.
    ///
    /// # Contract
    /// - `not_found` for whoever was never in it; the row of somebody who left says so in `me`, and no rows follow.
    /// - Messages below the reader's `visible_from_seq` are left out.
    /// - Rows come in rising `rev`; with `has_more` everything up to the highest one given is complete.
    /// - `cursors` are rows of active members and do not count against the limit.
    /// - The cost follows the number of changed rows, not the length of the conversation.
    async fn read_changes(&self, query: ChangeQuery) -> Result<ChangeSet>;

    /// Lists what was written at or after `since`, by the store's own clock.
    async fn list_changed(&self, since: Timestamp) -> Result<Heads>;

    /// Lists where conversations stand, in rising id, for the slow sweep.
    async fn list_heads(&self, after: Option<ConversationId>, limit: usize) -> Result<Vec<Pulse>>;
}
