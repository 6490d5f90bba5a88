//! Who is connected to this node, and what each conversation's connections have been told.
//!
//! A conversation with a connection here is a *channel*: a list of listeners, the newest number that was fanned out, and
//! who may see what. Events reach the hub only through the pump. Knows frames and outboxes, but awaits nothing: whatever
//! needs the store is done by the pump's turns.

mod channel;
mod event;
mod receipts;
mod turn;

use super::{endpoint::Endpoint, shards::Shards};
use crate::{
    Chat,
    bus::EndReason,
    model::{AuthSessionId, ConversationId, Cursor, CursorsMoved, Message, Pulse, Rev, Roster, UserId},
    protocol::{CloseCode, ReceiptStatus},
};
use ahash::{AHashMap, AHashSet};
use bytes::Bytes;
use channel::Channel;
use parking_lot::{Mutex, MutexGuard};
pub(super) use receipts::{CLASSIC_RECEIPTS, Landmark, needed};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use turn::Accepted;
pub(super) use turn::{Item, Step};

/// How long a conversation that nobody here listens to is remembered: longer than any session takes from reading where its
/// conversations stand to listening to them.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The connections of one node.
pub(crate) struct Hub {
    users: Shards<UserId, Local>,
    channels: Shards<ConversationId, Channel>,
    next_endpoint: AtomicU64,
    connections: AtomicUsize,
    /// Messages that were handed to connections since the figure was last taken.
    told: AtomicU64,
    /// Large conversations that owe a `dirty`.
    owing: Mutex<AHashSet<ConversationId>>,
    /// Members above which a conversation is a large one.
    fanout_limit: usize,
}

/// A person with at least one connection here.
#[derive(Debug, Default)]
struct Local {
    endpoints: Vec<Arc<Endpoint>>,
    /// How far the person's own feed was told here.
    feed: Option<Rev>,
}

/// Where a conversation stood in the snapshot in which a session found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Which.
    pub(crate) conversation_id: ConversationId,
    /// Its newest shared change there.
    pub(crate) last_rev: Rev,
    /// Its newest flush of receipts there.
    pub(crate) last_cursor: Cursor,
    /// The number of the person's join: nothing up to there is told.
    pub(crate) since_rev: Rev,
}

impl Hub {
    pub(crate) fn new(fanout_limit: usize) -> Self {
        Self {
            users: Shards::new(),
            channels: Shards::new(),
            next_endpoint: AtomicU64::new(1),
            connections: AtomicUsize::new(0),
            told: AtomicU64::new(0),
            owing: Mutex::default(),
            fanout_limit,
        }
    }

