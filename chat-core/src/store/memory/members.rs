//! Membership.

use super::{MemoryStore, state::State};
use crate::{
    Error, Result,
    model::{
        ConversationId, Cursor, Member, MemberChange, MemberUpdate, MembersChanged, Role, Roster,
        RosterEntry, Timestamp, UserId,
    },
    store::MemberStore,
};
use async_trait::async_trait;
use std::{collections::BTreeSet, ops::Bound};

impl State {
    fn update_members(&mut self, update: MemberUpdate) -> Result<MembersChanged> {
        let MemberUpdate { conversation_id: id, actor, change, member_limit, now } = update;
        let members = match change {
            MemberChange::Add(users) => self.add_members(id, actor, users, member_limit, now)?,
            MemberChange::Remove(user) => self.remove_member(id, actor, user, now)?,
            MemberChange::SetRole(user, role) => self.set_role(id, actor, user, role, now)?,
        };
        Ok(MembersChanged { conversation: self.conversation(id)?.clone(), members })
    }

    fn add_members(
        &mut self,
        id: ConversationId,
        actor: UserId,
        users: Vec<UserId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Member>> {
        self.authorise(id, actor, Role::Admin)?;
        let mut joining = BTreeSet::new();
        for user in users {
            self.user(user)?;
            if self.active(id, user).is_err() {
                joining.insert(user);
            }
        }
        let count = self.conversation(id)?.member_count as usize + joining.len();
        if !joining.is_empty() && count > limit as usize {
            return Err(Error::too_large(format!("a group has at most {limit} members")));
        }
        Ok(joining.into_iter().map(|user| self.join(id, user, now)).collect())
    }

    fn join(&mut self, id: ConversationId, user: UserId, now: Timestamp) -> Member {
        let rev = self.next_member_rev(id, now);
        let user_rev = self.next_user_rev(user, now);
        let conversation = self.conversation_mut(id);
        conversation.member_count += 1;
        let last_seq = conversation.last_seq;
        let cursor_rev = self.members.get(&(id, user)).map_or(Cursor::ZERO, |old| old.cursor_rev);
        let member = Member {
            conversation_id: id,
            user_id: user,
            role: Role::Member,
            rev,
            since_rev: rev,
            visible_from_seq: last_seq.next(),
            delivered_seq: last_seq,
            read_seq: last_seq,
            cursor_rev,
            left_rev: None,
            user_rev,
            joined_at: now,
            left_at: None,
        };
        self.members.insert((id, user), member.clone());
        self.memberships.insert((user, id));
        member
    }

    fn remove_member(
        &mut self,
        id: ConversationId,
        actor: UserId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<Member>> {
        let least = if actor == user { Role::Member } else { Role::Admin };
        let rights = self.authorise(id, actor, least)?.role;
        let role = match self.members.get(&(id, user)) {
            None => return Err(no_member()),
            Some(member) if !member.is_active() => return Ok(Vec::new()),
            Some(member) => member.role,
        };
        if actor != user && role >= rights {
            return Err(Error::forbidden("only a member of lower role can be removed"));
        }
        let mut changed = vec![self.leave(id, user, now)];
        if role == Role::Owner {
            changed.extend(self.heir(id).map(|heir| self.put_role(id, heir, Role::Owner, now)));
        }
        Ok(changed)
    }

    /// Ends an active membership.
    pub(super) fn leave(&mut self, id: ConversationId, user: UserId, now: Timestamp) -> Member {
        let rev = self.next_member_rev(id, now);
        let user_rev = self.next_user_rev(user, now);
        self.conversation_mut(id).member_count -= 1;
        self.change_row(id, user, |member| {
            member.rev = rev;
            member.user_rev = user_rev;
            member.left_rev = Some(rev);
            member.left_at = Some(now);
        })
    }

    /// Returns who owns the group after its owner left: the highest role, then the earliest join, then the lower id.
    fn heir(&self, id: ConversationId) -> Option<UserId> {
        let rank = |member: &&Member| (std::cmp::Reverse(member.role), member.since_rev, member.user_id);
        self.rows(id).filter(|member| member.is_active()).min_by_key(rank).map(|member| member.user_id)
    }

    fn set_role(
        &mut self,
        id: ConversationId,
        actor: UserId,
        user: UserId,
        role: Role,
        now: Timestamp,
    ) -> Result<Vec<Member>> {
        self.authorise(id, actor, Role::Owner)?;
        let present = self.active(id, user).map_err(|_| no_member())?.role;
        if present == role {
            return Ok(Vec::new());
        }
        if actor == user {
            return Err(Error::invalid("an owner can only hand the group over to somebody else"));
        }
        let mut changed = vec![self.put_role(id, user, role, now)];
        if role == Role::Owner {
            changed.push(self.put_role(id, actor, Role::Admin, now));
        }
        Ok(changed)
    }

    fn put_role(&mut self, id: ConversationId, user: UserId, role: Role, now: Timestamp) -> Member {
        let rev = self.next_member_rev(id, now);
        self.change_row(id, user, |member| {
            member.rev = rev;
            member.role = role;
        })
    }

    fn change_row(&mut self, id: ConversationId, user: UserId, change: impl FnOnce(&mut Member)) -> Member {
        let member = self.members.get_mut(&(id, user)).expect("the caller has looked the member up");
        change(member);
        member.clone()
    }

    fn roster(&self, id: ConversationId) -> Result<Roster> {
        let conversation = self.conversation(id)?;
        let entry = |member: &Member| RosterEntry {
            user_id: member.user_id,
            visible_from_seq: member.visible_from_seq,
            since_rev: member.since_rev,
        };
        Ok(Roster {
            kind: conversation.kind,
            pair: conversation.pair,
            member_rev: conversation.member_rev,
            last_rev: conversation.last_rev,
            last_cursor: conversation.last_cursor,
            members: self.rows(id).filter(|member| member.is_active()).map(entry).collect(),
        })
    }
}

fn no_member() -> Error {
    Error::not_found("no such member")
}

#[async_trait]
impl MemberStore for MemoryStore {
    async fn update_members(&self, update: MemberUpdate) -> Result<MembersChanged> {
        self.state().update_members(update)
    }

    async fn load_members(&self, id: ConversationId, users: &[UserId]) -> Result<Vec<Member>> {
        let state = self.state();
        Ok(users.iter().filter_map(|&user| state.active(id, user).ok()).cloned().collect())
    }

    async fn list_members(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        let state = self.state();
        let from = Bound::Excluded((id, after.unwrap_or(UserId::new(i64::MIN))));
        let to = Bound::Included((id, UserId::new(i64::MAX)));
        let rows = state.members.range((from, to)).map(|(_, member)| member);
        Ok(rows.filter(|member| member.is_active()).take(limit).cloned().collect())
    }

    async fn load_roster(&self, id: ConversationId) -> Result<Roster> {
        self.state().roster(id)
    }
}
