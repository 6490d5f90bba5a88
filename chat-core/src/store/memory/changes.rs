//! Reading what changed.

use super::{MemoryStore, state::State};
use crate::{
    Result,
    model::{
        ChangeQuery, ChangeSet, Conversation, ConversationId, Feed, Head, Heads, Member, Pulse, Rev,
        Timestamp, UserId,
    },
    store::ChangeStore,
};
use async_trait::async_trait;
use std::ops::Bound;

impl State {
    fn feed(&self, user: UserId) -> Result<Feed> {
        let mut heads: Vec<_> = self
            .rows_of(user)
            .map(|me| {
                let conversation = &self.conversations[&me.conversation_id].conversation;
                Head {
                    conversation_id: conversation.id,
                    kind: conversation.kind,
                    first_seq: conversation.first_seq,
                    last_seq: conversation.last_seq,
                    last_rev: conversation.last_rev,
                    last_cursor: conversation.last_cursor,
                    reset_rev: conversation.reset_rev,
                    updated_at: conversation.updated_at,
                    since_rev: me.since_rev,
                    left_rev: me.left_rev,
                    user_rev: me.user_rev,
                    delivered_seq: me.delivered_seq,
                    read_seq: me.read_seq,
                }
            })
            .collect();
        heads.sort_unstable_by_key(|head| std::cmp::Reverse((head.updated_at, head.conversation_id)));
        Ok(Feed { user: self.user(user)?.clone(), heads })
    }

    fn list_feed(&self, user: UserId, after: Rev, limit: usize) -> Vec<Member> {
        let mut rows: Vec<_> = self.rows_of(user).filter(|me| me.user_rev > after).cloned().collect();
        rows.sort_unstable_by_key(|me| me.user_rev);
        rows.truncate(limit);
        rows
    }

    fn read_changes(&self, query: &ChangeQuery) -> Result<ChangeSet> {
        let id = query.conversation_id;
        let me = self.member(id, query.user_id)?.clone();
        let conversation = self.conversation(id)?.clone();
        let mut changes = ChangeSet {
            conversation,
            me,
            messages: Vec::new(),
            members: Vec::new(),
            cursors: Vec::new(),
            has_more: false,
        };
        if !changes.me.is_active() {
            return Ok(changes);
        }
        // One row more than asked for of each sort is enough to cut at the limit and to know that something was cut.
        let after = (Bound::Excluded((id, query.after_rev)), Bound::Included((id, Rev::new(i64::MAX))));
        let messages = self
            .message_revs
            .range(after)
            .filter(|(_, seq)| **seq >= changes.me.visible_from_seq)
            .take(query.limit.saturating_add(1))
            .map(|(&(_, rev), &seq)| (rev, Some(seq), None));
        let members = self
            .rows(id)
            .filter(|member| member.rev > query.after_rev)
            .map(|member| (member.rev, None, Some(member)));
        let mut rows: Vec<_> = messages.chain(members).collect();
        rows.sort_unstable_by_key(|(rev, ..)| *rev);
        changes.has_more = rows.len() > query.limit;
        rows.truncate(query.limit);
        for (_, seq, member) in rows {
            changes.messages.extend(seq.map(|seq| self.message(&self.messages[&(id, seq)])));
            changes.members.extend(member.cloned());
        }
        if let Some(cursor) = query.after_cursor {
            let moved = |member: &&Member| member.is_active() && member.cursor_rev > cursor;
            changes.cursors = self.rows(id).filter(moved).cloned().collect();
        }
        Ok(changes)
    }

    fn list_changed(&self, since: Timestamp) -> Heads {
        let conversations = self.conversations.values().filter(|row| row.touched >= since);
        let users = self.users.values().filter(|row| row.touched >= since);
        Heads {
            conversations: conversations.map(|row| pulse(&row.conversation)).collect(),
            users: users.map(|row| (row.user.id, row.user.user_rev)).collect(),
            as_of: self.now,
        }
    }
}

const fn pulse(conversation: &Conversation) -> Pulse {
    Pulse {
        conversation_id: conversation.id,
        last_rev: conversation.last_rev,
        member_rev: conversation.member_rev,
        last_cursor: conversation.last_cursor,
        last_seq: conversation.last_seq,
    }
}

#[async_trait]
impl ChangeStore for MemoryStore {
    async fn load_feed(&self, user: UserId) -> Result<Feed> {
        self.state().feed(user)
    }

    async fn list_feed(&self, user: UserId, after: Rev, limit: usize) -> Result<Vec<Member>> {
        Ok(self.state().list_feed(user, after, limit))
    }

    async fn read_changes(&self, query: ChangeQuery) -> Result<ChangeSet> {
        self.state().read_changes(&query)
    }

    async fn list_changed(&self, since: Timestamp) -> Result<Heads> {
        Ok(self.state().list_changed(since))
    }

    async fn list_heads(&self, after: Option<ConversationId>, limit: usize) -> Result<Vec<Pulse>> {
        let state = self.state();
        let from = Bound::Excluded(after.unwrap_or(ConversationId::new(i64::MIN)));
        let rows = state.conversations.range((from, Bound::Unbounded)).take(limit);
        Ok(rows.map(|(_, row)| pulse(&row.conversation)).collect())
    }
}
