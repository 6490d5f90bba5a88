//! The lock-out after failed sign-ins: by account and by address, with a delay that doubles.
//!
//! It is kept in the store, so that a restart forgives nothing and the nodes count together. It is no rate limit: right
//! passwords are never slowed, and no setting switches it off. Names without an account are counted like others, so that a
//! lock tells nobody which names exist.

use super::Accounts;
use crate::{
    Error, Result,
    limits::LimitSubject,
    model::{Lockout, Timestamp},
};
use ahash::RandomState;
use std::{fmt, net::IpAddr, time::Duration};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The failure from which on there is a delay.
const FREE_FAILURES: u32 = 5;

/// The first delay; each further failure doubles it.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// The longest delay of an account: about a hundred guesses a day.
const MOST_FOR_ACCOUNT: Duration = Duration::from_mins(15);

/// The longest delay of an address. Shorter, because one address can be a whole office.
const MOST_FOR_ADDRESS: Duration = Duration::from_mins(1);

/// Failures are forgotten when none was added for so long after the last delay.
const MEMORY: Duration = Duration::from_hours(1);

/// Turns per sort of key; unrelated keys that meet in one wait for each other, which costs them a hash at most.
const TURNS: usize = 256;

/// Lets attempts under one key run one after another, else a hundred guesses at once would all be the first.
///
/// Semaphores of one permit, because a turn lasts from reading the failures to writing them. Nodes do not take turns with
/// each other: several of them can let through one guess each at the same moment.
pub(super) struct Turns {
    hasher: RandomState,
    accounts: Vec<Semaphore>,
    addresses: Vec<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        let turns = || (0..TURNS).map(|_| Semaphore::new(1)).collect();
        Self { hasher: RandomState::new(), accounts: turns(), addresses: turns() }
    }

    async fn take<'a>(&self, turns: &'a [Semaphore], key: &str) -> SemaphorePermit<'a> {
        let turn = &turns[self.hasher.hash_one(key) as usize % turns.len()];
        turn.acquire().await.expect("the semaphores are never closed")
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

/// An attempt to prove who one is. Tell it how it went; one that is dropped counts for nothing, and nobody learned its outcome.
pub(super) struct Attempt<'a> {
    accounts: &'a Accounts,
    account: Option<(String, Lockout)>,
    address: Option<String>,
    _turn: Option<SemaphorePermit<'a>>,
}

impl Accounts {
    /// Begins an attempt under a name's key (none for a text that can be no name) and an address.
    ///
    /// # Errors
    /// [`RateLimited`](crate::ErrorKind::RateLimited) while one of the two is locked.
    pub(super) async fn begin_attempt(
        &self,
        name: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<Attempt<'_>> {
        let account = name.map(|name| format!("account:{name}"));
        let address = address.map(|address| format!("address:{}", LimitSubject::address(address)));
        let turns = &self.inner.turns;
        let turn = match &account {
            Some(key) => Some(turns.take(&turns.accounts, key).await),
            None => None,
        };
        let keys: Vec<String> = account.iter().chain(&address).cloned().collect();
        let now = self.inner.clock.now();
        let mut known = self.store().load_lockouts(&keys).await?;
        let past = || keys.iter().zip(&known).filter(|(_, known)| is_past(known, now));
        let past: Vec<String> = past().map(|(key, _)| key.clone()).collect();
        if !past.is_empty() {
            self.store().clear_lockouts(&past).await?;
            known
                .iter_mut()
                .filter(|known| is_past(known, now))
                .for_each(|known| *known = Lockout::default());
        }
        if let Some(until) =
            known.iter().filter_map(|lockout| lockout.locked_until).filter(|at| *at > now).max()
        {
            metrics::counter!("chat_sign_in_locked_total").increment(1);
            return Err(Error::rate_limited("too many failed sign-ins, please wait")
                .with_retry_after(until.since(now)));
        }
        let account = account.map(|key| (key, known.first().copied().unwrap_or_default()));
        Ok(Attempt { accounts: self, account, address, _turn: turn })
    }
}

impl Attempt<'_> {
    /// Counts a failure under both keys.
    pub(super) async fn failed(self) -> Result<()> {
        let now = self.accounts.inner.clock.now();
        let store = self.accounts.store();
        let mut failures = Vec::with_capacity(2);
        if let Some((key, lockout)) = self.account {
            failures.push((key, one_more(lockout, now, MOST_FOR_ACCOUNT)));
        }
        // Always after the account's turn, so that two attempts never wait for each other in a circle.
        let turns = &self.accounts.inner.turns;
        let mut _turn = None;
        if let Some(key) = self.address {
            _turn = Some(turns.take(&turns.addresses, &key).await);
            let known = store.load_lockouts(std::slice::from_ref(&key)).await?;
            let known = known.first().copied().unwrap_or_default();
            failures.push((key, one_more(known, now, MOST_FOR_ADDRESS)));
        }
        store.save_lockouts(&failures).await
    }

    /// Forgets the failures of the account. Those of the address stay: else somebody with an account of their own would
    /// clear them between two guesses at another's.
    pub(super) async fn succeeded(self) -> Result<()> {
        match self.account {
            Some((key, lockout)) if lockout.failures > 0 => {
                self.accounts.store().clear_lockouts(&[key]).await
            }
            _ => Ok(()),
        }
    }
}

/// Says whether failures are so old that they count no more.
fn is_past(lockout: &Lockout, now: Timestamp) -> bool {
    lockout.locked_until.is_some_and(|until| now.since(until) >= MEMORY)
}

/// Adds a failure. The end of the lock is set even where there is no delay yet: it tells when the failure was.
fn one_more(lockout: Lockout, now: Timestamp, most: Duration) -> Lockout {
    let failures = lockout.failures.saturating_add(1);
    Lockout { failures, locked_until: Some(now.plus(delay(failures, most))) }
}

fn delay(failures: u32, most: Duration) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        Some(doublings) => FIRST_DELAY.saturating_mul(1 << doublings.min(16)).min(most),
        None => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::{MEMORY, MOST_FOR_ACCOUNT, delay, is_past, one_more};
    use crate::model::{Lockout, Timestamp};
    use std::time::Duration;

    #[test]
    fn the_delay_begins_with_the_fifth_failure_and_doubles_up_to_its_bound() {
        let seconds: Vec<u64> =
            (0..=10).map(|failures| delay(failures, MOST_FOR_ACCOUNT).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32]);
        assert_eq!(delay(u32::MAX, MOST_FOR_ACCOUNT), MOST_FOR_ACCOUNT);
    }

    #[test]
    fn failures_are_forgotten_an_hour_after_the_last_delay() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let failed = one_more(Lockout { failures: 7, locked_until: Some(now) }, now, MOST_FOR_ACCOUNT);
        assert_eq!(failed, Lockout { failures: 8, locked_until: Some(now.plus(Duration::from_secs(8))) });
        assert!(!is_past(&failed, now.plus(MEMORY)));
        assert!(is_past(&failed, now.plus(MEMORY + Duration::from_secs(8))));
    }
}
