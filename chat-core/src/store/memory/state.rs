//! The tables, and the numbers that every write takes from them.

use crate::{
    Error, Result,
    model::{
        AuthSession, AuthSessionId, Broadcast, BroadcastId, Conversation, ConversationId, Epoch, Job, JobId,
        Lockout, Media, MediaId, Member, Message, MessageId, MessageKey, RefreshHash, RequestHash, Rev, Role,
        Seq, Timestamp, User, UserId,
    },
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// All rows. Ordered maps wherever a method lists by key, so that a page costs its own length.
#[derive(Debug)]
pub(super) struct State {
    pub(super) epoch: Epoch,
    /// The latest moment that came in: the store's own time.
    pub(super) now: Timestamp,
    last_id: i64,
    pub(super) users: BTreeMap<UserId, UserRow>,
    pub(super) external_ids: HashMap<String, UserId>,
    pub(super) username_keys: HashMap<String, UserId>,
    pub(super) password_hashes: HashMap<UserId, String>,
    pub(super) sessions: BTreeMap<AuthSessionId, AuthSession>,
    pub(super) refresh_tokens: HashMap<RefreshHash, RefreshToken>,
    pub(super) lockouts: HashMap<String, Lockout>,
    pub(super) conversations: BTreeMap<ConversationId, ConversationRow>,
    pub(super) pairs: HashMap<(UserId, UserId), ConversationId>,
    pub(super) group_keys: HashMap<(UserId, String), ConversationId>,
    pub(super) members: BTreeMap<(ConversationId, UserId), Member>,
    pub(super) memberships: BTreeSet<(UserId, ConversationId)>,
    pub(super) messages: BTreeMap<(ConversationId, Seq), MessageRow>,
    /// The place of each message's last change, so that catching up costs the number of changes.
    pub(super) message_revs: BTreeMap<(ConversationId, Rev), Seq>,
    pub(super) message_ids: HashMap<MessageId, (ConversationId, Seq)>,
    pub(super) message_keys: HashMap<(UserId, MessageKey), MessageId>,
    pub(super) media: BTreeMap<MediaId, Media>,
    pub(super) media_keys: HashMap<(UserId, String), MediaId>,
    pub(super) media_uses: BTreeSet<(MediaId, MessageId)>,
    pub(super) jobs: BTreeMap<JobId, JobRow>,
    pub(super) job_keys: HashMap<(String, String), JobId>,
    pub(super) broadcasts: BTreeMap<BroadcastId, BroadcastRow>,
    pub(super) broadcast_keys: HashMap<(UserId, MessageKey), BroadcastId>,
}

#[derive(Debug)]
pub(super) struct UserRow {
    pub(super) user: User,
    /// The store's time of the last change of `user_rev`.
    pub(super) touched: Timestamp,
}

#[derive(Debug)]
pub(super) struct ConversationRow {
    pub(super) conversation: Conversation,
    /// The store's time of the last write of any sort, receipts included.
    pub(super) touched: Timestamp,
}

#[derive(Debug)]
pub(super) struct MessageRow {
    /// Without its quote: that is read from the quoted message as it is now.
    pub(super) message: Message,
    pub(super) request_hash: RequestHash,
    pub(super) reply_to: Option<Seq>,
}

/// A refresh token of a session: the present one, or one that was replaced.
#[derive(Debug)]
pub(super) struct RefreshToken {
    pub(super) session: AuthSessionId,
    pub(super) replaced_at: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct JobRow {
    pub(super) job: Job,
    /// Not to be claimed before this: its time, or the end of the lease.
    pub(super) due: Timestamp,
}

#[derive(Debug)]
pub(super) struct BroadcastRow {
    pub(super) broadcast: Broadcast,
    pub(super) request_hash: RequestHash,
    pub(super) receivers: Vec<(UserId, ConversationId)>,
    pub(super) pending: BTreeSet<UserId>,
    pub(super) messages: Vec<MessageId>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            epoch: Epoch::random(),
            now: Timestamp::from_micros(0),
            last_id: 0,
            users: BTreeMap::new(),
            external_ids: HashMap::new(),
            username_keys: HashMap::new(),
            password_hashes: HashMap::new(),
            sessions: BTreeMap::new(),
            refresh_tokens: HashMap::new(),
            lockouts: HashMap::new(),
            conversations: BTreeMap::new(),
            pairs: HashMap::new(),
            group_keys: HashMap::new(),
            members: BTreeMap::new(),
            memberships: BTreeSet::new(),
            messages: BTreeMap::new(),
            message_revs: BTreeMap::new(),
            message_ids: HashMap::new(),
            message_keys: HashMap::new(),
            media: BTreeMap::new(),
            media_keys: HashMap::new(),
            media_uses: BTreeSet::new(),
            jobs: BTreeMap::new(),
            job_keys: HashMap::new(),
            broadcasts: BTreeMap::new(),
            broadcast_keys: HashMap::new(),
        }
    }

    /// Takes the next id. All tables share one counter, so that an id of one is never a good id of another.
    pub(super) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Moves the store's time to the moment of a call, unless it is later already.
    pub(super) fn at(&mut self, moment: Timestamp) -> Timestamp {
        self.now = self.now.max(moment);
        self.now
    }

    pub(super) fn user(&self, id: UserId) -> Result<&User> {
        self.users.get(&id).map(|row| &row.user).ok_or_else(|| Error::not_found("no such user"))
    }

    pub(super) fn conversation(&self, id: ConversationId) -> Result<&Conversation> {
        self.conversations.get(&id).map(|row| &row.conversation).ok_or_else(no_conversation)
    }

    /// Returns the row of somebody who is or was in the conversation.
    pub(super) fn member(&self, id: ConversationId, user: UserId) -> Result<&Member> {
        self.members.get(&(id, user)).ok_or_else(no_conversation)
    }

    /// Returns the row of somebody who is in the conversation.
    pub(super) fn active(&self, id: ConversationId, user: UserId) -> Result<&Member> {
        self.member(id, user).ok().filter(|member| member.is_active()).ok_or_else(no_conversation)
    }

    /// Lists all rows of a conversation, in rising user id, also of those who left.
    pub(super) fn rows(&self, id: ConversationId) -> impl Iterator<Item = &Member> {
        let all = (id, UserId::new(i64::MIN))..=(id, UserId::new(i64::MAX));
        self.members.range(all).map(|(_, member)| member)
    }

    /// Lists the rows of one person, in rising conversation id, also of the ended memberships.
    pub(super) fn rows_of(&self, user: UserId) -> impl Iterator<Item = &Member> {
        let all = (user, ConversationId::new(i64::MIN))..=(user, ConversationId::new(i64::MAX));
        self.memberships.range(all).map(|&(user, id)| &self.members[&(id, user)])
    }

    /// Takes the next number of a person's own feed.
    pub(super) fn next_user_rev(&mut self, id: UserId, now: Timestamp) -> Rev {
        let now = self.at(now);
        let row = self.users.get_mut(&id).expect("a membership has its user");
        row.user.user_rev = row.user.user_rev.next();
        row.touched = now;
        row.user.user_rev
    }

    /// Takes the next number of a conversation's shared changes.
    pub(super) fn next_rev(&mut self, id: ConversationId, now: Timestamp) -> Rev {
        let touched = self.at(now);
        let row = self.conversations.get_mut(&id).expect("the caller has looked the conversation up");
        row.touched = touched;
        row.conversation.last_rev = row.conversation.last_rev.next();
        row.conversation.updated_at = row.conversation.updated_at.max(now);
        row.conversation.last_rev
    }

    /// Takes the next number of a conversation for a change of one membership row.
    pub(super) fn next_member_rev(&mut self, id: ConversationId, now: Timestamp) -> Rev {
        let rev = self.next_rev(id, now);
        let conversation = self.conversation_mut(id);
        conversation.member_rev = conversation.member_rev.next();
        rev
    }

    pub(super) fn conversation_mut(&mut self, id: ConversationId) -> &mut Conversation {
        &mut self.conversations.get_mut(&id).expect("the caller has looked the conversation up").conversation
    }

    /// Writes the row of a first member of a conversation that is just being created.
    pub(super) fn insert_founder(&mut self, id: ConversationId, user: UserId, role: Role, now: Timestamp) {
        let member = Member {
            conversation_id: id,
            user_id: user,
            role,
            rev: Rev::ZERO,
            since_rev: Rev::ZERO,
            visible_from_seq: Seq::new(1),
            delivered_seq: Seq::ZERO,
            read_seq: Seq::ZERO,
            cursor_rev: crate::model::Cursor::ZERO,
            left_rev: None,
            user_rev: self.next_user_rev(user, now),
            joined_at: now,
            left_at: None,
        };
        self.members.insert((id, user), member);
        self.memberships.insert((user, id));
    }
}

/// What everybody hears who may not know of the conversation.
pub(super) fn no_conversation() -> Error {
    Error::not_found("no such conversation")
}
