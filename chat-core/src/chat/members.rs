//! Membership of groups: who is in it, bringing in, removing, leaving, roles.

use super::Chat;
use crate::{
    Result,
    model::{ConversationId, Member, MembersChanged, Role, UserId},
};

impl Chat {
    /// Lists active members in rising user id; the limit is cut to the largest page.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn list_members(
        &self,
        actor: UserId,
        id: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        let _ = (actor, id, after, limit);
        todo!()
    }

    /// Brings people into a group.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for plain members, [`NotFound`](crate::ErrorKind::NotFound) for outsiders and for a person
    /// whom the actor may not write to, [`TooLarge`](crate::ErrorKind::TooLarge) past the limit.
    pub async fn add_members(
        &self,
        actor: UserId,
        id: ConversationId,
        users: &[UserId],
    ) -> Result<MembersChanged> {
        let _ = (actor, id, users);
        todo!()
    }

    /// Removes a person from a group; one's own id leaves it.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the person's role is lower, [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn remove_member(
        &self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
    ) -> Result<MembersChanged> {
        let _ = (actor, id, user);
        todo!()
    }

    /// Sets a member's role; `Owner` hands the group over.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the actor is the owner, [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn set_role(
        &self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        role: Role,
    ) -> Result<MembersChanged> {
        let _ = (actor, id, user, role);
        todo!()
    }
}
