//! One conversation as this node fans it out: who listens, how far they were told, and what waits for a turn.

use super::{
    event::{LiveStep, MessageEvent, give_event},
    receipts::Recent,
    turn::{Accepted, Item, Turn},
};
use crate::{
    Chat,
    model::{ConversationId, ConversationKind, Cursor, Message, Rev, Roster, Seq, UserId},
    protocol::{CloseCode, ReceiptStatus},
    realtime::endpoint::Endpoint,
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Between two `dirty` to those who do not look at a large conversation.
const DIRTY_EVERY: Duration = Duration::from_secs(2);

/// The state of a conversation on this node.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: ConversationId,
    /// The newest shared change that every listener was given, or has read itself.
    pub(super) known: Rev,
    /// The newest flush of receipts that was told.
    pub(super) cursor: Cursor,
    members: Members,
    pub(super) listeners: Vec<Listener>,
    /// What needs the store before it can be told; present while the pump works on it, and then everything goes through it.
    pub(super) turn: Option<Box<Turn>>,
    pub(super) recent: Option<Box<Recent>>,
    /// Above the fan-out limit.
    pub(super) is_large: bool,
    pace: Option<Pace>,
    /// Messages handed to listeners and not yet counted.
    told: u64,
    /// When something last came while nobody listened.
    touched: Instant,
}

/// A connection that gets a conversation's events.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) endpoint: Arc<Endpoint>,
    /// Nothing up to here is told: it was before the join.
    pub(super) since: Rev,
    /// Messages before this are not shown.
    pub(super) visible_from: Seq,
    /// The session looks at the conversation.
    pub(super) is_opened: bool,
}

/// What is known of who is in the conversation.
#[derive(Debug)]
enum Members {
    Unknown,
    /// Both for good.
    Direct,
    Group(Arc<Roster>),
}

/// The pace of `dirty` in a large conversation.
#[derive(Debug, Clone, Copy)]
struct Pace {
    last: Instant,
    pending: Option<Rev>,
}

/// Lets somebody who came late read what the others were told: a classic connection can only do that when it opens.
fn catch_up(endpoint: &Endpoint, conversation: ConversationId, known: Rev) {
    if endpoint.is_v2() {
        endpoint.outbox.dirty(conversation, known);
    } else if !endpoint.is_resuming() {
        endpoint.farewell(CloseCode::Drain);
    }
}

impl Channel {
    /// Makes the channel of a conversation that stood here when this node first heard of it.
    pub(super) fn at(id: ConversationId, known: Rev, cursor: Cursor) -> Self {
        Self {
            id,
            known,
            cursor,
            members: Members::Unknown,
            listeners: Vec::new(),
            turn: None,
            recent: None,
            is_large: false,
            pace: None,
            told: 0,
            touched: Instant::now(),
        }
    }

    pub(super) const fn known(&self) -> Rev {
        self.known
    }

    /// Says whether more was fanned out than a snapshot holds.
    pub(super) fn is_ahead_of(&self, rev: Rev, cursor: Cursor) -> bool {
        self.known > rev || self.cursor > cursor
    }

    /// Says whether nobody has an interest in what is remembered here.
    pub(super) fn is_stale(&self, now: Instant, after: Duration) -> bool {
        self.listeners.is_empty() && self.turn.is_none() && now.duration_since(self.touched) > after
    }

    /// Adds a listener; says whether it is new.
    pub(super) fn add(&mut self, endpoint: &Arc<Endpoint>, since: Rev) -> bool {
        if self.listens(endpoint.id) {
            return false;
        }
        let mut visible_from = Seq::ZERO;
        if let Members::Group(roster) = &self.members {
            match roster.members.binary_search_by_key(&endpoint.user_id, |member| member.user_id) {
                Ok(index) => visible_from = roster.members[index].visible_from_seq,
                // The list is older than the join.
                Err(_) => self.members = Members::Unknown,
            }
        }
        let endpoint = Arc::clone(endpoint);
        self.listeners.push(Listener { endpoint, since, visible_from, is_opened: false });
        true
    }

    pub(super) fn listens(&self, endpoint: u64) -> bool {
        self.listeners.iter().any(|listener| listener.endpoint.id == endpoint)
    }

    pub(super) fn remove(&mut self, endpoint: u64) {
        self.listeners.retain(|listener| listener.endpoint.id != endpoint);
        if self.listeners.is_empty() {
            self.recent = None;
            self.touched = Instant::now();
        }
    }

    pub(super) fn set_opened(&mut self, endpoint: u64, is_opened: bool) {
        for listener in self.listeners.iter_mut().filter(|listener| listener.endpoint.id == endpoint) {
            listener.is_opened = is_opened;
        }
    }

