//! Membership.

use crate::{
    Result,
    model::{ConversationId, Member, MemberUpdate, MembersChanged, Roster, UserId},
};
use async_trait::async_trait;

/// Keeps who is in which conversation.
#[async_trait]
pub trait MemberStore: Send + Sync + 'static {
    /// Changes the membership of a group.
    ///
    /// # Contract
    /// - Roles are checked inside the transaction: `forbidden` to a member without the right, `not_found` to outsiders,
    ///   `invalid` for a direct conversation, `too_large` past the limit. All or nothing.
    /// - An added person who does not exist, a removed one who was never in the group and a role for somebody who is not in it
    ///   are `not_found`; whoever is in already, or has left already, is left as is. An owner's new role for themselves is
    ///   `invalid`.
    /// - Every row that changes takes one `rev`; `member_rev` rises by as many; a change that changes nothing takes none.
    /// - A join sets `since_rev` to its rev and `visible_from_seq` to `last_seq + 1`, cursors to `last_seq`; a leave sets
    ///   `left_rev`; both take a `user_rev` of the person. A role change leaves `since_rev` and `user_rev` alone.
    /// - An owner who leaves is followed by the member of highest role, then lowest `since_rev`, then lowest id.
    /// - Whoever comes back has one row: the old one, with a new `since_rev`, as a plain member.
    async fn update_members(&self, update: MemberUpdate) -> Result<MembersChanged>;

    /// Loads active members' rows by person; who is not in it is left out.
    async fn load_members(&self, id: ConversationId, users: &[UserId]) -> Result<Vec<Member>>;

    /// Lists active members in rising user id.
    async fn list_members(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Member>>;

    /// Loads the whole active membership with its `member_rev`, from one snapshot.
    async fn load_roster(&self, id: ConversationId) -> Result<Roster>;
}
