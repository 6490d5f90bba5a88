//! The commit pipeline: all writes of the hot path go through one task that shares transactions between them.
//!
//! Callers hand over an owned [`Change`] and wait on a one-shot. The task takes whatever waits, commits it as one
//! transaction, announces in commit order, then answers. There is no timer: an idle chat adds no latency, a busy one shares
//! its fsyncs. Knows the store and what to do after a commit, nothing of frames or sessions.

mod queue;
mod recovery;
mod worker;

use crate::{
    Error, Result,
    model::{Change, Committed, UserId},
};
use queue::Queue;
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::sync::oneshot;

pub(crate) use worker::run;

/// The way into the pipeline; a cheap clone.
#[derive(Clone)]
pub(crate) struct Pipeline {
    queue: Arc<Queue>,
}

/// The outcome of a submitted change. Dropping it ends the wait, never the write.
#[derive(Debug)]
#[must_use = "the change is made either way, but nobody learns what became of it"]
pub(crate) struct Pending(oneshot::Receiver<Result<Committed>>);

impl Pipeline {
    /// Makes a pipeline that takes nothing before it is [opened](Self::open).
    pub(crate) fn new() -> Self {
        Self { queue: Arc::new(Queue::new()) }
    }

    /// Puts a change in line. Changes of one actor, and changes of one conversation, are made in the order of these calls.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) when the queue is full or a quarter of it is the actor's,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the chat is not running.
    pub(crate) fn submit(&self, actor: UserId, change: Change) -> Result<Pending> {
        self.queue.push(Some(actor), change).map(Pending)
    }

    /// Puts a change of the engine itself in line, which counts against nobody's share.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub(crate) fn submit_own(&self, change: Change) -> Result<Pending> {
        self.queue.push(None, change).map(Pending)
    }

    /// Lets changes in.
    pub(crate) fn open(&self) {
        self.queue.open();
    }

    /// Lets no more changes in; what waits is still committed.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Returns how many changes wait.
    pub(crate) fn depth(&self) -> usize {
        self.queue.depth()
    }
}

impl Future for Pending {
    type Output = Result<Committed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The sender is only dropped unanswered when the pipeline itself was cut off.
        let answer = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(answer.unwrap_or_else(|_| Err(Error::unavailable("the chat stopped before it answered"))))
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("depth", &self.depth()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
