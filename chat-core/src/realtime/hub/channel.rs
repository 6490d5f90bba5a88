//! One conversation as this node fans it out.

use crate::{
    model::{Cursor, Rev, Seq},
    realtime::endpoint::Endpoint,
};
use std::sync::Arc;

/// The state of a conversation on this node.
#[derive(Debug)]
pub(super) struct Channel {
    /// The newest shared change that every listener was given, or has read itself.
    known: Rev,
    /// The newest flush of receipts that was told.
    cursor: Cursor,
    listeners: Vec<Listener>,
}

/// A connection that gets a conversation's events.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) endpoint: Arc<Endpoint>,
    /// Nothing up to here is told: it was before the join.
    pub(super) since: Rev,
    /// Messages before this are not shown.
    pub(super) visible_from: Seq,
    /// The session looks at the conversation.
    pub(super) is_opened: bool,
}

impl Channel {
    /// Makes the channel of a conversation that stood here when the first session found it.
    pub(super) const fn at(known: Rev, cursor: Cursor) -> Self {
        Self { known, cursor, listeners: Vec::new() }
    }

    pub(super) const fn known(&self) -> Rev {
        self.known
    }

    /// Says whether more was fanned out than a snapshot holds.
    pub(super) fn is_ahead_of(&self, rev: Rev, cursor: Cursor) -> bool {
        self.known > rev || self.cursor > cursor
    }

    /// Adds a listener; says whether it is new.
    pub(super) fn add(&mut self, endpoint: &Arc<Endpoint>, since: Rev) -> bool {
        if self.listeners.iter().any(|listener| listener.endpoint.id == endpoint.id) {
            return false;
        }
        let endpoint = Arc::clone(endpoint);
        self.listeners.push(Listener { endpoint, since, visible_from: Seq::ZERO, is_opened: false });
        true
    }

    pub(super) fn remove(&mut self, endpoint: u64) {
        self.listeners.retain(|listener| listener.endpoint.id != endpoint);
    }

    pub(super) fn set_opened(&mut self, endpoint: u64, is_opened: bool) {
        for listener in self.listeners.iter_mut().filter(|listener| listener.endpoint.id == endpoint) {
            listener.is_opened = is_opened;
        }
    }
}
