//! Conversations.

use crate::{
    Result,
    model::{
        Conversation, ConversationEntry, ConversationId, ConversationPage, GroupUpdate, Member,
        MembersChanged, NewGroup, Opened, Timestamp, UserId,
    },
};
use async_trait::async_trait;

/// Keeps conversations.
#[async_trait]
pub trait ConversationStore: Send + Sync + 'static {
    /// Finds or creates the direct conversations of `user` with each of `peers`, in one transaction; same order.
    ///
    /// # Contract
    /// - Exactly one per pair, whoever asks, also when both ask at once; the one with oneself has one member.
    /// - A created one has `last_rev` 1 in `meta_rev`, members with `rev` and `since_rev` 0, and takes one `user_rev`
    ///   of each member, kept in the member's row.
    /// - A peer who does not exist is a `not_found` in its place; the others are not touched by it. If `user` does not exist,
    ///   the whole call is.
    async fn open_directs(
        &self,
        user: UserId,
        peers: &[UserId],
        now: Timestamp,
    ) -> Result<Vec<Result<Opened>>>;

    /// Finds the direct conversations of `user` with each of `peers` without creating any; same order, `None` where there is none.
    async fn find_directs(&self, user: UserId, peers: &[UserId]) -> Result<Vec<Option<ConversationId>>>;

    /// Creates a group with its first members as one change.
    ///
    /// # Contract
    /// - `last_rev` is 1 and stands in `meta_rev`; members have `rev` and `since_rev` 0; each takes one `user_rev`.
    /// - An unknown member is `not_found` and nothing is created.
    /// - The same creator and key give the first result with `created: false`.
    async fn create_group(&self, group: NewGroup) -> Result<Opened>;

    /// Loads a conversation and the reader's own row, also after the reader left; `not_found` for everybody else.
    async fn load_membership(&self, id: ConversationId, user: UserId) -> Result<(Conversation, Member)>;

    /// Loads what a list shows of one conversation that the reader is in; `not_found` for everybody else.
    async fn load_entry(&self, id: ConversationId, user: UserId) -> Result<ConversationEntry>;

    /// Lists the conversations that the reader is in, newest activity first, ties by higher id.
    async fn list_conversations(
        &self,
        user: UserId,
        page: ConversationPage,
    ) -> Result<Vec<ConversationEntry>>;

    /// Renames a group.
    ///
    /// # Contract
    /// - Takes one `rev`, kept in `meta_rev`; none when the title is the same.
    /// - `forbidden` for plain members, `not_found` for everybody outside, `invalid` for a direct conversation.
    async fn update_group(&self, update: GroupUpdate) -> Result<Conversation>;

    /// Ends a group: every member leaves, each with one rev and one `user_rev`; nobody can read it afterwards.
    ///
    /// # Contract
    /// - `forbidden` to members who are not the owner, `not_found` to outsiders, `invalid` for a direct conversation.
    /// - The rows come in rising `rev`; `meta_rev` stays as it is.
    async fn delete_group(&self, id: ConversationId, actor: UserId, now: Timestamp)
    -> Result<MembersChanged>;
}
