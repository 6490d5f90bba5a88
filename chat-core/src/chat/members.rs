//! Membership of groups: who is in it, bringing in, removing, leaving, roles.

use super::{Chat, conversations::distinct};
use crate::{
    Error, Result,
    model::{ConversationId, Member, MemberChange, MemberUpdate, MembersChanged, Role, UserId},
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
        self.inner.membership(id, actor).await?;
        self.inner.store.list_members(id, after, self.inner.page_limit(limit)).await
    }

    /// Brings people into a group.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for plain members, [`NotFound`](crate::ErrorKind::NotFound) for outsiders and for a person
    /// whom the actor may not write to, [`TooLarge`](crate::ErrorKind::TooLarge) past the limit,
    /// [`Invalid`](crate::ErrorKind::Invalid) for nobody or a direct conversation.
    pub async fn add_members(
        &self,
        actor: UserId,
        id: ConversationId,
        users: Vec<UserId>,
    ) -> Result<MembersChanged> {
        self.inner.membership(id, actor).await?;
        let users = distinct(users);
        let limit = self.inner.config.limits.group_members;
        if users.is_empty() {
            return Err(Error::invalid("user_ids must name somebody"));
        }
        if users.len() > limit as usize {
            return Err(Error::too_large(format!("a group has at most {limit} members")));
        }
        self.inner.check_reach(actor, &users).await?;
        self.update_members(actor, id, MemberChange::Add(users)).await
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
        self.update_members(actor, id, MemberChange::Remove(user)).await
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
        self.update_members(actor, id, MemberChange::SetRole(user, role)).await
    }

    async fn update_members(
        &self,
        actor: UserId,
        id: ConversationId,
        change: MemberChange,
    ) -> Result<MembersChanged> {
        let member_limit = self.inner.config.limits.group_members;
        let update = MemberUpdate { conversation_id: id, actor, change, member_limit, now: self.now() };
        let changed = self.inner.store.update_members(update).await?;
        self.inner.announce_members(&changed).await;
        Ok(changed)
    }
}
