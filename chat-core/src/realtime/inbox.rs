//! Requests of one connection that wait for storage, so that reading the next frame never does.
//!
//! Writes keep the order of their frames up to their place in the line of commits; everything else runs beside them. Both
//! are bounded. Receipts that ask for no answer are pooled: only the furthest counts. Knows nothing of what requests do.

use crate::{
    Error, Result,
    model::{ConversationId, Seq},
    protocol::{ClientFrame, FrameId},
};
use ahash::AHashMap;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    future::poll_fn,
    task::{Poll, Waker},
    time::Duration,
};

/// Requests other than writes that may wait.
const OTHERS: usize = 256;

/// Conversations with pooled receipts that may wait.
const RECEIPTS: usize = 1_024;

/// Requests other than writes that run at a time.
const OTHERS_AT_ONCE: usize = 32;

/// When a refused client may try again.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// A frame that needs storage.
#[derive(Debug)]
pub(super) struct Request {
    /// The id to answer under.
    pub(super) id: Option<FrameId>,
    /// What is asked.
    pub(super) frame: ClientFrame,
}

/// What the worker of a connection does next.
#[derive(Debug)]
pub(super) enum Task {
    /// A write, whose place in line is to be taken before the next write is looked at.
    Write(Request),
    /// Anything else.
    Other(Request),
    /// Receipts: conversation, delivered, read.
    Receipts(Vec<(ConversationId, Seq, Seq)>),
}

/// How urgently a request's order matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// In the order of frames.
    Writes,
    /// Beside everything else.
    Others,
}

/// The waiting requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    writes: VecDeque<Request>,
    others: VecDeque<Request>,
    receipts: AHashMap<ConversationId, (Seq, Seq)>,
    /// Writes that wait or are not answered yet.
    unanswered: usize,
    /// Others that were handed out and are not done.
    running: usize,
    has_worker: bool,
    worker: Option<Waker>,
}

/// Whether somebody has to start the connection's worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    /// None runs: start one.
    Needed,
    /// It runs and was woken.
    Running,
}

impl Inbox {
    /// Takes a request in.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) when `unanswered` writes, or too many other requests, are waiting.
    pub(super) fn push(&self, lane: Lane, request: Request, unanswered: usize) -> Result<Worker> {
        let mut state = self.state.lock();
        match lane {
            Lane::Writes if state.unanswered >= unanswered => return Err(busy("unanswered messages")),
            Lane::Others if state.others.len() >= OTHERS => return Err(busy("waiting requests")),
            Lane::Writes => {
                state.unanswered += 1;
                state.writes.push_back(request);
            }
            Lane::Others => state.others.push_back(request),
        }
        Ok(state.call())
    }

    /// Notes how far the client got, for a frame that asks for no answer.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) when receipts of too many conversations are waiting.
    pub(super) fn note(&self, conversation: ConversationId, delivered: Seq, read: Seq) -> Result<Worker> {
        let mut state = self.state.lock();
        if state.receipts.len() >= RECEIPTS && !state.receipts.contains_key(&conversation) {
            return Err(busy("waiting receipts"));
        }
        let known = state.receipts.entry(conversation).or_default();
        *known = (known.0.max(delivered), known.1.max(read));
        Ok(state.call())
    }

    /// Says that a write is answered.
    pub(super) fn answered(&self) {
        let mut state = self.state.lock();
        state.unanswered = state.unanswered.saturating_sub(1);
    }

    /// Says that a request that is no write is done.
    pub(super) fn done(&self) {
        let mut state = self.state.lock();
        state.running = state.running.saturating_sub(1);
    }

    /// Waits for something to do. With nothing waiting and nothing running (`is_idle`) the worker ends: [`None`].
    pub(super) async fn next(&self, takes_writes: bool, is_idle: bool) -> Option<Task> {
        poll_fn(|context| {
            let mut state = self.state.lock();
            if !state.receipts.is_empty() {
                let receipts = state.receipts.drain().map(|(id, (delivered, read))| (id, delivered, read));
                let receipts = receipts.collect();
                return Poll::Ready(Some(Task::Receipts(receipts)));
            }
            if takes_writes && let Some(request) = state.writes.pop_front() {
                return Poll::Ready(Some(Task::Write(request)));
            }
            if state.running < OTHERS_AT_ONCE
                && let Some(request) = state.others.pop_front()
            {
                state.running += 1;
                return Poll::Ready(Some(Task::Other(request)));
            }
            if is_idle {
                // What a burst has made large is given back: most connections are idle most of the time.
                *state = State { unanswered: state.unanswered, ..State::default() };
                return Poll::Ready(None);
            }
            state.worker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl State {
    fn call(&mut self) -> Worker {
        if !self.has_worker {
            self.has_worker = true;
            return Worker::Needed;
        }
        if let Some(worker) = self.worker.take() {
            worker.wake();
        }
        Worker::Running
    }
}

fn busy(what: &str) -> Error {
    Error::busy(format!("too many {what} on this connection")).with_retry_after(RETRY_AFTER)
}
