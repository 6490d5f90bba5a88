//! Who is online: this node's word to the others, theirs to us, and to whom it is told.
//!
//! Nothing of it is stored but when somebody was last seen, and connecting tells nobody anything unless somebody watches.
//! Changes are gathered for a moment and go over the bus like everything else, to this node's own sessions too.

mod audience;
mod table;

use super::endpoint::Endpoint;
use crate::{
    Chat,
    bus::{Hint, PresenceHint, PresenceState, Topic},
    model::{Timestamp, UserId},
    protocol::PresenceStatus,
};
use ahash::AHashMap;
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use table::{Notice, Table};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior},
};

/// How long changes are gathered before they are published.
const GATHER: Duration = Duration::from_millis(50);

/// How often graces and leases are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Every so many ticks the node's lease is renewed: every ten seconds, for a life of thirty.
const RENEW_TICKS: u32 = 10;

/// Changes in one hint, so that a restart of a node with many people does not make one of many megabytes.
const CHANGES: usize = 1_000;

/// Presence as this node knows it.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    table: Mutex<Table>,
    listeners: Mutex<Listeners>,
    /// Wakes the future that publishes and tells.
    wake: Notify,
}

/// Who on this node is told.
#[derive(Debug, Default)]
struct Listeners {
    /// By the person watched, then by endpoint.
    watchers: AHashMap<UserId, AHashMap<u64, Arc<Endpoint>>>,
    /// Classic connections are told without asking.
    classic: AHashMap<u64, Arc<Endpoint>>,
}

impl Presence {
    /// Says how a person appears to others.
    pub(crate) fn status(&self, user: UserId) -> PresenceStatus {
        self.table.lock().status(user)
    }

    /// Notes how a person wants to appear, until the last of their connections has ended.
    pub(super) fn choose(&self, user: UserId, status: PresenceStatus) {
        let choice = match status {
            PresenceStatus::Away => Some(PresenceState::Away),
            PresenceStatus::Offline => Some(PresenceState::Invisible),
            PresenceStatus::Online | PresenceStatus::Unknown => None,
        };
        self.table.lock().choose(user, choice);
        self.wake.notify_one();
    }

    /// Takes in what a node told; `own` is this node's word coming back over the bus.
    pub(crate) fn apply(&self, node: u64, own: bool, hint: &PresenceHint) {
        self.table.lock().apply(node, own, hint, Instant::now());
        self.wake.notify_one();
    }

    pub(super) fn connected(&self, user: UserId, now: Timestamp) {
        if self.table.lock().connected(user, now) {
            self.wake.notify_one();
        }
    }

    pub(super) fn disconnected(&self, user: UserId, was_away: bool, grace: Duration, now: Timestamp) {
        self.table.lock().disconnected(user, was_away, Instant::now() + grace, now);
        self.wake.notify_one();
    }

    pub(super) fn set_away(&self, user: UserId, away: bool) {
        self.table.lock().set_away(user, away);
        self.wake.notify_one();
    }

    pub(super) fn add_classic(&self, endpoint: &Arc<Endpoint>) {
        self.listeners.lock().classic.insert(endpoint.id, Arc::clone(endpoint));
    }

    pub(super) fn forget_classic(&self, endpoint: &Endpoint) {
        self.listeners.lock().classic.remove(&endpoint.id);
    }

    fn watch(&self, endpoint: &Arc<Endpoint>, users: &[UserId]) {
        let mut listeners = self.listeners.lock();
        for user in users {
            listeners.watchers.entry(*user).or_default().insert(endpoint.id, Arc::clone(endpoint));
        }
    }

    pub(super) fn unwatch(&self, endpoint: u64, users: &[UserId]) {
        let mut listeners = self.listeners.lock();
        for user in users {
            if let Some(watchers) = listeners.watchers.get_mut(user) {
                watchers.remove(&endpoint);
                if watchers.is_empty() {
                    listeners.watchers.remove(user);
                }
            }
        }
    }
}

/// Publishes this node's changes, renews its lease, tells its sessions of everybody's changes, and keeps when people were last
/// seen; until the future is dropped.
pub(super) async fn run(chat: &Chat) {
    let presence = &chat.inner.presence;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut until_renewal = RENEW_TICKS;
    loop {
        tokio::select! {
            () = presence.wake.notified() => tokio::time::sleep(GATHER).await,
            _ = ticks.tick() => {
                let gone = presence.table.lock().expire(Instant::now());
                note_last_seen(chat, &gone).await;
                until_renewal -= 1;
                if until_renewal == 0 {
                    until_renewal = RENEW_TICKS;
                    let whole = presence.table.lock().whole();
                    publish(chat, whole).await;
                }
            }
        }
        let changes = presence.table.lock().take_changes();
        for part in changes.into_iter().flat_map(|hint| hint.split(CHANGES)) {
            publish(chat, Some(part)).await;
        }
        let notices = presence.table.lock().take_notices();
        if let Err(error) = chat.tell_presence(&notices).await {
            tracing::warn!(%error, "presence could not be told");
        }
    }
}

/// Keeps when everybody here was last seen: the node goes down.
pub(super) async fn depart(chat: &Chat) {
    let here = chat.inner.presence.table.lock().depart();
    note_last_seen(chat, &here).await;
}

async fn publish(chat: &Chat, hint: Option<PresenceHint>) {
    let Some(hint) = hint else { return };
    chat.inner.publish(Topic::ALL, Hint::Presence(Arc::new(hint))).await;
}

async fn note_last_seen(chat: &Chat, seen: &[(UserId, Timestamp)]) {
    if seen.is_empty() {
        return;
    }
    if let Err(error) = chat.inner.store.touch_users(seen).await {
        tracing::warn!(%error, "the time when people were last seen could not be kept");
    }
}

impl PresenceHint {
    fn split(mut self, size: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        while self.users.len() > size {
            let users = self.users.split_off(self.users.len() - size);
            parts.push(Self { scope: self.scope, users, chosen: Vec::new() });
        }
        parts.push(self);
        parts
    }
}
