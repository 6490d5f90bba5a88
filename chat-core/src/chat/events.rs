//! The live stream of what was stored, for the application: bots, push, search, audit.

use super::Chat;
use crate::{Result, event::Event};
use std::sync::Arc;
use tokio::sync::broadcast;

/// How many events wait for the slowest reader before it is told that it missed some.
const BACKLOG: usize = 4_096;

/// The sending side, fed after each commit.
#[derive(Debug)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Arc<Event>>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG) }
    }
}

/// A stream of events from the moment of [`Chat::events`] on.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Arc<Event>>,
}

impl Events {
    /// Waits for the next event; [`None`] once the chat is gone.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) with the number of events that were missed, when the reader is too slow; the stream goes on
    /// with the oldest that is still there.
    pub async fn next(&mut self) -> Option<Result<Arc<Event>>> {
        todo!()
    }
}

impl Chat {
    /// Follows what is stored from now on, on this node. Bounded: a slow reader is told what it missed.
    #[must_use]
    pub fn events(&self) -> Events {
        Events { receiver: self.inner.events.sender.subscribe() }
    }
}