    /// Returns a fresh id for an endpoint.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_endpoint.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes an endpoint known: it gets its own feed, and the events of what it [subscribes](Self::subscribe) to. Begin its resume
    /// before.
    pub(crate) fn attach(&self, endpoint: &Arc<Endpoint>) {
        self.users
            .lock(&endpoint.user_id)
            .entry(endpoint.user_id)
            .or_default()
            .endpoints
            .push(Arc::clone(endpoint));
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets an endpoint; doing it twice does no harm.
    pub(crate) fn detach(&self, endpoint: &Endpoint) {
        let mut users = self.users.lock(&endpoint.user_id);
        let Some(local) = users.get_mut(&endpoint.user_id) else { return };
        let Some(index) = local.endpoints.iter().position(|known| known.id == endpoint.id) else { return };
        local.endpoints.swap_remove(index);
        if local.endpoints.is_empty() {
            users.remove(&endpoint.user_id);
        }
        drop(users);
        self.connections.fetch_sub(1, Ordering::Relaxed);
        for conversation in std::mem::take(&mut *endpoint.subscribed.lock()) {
            if let Some(channel) = self.channels.lock(&conversation).get_mut(&conversation) {
                channel.remove(endpoint.id);
            }
        }
    }

    /// Lets an endpoint listen to conversations whose heads its session has just read. Returns those of which this node has fanned
    /// out more than that by now: the session missed it and has to read them (again).
    pub(crate) fn subscribe(
        &self,
        endpoint: &Arc<Endpoint>,
        subscriptions: &[Subscription],
    ) -> Vec<ConversationId> {
        let mut missed = Vec::new();
        for subscription in subscriptions {
            let id = subscription.conversation_id;
            let mut channels = self.channels.lock(&id);
            let channel = channels
                .entry(id)
                .or_insert_with(|| Channel::at(id, subscription.last_rev, subscription.last_cursor));
            if channel.is_ahead_of(subscription.last_rev, subscription.last_cursor) {
                missed.push(id);
            }
            if channel.add(endpoint, subscription.since_rev) {
                endpoint.subscribed.lock().push(id);
            }
        }
        missed
    }

    /// Lets the events of one conversation through to an endpoint whose session has sent everything up to `snapshot`; what came
    /// meanwhile follows. With `from` a `live` that starts there closes the conversation.
    pub(crate) fn release(
        &self,
        endpoint: &Endpoint,
        conversation: ConversationId,
        snapshot: Rev,
        from: Option<Rev>,
    ) {
        // The channel stays locked, so that no event passes between looking at its number and opening the gate.
        let channels = self.channels.lock(&conversation);
        let settled = channels.get(&conversation).is_none_or(|channel| channel.known() >= snapshot);
        endpoint.outbox.release(conversation, snapshot, from, settled);
    }

    /// Notes whether a session looks at a conversation: then it gets a large one's events live.
    pub(crate) fn set_opened(&self, endpoint: &Endpoint, conversation: ConversationId, is_opened: bool) {
        if let Some(channel) = self.channels.lock(&conversation).get_mut(&conversation) {
            channel.set_opened(endpoint.id, is_opened);
        }
    }

    /// Returns the connections of a person on this node.
    pub(crate) fn endpoints_of(&self, user: UserId) -> Vec<Arc<Endpoint>> {
        self.users.lock(&user).get(&user).map(|local| local.endpoints.clone()).unwrap_or_default()
    }

    /// Says whether a person is connected to this node.
    pub(crate) fn is_here(&self, user: UserId) -> bool {
        self.users.lock(&user).contains_key(&user)
    }

    /// Returns everybody who is connected to this node.
    pub(crate) fn users_here(&self) -> Vec<UserId> {
        self.users.parts().flat_map(|part| part.keys().copied().collect::<Vec<_>>()).collect()
    }

    /// Returns how many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Returns all endpoints, a shard at a time; `act` runs without a lock.
    pub(crate) fn for_each_endpoint(&self, mut act: impl FnMut(&Arc<Endpoint>)) {
        let mut some = Vec::new();
        for part in self.users.parts() {
            some.extend(part.values().flat_map(|local| &local.endpoints).cloned());
            drop(part);
            some.drain(..).for_each(|endpoint| act(&endpoint));
        }
    }

    /// Closes the connections of a person, or those of one sign-in session.
    pub(crate) fn end(&self, user: UserId, session: Option<AuthSessionId>, reason: EndReason) {
        let code = match reason {
            EndReason::Banned => CloseCode::Banned,
            EndReason::SignedOut => CloseCode::SignedOut,
        };
        for endpoint in self.endpoints_of(user) {
            if session.is_none() || endpoint.auth_session == session {
                endpoint.farewell(code);
            }
        }
    }

    /// Returns how far a person's own feed was told here; [`None`] if it was not, or the person is not connected.
    pub(crate) fn feed_of(&self, user: UserId) -> Option<Rev> {
        self.users.lock(&user).get(&user).and_then(|local| local.feed)
    }

    /// Notes where a person's own feed stood when a session found it. With other sessions here nothing changes: what they were told
    /// counts.
    pub(crate) fn start_feed(&self, user: UserId, rev: Rev) {
        if let Some(local) = self.users.lock(&user).get_mut(&user) {
            local.feed.get_or_insert(rev);
        }
    }

    /// Notes how far a person's own feed was told here.
    pub(crate) fn set_feed(&self, user: UserId, rev: Rev) {
        if let Some(local) = self.users.lock(&user).get_mut(&user) {
            local.feed = local.feed.max(Some(rev));
        }
    }

    /// Stops telling a person's connections of a conversation: the person has left it.
    pub(crate) fn unsubscribe(&self, user: UserId, conversation: ConversationId) {
        for endpoint in self.endpoints_of(user) {
            endpoint.subscribed.lock().retain(|id| *id != conversation);
            if let Some(channel) = self.channels.lock(&conversation).get_mut(&conversation) {
                channel.remove(endpoint.id);
            }
        }
    }

    /// Forgets conversations that nobody here has listened to for a while; returns how many are left.
    pub(crate) fn forget_stale(&self) -> usize {
        let now = Instant::now();
        let forget = |mut part: MutexGuard<'_, AHashMap<ConversationId, Channel>>| {
            part.retain(|_, channel| !channel.is_stale(now, REMEMBERED));
            part.len()
        };
        self.channels.parts().map(forget).sum()
    }

