//! What a returning client is to be told, decided from its `hello` and one snapshot of the person's feed.
//!
//! Pure: reads nothing and sends nothing, so that every case is a plain test.

use crate::{
    model::{ConversationId, Cursor, Epoch, Feed, Head, Rev, Seq},
    protocol::{Have, Hello},
};
use ahash::{AHashMap, AHashSet};

/// The most changes of the own feed that are told one by one; beyond them the list is reset.
const FEED_CHANGES: usize = 500;

/// The most conversations that are told beside the listed ones.
pub(super) const FURTHER: usize = 200;

/// The answer to a `hello`, in the order in which it is sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// The list of conversations is void: its `user_rev`.
    pub(super) reset_list: bool,
    /// Whether the person's own row may have changed.
    pub(super) profile: bool,
    /// Memberships that changed in the own feed and are not told further below, in rising `user_rev`.
    pub(super) feed: Vec<FeedItem>,
    /// Moves of the device's own cursors: conversation, delivered, read.
    pub(super) moves: Vec<(ConversationId, Seq, Seq)>,
    /// The listed conversations in the client's order, without the unchanged ones.
    pub(super) listed: Vec<Listed>,
    /// Other conversations, newest activity first.
    pub(super) further: Vec<ConversationId>,
    /// Conversations that are not told at all.
    pub(super) untold: Vec<ConversationId>,
}

/// A change of the own feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FeedItem {
    /// Settings of a conversation that the client lists.
    Changed(ConversationId),
    /// The person is out.
    Gone(ConversationId, Rev),
}

/// What happens to a listed conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// The person is not in it.
    Gone(ConversationId, Option<Rev>),
    /// The client starts afresh.
    Reset(ResetPoint),
    /// The changes after what the client has.
    Changes {
        /// Which.
        conversation_id: ConversationId,
        /// It knows everything up to here.
        rev: Rev,
        /// It knows receipts up to here.
        cursor: Option<Cursor>,
        /// Where it stood in the snapshot.
        head: Rev,
    },
}

impl Listed {
    /// Returns which conversation it is about.
    pub(super) const fn conversation_id(&self) -> ConversationId {
        match self {
            Self::Gone(id, _) => *id,
            Self::Reset(point) => point.conversation_id,
            Self::Changes { conversation_id, .. } => *conversation_id,
        }
    }
}

/// From where a client starts afresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ResetPoint {
    pub(super) conversation_id: ConversationId,
    pub(super) rev: Rev,
    pub(super) cursor: Cursor,
    pub(super) first_seq: Seq,
    pub(super) last_seq: Seq,
}

impl From<&Head> for ResetPoint {
    fn from(head: &Head) -> Self {
        Self {
            conversation_id: head.conversation_id,
            rev: head.last_rev,
            cursor: head.last_cursor,
            first_seq: head.first_seq,
            last_seq: head.last_seq,
        }
    }
}

/// Decides what to tell.
pub(super) fn plan(hello: &Hello, feed: &Feed, epoch: &Epoch) -> Plan {
    let heads: AHashMap<_, _> = feed.heads.iter().map(|head| (head.conversation_id, head)).collect();
    let listed_ids: AHashSet<_> = hello.have.iter().map(|have| have.conversation_id).collect();
    let void = is_void(hello, feed, epoch, &heads);
    let changes = match hello.user_rev {
        Some(known) if !void => feed_changes(feed, known, &listed_ids),
        _ => Some(Vec::new()),
    };
    let mut plan = Plan {
        reset_list: void || changes.is_none(),
        profile: hello.user_rev.is_some_and(|known| void || known < feed.user.user_rev),
        feed: changes.unwrap_or_default(),
        ..Plan::default()
    };
    let mut seen = AHashSet::default();
    for have in hello.have.iter().filter(|have| seen.insert(have.conversation_id)) {
        plan.list(have, heads.get(&have.conversation_id).copied(), void);
    }
    let mut rest = feed
        .heads
        .iter()
        .filter(|head| head.left_rev.is_none() && !listed_ids.contains(&head.conversation_id))
        .map(|head| head.conversation_id);
    plan.further = rest.by_ref().take(FURTHER).collect();
    plan.untold = rest.collect();
    plan
}

/// Says whether all numbers of the client are void: they belong to another incarnation of the store, or the store has gone back
/// without giving itself a fresh name.
fn is_void(hello: &Hello, feed: &Feed, epoch: &Epoch, heads: &AHashMap<ConversationId, &Head>) -> bool {
    let beyond = |have: &Have| heads.get(&have.conversation_id).is_some_and(|head| have.rev > head.last_rev);
    hello.epoch.as_ref().is_some_and(|theirs| theirs != epoch)
        || hello.user_rev.is_some_and(|known| known > feed.user.user_rev)
        || hello.have.iter().any(beyond)
}

/// Lists changes of the own feed; [`None`] when there are too many to tell.
fn feed_changes(feed: &Feed, known: Rev, listed: &AHashSet<ConversationId>) -> Option<Vec<FeedItem>> {
    let mut changed: Vec<_> = feed.heads.iter().filter(|head| head.user_rev > known).collect();
    changed.sort_unstable_by_key(|head| head.user_rev);
    let items: Vec<_> = changed
        .into_iter()
        .filter_map(|head| match head.left_rev {
            // One that the client lists is answered in its place.
            Some(_) if listed.contains(&head.conversation_id) => None,
            Some(_) => Some(FeedItem::Gone(head.conversation_id, head.user_rev)),
            None if listed.contains(&head.conversation_id) => Some(FeedItem::Changed(head.conversation_id)),
            // One that it does not list is told as a further one.
            None => None,
        })
        .collect();
    (items.len() <= FEED_CHANGES).then_some(items)
}

impl Plan {
    fn list(&mut self, have: &Have, head: Option<&Head>, void: bool) {
        let Some(head) = head else {
            return self.listed.push(Listed::Gone(have.conversation_id, None));
        };
        if head.left_rev.is_some() {
            return self.listed.push(Listed::Gone(have.conversation_id, Some(head.user_rev)));
        }
        if void || have.rev < head.since_rev || have.rev < head.reset_rev {
            self.listed.push(Listed::Reset(head.into()));
            if void {
                return;
            }
        } else if have.rev < head.last_rev || have.cursor.is_some_and(|cursor| cursor != head.last_cursor) {
            self.listed.push(Listed::Changes {
                conversation_id: have.conversation_id,
                rev: have.rev,
                cursor: have.cursor,
                head: head.last_rev,
            });
        }
        let read = have.read_seq.unwrap_or_default().min(head.last_seq);
        let delivered = have.delivered_seq.unwrap_or_default().min(head.last_seq).max(read);
        if delivered > head.delivered_seq || read > head.read_seq {
            self.moves.push((have.conversation_id, delivered, read));
        }
    }
}

#[cfg(test)]
mod tests;
