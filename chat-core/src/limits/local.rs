//! The limiter of a single node: one moment per key, in memory.

use super::{LimitKey, RateLimiter, Verdict, WINDOW};
use crate::{Result, clock::Clock, model::Timestamp};
use ahash::RandomState;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{collections::HashMap, fmt, num::NonZeroU32, sync::Arc, time::Duration};

/// Locks over which the keys are spread, so that senders on different cores rarely meet.
const SHARDS: usize = 16;

/// A shard that grew to this since its last sweep is swept at once: a flood of addresses within one minute must not
/// hold memory for the rest of it.
const SHARD_KEYS: usize = 65_536;

/// Counts in memory, by the chat's clock.
pub struct LocalLimiter {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// The moment per key at which its quota is whole again.
type Shard = HashMap<LimitKey, Timestamp, RandomState>;

impl LocalLimiter {
    /// Creates a limiter in which nobody has done anything yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let hasher = RandomState::new();
        let shards = std::array::from_fn(|_| Mutex::new(HashMap::with_hasher(hasher.clone())));
        Self { clock, hasher, shards }
    }

    /// Counts a call or refuses it.
    fn count(&self, key: LimitKey, per_minute: NonZeroU32) -> Verdict {
        let now = self.clock.now();
        let step = WINDOW / per_minute.get();
        let mut shard = self.shards[self.hasher.hash_one(key) as usize % SHARDS].lock();
        // A clock that was set back leaves moments beyond the window; without the upper bound they would lock a person
        // out for as long as the clock went back.
        let whole = shard.get(&key).map_or(now, |whole| (*whole).clamp(now, now.plus(WINDOW)));
        let next = whole.plus(step);
        let ahead = next.since(now);
        if ahead > WINDOW {
            return Verdict::Refused {
                retry_after: ahead.saturating_sub(WINDOW).max(Duration::from_millis(1)),
            };
        }
        if shard.len() >= SHARD_KEYS {
            shard.retain(|_, whole| *whole > now);
        }
        shard.insert(key, next);
        Verdict::Allowed
    }
}

impl fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLimiter").finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for LocalLimiter {
    async fn check(&self, key: LimitKey, per_minute: NonZeroU32) -> Result<Verdict> {
        Ok(self.count(key, per_minute))
    }

    async fn sweep(&self) {
        let now = self.clock.now();
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.retain(|_, whole| *whole > now);
            shard.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LocalLimiter;
    use crate::{
        clock::Clock,
        config::RateLimits,
        limits::{LimitKey, LimitScope, LimitSubject, Quotas, RateLimiter, Verdict},
        model::{Timestamp, UserId},
    };
    use std::{
        num::NonZeroU32,
        sync::{
            Arc,
            atomic::{AtomicI64, Ordering},
        },
        time::Duration,
    };

    #[derive(Debug, Default)]
    struct HandClock(AtomicI64);

    impl HandClock {
        fn advance(&self, millis: i64) {
            self.0.fetch_add(millis * 1_000, Ordering::SeqCst);
        }
    }

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(1_700_000_000_000_000 + self.0.load(Ordering::SeqCst))
        }
    }

    const SIX: NonZeroU32 = NonZeroU32::new(6).unwrap();

    fn limiter() -> (Arc<HandClock>, LocalLimiter) {
        let clock = Arc::new(HandClock::default());
        (Arc::clone(&clock), LocalLimiter::new(clock))
    }

    fn key(user: i64) -> LimitKey {
        LimitKey { scope: LimitScope::Messages, subject: LimitSubject::User(UserId::new(user)) }
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_one_per_step() {
        let (clock, limiter) = limiter();
        for _ in 0..6 {
            assert_eq!(limiter.count(key(1), SIX), Verdict::Allowed);
        }
        assert_eq!(limiter.count(key(1), SIX), Verdict::Refused { retry_after: Duration::from_secs(10) });
        clock.advance(10_000);
        assert_eq!(limiter.count(key(1), SIX), Verdict::Allowed);
        assert_ne!(limiter.count(key(1), SIX), Verdict::Allowed);
    }

    #[test]
    fn a_refused_call_is_not_counted() {
        let (clock, limiter) = limiter();
        for _ in 0..6 {
            limiter.count(key(1), SIX);
        }
        clock.advance(9_000);
        for _ in 0..100 {
            assert_eq!(limiter.count(key(1), SIX), Verdict::Refused { retry_after: Duration::from_secs(1) });
        }
        clock.advance(1_000);
        assert_eq!(limiter.count(key(1), SIX), Verdict::Allowed);
    }

    #[test]
    fn people_and_scopes_do_not_disturb_each_other() {
        let (_, limiter) = limiter();
        for _ in 0..7 {
            limiter.count(key(1), SIX);
        }
        let uploads = LimitKey { scope: LimitScope::Uploads, ..key(1) };
        assert_eq!(limiter.count(key(2), SIX), Verdict::Allowed);
        assert_eq!(limiter.count(uploads, SIX), Verdict::Allowed);
    }

    #[test]
    fn a_clock_that_goes_back_an_hour_locks_nobody_out_for_an_hour() {
        let (clock, limiter) = limiter();
        for _ in 0..6 {
            limiter.count(key(1), SIX);
        }
        clock.advance(-3_600_000);
        assert_eq!(limiter.count(key(1), SIX), Verdict::Refused { retry_after: Duration::from_secs(10) });
    }

    #[tokio::test]
    async fn a_sweep_forgets_who_has_the_whole_quota_again() {
        let (clock, limiter) = limiter();
        limiter.count(key(1), SIX);
        clock.advance(5_000);
        limiter.count(key(2), SIX);
        clock.advance(6_000);
        limiter.sweep().await;
        let kept: usize = limiter.shards.iter().map(|shard| shard.lock().len()).sum();
        assert_eq!(kept, 1);
    }

    #[tokio::test]
    async fn a_scope_without_quota_is_never_refused() {
        let (_, limiter) = limiter();
        let quotas = Quotas::new(RateLimits::off(), Arc::new(limiter));
        for _ in 0..1_000 {
            quotas.check(LimitScope::Messages, LimitSubject::User(UserId::new(1))).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_refusal_says_when_to_come_back() {
        let (_, limiter) = limiter();
        let rates = RateLimits { broadcasts: Some(3), ..RateLimits::default() };
        let quotas = Quotas::new(rates, Arc::new(limiter));
        let subject = LimitSubject::User(UserId::new(1));
        for _ in 0..3 {
            quotas.check(LimitScope::Broadcasts, subject).await.unwrap();
        }
        let error = quotas.check(LimitScope::Broadcasts, subject).await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::RateLimited);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
    }

    #[test]
    fn an_ipv6_customer_is_one_subject_and_a_mapped_address_is_its_ipv4() {
        let of = |text: &str| LimitSubject::address(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
