//! What a conversation cannot tell at once, because it has to ask the store first: it waits for a turn, in which everything of
//! that conversation is told in order. Other conversations go on meanwhile.

use super::channel::Channel;
use crate::model::{Cursor, CursorsMoved, Member, Message, Pulse, Rev, UserId};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long a turn waits for hints that overtook each other before it reads the store.
const REORDER_WAIT: Duration = Duration::from_millis(30);
/// Hints that may wait for a turn; what comes on top is read from the store instead.
const WAITING: usize = 1_024;

/// A hole that the store does not fill in so many reads is none.
const FRUITLESS: u8 = 3;

/// Hints in waiting.
#[derive(Debug, Default)]
pub(super) struct Turn {
    items: Vec<Item>,
    /// The highest count of membership changes that an item named.
    pub(super) member_rev: Rev,
    /// People came in: the listeners are to be compared with the roster.
    pub(super) adopts: bool,
    /// Where the store stands, when hints were lost.
    target: Option<(Rev, Cursor)>,
    /// Until when overtaken hints may still come.
    patience: Option<Instant>,
    /// From where the store was last read.
    filled_from: Option<(Rev, Cursor)>,
    /// How often the store was read from there and had nothing.
    fruitless: u8,
}

/// One thing to tell.
#[derive(Debug)]
pub(in crate::realtime) enum Item {
    Conversation(Rev),
    Cursors(Arc<CursorsMoved>),
    Member(Box<Member>),
    Message(Arc<Message>),
    Typing { user_id: UserId, is_typing: bool },
}

/// What a turn has to do next.
#[derive(Debug)]
pub(in crate::realtime) enum Step {
    /// Nothing waits any more.
    Done,
    /// Tell this; `reader` is somebody who may see it.
    Tell { item: Item, reader: UserId },
    /// Read what came after these numbers, as this person sees it.
    Fill { after: Rev, cursor: Cursor, reader: UserId },
    /// Read who is in it.
    Roster,
    /// Wait for hints that were overtaken.
    Wait(Instant),
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    /// It was told, or there is nobody to tell.
    Settled,
    /// It waits, and a turn has to be started.
    Start,
    /// It waits for the turn that is running.
    Waits,
}

impl Item {
    pub(super) fn rev(&self) -> Option<Rev> {
        match self {
            Self::Conversation(rev) => Some(*rev),
            Self::Member(member) => Some(member.rev),
            Self::Message(message) => Some(message.rev),
            Self::Cursors(_) | Self::Typing { .. } => None,
        }
    }
}

impl Turn {
    /// Adds something to tell.
    pub(super) fn push(&mut self, item: Item, member_rev: Rev) {
        self.member_rev = self.member_rev.max(member_rev);
        if self.items.len() < WAITING {
            self.items.push(item);
            return;
        }
        match &item {
            Item::Cursors(moved) => self.aim_at(Rev::ZERO, moved.cursor),
            Item::Typing { .. } => {}
            Item::Conversation(_) | Item::Member(_) | Item::Message(_) => {
                self.aim_at(item.rev().unwrap_or_default(), Cursor::ZERO);
            }
        }
    }

    /// Notes how far the store is.
    pub(super) fn aim_at(&mut self, rev: Rev, cursor: Cursor) {
        let target = self.target.get_or_insert((rev, cursor));
        *target = (target.0.max(rev), target.1.max(cursor));
    }
}

impl Channel {
    /// Starts a turn that compares the listeners with the roster, because somebody here may have come in; says whether the caller
    /// has to drive it.
    pub(super) fn adopt(&mut self) -> bool {
        let is_running = self.turn.is_some();
        self.turn.get_or_insert_default().adopts = true;
        !is_running
    }

    /// Says whether somebody listens who has not been told all that the store holds.
    pub(super) fn is_behind(&self, pulse: &Pulse) -> bool {
        let is_behind = pulse.last_rev > self.known || pulse.last_cursor > self.cursor;
        !self.listeners.is_empty() && (is_behind || self.is_outdated(pulse.member_rev))
    }

    /// Compares with the store; says whether a turn has to be started for what was missed.
    pub(super) fn compare(&mut self, pulse: &Pulse) -> bool {
        if self.listeners.is_empty() {
            self.known = self.known.max(pulse.last_rev);
            self.cursor = self.cursor.max(pulse.last_cursor);
            return false;
        }
        if !self.is_behind(pulse) {
            return false;
        }
        let is_running = self.turn.is_some();
        let turn = self.turn.get_or_insert_default();
        turn.member_rev = turn.member_rev.max(pulse.member_rev);
        turn.aim_at(pulse.last_rev, pulse.last_cursor);
        !is_running
    }

    /// Says what the running turn has to do next, and ends it when that is nothing.
    pub(super) fn next_step(&mut self) -> Step {
        let Some(mut turn) = self.turn.take() else { return Step::Done };
        if self.listeners.is_empty() && !turn.adopts {
            turn.items.drain(..).for_each(|item| self.pass_by(&item));
            return Step::Done;
        }
        let step = self.choose(&mut turn);
        if !matches!(step, Step::Done) {
            self.turn = Some(turn);
        }
        step
    }

    /// Takes membership first, since it decides who may see the rest; then what is next in order; then what is missing.
    fn choose(&mut self, turn: &mut Turn) -> Step {
        if turn.adopts || !self.is_fresh(turn.member_rev) {
            return Step::Roster;
        }
        turn.items.retain(|item| !self.is_old(item));
        let Some(reader) = self.reader() else { return Step::Done };
        if let Some(index) = turn.items.iter().position(|item| self.is_next(item)) {
            turn.patience = None;
            return Step::Tell { item: turn.items.swap_remove(index), reader };
        }
        let is_behind = turn.target.is_some_and(|(rev, cursor)| rev > self.known || cursor > self.cursor);
        if !is_behind {
            turn.target = None;
        }
        if turn.items.is_empty() && !is_behind {
            return Step::Done;
        }
        let until = *turn.patience.get_or_insert_with(|| Instant::now() + REORDER_WAIT);
        if !is_behind && Instant::now() < until {
            return Step::Wait(until);
        }
        turn.patience = None;
        let from = (self.known, self.cursor);
        turn.fruitless = if turn.filled_from == Some(from) { turn.fruitless + 1 } else { 0 };
        turn.filled_from = Some(from);
        if turn.fruitless == FRUITLESS {
            // The hints are of another world than the store, which may have gone back: it is the truth.
            return Step::Done;
        }
        Step::Fill { after: self.known, cursor: self.cursor, reader }
    }

    /// Gives a turn up that could not read the store: the next hint or the repair loop finds the hole.
    pub(super) fn abandon_turn(&mut self) {
        self.turn = None;
        self.forget_members();
    }
}
