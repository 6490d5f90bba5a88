//! The handle that embedders hold, and the use cases behind it: one file per group of verbs, each an `impl Chat`.
//!
//! A use case authorises, validates and decides for an acting user, calls a port, and returns plain model types. It knows
//! neither frames nor sessions; how results look on the wire is the business of
//! the `present_…` methods.

mod announce;
mod broadcast;
mod builder;
mod cache;
mod conversations;
mod ephemeral;
mod events;
mod media_use;
mod members;
mod messages;
mod receipts;
mod send;
mod users;

pub use broadcast::BroadcastRequest;
pub use builder::ChatBuilder;
pub use conversations::{EntryPage, NewGroupRequest};
pub use events::Events;
pub use media_use::{Accept, Disposition, MediaFile, UploadRequest, Uploaded};
pub use messages::{HistoryPage, PageRequest};
pub use receipts::{Mark, PendingMark};
pub use send::{PendingSend, Prepared, SendRequest, Target};
pub use users::{FindUsers, ProfileChange};

use crate::{
    Error, Result,
    auth::Authenticator,
    bus::Bus,
    clock::Clock,
    commit::Pipeline,
    config::{Directory, Limits, Pacing, RateLimits},
    hooks::Hooks,
    limits::{LimitScope, LimitSubject, Quotas},
    media::{Addresses, MediaStore},
    model::{Epoch, Timestamp},
    realtime::{Presence, Sessions, TicketOffice, cursors::Cursors, hub::Hub},
    store::Store,
};
use cache::Caches;
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

/// A chat: a cheap clone of one shared engine. Nothing happens on its own; [`Chat::run`] drives it.
#[derive(Clone)]
pub struct Chat {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones of a [`Chat`] share.
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) media: Option<Arc<dyn MediaStore>>,
    pub(crate) hooks: Option<Arc<dyn Hooks>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) config: Config,
    /// A random number that tells this node's envelopes from others'.
    pub(crate) node: u64,
    /// The incarnation of the store that this node works on; known once [`Chat::run`] has looked.
    pub(crate) epoch: RwLock<Option<Epoch>>,
    pub(crate) quotas: Quotas,
    pub(crate) presence: Presence,
    pub(crate) tickets: TicketOffice,
    pub(crate) sessions: Sessions,
    pub(crate) addresses: Addresses,
    /// Paths of stored bytes that no row leads to; the next sweep deletes them.
    pub(crate) leftovers: Mutex<Vec<String>>,
    pub(crate) caches: Caches,
    pub(crate) pipeline: Pipeline,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) hub: Hub,
    pub(crate) is_running: AtomicBool,
    /// Whether sends are taken; [`Chat::started`] waits for it.
    pub(crate) started: watch::Sender<bool>,
    /// Set by [`Chat::shutdown`]; [`Chat::run`] ends in good order.
    pub(crate) stop: CancellationToken,
    /// Rung when a broadcast was stored, which may have left work.
    pub(crate) broadcast_due: Notify,
    pub(crate) events: events::Feed,
    /// Makes keys for sends without one, unique together with `node`.
    pub(crate) key_counter: AtomicU64,
}

/// The settings that [`ChatBuilder`] collected.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) directory: Directory,
    pub(crate) limits: Limits,
    pub(crate) rate_limits: RateLimits,
    pub(crate) pacing: Pacing,
    pub(crate) foreign_links: bool,
}

impl Chat {
    /// Starts building a chat on this store.
    pub fn builder(store: impl Store) -> ChatBuilder {
        ChatBuilder::new(Arc::new(store))
    }

    /// Starts building a chat on a store that was chosen at run time.
    pub fn builder_arc(store: Arc<dyn Store>) -> ChatBuilder {
        ChatBuilder::new(store)
    }

    /// Returns the name that the operator gave to this chat.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.config.name
    }

    /// Returns who may find, see and write to whom.
    #[must_use]
    pub fn directory(&self) -> Directory {
        self.inner.config.directory
    }

    /// Returns the size limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.config.limits
    }

    /// Returns how often one person may do something.
    #[must_use]
    pub fn rate_limits(&self) -> &RateLimits {
        &self.inner.config.rate_limits
    }

    /// Returns the pace of the realtime engine.
    #[must_use]
    pub fn pacing(&self) -> &Pacing {
        &self.inner.config.pacing
    }

    /// Returns what makes and reads the addresses of files.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.inner.addresses
    }

    /// Counts something that somebody does against its quota; every path (socket, HTTP, a host's own code) counts alike.
    ///
    /// # Errors
    /// [`RateLimited`](crate::ErrorKind::RateLimited) with the pause after which a retry makes sense.
    pub async fn check_rate(&self, scope: LimitScope, subject: LimitSubject) -> Result<()> {
        self.inner.quotas.check(scope, subject).await
    }

    /// Returns the store, for what an operator does beside the use cases (readiness, migrations, backups).
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Returns where the bytes of uploads are kept, for readiness probes and backups.
    #[must_use]
    pub fn media_store(&self) -> Option<&Arc<dyn MediaStore>> {
        self.inner.media.as_ref()
    }

    /// Returns the bus to the other nodes, for readiness probes.
    #[must_use]
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.inner.bus
    }

    /// Returns the present moment of this chat's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Waits until [`Chat::run`] has come so far that people can connect and send.
    pub async fn started(&self) {
        let mut started = self.inner.started.subscribe();
        // The sender lives as long as this handle.
        started.wait_for(|started| *started).await.expect("the chat is held");
    }

    /// Returns the incarnation of the store that this node works on.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) before [`Chat::run`] has looked.
    pub fn epoch(&self) -> Result<Epoch> {
        self.inner.epoch()
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn epoch(&self) -> Result<Epoch> {
        self.epoch.read().clone().ok_or_else(|| Error::unavailable("the chat is not running"))
    }
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("store", &self.inner.store)
            .field("bus", &self.inner.bus)
            .field("directory", &self.inner.config.directory)
            .finish_non_exhaustive()
    }
}
