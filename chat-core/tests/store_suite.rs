//! The suite for stores, itself tested: for every promise a store that breaks it, and the cases that find out.

mod suite {
    pub(crate) mod faults;
    pub(crate) mod wrong_store;
}

use chat_core::{conformance::store_cases, store::memory::MemoryStore};
use std::{collections::BTreeSet, panic};
use suite::{faults, wrong_store::WrongStore};

/// Runs all cases on the store with this fault; returns those that fail.
async fn failures(fault: &'static suite::wrong_store::Fault) -> BTreeSet<&'static str> {
    let mut failed = BTreeSet::new();
    for case in store_cases() {
        let run = tokio::spawn(async move { case.run(WrongStore::stage(fault)).await });
        if run.await.is_err() {
            failed.insert(case.name);
        }
    }
    failed
}

#[tokio::test]
async fn each_wrong_store_fails_exactly_the_cases_named_for_its_fault() {
    let loud = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let (mut wrong, mut proven) = (Vec::new(), BTreeSet::new());
    for fault in Vec::leak(faults::all()) {
        let (expected, found) = (fault.fails.iter().copied().collect(), failures(fault).await);
        proven.extend(fault.fails.iter().copied());
        if found != expected {
            wrong.push(format!(
                "a store that {}\n  should fail {expected:?}\n  but fails   {found:?}",
                fault.name
            ));
        }
    }
    panic::set_hook(loud);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unproven: Vec<_> =
        store_cases().iter().map(|case| case.name).filter(|name| !proven.contains(name)).collect();
    assert!(unproven.is_empty(), "no wrong store shows that these cases can fail: {unproven:?}");
}

#[tokio::test]
#[should_panic(expected = "declared without accounts")]
async fn a_store_with_accounts_cannot_be_declared_without() {
    chat_core::conformance::run_store_case("a_store_without_accounts_says_so", MemoryStore::new().into())
        .await;
}
