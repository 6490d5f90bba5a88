//! Durable work that follows a commit: who holds a lease may do it, and a fence keeps late holders out.

use super::{JobId, Timestamp};
use serde::{Deserialize, Serialize};

/// Work to be written in the same transaction as its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewJob {
    /// Which consumer takes it, for example `broadcast`.
    pub kind: String,
    /// Unique within the kind; a second job with the same key is dropped.
    pub key: String,
    /// What the consumer needs, as JSON.
    pub payload: String,
    /// Not before this.
    pub due: Timestamp,
}

/// Work that this node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its consumer.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// What the consumer needs.
    pub payload: String,
    /// Rises with every claim; a write with an older fence is refused with `conflict`.
    pub fence: i64,
    /// How often it was claimed, this time included.
    pub attempts: u32,
}

/// What became of a claimed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobOutcome {
    /// Finished: the row goes.
    Done,
    /// Not finished: keep the lease until then, with this payload.
    Extend {
        /// The state to go on from.
        payload: String,
        /// The end of the lease.
        until: Timestamp,
    },
    /// Give it back for a later try.
    Retry {
        /// Not before this.
        due: Timestamp,
    },
}
