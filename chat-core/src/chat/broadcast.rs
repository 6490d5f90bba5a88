//! One text to many people, as one direct message each: up to 100 in one transaction, more by a job that any node resumes.

use super::Chat;
use crate::{
    Result,
    model::{Broadcast, BroadcastId, CommittedBroadcast, UserId},
};

/// A broadcast as a client hands it in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BroadcastRequest {
    /// Receivers; doubles are dropped.
    pub receiver_ids: Vec<UserId>,
    /// The text; may be empty with a file.
    pub text: String,
    /// One of our own media addresses, or a plain link where the operator allows such.
    pub media_url: Option<String>,
    /// The key for retries of the whole: 1–64 printable ASCII characters.
    pub client_id: Option<String>,
}

impl Chat {
    /// Sends one text to many people, all or nothing: one receiver who cannot be written to refuses the whole.
    ///
    /// Up to 100 messages are stored when this returns; more are sent in the background, with progress to the sender.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for no receivers, an empty text or a bad key, [`TooLarge`](crate::ErrorKind::TooLarge) past the
    /// limits, [`NotFound`](crate::ErrorKind::NotFound) for a receiver whom the actor may not write to,
    /// [`Conflict`](crate::ErrorKind::Conflict) for a reused key with another body.
    pub async fn broadcast(&self, actor: UserId, request: BroadcastRequest) -> Result<CommittedBroadcast> {
        let _ = (actor, request);
        todo!()
    }

    /// Loads a broadcast of the actor's.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for every other.
    pub async fn load_broadcast(&self, actor: UserId, id: BroadcastId) -> Result<Broadcast> {
        let _ = (actor, id);
        todo!()
    }

    /// Stops a running broadcast of the actor's; what was sent stays sent.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for every other.
    pub async fn cancel_broadcast(&self, actor: UserId, id: BroadcastId) -> Result<Broadcast> {
        let _ = (actor, id);
        todo!()
    }

    /// Sends the messages of large broadcasts until `stop` is cancelled: one of the futures that [`Chat::run`] drives.
    pub(crate) async fn run_broadcasts(&self, stop: tokio_util::sync::CancellationToken) {
        let _ = stop;
        todo!()
    }
}
