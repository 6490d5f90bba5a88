//! Durable work and broadcasts, as durable as this store is.

use super::{
    MemoryStore,
    state::{BroadcastRow, State},
};
use crate::{
    Error, Result,
    model::{
        Broadcast, BroadcastId, BroadcastState, CommittedBroadcast, ConversationId, Job, JobId, JobOutcome,
        MessageKey, Outcome, RequestHash, Timestamp, UserId,
    },
    store::JobStore,
};
use async_trait::async_trait;

impl State {
    fn claim_jobs(&mut self, kind: &str, now: Timestamp, until: Timestamp, limit: usize) -> Vec<Job> {
        let mut due: Vec<_> =
            self.jobs.values_mut().filter(|row| row.job.kind == kind && row.due <= now).collect();
        due.sort_by_key(|row| row.due);
        let claim = due.into_iter().take(limit).map(|row| {
            row.due = until;
            row.job.fence += 1;
            row.job.attempts += 1;
            row.job.clone()
        });
        claim.collect()
    }

    fn settle_job(&mut self, id: JobId, fence: i64, outcome: JobOutcome) -> Result<()> {
        let row = self.jobs.get_mut(&id).ok_or_else(|| Error::not_found("no such job"))?;
        if row.job.fence != fence {
            return Err(Error::conflict("the job was claimed by somebody else"));
        }
        match outcome {
            JobOutcome::Done => {
                let job = self.jobs.remove(&id).expect("found above").job;
                self.job_keys.remove(&(job.kind, job.key));
            }
            JobOutcome::Extend { payload, until } => {
                row.job.payload = payload;
                row.due = until;
            }
            JobOutcome::Retry { due } => row.due = due,
        }
        Ok(())
    }

    fn broadcast_of(&mut self, id: BroadcastId, sender: UserId) -> Result<&mut BroadcastRow> {
        let row = self.broadcasts.get_mut(&id).filter(|row| row.broadcast.sender_id == sender);
        row.ok_or_else(no_broadcast)
    }

    fn settle_receivers(&mut self, id: BroadcastId, settled: &[(UserId, bool)]) -> Result<Broadcast> {
        let row = self.broadcasts.get_mut(&id).ok_or_else(no_broadcast)?;
        for (user, sent) in settled {
            if row.pending.remove(user) {
                let count = if *sent { &mut row.broadcast.done } else { &mut row.broadcast.failed };
                *count += 1;
            }
        }
        if row.pending.is_empty() && row.broadcast.state == BroadcastState::Running {
            row.broadcast.state = BroadcastState::Done;
        }
        Ok(row.broadcast.clone())
    }
}

fn no_broadcast() -> Error {
    Error::not_found("no such broadcast")
}

#[async_trait]
impl JobStore for MemoryStore {
    async fn claim_jobs(
        &self,
        kind: &str,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Job>> {
        Ok(self.state().claim_jobs(kind, now, until, limit))
    }

    async fn settle_job(&self, id: JobId, fence: i64, outcome: JobOutcome) -> Result<()> {
        self.state().settle_job(id, fence, outcome)
    }

    async fn load_broadcast(&self, id: BroadcastId, sender: UserId) -> Result<Broadcast> {
        self.state().broadcast_of(id, sender).map(|row| row.broadcast.clone())
    }

    async fn find_broadcast_by_key(
        &self,
        sender: UserId,
        key: &MessageKey,
    ) -> Result<Option<(CommittedBroadcast, RequestHash)>> {
        let state = self.state();
        let Some(&id) = state.broadcast_keys.get(&(sender, key.clone())) else { return Ok(None) };
        let request_hash = state.broadcasts[&id].request_hash;
        Ok(Some((state.committed_broadcast(id, Outcome::Repeated)?, request_hash)))
    }

    async fn list_pending_receivers(
        &self,
        id: BroadcastId,
        limit: usize,
    ) -> Result<Vec<(UserId, ConversationId)>> {
        let state = self.state();
        let row = state.broadcasts.get(&id).ok_or_else(no_broadcast)?;
        let pending = row.receivers.iter().filter(|(user, _)| row.pending.contains(user));
        Ok(pending.take(limit).copied().collect())
    }

    async fn settle_receivers(&self, id: BroadcastId, settled: &[(UserId, bool)]) -> Result<Broadcast> {
        self.state().settle_receivers(id, settled)
    }

    async fn set_broadcast_state(
        &self,
        id: BroadcastId,
        sender: UserId,
        state: BroadcastState,
    ) -> Result<Broadcast> {
        let mut tables = self.state();
        let row = tables.broadcast_of(id, sender)?;
        if row.broadcast.state == BroadcastState::Running {
            row.broadcast.state = state;
        }
        Ok(row.broadcast.clone())
    }
}
