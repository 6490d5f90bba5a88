//! A map that is split over many locks, so that tasks which touch different keys do not meet.

use ahash::{AHashMap, RandomState};
use parking_lot::{Mutex, MutexGuard};
use std::hash::Hash;

/// How many locks. A power of two well above the number of cores.
const SHARDS: usize = 64;

/// A sharded map. No lock of it may be held across an await.
#[derive(Debug)]
pub(super) struct Shards<K, V> {
    hasher: RandomState,
    shards: Box<[Mutex<AHashMap<K, V>>]>,
}

impl<K: Hash + Eq, V> Shards<K, V> {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(AHashMap::new())).collect();
        Self { hasher: RandomState::new(), shards }
    }

    /// Locks the part of the map in which a key stands.
    pub(super) fn lock(&self, key: &K) -> MutexGuard<'_, AHashMap<K, V>> {
        // The map inside uses the low bits of its own hash; another seed here keeps the two apart.
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[index].lock()
    }

    /// Locks one part after the other.
    pub(super) fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, AHashMap<K, V>>> {
        self.shards.iter().map(Mutex::lock)
    }
}
