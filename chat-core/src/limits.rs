//! How often somebody may do something: the port, and what use cases ask.
//!
//! Knows nothing of what is done. Sizes are not rates: they are limited where they are read. The lock-out after
//! wrong passwords is not a rate either; it belongs to accounts and cannot be switched off.

mod local;

pub use local::LocalLimiter;

use crate::{Result, config::RateLimits, model::UserId};
use async_trait::async_trait;
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

/// The time over which a quota is counted.
pub const WINDOW: Duration = Duration::from_secs(60);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// Broadcasts, each counted once however many receivers it has.
    Broadcasts,
    /// Messages over every path.
    Messages,
    /// Attempts to sign in, register or refresh.
    SignIns,
    /// Uploads.
    Uploads,
}

impl LimitScope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Broadcasts, Self::Messages, Self::SignIns, Self::Uploads];

    /// Returns the stable name, for keys of a shared limiter and for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broadcasts => "broadcasts",
            Self::Messages => "messages",
            Self::SignIns => "sign_ins",
            Self::Uploads => "uploads",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::SignIns => "sign-in attempts",
            _ => self.name(),
        }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitSubject {
    /// An address, where nobody has signed in yet. Make it with [`LimitSubject::address`].
    Address(IpAddr),
    /// A signed-in person, over all connections.
    User(UserId),
}

impl LimitSubject {
    /// Counts an address: an IPv6 one as its network of 64 bits, because one customer usually has all of that.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for LimitSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "a{address}"),
            Self::User(id) => write!(f, "u{id}"),
        }
    }
}

/// Under what a call is counted. Its text is stable and fit for the key of a shared limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitKey {
    /// What.
    pub scope: LimitScope,
    /// Who.
    pub subject: LimitSubject,
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scope.name(), self.subject)
    }
}

/// What a limiter says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on and was counted.
    Allowed,
    /// It is over the quota and was not counted.
    Refused {
        /// The same call would be allowed after this.
        retry_after: Duration,
    },
}

/// Counts calls.
///
/// The algorithm is the generic cell rate algorithm (ITU-T I.371): its whole state is one moment per key, which fits a
/// map, a Redis key and a database column alike.
///
/// # Contract
/// - At most `per_minute` calls of a key at once; afterwards one more for each `WINDOW / per_minute` that passes.
/// - A refused call is not counted: however often it is repeated, it is allowed after `retry_after`.
/// - Keys do not disturb each other.
#[async_trait]
pub trait RateLimiter: fmt::Debug + Send + Sync + 'static {
    /// Counts a call or refuses it.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when a shared limiter cannot be reached; an implementation that can
    /// count locally meanwhile does that instead.
    async fn check(&self, key: LimitKey, per_minute: NonZeroU32) -> Result<Verdict>;

    /// Forgets keys that have their whole quota again. Called once per [`WINDOW`] by [`Chat::run`](crate::Chat::run).
    async fn sweep(&self);
}

/// The quotas in force, and the limiter that counts.
#[derive(Debug, Clone)]
pub struct Quotas {
    rates: RateLimits,
    limiter: Arc<dyn RateLimiter>,
}

impl Quotas {
    /// Puts quotas and their limiter together.
    #[must_use]
    pub fn new(rates: RateLimits, limiter: Arc<dyn RateLimiter>) -> Self {
        Self { rates, limiter }
    }

    /// Counts a call, unless its scope has no quota.
    ///
    /// A limiter that cannot be reached lets the call pass: a quota protects against nuisance, and losing it must not
    /// stop the chat.
    ///
    /// # Errors
    /// [`RateLimited`](crate::ErrorKind::RateLimited) with the pause after which a retry makes sense.
    pub async fn check(&self, scope: LimitScope, subject: LimitSubject) -> Result<()> {
        let Some(per_minute) = self.rates.per_minute(scope) else { return Ok(()) };
        match self.limiter.check(LimitKey { scope, subject }, per_minute).await {
            Ok(Verdict::Allowed) => Ok(()),
            Ok(Verdict::Refused { retry_after }) => {
                metrics::counter!("chat_rate_limited_total", "scope" => scope.name()).increment(1);
                let text = format!("too many {}: at most {per_minute} in a minute", scope.words());
                Err(crate::Error::rate_limited(text).with_retry_after(retry_after))
            }
            Err(error) => {
                tracing::warn!(scope = scope.name(), %error, "rate limiter did not answer");
                Ok(())
            }
        }
    }

    /// Sweeps the limiter once per [`WINDOW`], for ever.
    pub async fn housekeep(&self) {
        loop {
            tokio::time::sleep(WINDOW).await;
            self.limiter.sweep().await;
        }
    }
}

impl RateLimits {
    /// Returns the quota of a scope; a quota of zero counts as one, so that no number switches a limit off by accident.
    #[must_use]
    pub fn per_minute(&self, scope: LimitScope) -> Option<NonZeroU32> {
        let quota = match scope {
            LimitScope::Broadcasts => self.broadcasts,
            LimitScope::Messages => self.messages,
            LimitScope::SignIns => self.sign_ins,
            LimitScope::Uploads => self.uploads,
        };
        quota.map(|quota| NonZeroU32::new(quota).unwrap_or(NonZeroU32::MIN))
    }
}
