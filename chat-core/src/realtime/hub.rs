//! Who is connected to this node, and what each conversation's connections have been told.
//!
//! A conversation with a connection here is a *channel*: a list of listeners, the newest number that was fanned out, and
//! who may see what. Events reach the hub only through the pump. Knows frames and outboxes, but awaits nothing: whatever
//! needs the store is done by the pump's turns.

mod channel;
mod event;
mod receipts;
mod telling;
mod turn;

use super::{endpoint::Endpoint, shards::Shards};
use crate::{
    bus::EndReason,
    model::{AuthSessionId, ConversationId, Cursor, Rev, UserId},
    protocol::CloseCode,
};
use ahash::{AHashMap, AHashSet};
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
            } else if channel.listeners.is_empty() && channel.turn.is_none() {
                // Nobody has been told less than the snapshot says.
                (channel.known, channel.cursor) = (subscription.last_rev, subscription.last_cursor);
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

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("connections", &self.connections()).finish_non_exhaustive()
    }
}
