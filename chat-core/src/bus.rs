//! The port between nodes: hints about what the store already holds, and ephemera that nobody stores.
//!
//! A bus may drop, double, delay or reorder. Nothing may depend on it for correctness: whoever sees a hole reads the store.

#[cfg(any(test, feature = "conformance"))]
pub mod lossy;
pub mod memory;

use crate::{
    Result,
    model::{ConversationId, CursorsMoved, Epoch, Member, Message, Rev, Timestamp, UserId},
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// How many topics there are; conversations and users are spread over them by id.
pub const SHARDS: u16 = 256;

/// A shard of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Topic(u16);

impl Topic {
    /// The topic that every node listens to: presence of nodes, revocations, a changed epoch.
    pub const ALL: Self = Self(SHARDS);

    /// Returns the topic of a conversation.
    #[must_use]
    pub const fn of_conversation(id: ConversationId) -> Self {
        Self((id.get() % SHARDS as i64) as u16)
    }

    /// Returns the topic of a user.
    #[must_use]
    pub const fn of_user(id: UserId) -> Self {
        Self((id.get() % SHARDS as i64) as u16)
    }

    /// Returns the number, `0..=SHARDS`.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns the topic with this number, if there is one.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        if number <= SHARDS { Some(Self(number)) } else { None }
    }
}

/// One hint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The incarnation of the store that the sender works on.
    pub epoch: Epoch,
    /// The sending node, so that it can tell its own.
    pub node: u64,
    /// What is hinted at.
    pub hint: Hint,
}

/// What an [`Envelope`] says. Durable ones carry the whole state, so that a healthy path needs no read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Hint {
    /// Somebody shall be disconnected, or a session of theirs.
    Ended {
        /// Whose.
        user_id: UserId,
        /// Which sign-in session (claim `sid`); all of the user's if absent.
        session: Option<i64>,
        /// Why.
        reason: EndReason,
    },
    /// Receipt cursors moved.
    Cursors(Arc<CursorsMoved>),
    /// A broadcast got further; for its sender.
    BroadcastProgress {
        /// Whose.
        user_id: UserId,
        /// Which.
        broadcast_id: crate::model::BroadcastId,
    },
    /// The conversation's row changed (title, creation, end); read it from the store.
    Conversation {
        /// Which.
        conversation_id: ConversationId,
        /// Its newest shared change.
        rev: Rev,
        /// Its count of membership changes.
        member_rev: Rev,
    },
    /// A device connected: older connections of it are to be closed.
    Device {
        /// Whose.
        user_id: UserId,
        /// Which, as the client names it.
        device_id: Box<str>,
        /// When; the later one stays.
        since: Timestamp,
    },
    /// Rows of members changed.
    Members {
        /// Which conversation.
        conversation_id: ConversationId,
        /// The rows.
        members: Vec<Member>,
        /// The count of membership changes after them.
        member_rev: Rev,
    },
    /// A message was stored, edited or deleted.
    Message {
        /// Its whole state.
        message: Arc<Message>,
        /// The conversation's count of membership changes at the commit.
        member_rev: Rev,
    },
    /// A node tells who is connected to it.
    Presence(Arc<PresenceHint>),
    /// A person's profile changed; for whoever remembers or shows it.
    Profile {
        /// Whose.
        user_id: UserId,
    },
    /// Somebody types, or stopped.
    Typing {
        /// Where.
        conversation_id: ConversationId,
        /// Who.
        user_id: UserId,
        /// Types, or stopped.
        is_typing: bool,
    },
    /// A person's own feed moved (profile, membership); read it from the store.
    User {
        /// Whose.
        user_id: UserId,
        /// Its number.
        user_rev: Rev,
    },
}

/// Why connections are to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// The person was banned.
    Banned,
    /// The sign-in session ended.
    SignedOut,
}

/// Presence of users on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceHint {
    /// Whether `users` is everybody or only who changed.
    pub scope: PresenceScope,
    /// Users and the state of their devices there; [`None`] for gone.
    pub users: Vec<(UserId, Option<PresenceState>)>,
    /// How people chose to appear, for every node to keep; [`None`] for as their devices are.
    pub chosen: Vec<(UserId, Option<PresenceState>)>,
}

/// How much a [`PresenceHint`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PresenceScope {
    /// Only what changed; it also renews the node's lease.
    Changed,
    /// Everybody on the node: whoever is not named has gone.
    Whole,
}

/// How present a connected person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PresenceState {
    /// Chose to appear offline.
    Invisible,
    /// Connected, but idle or away.
    Away,
    /// Connected.
    Online,
}

/// What a subscription yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// A hint.
    Event(Arc<Envelope>),
    /// Hints were lost, so everything watched is to be compared with the store.
    Lagged,
}

/// Carries hints between the nodes of one store.
///
/// # Contract
/// - What is published on a topic of interest arrives at every node's subscription at most a few times, its own included, in
///   any order, or not at all; loss that the bus knows of surfaces as [`Delivery::Lagged`].
/// - `publish` does not wait for receivers.
#[async_trait]
pub trait Bus: fmt::Debug + Send + Sync + 'static {
    /// Publishes one hint.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the bus cannot be reached; the caller goes on without it.
    async fn publish(&self, topic: Topic, envelope: Arc<Envelope>) -> Result<()>;

    /// Starts and stops listening to topics.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the bus cannot be reached; it is applied once it can.
    async fn interest(&self, add: &[Topic], remove: &[Topic]) -> Result<()>;

    /// Waits for the next delivery to this node; [`None`] once the bus is closed. Only one task calls it.
    async fn next(&self) -> Option<Delivery>;

    /// Says whether hints get through at present, for readiness probes.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when they do not.
    async fn ping(&self) -> Result<()>;
}
