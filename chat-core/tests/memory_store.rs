//! The store in memory against the suite that every store must pass.

use chat_core::store::memory::MemoryStore;

chat_core::store_conformance!(async || MemoryStore::new());
