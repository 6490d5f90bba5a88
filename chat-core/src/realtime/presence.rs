//! Who is online: this node's word to the others, theirs to us, and to whom it is told.
//!
//! Nothing of it is stored but when somebody was last seen, and connecting tells nobody anything unless somebody watches.

mod table;

use crate::{
    bus::{PresenceHint, PresenceState},
    model::UserId,
    protocol::PresenceStatus,
};
use parking_lot::Mutex;
use table::Table;
use tokio::{sync::Notify, time::Instant};

/// Presence as this node knows it.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    table: Mutex<Table>,
    /// Wakes the future that publishes and tells.
    wake: Notify,
}

impl Presence {
    /// Says how a person appears to others.
    pub(crate) fn status(&self, user: UserId) -> PresenceStatus {
        self.table.lock().status(user)
    }

    /// Notes how a person wants to appear, until the last of their connections has ended.
    pub(crate) fn choose(&self, user: UserId, status: PresenceStatus) {
        let choice = match status {
            PresenceStatus::Away => Some(PresenceState::Away),
            PresenceStatus::Offline => Some(PresenceState::Invisible),
            PresenceStatus::Online | PresenceStatus::Unknown => None,
        };
        self.table.lock().choose(user, choice);
        self.wake.notify_one();
    }

    /// Takes in what a node told.
    pub(crate) fn apply(&self, node: u64, own: bool, hint: &PresenceHint) {
        self.table.lock().apply(node, own, hint, Instant::now());
        self.wake.notify_one();
    }
}
