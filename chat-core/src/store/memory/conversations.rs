//! Conversations.

use super::{
    MemoryStore,
    state::{ConversationRow, State},
};
use crate::{
    Error, Result,
    model::{
        Conversation, ConversationEntry, ConversationId, ConversationKind, ConversationPage, Cursor,
        GroupUpdate, Member, MembersChanged, NewGroup, Opened, Rev, Role, Seq, Timestamp, UserId,
    },
    store::ConversationStore,
};
use async_trait::async_trait;
use std::collections::BTreeSet;

/// How many rows of a group come with it.
const SHOWN_MEMBERS: usize = 100;

impl State {
    fn open_direct(&mut self, user: UserId, peer: UserId, now: Timestamp) -> Result<Opened> {
        self.user(peer)?;
        let pair = (user.min(peer), user.max(peer));
        if let Some(&id) = self.pairs.get(&pair) {
            return self.opened(id, false);
        }
        let id = self.insert_conversation(ConversationKind::Direct, now);
        self.conversation_mut(id).pair = Some(pair);
        self.pairs.insert(pair, id);
        for founder in BTreeSet::from([user, peer]) {
            self.insert_founder(id, founder, Role::Member, now);
            self.conversation_mut(id).member_count += 1;
        }
        self.opened(id, true)
    }

    fn create_group(&mut self, new: NewGroup) -> Result<Opened> {
        let key = new.key.map(|key| (new.creator, key));
        if let Some(&id) = key.as_ref().and_then(|key| self.group_keys.get(key)) {
            return self.opened(id, false);
        }
        let founders: BTreeSet<UserId> = new.members.into_iter().chain([new.creator]).collect();
        for &founder in &founders {
            self.user(founder)?;
        }
        let id = self.insert_conversation(ConversationKind::Group, new.now);
        self.conversation_mut(id).title = Some(new.title);
        self.group_keys.extend(key.map(|key| (key, id)));
        for founder in founders {
            let role = if founder == new.creator { Role::Owner } else { Role::Member };
            self.insert_founder(id, founder, role, new.now);
            self.conversation_mut(id).member_count += 1;
        }
        self.opened(id, true)
    }

    fn insert_conversation(&mut self, kind: ConversationKind, now: Timestamp) -> ConversationId {
        let id = ConversationId::new(self.next_id());
        let conversation = Conversation {
            id,
            kind,
            pair: None,
            title: None,
            last_seq: Seq::ZERO,
            last_rev: Rev::new(1),
            last_cursor: Cursor::ZERO,
            first_seq: Seq::new(1),
            reset_rev: Rev::ZERO,
            meta_rev: Rev::new(1),
            member_rev: Rev::ZERO,
            member_count: 0,
            created_at: now,
            updated_at: now,
        };
        let touched = self.at(now);
        self.conversations.insert(id, ConversationRow { conversation, touched });
        id
    }

    fn opened(&self, id: ConversationId, created: bool) -> Result<Opened> {
        Ok(Opened { conversation: self.conversation(id)?.clone(), members: self.shown_members(id), created })
    }

    fn shown_members(&self, id: ConversationId) -> Vec<Member> {
        self.rows(id).filter(|member| member.is_active()).take(SHOWN_MEMBERS).cloned().collect()
    }

    fn entry(&self, id: ConversationId, user: UserId) -> Result<ConversationEntry> {
        let me = self.active(id, user)?.clone();
        Ok(ConversationEntry {
            conversation: self.conversation(id)?.clone(),
            unread: self.unread(&me),
            last_message: self.newest_visible(&me),
            members: self.shown_members(id),
            me,
        })
    }

    fn list_conversations(&self, user: UserId, page: ConversationPage) -> Result<Vec<ConversationEntry>> {
        let mut places: Vec<_> = self
            .rows_of(user)
            .filter(|member| member.is_active())
            .map(|member| {
                (self.conversations[&member.conversation_id].conversation.updated_at, member.conversation_id)
            })
            .filter(|&place| page.after.is_none_or(|after| place < after))
            .collect();
        places.sort_unstable_by(|one, other| other.cmp(one));
        places.into_iter().take(page.limit).map(|(_, id)| self.entry(id, user)).collect()
    }

    /// Checks that this is a group in which the actor has at least this role.
    pub(super) fn authorise(&self, id: ConversationId, actor: UserId, least: Role) -> Result<&Member> {
        let member = self.active(id, actor)?;
        if self.conversation(id)?.kind == ConversationKind::Direct {
            return Err(Error::invalid("a direct conversation cannot be changed"));
        }
        if member.role < least {
            return Err(Error::forbidden("your role in the group does not allow this"));
        }
        Ok(member)
    }

    fn update_group(&mut self, update: GroupUpdate) -> Result<Conversation> {
        let id = update.conversation_id;
        self.authorise(id, update.actor, Role::Admin)?;
        if self.conversation(id)?.title.as_ref() != Some(&update.title) {
            let rev = self.next_rev(id, update.now);
            let conversation = self.conversation_mut(id);
            conversation.meta_rev = rev;
            conversation.title = Some(update.title);
        }
        self.conversation(id).cloned()
    }

    fn delete_group(&mut self, id: ConversationId, actor: UserId, now: Timestamp) -> Result<MembersChanged> {
        self.authorise(id, actor, Role::Owner)?;
        let users: Vec<_> = self.rows(id).filter(|row| row.is_active()).map(|row| row.user_id).collect();
        let members = users.into_iter().map(|user| self.leave(id, user, now)).collect();
        Ok(MembersChanged { conversation: self.conversation(id)?.clone(), members })
    }
}

#[async_trait]
impl ConversationStore for MemoryStore {
    async fn open_directs(
        &self,
        user: UserId,
        peers: &[UserId],
        now: Timestamp,
    ) -> Result<Vec<Result<Opened>>> {
        let mut state = self.state();
        state.user(user)?;
        Ok(peers.iter().map(|&peer| state.open_direct(user, peer, now)).collect())
    }

    async fn find_directs(&self, user: UserId, peers: &[UserId]) -> Result<Vec<Option<ConversationId>>> {
        let state = self.state();
        let find = |&peer: &UserId| state.pairs.get(&(user.min(peer), user.max(peer))).copied();
        Ok(peers.iter().map(find).collect())
    }

    async fn create_group(&self, group: NewGroup) -> Result<Opened> {
        self.state().create_group(group)
    }

    async fn load_membership(&self, id: ConversationId, user: UserId) -> Result<(Conversation, Member)> {
        let state = self.state();
        let member = state.member(id, user)?.clone();
        Ok((state.conversation(id)?.clone(), member))
    }

    async fn load_entry(&self, id: ConversationId, user: UserId) -> Result<ConversationEntry> {
        self.state().entry(id, user)
    }

    async fn list_conversations(
        &self,
        user: UserId,
        page: ConversationPage,
    ) -> Result<Vec<ConversationEntry>> {
        self.state().list_conversations(user, page)
    }

    async fn update_group(&self, update: GroupUpdate) -> Result<Conversation> {
        self.state().update_group(update)
    }

    async fn delete_group(
        &self,
        id: ConversationId,
        actor: UserId,
        now: Timestamp,
    ) -> Result<MembersChanged> {
        self.state().delete_group(id, actor, now)
    }
}
