//! The figures of the realtime engine, under the names that operators rely on. Without a recorder they cost next to nothing.

use crate::{Error, model::Change};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// The kinds of changes, as the label of a figure.
const KINDS: [&str; 5] = ["message", "broadcast", "cursors", "delete", "edit"];

/// One of [`KINDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChangeKind(usize);

impl From<&Change> for ChangeKind {
    fn from(change: &Change) -> Self {
        Self(match change {
            Change::Append(_) => 0,
            Change::Broadcast(_) => 1,
            Change::Cursors(_) => 2,
            Change::Delete(_) => 3,
            Change::Edit(_) => 4,
        })
    }
}

/// Figures of the hot path, looked up once.
#[derive(Clone)]
pub(crate) struct Meters {
    /// Changes that were committed, in the order of [`KINDS`].
    committed: [Counter; KINDS.len()],
    /// From handing a change in to its answer, the slowest of each batch.
    pub(crate) commit_latency: Histogram,
    /// Changes per transaction.
    pub(crate) batch_size: Histogram,
    /// Changes that wait.
    pub(crate) queue_depth: Gauge,
    /// Events that were handed to connections, one for each connection.
    pub(crate) delivered: Counter,
    /// From the message's time stamp to its hand-over to the connections of this node.
    pub(crate) delivery_latency: Histogram,
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Conversations that this node fans out.
    pub(crate) channels: Gauge,
    /// Holes in a conversation's events that were read from the store.
    pub(crate) filled: Counter,
    /// Lost hints that the repair loop found.
    pub(crate) repaired: Counter,
}

impl Meters {
    /// Looks the figures up in the recorder that is installed now.
    pub(crate) fn new() -> Self {
        Self {
            committed: KINDS.map(|kind| counter!("chat_commits_total", "kind" => kind)),
            commit_latency: histogram!("chat_commit_seconds"),
            batch_size: histogram!("chat_commit_batch_size"),
            queue_depth: gauge!("chat_commit_queue_depth"),
            delivered: counter!("chat_deliveries_total"),
            delivery_latency: histogram!("chat_delivery_seconds"),
            connections: gauge!("chat_connections"),
            channels: gauge!("chat_conversations_active"),
            filled: counter!("chat_holes_filled_total"),
            repaired: counter!("chat_hints_repaired_total"),
        }
    }
}

impl Meters {
    /// Counts a change that was committed.
    pub(crate) fn committed(&self, kind: ChangeKind) {
        self.committed[kind.0].increment(1);
    }
}

/// Counts what a slow reader did not get, by the stage that took it away.
pub(crate) fn dropped(stage: &'static str, count: usize) {
    if count > 0 {
        counter!("chat_outbox_dropped_total", "stage" => stage).increment(count as u64);
    }
}

/// Counts a change that was refused, by its code.
pub(crate) fn refused(error: &Error) {
    counter!("chat_commits_refused_total", "code" => error.kind().code()).increment(1);
}
