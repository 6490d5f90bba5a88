//! Who is online where, as plain data: no bus, no store, no sessions.
//!
//! A person's state is the best of all devices on all nodes, unless the person chose another one. What other nodes told
//! expires with their lease, so that a node that was killed leaves no ghosts.

use crate::{
    bus::{PresenceHint, PresenceScope, PresenceState},
    model::{Timestamp, UserId},
    protocol::PresenceStatus,
};
use ahash::{AHashMap, AHashSet};
use std::time::Duration;
use tokio::time::Instant;

/// How long what a node told is believed.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// The connections of one person on this node.
#[derive(Debug)]
struct Here {
    connections: u32,
    away: u32,
    leaving: Option<Instant>,
    seen: Timestamp,
}

impl Here {
    const fn state(&self) -> PresenceState {
        if self.connections > 0 && self.away >= self.connections {
            PresenceState::Away
        } else {
            PresenceState::Online
        }
    }
}

/// What another node told.
#[derive(Debug)]
struct Lease {
    until: Instant,
    users: AHashMap<UserId, PresenceState>,
}

/// Somebody's state as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Whose.
    pub(crate) user_id: UserId,
    /// What.
    pub(crate) status: PresenceStatus,
}

/// The table of one node.
#[derive(Debug, Default)]
pub(crate) struct Table {
    here: AHashMap<UserId, Here>,
    elsewhere: AHashMap<u64, Lease>,
    /// Only choices that differ from "as my devices are".
    chosen: AHashMap<UserId, PresenceState>,
    /// What the sessions of this node were last told; absent is offline.
    told: AHashMap<UserId, PresenceStatus>,
    /// Of this node and not yet published.
    unpublished: AHashSet<UserId>,
    unpublished_choices: AHashSet<UserId>,
    /// To be compared with what was told.
    stale: AHashSet<UserId>,
}

impl Table {
    /// Counts one more connection; says whether others are to hear of it.
    pub(crate) fn connected(&mut self, user: UserId, now: Timestamp) -> bool {
        let before = self.here.get(&user).map(Here::state);
        let here =
            self.here.entry(user).or_insert(Here { connections: 0, away: 0, leaving: None, seen: now });
        here.connections += 1;
        here.leaving = None;
        let changed = before != Some(here.state());
        if changed {
            self.unpublished.insert(user);
        }
        changed
    }

    /// Counts one connection less; the last one starts the grace.
    pub(crate) fn disconnected(&mut self, user: UserId, was_away: bool, grace_ends: Instant, now: Timestamp) {
        let Some(here) = self.here.get_mut(&user) else { return };
        let before = here.state();
        here.connections = here.connections.saturating_sub(1);
        here.away = here.away.saturating_sub(u32::from(was_away));
        here.seen = here.seen.max(now);
        if here.connections == 0 {
            // The state before the last device went stays visible during the grace, so that a reconnect does not flicker.
            here.leaving = Some(grace_ends);
        } else if here.state() != before {
            self.unpublished.insert(user);
        }
    }

    /// One connection became idle, or active again.
    pub(crate) fn set_away(&mut self, user: UserId, away: bool) {
        let Some(here) = self.here.get_mut(&user) else { return };
        let before = here.state();
        here.away = if away { here.away + 1 } else { here.away.saturating_sub(1) };
        if here.state() != before {
            self.unpublished.insert(user);
        }
    }

    /// Notes how a person wants to appear; [`None`] is "as my devices are".
    pub(crate) fn choose(&mut self, user: UserId, choice: Option<PresenceState>) {
        let before = match choice {
            Some(state) => self.chosen.insert(user, state),
            None => self.chosen.remove(&user),
        };
        if before != choice {
            self.unpublished_choices.insert(user);
            self.unpublished.insert(user);
        }
    }

