//! The queue itself: accounting, the three stages for slow readers, and the gate of a running resume.

mod resume;
mod slow;

use super::{
    Dialect, Outgoing, Subject,
    gate::{Gate, Verdict},
};
use crate::{
    model::{ConversationId, Rev},
    protocol::{CloseCode, Dirty, ServerFrame, encode},
};
use bytes::Bytes;
use std::collections::VecDeque;

/// What an item costs beside its bytes: its place in the queue.
const OVERHEAD: usize = std::mem::size_of::<Item>();

/// What a `dirty` is counted as, before it is written.
const DIRTY_BYTES: usize = 96;

#[derive(Debug)]
struct Item {
    what: Outgoing,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    Event(ConversationId, Rev),
    Ephemeral(Subject),
    Latest(Subject),
}

/// Whether more may be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    /// The close is queued or written; nothing may follow.
    Closing,
    /// The transport is gone.
    Abandoned,
}

pub(super) struct Queue {
    limit: usize,
    dialect: Dialect,
    life: Life,
    items: VecDeque<Item>,
    /// Conversations to be fetched; written after the items. An event of one that stands here only raises the number.
    dirty: Vec<(ConversationId, Rev)>,
    /// Bytes of `items` and `dirty`.
    queued: usize,
    /// Bytes that the transport took and has not said to be written.
    in_flight: usize,
    /// Bytes that the gate holds back.
    held: usize,
    gate: Option<Box<Gate>>,
}

impl Queue {
    pub(super) const fn new(limit: usize, dialect: Dialect) -> Self {
        Self {
            limit,
            dialect,
            life: Life::Open,
            items: VecDeque::new(),
            dirty: Vec::new(),
            queued: 0,
            in_flight: 0,
            held: 0,
            gate: None,
        }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.queued + self.in_flight + self.held
    }

    pub(super) const fn has_room(&self) -> bool {
        self.queued + self.in_flight < self.limit / 2
    }

    pub(super) fn is_closed(&self) -> bool {
        self.life != Life::Open
    }

    pub(super) fn has_output(&self) -> bool {
        !self.items.is_empty() || !self.dirty.is_empty() || self.life != Life::Open
    }

    /// Says whether nothing will ever come again.
    pub(super) fn is_over(&self) -> bool {
        self.life != Life::Open && self.items.is_empty()
    }

    pub(super) fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    pub(super) fn drain(&mut self, into: &mut Vec<Outgoing>) -> usize {
        let before = into.len();
        into.extend(self.items.drain(..).map(|item| item.what));
        for (conversation_id, rev) in self.dirty.drain(..) {
            into.push(Outgoing::Frame(encode(&ServerFrame::Dirty(Dirty { conversation_id, rev }))));
        }
        // An idle connection keeps no buffer that a burst has made large.
        if self.items.capacity() > 64 {
            self.items = VecDeque::new();
        }
        self.in_flight = self.queued;
        self.queued = 0;
        into.len() - before
    }

    pub(super) fn abandon(&mut self) {
        self.clear();
        self.life = Life::Abandoned;
    }

    pub(super) fn close(&mut self, code: CloseCode) {
        if self.life == Life::Open {
            // A `dirty` must not follow the close.
            for (conversation_id, rev) in std::mem::take(&mut self.dirty) {
                let frame = encode(&ServerFrame::Dirty(Dirty { conversation_id, rev }));
                self.items.push_back(Item { what: Outgoing::Frame(frame), kind: Kind::Plain });
            }
            self.items.push_back(Item { what: Outgoing::Close(code), kind: Kind::Plain });
            self.life = Life::Closing;
            self.gate = None;
            self.held = 0;
        }
    }

    pub(super) fn cut(&mut self, code: CloseCode) {
        if self.life == Life::Open {
            self.clear();
            self.close(code);
        }
    }

    fn clear(&mut self) {
        self.items = VecDeque::new();
        self.dirty = Vec::new();
        self.gate = None;
        self.queued = 0;
        self.held = 0;
    }

    pub(super) fn push_ping(&mut self) {
        if self.life == Life::Open {
            self.items.push_back(Item { what: Outgoing::Ping, kind: Kind::Plain });
            self.queued += OVERHEAD;
        }
    }

    pub(super) fn push_plain(&mut self, frame: Bytes) {
        if self.life == Life::Open && self.make_room(frame.len() + OVERHEAD) {
            self.append(Kind::Plain, frame);
        }
    }

    /// Queues a row of a resume if it can be written without calling the reader slow; gives it back otherwise.
    pub(super) fn push_row(&mut self, frame: Bytes) -> Option<Bytes> {
        if self.life != Life::Open {
            return None;
        }
        let need = frame.len() + OVERHEAD;
        if self.queued + self.in_flight > 0 && !(self.has_room() && self.fits(need)) {
            return Some(frame);
        }
        self.append(Kind::Plain, frame);
        None
    }

