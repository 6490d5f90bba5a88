//! The port to durable storage, cut along transactions.
//!
//! The store is the truth: everything that the chat promises is decided inside its transactions. All methods of
//! all parts are required; an optional family is an accessor on [`Store`]. The conformance suite
//! (feature `conformance`) has a named case for each bullet of a `# Contract` list.

mod accounts;
mod changes;
mod conversations;
mod jobs;
mod media;
mod members;
pub mod memory;
mod messages;
mod users;

pub use accounts::AccountStore;
pub use changes::ChangeStore;
pub use conversations::ConversationStore;
pub use jobs::JobStore;
pub use media::MediaCatalog;
pub use members::MemberStore;
pub use messages::{CommitError, CommitFailure, MessageStore};
pub use users::{Ban, UserStore};

use crate::{Result, model::Epoch};
use async_trait::async_trait;

/// What a store can do beyond the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// What was acknowledged survives a crash of the process.
    pub durable: bool,
    /// Several processes may use it at the same time.
    pub shared: bool,
}

impl Capabilities {
    /// Describes a store that keeps nothing and serves one process; set the fields that differ.
    #[must_use]
    pub const fn none() -> Self {
        Self { durable: false, shared: false }
    }

    /// Says that acknowledged writes survive a crash.
    #[must_use]
    pub const fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Says that several processes may share it.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.shared = true;
        self
    }
}

/// Durable storage of a chat.
///
/// # Contract
/// - Every method is one transaction or one snapshot.
/// - `seq`, `rev`, cursor and feed numbers are taken inside the transaction under the conversation's (user's) lock,
///   so that number order is commit order; what is refused takes none.
/// - An unknown id is [`NotFound`](crate::ErrorKind::NotFound); lists and filters leave it out. An engine that cannot be reached is
///   [`Unavailable`](crate::ErrorKind::Unavailable) with its error as source.
#[async_trait]
pub trait Store:
    UserStore + ConversationStore + MemberStore + MessageStore + ChangeStore + MediaCatalog + JobStore
{
    /// Says what this store can do beyond the contract.
    fn capabilities(&self) -> Capabilities;

    /// Returns the password accounts, where this store keeps them.
    fn accounts(&self) -> Option<&dyn AccountStore>;

    /// Reads the name of this incarnation.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the engine does not answer.
    async fn epoch(&self) -> Result<Epoch>;

    /// Gives the store a fresh epoch, because it may have gone back (restore, import). Connected clients start afresh.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the engine does not answer.
    async fn renew_epoch(&self) -> Result<Epoch>;

    /// Does a real read, for readiness probes.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the engine does not answer.
    async fn ping(&self) -> Result<()>;
}