    /// Returns how many messages were handed to connections since the last call.
    pub(crate) fn take_told(&self) -> u64 {
        self.told.swap(0, Ordering::Relaxed)
    }

    /// Sends what large conversations owe to those who do not look at them.
    pub(crate) fn flush_dirty(&self) {
        let owing: Vec<_> = self.owing.lock().iter().copied().collect();
        let now = Instant::now();
        for conversation in owing {
            let mut channels = self.channels.lock(&conversation);
            if !channels.get_mut(&conversation).is_some_and(|channel| channel.flush_dirty(now)) {
                self.owing.lock().remove(&conversation);
            }
        }
    }
}

/// For the pump: what comes in, and the turns.
impl Hub {
    /// Takes one thing to tell; says whether a turn has to be driven for it.
    pub(super) fn accept(
        &self,
        chat: &Chat,
        conversation: ConversationId,
        item: Item,
        member_rev: Rev,
    ) -> bool {
        let mut channels = self.channels.lock(&conversation);
        let channel = channels
            .entry(conversation)
            .or_insert_with(|| Channel::at(conversation, Rev::ZERO, Cursor::ZERO));
        if channel.listeners.is_empty() && channel.turn.is_none() {
            drop(channels);
            let has_newcomer = self.has_newcomer(&item);
            channels = self.channels.lock(&conversation);
            let Some(channel) = channels.get_mut(&conversation) else { return false };
            let starts = has_newcomer && channel.adopt();
            return channel.accept(chat, item, member_rev) == Accepted::Start || starts;
        }
        let accepted = channel.accept(chat, item, member_rev);
        self.note(conversation, channel);
        accepted == Accepted::Start
    }

    /// Says whether a conversation that nobody listens to concerns somebody here: it was created, or they came into it, since their
    /// session looked.
    fn has_newcomer(&self, item: &Item) -> bool {
        match item {
            Item::Message(message) => message
                .receiver_id
                .is_some_and(|receiver| self.is_live(receiver) || self.is_live(message.sender_id)),
            Item::Member(member) => member.is_active() && self.is_live(member.user_id),
            Item::Conversation(_) | Item::Cursors(_) | Item::Typing { .. } => false,
        }
    }

    /// Says whether a person has a connection that does not read by itself what it missed.
    fn is_live(&self, user: UserId) -> bool {
        let users = self.users.lock(&user);
        users.get(&user).is_some_and(|local| {
            local.endpoints.iter().any(|endpoint| !(endpoint.is_v2() && endpoint.is_resuming()))
        })
    }

    /// Lets a person's connections listen to a conversation that they have come into; says whether a turn has to be driven.
    pub(super) fn adopt(&self, conversation: ConversationId) -> bool {
        let mut channels = self.channels.lock(&conversation);
        channels
            .entry(conversation)
            .or_insert_with(|| Channel::at(conversation, Rev::ZERO, Cursor::ZERO))
            .adopt()
    }

    /// Says whether a conversation has listeners and is behind the store.
    pub(super) fn is_behind(&self, pulse: &Pulse) -> bool {
        let channels = self.channels.lock(&pulse.conversation_id);
        channels.get(&pulse.conversation_id).is_some_and(|channel| channel.is_behind(pulse))
    }

