//! A store in memory: for tests, examples and simulations. It keeps every promise of the port but durability.
//!
//! One lock around plain maps, held only between awaits, so that every method is one transaction. It has no clock: the
//! moments come in with the calls, and the latest one it has seen is the store's own time.

mod accounts;
mod changes;
mod commit;
mod conversations;
mod jobs;
mod media;
mod members;
mod messages;
mod state;
mod users;

use super::{AccountStore, Capabilities, Store};
use crate::{Result, model::Epoch};
use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use state::State;

/// Keeps a whole chat in the process's memory, until it is dropped.
///
/// ```
/// use chat_core::store::{Store, memory::MemoryStore};
///
/// let store = MemoryStore::new();
/// assert!(!store.capabilities().durable);
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// Creates an empty store with a fresh epoch.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Mutex::new(State::new()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    fn accounts(&self) -> Option<&dyn AccountStore> {
        Some(self)
    }

    async fn epoch(&self) -> Result<Epoch> {
        Ok(self.state().epoch.clone())
    }

    async fn renew_epoch(&self) -> Result<Epoch> {
        let mut state = self.state();
        state.epoch = Epoch::random();
        Ok(state.epoch.clone())
    }

    async fn ping(&self) -> Result<()> {
        drop(self.state());
        Ok(())
    }
}
