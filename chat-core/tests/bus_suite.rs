//! The suite for buses, itself tested: for every promise a bus that breaks it, and the cases that find out.

mod suite {
    pub(crate) mod wrong_bus;
}

use chat_core::conformance::bus_cases;
use std::{collections::BTreeSet, panic};
use suite::wrong_bus::{FAULTS, WrongBus};

#[tokio::test(start_paused = true)]
async fn each_wrong_bus_fails_exactly_the_cases_named_for_its_fault() {
    let loud = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let (mut wrong, mut proven) = (Vec::new(), BTreeSet::new());
    for (fault, fails) in FAULTS {
        let mut found = BTreeSet::new();
        for case in bus_cases() {
            let run = tokio::spawn(async move { case.run(WrongBus::nodes(fault)).await });
            if run.await.is_err() {
                found.insert(case.name);
            }
        }
        let expected: BTreeSet<_> = fails.iter().copied().collect();
        proven.extend(fails.iter().copied());
        if found != expected {
            wrong.push(format!("{fault:?}\n  should fail {expected:?}\n  but fails   {found:?}"));
        }
    }
    panic::set_hook(loud);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unproven: Vec<_> =
        bus_cases().iter().map(|case| case.name).filter(|name| !proven.contains(name)).collect();
    assert!(unproven.is_empty(), "no wrong bus shows that these cases can fail: {unproven:?}");
}
