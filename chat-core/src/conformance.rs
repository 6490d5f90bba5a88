//! The published test suites: what every store and every bus must do, as named tests.
//!
//! A backend depends on `chat-core` with the feature `conformance` in its `[dev-dependencies]` (and on `tokio` with `macros`
//! and `rt-multi-thread`), and writes one line into a test file:
//!
//! ```
//! # #[cfg(test)]
//! mod memory {
//!     use chat_core::store::memory::MemoryStore;
//!     chat_core::store_conformance!(async || MemoryStore::new());
//! }
//! ```
//!
//! Every case gets a fresh store from the factory, so nothing is shared and nothing has to be wiped. A case never skips:
//! what a store says it cannot do is asserted instead. The suite grows with the ports and is exempt from semantic
//! versioning: a case that is added may fail a store that passed before, because the store was wrong before.
#![expect(clippy::unwrap_used, reason = "these are tests, though they stand in a library")]

mod bus;
mod stage;
mod store;

pub use bus::{BusCase, Nodes, bus_cases, run_bus_case};
pub use stage::Stage;
pub use store::{StoreCase, run_store_case, store_cases};

/// Expands to one test per promise of a [`Store`](crate::store::Store).
///
/// The factory is an async closure that takes nothing and returns what a [`Stage`] can be made from: a store, a pair of a
/// store and a guard that must outlive it (a temporary folder), or a `Stage` that also knows how to open the same storage
/// again, which a store that says to be durable or shared must give.
///
/// `store_conformance!(factory, without accounts)` is for a store that keeps no password accounts; the cases of the family
/// are then replaced by one that asserts its absence.
#[macro_export]
macro_rules! store_conformance {
    ($factory:expr) => {
        $crate::__store_cases! { __store_tests ($factory) }
        $crate::__account_cases! { __store_tests ($factory) }
    };
    ($factory:expr, without accounts) => {
        $crate::__store_cases! { __store_tests ($factory) }
        $crate::__store_tests! { ($factory) absent { a_store_without_accounts_says_so } }
    };
}

/// Expands to one test per promise of a [`Bus`](crate::bus::Bus).
///
/// The factory is an async closure that takes nothing and returns what [`Nodes`] can be made from: two buses that stand for
/// two nodes of one deployment, optionally with a guard.
#[macro_export]
macro_rules! bus_conformance {
    ($factory:expr) => {
        $crate::__bus_cases! { __bus_tests ($factory) }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_tests {
    (($factory:expr) $($module:ident { $($case:ident)* })*) => {$($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let stage = $crate::conformance::Stage::from(($factory)().await);
            $crate::conformance::run_store_case(stringify!($case), stage).await;
        }
    )*)*};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __bus_tests {
    (($factory:expr) $($case:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let nodes = $crate::conformance::Nodes::from(($factory)().await);
            $crate::conformance::run_bus_case(stringify!($case), nodes).await;
        }
    )*};
}