    pub(super) fn push_ephemeral(&mut self, subject: Subject, frame: &Bytes) {
        if self.life != Life::Open {
            return;
        }
        let need = frame.len() + OVERHEAD;
        if let Some(waiting) = self.newest_about(subject) {
            // Only the last word counts, and it takes the place of the one before.
            let before = std::mem::replace(waiting, frame.clone()).len();
            self.queued = self.queued + frame.len() - before;
            return;
        }
        if !self.fits(need) {
            self.drop_ephemera();
            if !self.fits(need) {
                crate::realtime::meters::dropped("ephemera", 1);
                return;
            }
        }
        self.append(Kind::Ephemeral(subject), frame.clone());
    }

    /// Returns the waiting frame about the same, if it is among the newest items.
    fn newest_about(&mut self, subject: Subject) -> Option<&mut Bytes> {
        const NEWEST: usize = 16;
        self.items.iter_mut().rev().take(NEWEST).find_map(|item| match (&item.kind, &mut item.what) {
            (Kind::Ephemeral(other), Outgoing::Frame(frame)) if *other == subject => Some(frame),
            _ => None,
        })
    }

    pub(super) fn push_latest(&mut self, subject: Subject, frame: &Bytes) {
        if self.life != Life::Open {
            return;
        }
        if let (Some(conversation), Some(gate)) = (subject.receipts_of(), &mut self.gate) {
            match gate.judge_receipt(conversation) {
                Verdict::Hold => {
                    gate.held(conversation).receipts.push((subject, frame.clone()));
                    self.held += frame.len() + OVERHEAD;
                    self.make_room(0);
                    return;
                }
                Verdict::Drop | Verdict::Dirty => return,
                Verdict::Pass => {}
            }
        }
        if self.make_room(frame.len() + OVERHEAD) {
            self.append(Kind::Latest(subject), frame.clone());
        }
    }

    pub(super) fn push_feed(&mut self, frame: Bytes) {
        if self.life != Life::Open {
            return;
        }
        match &mut self.gate {
            Some(gate) if gate.holding => {
                self.held += frame.len() + OVERHEAD;
                gate.hold_feed(frame);
                self.make_room(0);
            }
            _ => self.push_plain(frame),
        }
    }

    pub(super) fn push_event(&mut self, conversation: ConversationId, rev: Rev, frame: &Bytes) {
        if self.life != Life::Open {
            return;
        }
        if let Some(gate) = &mut self.gate {
            match gate.judge(conversation, rev) {
                Verdict::Pass => {
                    if gate.is_idle() {
                        self.gate = None;
                    }
                }
                Verdict::Drop => return,
                Verdict::Dirty => return self.push_dirty(conversation, rev),
                Verdict::Hold => return self.hold_event(conversation, rev, frame),
            }
        }
        self.append_event(conversation, rev, frame);
    }

    fn hold_event(&mut self, conversation: ConversationId, rev: Rev, frame: &Bytes) {
        let Some(gate) = &mut self.gate else { return };
        let held = gate.held(conversation);
        if held.dirty.is_some() {
            held.dirty = held.dirty.max(Some(rev));
            return;
        }
        held.events.push((rev, frame.clone()));
        self.held += frame.len() + OVERHEAD;
        self.make_room(0);
    }

    fn append_event(&mut self, conversation: ConversationId, rev: Rev, frame: &Bytes) {
        if self.raise_dirty(conversation, rev) {
            return;
        }
        let fits = self.make_room_for(frame.len() + OVERHEAD, Some(conversation));
        // Making room may have turned this very conversation into a `dirty`, or closed the connection.
        if self.life == Life::Open && !self.raise_dirty(conversation, rev) {
            if fits {
                self.append(Kind::Event(conversation, rev), frame.clone());
            } else {
                self.push_dirty(conversation, rev);
            }
        }
    }

    fn raise_dirty(&mut self, conversation: ConversationId, rev: Rev) -> bool {
        match self.dirty.iter_mut().find(|(id, _)| *id == conversation) {
            Some((_, known)) => {
                *known = rev.max(*known);
                true
            }
            None => false,
        }
    }

    pub(super) fn push_dirty(&mut self, conversation: ConversationId, rev: Rev) {
        if self.life != Life::Open || self.raise_dirty(conversation, rev) {
            return;
        }
        if self.dialect == Dialect::Classic {
            return self.give_up();
        }
        if self.make_room(DIRTY_BYTES) {
            self.queued += DIRTY_BYTES;
            self.dirty.push((conversation, rev));
        }
    }

    fn append(&mut self, kind: Kind, frame: Bytes) {
        self.queued += frame.len() + OVERHEAD;
        self.items.push_back(Item { what: Outgoing::Frame(frame), kind });
    }

    /// Says whether so many bytes more stay in the bound; a single frame always may, whatever its size.
    const fn fits(&self, need: usize) -> bool {
        self.bytes() == 0 || self.bytes() + need <= self.limit
    }
}

impl Item {
    fn bytes(&self) -> usize {
        OVERHEAD
            + match &self.what {
                Outgoing::Frame(frame) => frame.len(),
                Outgoing::Ping | Outgoing::Close(_) => 0,
            }
    }

    fn event_of(&self, conversation: ConversationId) -> Option<Rev> {
        match self.kind {
            Kind::Event(id, rev) if id == conversation => Some(rev),
            _ => None,
        }
    }
}
