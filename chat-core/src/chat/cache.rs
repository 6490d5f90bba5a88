//! What a node remembers of the store between reads. Bounded, forgotten on hints, and never the last word: every write is
//! checked again inside its transaction.

use crate::{
    bus::Hint,
    model::{Attachment, ConversationId, ConversationKind, MediaId, MessageId, Seq, User, UserId},
};
use moka::sync::Cache;
use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

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
    /// Counts the hints that made something stale.
    changes: AtomicU64,
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
            changes: AtomicU64::new(0),
            memberships: Cache::builder().max_capacity(200_000).time_to_live(LIFE).build(),
            directs: Cache::new(200_000),
            users: Cache::builder().max_capacity(50_000).time_to_live(LIFE).build(),
            externals: Cache::builder().max_capacity(50_000).time_to_live(LIFE).build(),
            places: Cache::new(50_000),
            avatars: Cache::new(10_000),
        }
    }

    /// Takes the mark that [`keep`](Self::keep) wants; call it before the store is read.
    pub(crate) fn mark(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Keeps what was read after `mark`, unless something changed meanwhile: the reading may be from before that.
    pub(crate) fn keep<K, V>(&self, mark: u64, cache: &Cache<K, V>, key: K, value: V)
    where
        K: Copy + Eq + Hash + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        cache.insert(key, value);
        // Looked at after the insertion: a change that comes later finds the entry and forgets it.
        if self.mark() != mark {
            cache.invalidate(&key);
        }
    }

    /// Forgets what a hint makes stale. The pump calls it for every hint before it delivers it.
    pub(crate) fn observe(&self, hint: &Hint) {
        match hint {
            Hint::Members { conversation_id, members, .. } => {
                self.changes.fetch_add(1, Ordering::AcqRel);
                for member in members {
                    self.memberships.invalidate(&(*conversation_id, member.user_id));
                }
            }
            Hint::Profile { user_id } | Hint::User { user_id, .. } => {
                self.changes.fetch_add(1, Ordering::AcqRel);
                self.users.invalidate(user_id);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Caches, Membership};
    use crate::{
        bus::Hint,
        model::{ConversationId, ConversationKind, Rev, Seq, UserId},
    };

    #[test]
    fn a_reading_from_before_a_change_is_not_kept() {
        let caches = Caches::new();
        let key = (ConversationId::new(1), UserId::new(1));
        let membership = Membership {
            kind: ConversationKind::Group,
            pair: None,
            visible_from_seq: Seq::ZERO,
            member_count: 2,
        };
        let mark = caches.mark();
        caches.keep(mark, &caches.memberships, key, membership);
        assert_eq!(caches.memberships.get(&key), Some(membership));
        caches.memberships.invalidate(&key);
        caches.observe(&Hint::Members { conversation_id: key.0, members: Vec::new(), member_rev: Rev::ZERO });
        caches.keep(mark, &caches.memberships, key, membership);
        assert_eq!(caches.memberships.get(&key), None);
    }
}