    /// Takes one thing to tell: at once if nothing stands in the way, else in a turn.
    pub(super) fn accept(&mut self, chat: &Chat, item: Item, member_rev: Rev) -> Accepted {
        if self.turn.is_none() && self.listeners.is_empty() {
            self.pass_by(&item);
            return Accepted::Settled;
        }
        if self.turn.is_none() {
            if self.is_old(&item) {
                return Accepted::Settled;
            }
            if self.tell_at_once(chat, &item, member_rev) {
                return Accepted::Settled;
            }
        }
        let is_running = self.turn.is_some();
        self.turn.get_or_insert_default().push(item, member_rev);
        if is_running { Accepted::Waits } else { Accepted::Start }
    }

    /// Takes in who is in the conversation: whoever is not stops listening, `here` (people with connections who are not listening)
    /// start.
    pub(super) fn set_roster(
        &mut self,
        roster: Roster,
        fanout_limit: usize,
        here: &[Arc<Endpoint>],
    ) -> Vec<Arc<Endpoint>> {
        let was_empty = self.listeners.is_empty();
        self.is_large = roster.members.len() > fanout_limit;
        let roster = Arc::new(roster);
        let find = |user: UserId| {
            let index = roster.members.binary_search_by_key(&user, |member| member.user_id);
            index.ok().map(|index| roster.members[index])
        };
        let mut removed = Vec::new();
        self.listeners.retain_mut(|listener| match find(listener.endpoint.user_id) {
            Some(member) => {
                listener.visible_from = member.visible_from_seq;
                listener.since = member.since_rev;
                true
            }
            None => {
                removed.push(Arc::clone(&listener.endpoint));
                false
            }
        });
        self.members = match roster.kind {
            ConversationKind::Direct => Members::Direct,
            ConversationKind::Group => Members::Group(Arc::clone(&roster)),
        };
        let is_direct = roster.kind == ConversationKind::Direct;
        let mut base: Option<Rev> = None;
        for endpoint in here.iter().filter(|endpoint| is_direct || endpoint.is_v2()) {
            let Some(member) = find(endpoint.user_id) else { continue };
            if self.add(endpoint, member.since_rev) {
                endpoint.subscribed.lock().push(self.id);
                // A resume that is under way reads a later snapshot than this one by itself.
                let from = if endpoint.is_v2() && endpoint.is_resuming() {
                    roster.last_rev
                } else {
                    member.since_rev
                };
                base = Some(base.map_or(from, |base| base.min(from)));
                // The others here were told more than that: this one has to read it.
                if !was_empty && self.known > member.since_rev {
                    catch_up(endpoint, self.id, self.known);
                }
            }
        }
        if let Some(base) = base.filter(|_| was_empty) {
            self.known = base;
            self.cursor = roster.last_cursor;
        }
        if let Some(turn) = &mut self.turn {
            // A list that is older than a hint says would be loaded for ever; the store is the truth.
            turn.member_rev = turn.member_rev.min(roster.member_rev);
            if turn.adopts {
                turn.adopts = false;
                turn.aim_at(roster.last_rev, Cursor::ZERO);
            }
        }
        removed
    }

    /// Forgets who is in it, for the next turn to read it again.
    pub(super) fn forget_members(&mut self) {
        self.members = Members::Unknown;
    }

    /// Tells a message whose place is next, or which fills a hole.
    pub(super) fn tell_message(&mut self, chat: &Chat, message: &Message, status: ReceiptStatus, known: Rev) {
        if message.created_rev == message.rev {
            self.recent.get_or_insert_default().push(message.seq, message.id, message.sender_id);
        }
        let mut event = MessageEvent::new(chat, message, status, known);
        let is_large = self.is_large;
        for listener in self.listeners.iter().filter(|listener| listener.since < message.rev) {
            if !is_large || listener.is_opened {
                self.told += u64::from(event.give(listener));
            }
        }
        self.moved_to(message.rev);
    }

    /// Tells a durable event that classic connections do not know.
    pub(super) fn tell_event(&mut self, rev: Rev, frame: &Bytes) {
        let is_large = self.is_large;
        for listener in self.listeners.iter().filter(|listener| listener.since < rev) {
            if !is_large || listener.is_opened {
                give_event(listener, self.id, rev, frame);
            }
        }
        self.moved_to(rev);
    }

    /// Moves everybody over numbers that no row carries any more.
    pub(super) fn step_to(&mut self, rev: Rev) {
        if rev > self.known {
            let mut step = LiveStep::new(self.id, self.known, rev);
            let is_large = self.is_large;
            for listener in self.listeners.iter().filter(|listener| listener.since < rev) {
                if !is_large || listener.is_opened {
                    step.give(listener);
                }
            }
            self.moved_to(rev);
        }
    }

