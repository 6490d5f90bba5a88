//! What a node remembers of the store between reads. Bounded, forgotten on hints, and never the last word: every write is
//! checked again inside its transaction.

use crate::{
    bus::Hint,
    model::{Attachment, ConversationId, ConversationKind, MediaId, MessageId, Seq, User, UserId},
};
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};

/// A lost hint leaves a stale entry at most this long.
const LIFE: Duration = Duration::from_secs(30);

/// One person's place in one conversation, as far as deciding needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) kind: ConversationKind,
    pub(crate) pair: Option<(UserId, UserId)>,
    pub(crate) visible_from_seq: Seq,
    pub(crate) member_count: u32,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) conversation_id: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) sender_id: UserId,
}

/// The caches of one node.
pub(crate) struct Caches {
    /// Active memberships.
    pub(crate) memberships: Cache<(ConversationId, UserId), Membership>,
    /// Direct conversations by pair, smaller id first. They never end.
    pub(crate) directs: Cache<(UserId, UserId), ConversationId>,
    /// People by id.
    pub(crate) users: Cache<UserId, Arc<User>>,
    /// Hosts' users by external id.
    pub(crate) externals: Cache<Arc<str>, UserId>,
    /// Where messages stand and who wrote them, for receipts that name a message; neither ever changes.
    pub(crate) places: Cache<MessageId, Place>,
    /// Files of profiles; their facts never change.
    pub(crate) avatars: Cache<MediaId, Arc<Attachment>>,
}

impl Caches {
    pub(crate) fn new() -> Self {
        Self {
            memberships: Cache::builder().max_capacity(200_000).time_to_live(LIFE).build(),
            directs: Cache::new(200_000),
            users: Cache::builder().max_capacity(50_000).time_to_live(LIFE).build(),
            externals: Cache::builder().max_capacity(50_000).time_to_live(LIFE).build(),
            places: Cache::new(50_000),
            avatars: Cache::new(10_000),
        }
    }

    /// Forgets what a hint makes stale. The pump calls it for every hint before it delivers it.
    pub(crate) fn observe(&self, hint: &Hint) {
        match hint {
            Hint::Members { conversation_id, members, .. } => {
                for member in members {
                    self.memberships.invalidate(&(*conversation_id, member.user_id));
                }
            }
            Hint::Profile { user_id } => self.users.invalidate(user_id),
            _ => {}
        }
    }
}
