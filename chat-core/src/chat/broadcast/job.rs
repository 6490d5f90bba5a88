//! Large broadcasts, sent in the background. The list of receivers in the store says what is left, a lease says who sends, and
//! each item's key makes its message at most once: whatever is killed half-way, the next holder goes on.

use crate::{
    Chat, Error, ErrorKind, Result,
    chat::{Inner, send::Body},
    model::{
        BroadcastId, BroadcastState, Change, ConversationId, Job, JobOutcome, MessageKey, NewBroadcast,
        NewJob, UserId,
    },
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const KIND: &str = "broadcast";

/// Receivers between two looks at the store: small enough that a stop or cancel is soon seen.
const BATCH: usize = 100;

/// Broadcasts that one node sends at the same time, so that a large one does not keep the others waiting.
const PARALLEL: usize = 4;

/// How long a node may hold a broadcast without a word; a killed one's work is taken over after this.
const LEASE: Duration = Duration::from_secs(30);

/// How often a node looks for what others left behind.
const POLL: Duration = Duration::from_secs(5);

/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// What a holder needs to know; the receivers are in the store.
#[derive(Debug, Serialize, Deserialize)]
struct Work {
    sender: UserId,
    key: MessageKey,
    body: Body,
}

/// Makes the job of a broadcast that is too large for one transaction.
pub(super) fn new_job(broadcast: &NewBroadcast, body: Body) -> Result<NewJob> {
    let work = Work { sender: broadcast.sender_id, key: broadcast.key.clone(), body };
    let payload = serde_json::to_string(&work).map_err(|error| {
        Error::new(ErrorKind::Internal, "broadcast cannot be written down").with_source(error)
    })?;
    let key = format!("{}:{}", work.sender, work.key.as_str());
    Ok(NewJob { kind: KIND.to_owned(), key, payload, due: broadcast.now })
}

impl Chat {
    /// Sends the messages of large broadcasts until `stop` is cancelled: one of the futures that [`Chat::run`] drives. What is under
    /// way is given back after its present batch.
    pub(crate) async fn run_broadcasts(&self, stop: CancellationToken) {
        let inner = &*self.inner;
        let mut running = FuturesUnordered::new();
        while !stop.is_cancelled() {
            match inner.claim_broadcasts(PARALLEL - running.len()).await {
                Ok(jobs) => running.extend(jobs.into_iter().map(|job| inner.run_broadcast(job, &stop))),
                Err(error) => tracing::warn!(%error, "broadcasts cannot be claimed"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Some(()) = running.next(), if !running.is_empty() => {}
                () = inner.broadcast_due.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        while running.next().await.is_some() {}
    }
}

impl Inner {
    async fn claim_broadcasts(&self, free: usize) -> Result<Vec<Job>> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let now = self.now();
        self.store.claim_jobs(KIND, now, now.plus(LEASE), free).await
    }

    async fn run_broadcast(&self, job: Job, stop: &CancellationToken) {
        let outcome = match self.send_broadcast(&job, stop).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(%error, job.id = job.id.get(), "broadcast is interrupted");
                JobOutcome::Retry { due: self.now().plus(RETRY) }
            }
        };
        if let Err(error) = self.store.settle_job(job.id, job.fence, outcome).await {
            // Either somebody else holds it by now, or the lease runs out and somebody will.
            tracing::info!(%error, job.id = job.id.get(), "broadcast's job is left to its lease");
        }
    }

    /// Sends batch after batch until nobody is left, the sender cancels or the node stops.
    async fn send_broadcast(&self, job: &Job, stop: &CancellationToken) -> Result<JobOutcome> {
        let work: Work = serde_json::from_str(&job.payload).map_err(|error| {
            Error::new(ErrorKind::Internal, "broadcast cannot be read").with_source(error)
        })?;
        let Some((first, _)) = self.store.find_broadcast_by_key(work.sender, &work.key).await? else {
            return Ok(JobOutcome::Done);
        };
        let mut broadcast = first.broadcast;
        while broadcast.state == BroadcastState::Running {
            if stop.is_cancelled() {
                return Ok(JobOutcome::Retry { due: self.now() });
            }
            let keep = JobOutcome::Extend { payload: job.payload.clone(), until: self.now().plus(LEASE) };
            self.store.settle_job(job.id, job.fence, keep).await?;
            let receivers = self.store.list_pending_receivers(broadcast.id, BATCH).await?;
            let settled = self.send_items(&work, broadcast.id, &receivers).await?;
            broadcast = self.store.settle_receivers(broadcast.id, &settled).await?;
            self.announce_progress(&broadcast).await;
        }
        Ok(JobOutcome::Done)
    }

    /// Sends one batch; whom the message cannot reach for good is settled as failed, a passing trouble leaves the receiver pending.
    async fn send_items(
        &self,
        work: &Work,
        broadcast: BroadcastId,
        receivers: &[(UserId, ConversationId)],
    ) -> Result<Vec<(UserId, bool)>> {
        let submit = |&(receiver, conversation): &(UserId, ConversationId)| {
            let key = MessageKey::for_broadcast_item(broadcast, receiver);
            let message = work.body.to_message(conversation, work.sender, key, self.now());
            (receiver, self.pipeline.submit(work.sender, Change::Append(message)))
        };
        let submitted: Vec<_> = receivers.iter().map(submit).collect();
        let mut settled = Vec::with_capacity(submitted.len());
        let mut trouble = None;
        for (receiver, pending) in submitted {
            let sent = match pending {
                Ok(pending) => pending.await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(_) => settled.push((receiver, true)),
                Err(error) if error.kind().is_retryable() => trouble = Some(error),
                Err(_) => settled.push((receiver, false)),
            }
        }
        super::count_sent(settled.iter().filter(|(_, sent)| *sent).count());
        match trouble {
            Some(error) if settled.is_empty() => Err(error),
            _ => Ok(settled),
        }
    }
}
