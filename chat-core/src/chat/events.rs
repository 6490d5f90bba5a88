//! The live stream of what was stored, for the application: bots, push, search, audit.

use super::Chat;
use crate::{
    Error, Result,
    event::Event,
    hooks::{HOOK_TIMEOUT, Hooks},
};
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

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

    /// Hands an event to whoever listens; it is not even made when nobody does.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if self.sender.receiver_count() > 0 {
            // An error means that the last reader has just gone; nobody is left to be told.
            let _ = self.sender.send(Arc::new(event()));
        }
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
    /// [`Busy`](crate::ErrorKind::Busy), naming the number of events that were missed, when the reader was too slow; the stream goes
    /// on with the oldest one that is still there.
    pub async fn next(&mut self) -> Option<Result<Arc<Event>>> {
        match self.receiver.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(RecvError::Closed) => None,
            Err(RecvError::Lagged(missed)) => Some(Err(Error::busy(format!("missed {missed} events")))),
        }
    }
}

impl Chat {
    /// Follows what is stored by this node from now on. Bounded: a slow reader is told that it missed something.
    #[must_use]
    pub fn events(&self) -> Events {
        Events { receiver: self.inner.events.sender.subscribe() }
    }

    /// Shows every event to the `after_commit` hook until `stop` is cancelled and what waits is told: one of the futures that
    /// [`Chat::run`] drives.
    pub(crate) async fn run_after_commit(&self, stop: CancellationToken) {
        let Some(hooks) = &self.inner.hooks else { return };
        let mut events = self.events();
        while let Some(Some(event)) = stop.run_until_cancelled(events.next()).await {
            tell_hook(&**hooks, event).await;
        }
        while let Ok(event) = events.receiver.try_recv() {
            tell_hook(&**hooks, Ok(event)).await;
        }
    }
}

async fn tell_hook(hooks: &dyn Hooks, event: Result<Arc<Event>>) {
    match event {
        Ok(event) => {
            if tokio::time::timeout(HOOK_TIMEOUT, hooks.after_commit(&event)).await.is_err() {
                tracing::warn!("after_commit hook took longer than {HOOK_TIMEOUT:?}");
            }
        }
        Err(error) => tracing::warn!(%error, "after_commit hook is too slow"),
    }
}
