//! Putting a chat together: the store is required, everything else has a default that serves one process.

use super::{Chat, Config, Inner, cache::Caches, events};
use crate::{
    Error, Result,
    auth::Authenticator,
    bus::{Bus, memory::MemoryBus},
    clock::{Clock, SystemClock},
    commit::Pipeline,
    config::{Directory, Limits, Pacing, RateLimits},
    hooks::Hooks,
    limits::{LocalLimiter, Quotas, RateLimiter},
    media::{Addresses, MediaStore},
    realtime::{Presence, Sessions, TicketOffice, cursors::Cursors, hub::Hub},
    store::Store,
};
use parking_lot::{Mutex, RwLock};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Collects the parts of a [`Chat`]. Made by [`Chat::builder`].
#[must_use = "nothing exists until `build` is called"]
pub struct ChatBuilder {
    store: Arc<dyn Store>,
    bus: Option<Arc<dyn Bus>>,
    media: Option<Arc<dyn MediaStore>>,
    hooks: Option<Arc<dyn Hooks>>,
    clock: Arc<dyn Clock>,
    authenticator: Option<Arc<dyn Authenticator>>,
    limiter: Option<Arc<dyn RateLimiter>>,
    media_key: Option<[u8; 32]>,
    media_base: String,
    config: Config,
}

impl ChatBuilder {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            bus: None,
            media: None,
            hooks: None,
            clock: Arc::new(SystemClock),
            authenticator: None,
            limiter: None,
            media_key: None,
            media_base: String::new(),
            config: Config {
                name: "Chat".to_owned(),
                directory: Directory::default(),
                limits: Limits::default(),
                rate_limits: RateLimits::default(),
                pacing: Pacing::default(),
                foreign_links: false,
            },
        }
    }

    /// Sets the bus to the other nodes. Default: one inside this process.
    pub fn bus(mut self, bus: Arc<dyn Bus>) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Sets where the bytes of uploads are kept. Default: nowhere, uploads are `unavailable`.
    pub fn media(mut self, media: Arc<dyn MediaStore>) -> Self {
        self.media = Some(media);
        self
    }

    /// Sets the application's part in what happens. Default: none.
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = Some(hooks);
        self
    }

    /// Sets the source of time. Default: the operating system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets what turns bearer tokens into identities. Default: none, every token is refused.
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.authenticator = Some(authenticator);
        self
    }

    /// Sets who may find, see and write to whom. Default: [`Directory::Contacts`].
    pub fn directory(mut self, directory: Directory) -> Self {
        self.config.directory = directory;
        self
    }

    /// Sets the size limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Sets how often one person may do something per minute.
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.config.rate_limits = limits;
        self
    }

    /// Sets what counts against the rate limits. Default: one in memory, for this process alone.
    pub fn rate_limiter(mut self, limiter: Arc<dyn RateLimiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Sets the pace of the realtime engine.
    pub fn pacing(mut self, pacing: Pacing) -> Self {
        self.config.pacing = pacing;
        self
    }

    /// Sets the secret under which media addresses are signed. All nodes share it. Default: random, so that addresses do not
    /// outlive the process.
    pub fn media_key(mut self, key: [u8; 32]) -> Self {
        self.media_key = Some(key);
        self
    }

    /// Sets what stands before `/uploads/` in media addresses: a mount prefix such as `/chat`, or the origin of a CDN.
    pub fn media_base(mut self, base: impl Into<String>) -> Self {
        self.media_base = base.into();
        self
    }

    /// Sets whether a message may carry a plain link to a foreign picture. Default: no.
    pub fn foreign_links(mut self, allowed: bool) -> Self {
        self.config.foreign_links = allowed;
        self
    }

    /// Sets the name that clients show. Default: `Chat`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = name.into();
        self
    }

    /// Puts the chat together. Nothing runs before [`Chat::run`] is polled.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for limits that cannot work, [`Internal`](crate::ErrorKind::Internal) when the operating
    /// system has no randomness.
    pub fn build(self) -> Result<Chat> {
        check_limits(&self.config.limits)?;
        let media_key = self.media_key.map_or_else(random_key, Ok)?;
        let limiter = self.limiter.unwrap_or_else(|| Arc::new(LocalLimiter::new(Arc::clone(&self.clock))));
        let fanout_limit = self.config.pacing.fanout_limit;
        let inner = Inner {
            store: self.store,
            bus: self.bus.unwrap_or_else(|| Arc::new(MemoryBus::new())),
            media: self.media,
            hooks: self.hooks,
            clock: self.clock,
            authenticator: self.authenticator,
            quotas: Quotas::new(self.config.rate_limits.clone(), limiter),
            presence: Presence::default(),
            tickets: TicketOffice::new(&media_key),
            sessions: Sessions::new(),
            addresses: Addresses::new(&media_key, self.media_base),
            config: self.config,
            node: getrandom::u64().map_err(no_randomness)?,
            epoch: RwLock::new(None),
            leftovers: Mutex::default(),
            caches: Caches::new(),
            pipeline: Pipeline::new(),
            cursors: Arc::new(Cursors::new()),
            hub: Hub::new(fanout_limit),
            is_running: AtomicBool::new(false),
            started: watch::Sender::new(false),
            stop: CancellationToken::new(),
            broadcast_due: Notify::new(),
            events: events::Feed::new(),
            key_counter: AtomicU64::new(0),
        };
        Ok(Chat { inner: Arc::new(inner) })
    }
}

fn check_limits(limits: &Limits) -> Result<()> {
    let smallest = [
        ("message_chars", limits.message_chars),
        ("message_bytes", limits.message_bytes),
        ("page", limits.page),
        ("receivers", limits.receivers),
    ];
    for (name, value) in smallest {
        if value == 0 {
            return Err(Error::invalid(format!("limit {name} must be at least 1")));
        }
    }
    // A text of the largest size must still fit into a frame when every byte of it is escaped.
    if limits.frame_bytes < limits.message_bytes.saturating_mul(6).saturating_add(4096) {
        return Err(Error::invalid(
            "limit frame_bytes must hold an escaped message: 6 times message_bytes + 4096",
        ));
    }
    Ok(())
}

fn random_key() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(no_randomness)?;
    Ok(key)
}

fn no_randomness(error: getrandom::Error) -> Error {
    Error::new(crate::ErrorKind::Internal, "the operating system has no randomness").with_source(error)
}

impl fmt::Debug for ChatBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatBuilder").field("store", &self.store).finish_non_exhaustive()
    }
}
