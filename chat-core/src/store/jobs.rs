//! Durable work and broadcasts.

use crate::{
    Result,
    model::{
        Broadcast, BroadcastId, BroadcastState, CommittedBroadcast, ConversationId, Job, JobId, JobOutcome,
        MessageKey, RequestHash, Timestamp, UserId,
    },
};
use async_trait::async_trait;

/// Keeps jobs and broadcasts.
#[async_trait]
pub trait JobStore: Send + Sync + 'static {
    /// Takes due jobs of one kind until `until`; nobody else gets them before that.
    ///
    /// # Contract
    /// - Two claimers never hold the same job; every claim raises its fence. The longest due come first.
    async fn claim_jobs(
        &self,
        kind: &str,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Job>>;

    /// Writes what became of a job; `conflict` if somebody claimed it since, `not_found` if it is
    /// finished.
    async fn settle_job(&self, id: JobId, fence: i64, outcome: JobOutcome) -> Result<()>;

    /// Loads a broadcast of this sender; `not_found` for everybody else.
    async fn load_broadcast(&self, id: BroadcastId, sender: UserId) -> Result<Broadcast>;

    /// Finds a broadcast by its sender's key, with the messages that were part of its transaction and the digest of the request.
    async fn find_broadcast_by_key(
        &self,
        sender: UserId,
        key: &MessageKey,
    ) -> Result<Option<(CommittedBroadcast, RequestHash)>>;

    /// Lists receivers who are not settled yet, in the order given at the start.
    async fn list_pending_receivers(
        &self,
        id: BroadcastId,
        limit: usize,
    ) -> Result<Vec<(UserId, ConversationId)>>;

    /// Settles receivers as sent (`true`) or failed, and counts them; settling one twice counts once. Ends the broadcast
    /// when none is pending. A cancelled one still counts and stays cancelled; who is no receiver is passed over.
    async fn settle_receivers(&self, id: BroadcastId, settled: &[(UserId, bool)]) -> Result<Broadcast>;

    /// Moves a running broadcast to another state; a broadcast that has ended stays as it is.
    async fn set_broadcast_state(
        &self,
        id: BroadcastId,
        sender: UserId,
        state: BroadcastState,
    ) -> Result<Broadcast>;
}
