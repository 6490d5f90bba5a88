//! The task that commits: batch after batch, announcing one while the next is written.

use super::{
    Pipeline,
    queue::{Job, Queue},
    recovery,
};
use crate::{
    Error, Result,
    chat::Chat,
    model::{Change, Committed},
    realtime::meters::{self, ChangeKind, Meters},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::Instant};

/// A batch whose outcome is known and not yet told to anybody.
struct Finished {
    waiting: Vec<Waiting>,
    results: Vec<Result<Committed>>,
}

/// Somebody who waits for an answer.
struct Waiting {
    answer: oneshot::Sender<Result<Committed>>,
    since: Instant,
    kind: ChangeKind,
}

impl Waiting {
    fn split(job: Job) -> (Self, Change) {
        let kind = ChangeKind::from(&job.change);
        (Self { answer: job.answer, since: job.since, kind }, job.change)
    }
}

/// Commits what is submitted until the pipeline is closed and empty.
pub(crate) async fn run(chat: Chat, pipeline: Pipeline, meters: Arc<Meters>) {
    let queue: &Queue = &pipeline.queue;
    let mut finished: Option<Finished> = None;
    loop {
        let batch = match queue.take_batch() {
            Some(batch) => batch,
            None => {
                // Nothing to overlap with: whoever waits is answered before this task does.
                if let Some(finished) = finished.take() {
                    settle(&chat, finished, &meters).await;
                    continue;
                }
                meters.queue_depth.set(0.0);
                match queue.next_batch().await {
                    Some(batch) => batch,
                    None => return,
                }
            }
        };
        meters.queue_depth.set(queue.depth() as f64);
        meters.batch_size.record(batch.len() as f64);
        // While the engine writes this batch, the one before it is announced and answered. Both are in commit order: the next one is
        // not settled before this loop comes round again.
        let settle_last = async {
            if let Some(finished) = finished.take() {
                settle(&chat, finished, &meters).await;
            }
        };
        let (next, ()) = tokio::join!(commit(&chat, batch), settle_last);
        finished = Some(next);
    }
}

async fn commit(chat: &Chat, batch: Vec<Job>) -> Finished {
    let (waiting, changes): (Vec<Waiting>, Vec<Change>) = batch.into_iter().map(Waiting::split).unzip();
    let results = match chat.inner.store.commit(changes.clone()).await {
        Ok(results) if results.len() == changes.len() => results,
        Ok(_) => {
            tracing::error!("store answered a batch with another number of results");
            let error = Error::new(crate::ErrorKind::Internal, "the store broke its contract");
            changes.iter().map(|_| Err(error.clone())).collect()
        }
        Err(error) => recovery::recover(&*chat.inner.store, changes, error).await,
    };
    Finished { waiting, results }
}

/// Tells the world, then whoever waits: an answer that came first could reach a client before the event does, and a crash between
/// the two would leave the event to the repair loop.
async fn settle(chat: &Chat, finished: Finished, meters: &Meters) {
    for committed in finished.results.iter().flatten() {
        chat.inner.announce(committed).await;
    }
    let mut slowest = Duration::ZERO;
    for (waiting, result) in finished.waiting.into_iter().zip(finished.results) {
        slowest = slowest.max(waiting.since.elapsed());
        match &result {
            Ok(_) => meters.committed(waiting.kind),
            Err(error) => meters::refused(error),
        }
        // A caller that went away no longer wants to know; the change is made.
        drop(waiting.answer.send(result));
    }
    meters.commit_latency.record(slowest);
}