    /// Moves everybody over the numbers between what was told and the row that follows.
    pub(super) fn step_before(&mut self, rev: Rev) {
        if rev > self.known.next() {
            self.step_to(Rev::new(rev.get() - 1));
        }
    }

    /// Too much was missed: clients of protocol 2 fetch it, classic ones find it at their next connect.
    pub(super) fn tell_dirty(&mut self, rev: Rev, cursor: Cursor) {
        for listener in &self.listeners {
            listener.endpoint.outbox.dirty(self.id, rev);
        }
        self.known = self.known.max(rev);
        self.cursor = self.cursor.max(cursor);
    }

    /// Sends the `dirty` that a large conversation owes; says whether one is still owed.
    pub(super) fn flush_dirty(&mut self, now: Instant) -> bool {
        let Some(pace) = &mut self.pace else { return false };
        let Some(rev) = pace.pending else { return false };
        if now.duration_since(pace.last) < DIRTY_EVERY {
            return true;
        }
        *pace = Pace { last: now, pending: None };
        for listener in self.listeners.iter().filter(|listener| !listener.is_opened) {
            listener.endpoint.outbox.dirty(self.id, rev);
        }
        false
    }

    fn moved_to(&mut self, rev: Rev) {
        self.known = self.known.max(rev);
        if self.is_large {
            let now = Instant::now();
            let never = now.checked_sub(DIRTY_EVERY).unwrap_or(now);
            let pace = self.pace.get_or_insert(Pace { last: never, pending: None });
            pace.pending = Some(rev);
            self.flush_dirty(now);
        }
    }

    /// Takes the count of messages that were handed to listeners.
    pub(super) fn take_told(&mut self) -> u64 {
        std::mem::take(&mut self.told)
    }

    /// Says whether a large conversation owes a `dirty`.
    pub(super) const fn owes_dirty(&self) -> bool {
        matches!(self.pace, Some(Pace { pending: Some(_), .. }))
    }

    /// Tells what is next in order and needs nothing from the store.
    fn tell_at_once(&mut self, chat: &Chat, item: &Item, member_rev: Rev) -> bool {
        match item {
            Item::Message(message) => {
                if message.receiver_id.is_some() {
                    self.members = Members::Direct;
                }
                let is_creation = message.created_rev == message.rev;
                let is_ready = is_creation && self.is_next(item) && self.is_fresh(member_rev);
                if is_ready {
                    let known = self.known;
                    self.tell_message(chat, message, ReceiptStatus::Sent, known);
                }
                is_ready
            }
            Item::Cursors(moved) => {
                self.is_next(item) && self.is_fresh(member_rev) && self.tell_receipts_from_recent(moved)
            }
            Item::Typing { user_id, is_typing } => {
                let is_ready = !matches!(self.members, Members::Unknown);
                if is_ready {
                    self.tell_typing(*user_id, *is_typing);
                }
                is_ready
            }
            Item::Conversation(_) | Item::Member(_) => false,
        }
    }

    /// Remembers something that nobody here was there to hear.
    pub(super) fn pass_by(&mut self, item: &Item) {
        self.touched = Instant::now();
        self.known = self.known.max(item.rev().unwrap_or_default());
        if let Item::Cursors(moved) = item {
            self.cursor = self.cursor.max(moved.cursor);
        }
    }

    pub(super) fn is_old(&self, item: &Item) -> bool {
        match item {
            Item::Cursors(moved) => moved.cursor <= self.cursor,
            Item::Typing { .. } => false,
            Item::Conversation(_) | Item::Member(_) | Item::Message(_) => {
                item.rev().is_some_and(|rev| rev <= self.known)
            }
        }
    }

    pub(super) fn is_next(&self, item: &Item) -> bool {
        match item {
            Item::Cursors(moved) => moved.cursor == self.cursor.next(),
            Item::Typing { .. } => true,
            Item::Conversation(_) | Item::Member(_) | Item::Message(_) => {
                item.rev() == Some(self.known.next())
            }
        }
    }

    pub(super) fn is_fresh(&self, member_rev: Rev) -> bool {
        match &self.members {
            Members::Unknown => false,
            Members::Direct => true,
            Members::Group(roster) => roster.member_rev >= member_rev,
        }
    }

    /// Says whether there is a list of members and it is older than this.
    pub(super) fn is_outdated(&self, member_rev: Rev) -> bool {
        matches!(&self.members, Members::Group(roster) if roster.member_rev < member_rev)
    }

    /// Returns the listener who sees most.
    pub(super) fn reader(&self) -> Option<UserId> {
        let first = self.listeners.iter().min_by_key(|listener| listener.visible_from);
        first.map(|listener| listener.endpoint.user_id)
    }
}