    /// Aims a conversation at where the store stands; says whether a turn has to be driven.
    pub(super) fn compare(&self, pulse: &Pulse) -> bool {
        let mut channels = self.channels.lock(&pulse.conversation_id);
        channels.get_mut(&pulse.conversation_id).is_some_and(|channel| channel.compare(pulse))
    }

    /// Says what the running turn of a conversation has to do next, and ends it when that is nothing.
    pub(super) fn next_step(&self, conversation: ConversationId) -> Step {
        let mut channels = self.channels.lock(&conversation);
        channels.get_mut(&conversation).map_or(Step::Done, Channel::next_step)
    }

    /// Gives the running turn of a conversation up.
    pub(super) fn abandon_turn(&self, conversation: ConversationId) {
        self.with(conversation, Channel::abandon_turn);
    }

    /// Lets the running turn read again who is in its conversation.
    pub(super) fn forget_members(&self, conversation: ConversationId) {
        self.with(conversation, Channel::forget_members);
    }

    /// Takes in who is in a conversation.
    pub(super) fn set_roster(&self, conversation: ConversationId, roster: Roster) {
        let here: Vec<_> =
            roster.members.iter().flat_map(|member| self.endpoints_of(member.user_id)).collect();
        let mut channels = self.channels.lock(&conversation);
        let Some(channel) = channels.get_mut(&conversation) else { return };
        let removed = channel.set_roster(roster, self.fanout_limit, here);
        drop(channels);
        for endpoint in removed {
            endpoint.subscribed.lock().retain(|id| *id != conversation);
        }
    }

    /// Tells a message in a turn. Clients that know everything up to `known` get it as received if it was created later.
    pub(super) fn tell_message(&self, chat: &Chat, message: &Message, status: ReceiptStatus, known: Rev) {
        self.with(message.conversation_id, |channel| {
            channel.step_before(message.rev);
            channel.tell_message(chat, message, status, known);
        });
    }

    /// Tells a durable event in a turn.
    pub(super) fn tell_event(&self, conversation: ConversationId, rev: Rev, frame: &Bytes) {
        self.with(conversation, |channel| {
            channel.step_before(rev);
            channel.tell_event(rev, frame);
        });
    }

    /// Moves everybody over numbers that no row carries any more.
    pub(super) fn step_to(&self, conversation: ConversationId, rev: Rev) {
        self.with(conversation, |channel| channel.step_to(rev));
    }

    /// Lets clients fetch what is too much to be told.
    pub(super) fn tell_dirty(&self, conversation: ConversationId, rev: Rev, cursor: Cursor) {
        self.with(conversation, |channel| channel.tell_dirty(rev, cursor));
    }

    /// Tells of a flush of receipts.
    pub(super) fn tell_receipts(&self, flush: &CursorsMoved, landmarks: &[Landmark]) {
        self.with(flush.conversation_id, |channel| channel.tell_receipts(flush, landmarks));
    }

    /// Tells of receipts that were missed.
    pub(super) fn tell_list(&self, flush: &CursorsMoved, landmarks: &[Landmark]) {
        self.with(flush.conversation_id, |channel| channel.tell_list(flush, landmarks));
    }

    /// Tells that somebody types.
    pub(super) fn tell_typing(&self, conversation: ConversationId, user: UserId, is_typing: bool) {
        self.with(conversation, |channel| channel.tell_typing(user, is_typing));
    }

    /// Says whether somebody listens to a conversation over a classic connection.
    pub(super) fn has_classic(&self, conversation: ConversationId) -> bool {
        self.with(conversation, |channel| channel.has_classic()).unwrap_or_default()
    }

    fn with<T>(&self, conversation: ConversationId, act: impl FnOnce(&mut Channel) -> T) -> Option<T> {
        let mut channels = self.channels.lock(&conversation);
        let channel = channels.get_mut(&conversation)?;
        let result = act(channel);
        self.note(conversation, channel);
        Some(result)
    }

    fn note(&self, conversation: ConversationId, channel: &mut Channel) {
        self.told.fetch_add(channel.take_told(), Ordering::Relaxed);
        if channel.owes_dirty() {
            self.owing.lock().insert(conversation);
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("connections", &self.connections()).finish_non_exhaustive()
    }
}
