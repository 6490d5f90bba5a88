//! One text to many people, as one direct message each.

use super::{BroadcastId, ConversationId, MessageKey, NewJob, NewMessage, RequestHash, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// How far a broadcast is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BroadcastState {
    /// Stopped by its sender; what was sent stays sent.
    Cancelled,
    /// Every receiver is settled.
    Done,
    /// Messages are still being sent.
    Running,
}

/// A stored broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// Its id.
    pub id: BroadcastId,
    /// Who sends.
    pub sender_id: UserId,
    /// How far it is.
    pub state: BroadcastState,
    /// Receivers in all.
    pub total: u32,
    /// Receivers who have their message.
    pub done: u32,
    /// Receivers for whom it could not be sent.
    pub failed: u32,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// A broadcast to be stored. Exactly one of `messages` and `job` carries the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBroadcast {
    /// Who sends.
    pub sender_id: UserId,
    /// The sender's key for retries of the whole.
    pub key: MessageKey,
    /// The digest of the request.
    pub request_hash: RequestHash,
    /// Receivers without doubles, each with the direct conversation.
    pub receivers: Vec<(UserId, ConversationId)>,
    /// Up to 100 receivers: their messages, stored in the same transaction or not at all. Their keys are
    /// [`MessageKey::from_server`] of `b<sender's key>:<receiver>`.
    pub messages: Vec<NewMessage>,
    /// More receivers: the job that sends the messages later; its payload is the use case's own.
    pub job: Option<NewJob>,
    /// The moment to stamp.
    pub now: Timestamp,
}
