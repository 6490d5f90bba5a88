//! Receipt cursors on their way to the store: moves are pooled and written together a moment later, one number for a
//! conversation's pool, however many people read at once.

use crate::{
    Error, Result,
    clock::Clock,
    commit::Pipeline,
    model::{Change, ConversationId, CursorFlush, CursorMove, Seq, UserId},
};
use ahash::AHashMap;
use parking_lot::Mutex;
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

/// After a quiet time the first move waits only this long for company.
const SHORT_WAIT: Duration = Duration::from_millis(20);

/// Pending moves of one node.
pub(crate) struct Cursors {
    pool: Mutex<Pool>,
    arrived: Notify,
}

#[derive(Default)]
struct Pool {
    conversations: AHashMap<ConversationId, Moves>,
}

#[derive(Default)]
struct Moves {
    /// The furthest place of each person.
    furthest: AHashMap<UserId, CursorMove>,
    waiting: Vec<oneshot::Sender<Result<()>>>,
}

/// The end of a move: it is stored. Dropping it ends the wait, never the move.
#[derive(Debug)]
pub(crate) struct Flushed(oneshot::Receiver<Result<()>>);

impl Cursors {
    pub(crate) fn new() -> Self {
        Self { pool: Mutex::default(), arrived: Notify::new() }
    }

    /// Moves a person's cursors forward, at least to these places; both may be given as they are if only one moves.
    pub(crate) fn advance(
        &self,
        conversation: ConversationId,
        user: UserId,
        delivered_seq: Seq,
        read_seq: Seq,
    ) -> Flushed {
        let (answer, flushed) = oneshot::channel();
        let mut pool = self.pool.lock();
        let was_empty = pool.conversations.is_empty();
        let moves = pool.conversations.entry(conversation).or_default();
        moves.merge(CursorMove { user_id: user, delivered_seq, read_seq });
        moves.waiting.push(answer);
        drop(pool);
        if was_empty {
            self.arrived.notify_one();
        }
        Flushed(flushed)
    }

    /// Writes the pool whenever it was given something, until the future is dropped: soon after a quiet time, else once in
    /// `every`.
    pub(crate) async fn run(self: Arc<Self>, pipeline: Pipeline, clock: Arc<dyn Clock>, every: Duration) {
        // The commit itself has to fit into the promised time too.
        let every = every.mul_f32(0.8);
        let mut last = Instant::now() - every;
        loop {
            self.arrived.notified().await;
            tokio::time::sleep_until((last + every).max(Instant::now() + SHORT_WAIT.min(every))).await;
            last = Instant::now();
            self.flush(&pipeline, &*clock).await;
        }
    }

    /// Writes what is pending now and waits until it is stored.
    pub(crate) async fn flush(&self, pipeline: &Pipeline, clock: &dyn Clock) {
        let taken = std::mem::take(&mut self.pool.lock().conversations);
        let mut submitted = Vec::with_capacity(taken.len());
        for (conversation_id, moves) in taken {
            let change = CursorFlush {
                conversation_id,
                moves: moves.furthest.values().copied().collect(),
                now: clock.now(),
            };
            match pipeline.submit_own(Change::Cursors(change)) {
                Ok(pending) => submitted.push((conversation_id, moves, pending)),
                Err(error) => self.put_back(conversation_id, moves, &error),
            }
        }
        for (conversation_id, moves, pending) in submitted {
            match pending.await {
                Ok(_) => moves.answer(&Ok(())),
                Err(error) if error.kind().is_retryable() => self.put_back(conversation_id, moves, &error),
                Err(error) => moves.answer(&Err(error)),
            }
        }
    }

    /// Keeps moves for the next flush; a conversation whose flush keeps failing costs one entry per person, no more.
    fn put_back(&self, conversation: ConversationId, moves: Moves, error: &Error) {
        tracing::debug!(%error, %conversation, "receipts wait for the next flush");
        let mut pool = self.pool.lock();
        let pending = pool.conversations.entry(conversation).or_default();
        for step in moves.furthest.into_values() {
            pending.merge(step);
        }
        drop(pool);
        // Whoever waits is told: the client repeats a receipt that was not acknowledged.
        for waiting in moves.waiting {
            drop(waiting.send(Err(error.clone())));
        }
        self.arrived.notify_one();
    }
}

impl Moves {
    fn merge(&mut self, step: CursorMove) {
        let known = self.furthest.entry(step.user_id).or_insert(step);
        known.delivered_seq = known.delivered_seq.max(step.delivered_seq);
        known.read_seq = known.read_seq.max(step.read_seq);
    }

    fn answer(self, result: &Result<()>) {
        for waiting in self.waiting {
            // A caller that went away no longer wants to know.
            drop(waiting.send(result.clone()));
        }
    }
}

impl Future for Flushed {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(answer.unwrap_or_else(|_| Err(Error::unavailable("the chat stopped before it answered"))))
    }
}

impl fmt::Debug for Cursors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.pool.lock().conversations.len();
        f.debug_struct("Cursors").field("conversations", &pending).finish_non_exhaustive()
    }
}