    /// Ends graces, leases and choices whose time is over; returns who went offline here, and when they were last seen.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<(UserId, Timestamp)> {
        let gone: Vec<_> = self
            .here
            .extract_if(|_, here| here.leaving.is_some_and(|end| end <= now))
            .map(|(user, here)| (user, here.seen))
            .collect();
        for (user, _) in &gone {
            self.unpublished.insert(*user);
        }
        for (_, lease) in self.elsewhere.extract_if(|_, lease| lease.until <= now) {
            self.stale.extend(lease.users.into_keys());
        }
        let online: Vec<_> =
            self.chosen.keys().copied().filter(|user| self.devices(*user).is_none()).collect();
        for user in online {
            self.chosen.remove(&user);
        }
        gone
    }

    /// Takes what other nodes are to hear: changes since the last call.
    pub(crate) fn take_changes(&mut self) -> Option<PresenceHint> {
        if self.unpublished.is_empty() && self.unpublished_choices.is_empty() {
            return None;
        }
        let users =
            self.unpublished.drain().map(|user| (user, self.here.get(&user).map(Here::state))).collect();
        let chosen =
            self.unpublished_choices.drain().map(|user| (user, self.chosen.get(&user).copied())).collect();
        Some(PresenceHint { scope: PresenceScope::Changed, users, chosen })
    }

    /// Describes everybody on this node, to renew its lease and to mend what others missed; nothing when nobody is here.
    pub(crate) fn whole(&self) -> Option<PresenceHint> {
        if self.here.is_empty() {
            return None;
        }
        let users = self.here.iter().map(|(user, here)| (*user, Some(here.state()))).collect();
        let ours = |user: &UserId| self.here.contains_key(user);
        let chosen =
            self.chosen.iter().filter(|(user, _)| ours(user)).map(|(user, state)| (*user, Some(*state)));
        Some(PresenceHint { scope: PresenceScope::Whole, users, chosen: chosen.collect() })
    }

    /// Takes in what a node told; `own` is this node's word coming back.
    pub(crate) fn apply(&mut self, node: u64, own: bool, hint: &PresenceHint, now: Instant) {
        self.stale.extend(hint.users.iter().map(|(user, _)| *user));
        self.stale.extend(hint.chosen.iter().map(|(user, _)| *user));
        if own {
            if hint.scope == PresenceScope::Whole {
                self.stale.extend(self.told.keys());
            }
            return;
        }
        for (user, choice) in &hint.chosen {
            match choice {
                Some(state) => self.chosen.insert(*user, *state),
                None => self.chosen.remove(user),
            };
        }
        let lease =
            self.elsewhere.entry(node).or_insert_with(|| Lease { until: now, users: AHashMap::default() });
        lease.until = now + LEASE;
        if hint.scope == PresenceScope::Whole {
            self.stale.extend(lease.users.drain().map(|(user, _)| user));
        }
        for (user, state) in &hint.users {
            match state {
                Some(state) => lease.users.insert(*user, *state),
                None => lease.users.remove(user),
            };
        }
    }

    /// Forgets everybody here; returns when they were last seen.
    pub(crate) fn depart(&mut self) -> Vec<(UserId, Timestamp)> {
        self.here.drain().map(|(user, here)| (user, here.seen)).collect()
    }

    /// Takes what the sessions of this node are to be told.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        let stale: Vec<_> = self.stale.drain().collect();
        let mut notices = Vec::new();
        for user_id in stale {
            let status = self.status(user_id);
            let before = match status {
                PresenceStatus::Offline => self.told.remove(&user_id),
                _ => self.told.insert(user_id, status),
            };
            if before.unwrap_or(PresenceStatus::Offline) != status {
                notices.push(Notice { user_id, status });
            }
        }
        notices
    }

    /// Says how a person appears to others.
    pub(crate) fn status(&self, user: UserId) -> PresenceStatus {
        let Some(devices) = self.devices(user) else { return PresenceStatus::Offline };
        match self.chosen.get(&user).map_or(devices, |choice| devices.min(*choice)) {
            PresenceState::Invisible => PresenceStatus::Offline,
            PresenceState::Away => PresenceStatus::Away,
            PresenceState::Online => PresenceStatus::Online,
        }
    }

    /// Lists who does not appear offline, up to `limit`; [`None`] when there are more.
    pub(crate) fn online(&self, limit: usize) -> Option<Vec<UserId>> {
        let everyone = self.here.keys().chain(self.elsewhere.values().flat_map(|lease| lease.users.keys()));
        let mut users = AHashSet::default();
        for user in everyone {
            if self.status(*user) != PresenceStatus::Offline {
                users.insert(*user);
            }
            if users.len() > limit {
                return None;
            }
        }
        Some(users.into_iter().collect())
    }

    fn devices(&self, user: UserId) -> Option<PresenceState> {
        let here = self.here.get(&user).map(Here::state);
        let elsewhere = self.elsewhere.values().filter_map(|lease| lease.users.get(&user).copied()).max();
        here.max(elsewhere)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEASE, Table};
    use crate::{
        bus::{PresenceHint, PresenceScope, PresenceState},
        model::{Timestamp, UserId},
        protocol::PresenceStatus,
    };
    use std::time::Duration;
    use tokio::time::Instant;

    const ALICE: UserId = UserId::new(1);
    const GRACE: Duration = Duration::from_secs(15);
    const NOON: Timestamp = Timestamp::from_micros(0);

    /// What other nodes and the own sessions hear of a change, as after a round over the bus.
    fn settle(table: &mut Table) -> Vec<PresenceStatus> {
        if let Some(hint) = table.take_changes() {
            table.apply(1, true, &hint, Instant::now());
        }
        table.take_notices().into_iter().map(|notice| notice.status).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_reconnect_within_the_grace_is_not_seen() {
        let mut table = Table::default();
        table.connected(ALICE, NOON);
        assert_eq!(settle(&mut table), [PresenceStatus::Online]);
        table.disconnected(ALICE, false, Instant::now() + GRACE, NOON);
        tokio::time::advance(GRACE / 2).await;
        assert!(table.expire(Instant::now()).is_empty());
        table.connected(ALICE, NOON);
        tokio::time::advance(GRACE).await;
        assert!(table.expire(Instant::now()).is_empty());
        assert!(settle(&mut table).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_disconnect_is_announced_after_the_grace() {
        let mut table = Table::default();
        table.connected(ALICE, NOON);
        table.connected(ALICE, NOON);
        settle(&mut table);
        table.disconnected(ALICE, false, Instant::now() + GRACE, NOON);
        tokio::time::advance(GRACE).await;
        assert!(table.expire(Instant::now()).is_empty(), "one device is still there");
        table.disconnected(ALICE, false, Instant::now() + GRACE, NOON);
        tokio::time::advance(GRACE).await;
        assert_eq!(table.expire(Instant::now()), [(ALICE, NOON)]);
        assert_eq!(settle(&mut table), [PresenceStatus::Offline]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_is_as_present_as_the_best_device() {
        let mut table = Table::default();
        table.connected(ALICE, NOON);
        table.connected(ALICE, NOON);
        table.set_away(ALICE, true);
        assert_eq!(table.status(ALICE), PresenceStatus::Online);
        table.set_away(ALICE, true);
        assert_eq!(table.status(ALICE), PresenceStatus::Away);
        table.choose(ALICE, Some(PresenceState::Invisible));
        assert_eq!(table.status(ALICE), PresenceStatus::Offline);
        table.choose(ALICE, None);
        table.set_away(ALICE, false);
        assert_eq!(table.status(ALICE), PresenceStatus::Online);
    }

    #[tokio::test(start_paused = true)]
    async fn people_of_a_node_that_fell_silent_go_offline_with_its_lease() {
        let mut table = Table::default();
        let hint = PresenceHint {
            scope: PresenceScope::Changed,
            users: vec![(ALICE, Some(PresenceState::Online))],
            chosen: vec![],
        };
        table.apply(2, false, &hint, Instant::now());
        assert_eq!(settle(&mut table), [PresenceStatus::Online]);
        tokio::time::advance(LEASE).await;
        table.expire(Instant::now());
        assert_eq!(settle(&mut table), [PresenceStatus::Offline]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_hint_mends_a_lost_departure() {
        let mut table = Table::default();
        let hint = |user: i64| PresenceHint {
            scope: PresenceScope::Whole,
            users: vec![(UserId::new(user), Some(PresenceState::Online))],
            chosen: vec![],
        };
        table.apply(2, false, &hint(1), Instant::now());
        settle(&mut table);
        table.apply(2, false, &hint(2), Instant::now());
        settle(&mut table);
        assert_eq!(table.status(ALICE), PresenceStatus::Offline);
        assert_eq!(table.status(UserId::new(2)), PresenceStatus::Online);
    }
}
