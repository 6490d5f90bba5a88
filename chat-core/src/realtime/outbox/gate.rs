//! What a resume holds back, so that nothing is lost between reading a snapshot and being live, and nothing comes twice.

use super::Subject;
use crate::model::{ConversationId, Rev};
use ahash::AHashMap;
use bytes::Bytes;

/// The conversations of one connection that are not simply live. Empty, and not even allocated, in the steady state.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Whether conversations that are not named are held back.
    pub(super) holding: bool,
    named: AHashMap<ConversationId, Passage>,
    /// Changes of the own feed that came during the resume.
    feed: Vec<Bytes>,
}

/// How the events of one conversation pass.
#[derive(Debug)]
pub(super) enum Passage {
    /// Kept until the snapshot is known.
    Held(Held),
    /// Those up to the snapshot were sent by the resume. `settled`: no more of those can come.
    Above {
        /// The snapshot.
        floor: Rev,
        /// Whether the entry is only there because other conversations are held.
        settled: bool,
    },
    /// The client has not been told of the conversation: it gets `dirty`.
    Withheld,
}

/// Events that wait for their conversation's snapshot.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// In rising rev.
    pub(super) events: Vec<(Rev, Bytes)>,
    /// Receipts.
    pub(super) receipts: Vec<(Subject, Bytes)>,
    /// Events were given up for want of room; up to here the client has to fetch.
    pub(super) dirty: Option<Rev>,
}

/// What is to be done with an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Drop,
    Dirty,
    Hold,
}

impl Held {
    /// Returns the bytes that wait here.
    pub(super) fn bytes(&self, overhead: usize) -> usize {
        let events = self.events.iter().map(|(_, frame)| frame.len() + overhead).sum::<usize>();
        let receipts = self.receipts.iter().map(|(_, frame)| frame.len() + overhead).sum::<usize>();
        events + receipts
    }

    /// Gives the events up and remembers only how far they went.
    pub(super) fn collapse(&mut self) {
        let last = self.events.last().map(|(rev, _)| *rev);
        self.dirty = self.dirty.max(last);
        self.events = Vec::new();
    }
}

impl Gate {
    /// Decides on an event; an entry that has done its duty goes.
    pub(super) fn judge(&mut self, conversation: ConversationId, rev: Rev) -> Verdict {
        match self.named.get(&conversation) {
            None if self.holding => Verdict::Hold,
            None => Verdict::Pass,
            Some(Passage::Held(_)) => Verdict::Hold,
            Some(Passage::Withheld) => Verdict::Dirty,
            Some(Passage::Above { floor, .. }) if rev <= *floor => Verdict::Drop,
            Some(Passage::Above { .. }) => {
                // Events come in order, so the first one above the floor is the last that could need it.
                if !self.holding {
                    self.named.remove(&conversation);
                }
                Verdict::Pass
            }
        }
    }

    /// Decides on a receipt.
    pub(super) fn judge_receipt(&self, conversation: ConversationId) -> Verdict {
        match self.named.get(&conversation) {
            Some(Passage::Held(_)) => Verdict::Hold,
            Some(Passage::Withheld) => Verdict::Drop,
            Some(Passage::Above { .. }) => Verdict::Pass,
            None if self.holding => Verdict::Hold,
            None => Verdict::Pass,
        }
    }

    /// Returns the held events of a conversation.
    pub(super) fn held(&mut self, conversation: ConversationId) -> &mut Held {
        let passage = self.named.entry(conversation).or_insert_with(|| Passage::Held(Held::default()));
        if !matches!(passage, Passage::Held(_)) {
            *passage = Passage::Held(Held::default());
        }
        match passage {
            Passage::Held(held) => held,
            Passage::Above { .. } | Passage::Withheld => unreachable!("the passage was just set to held"),
        }
    }

    /// Returns the conversations that hold events, with their bytes.
    pub(super) fn sizes(&self, overhead: usize) -> impl Iterator<Item = (ConversationId, usize)> {
        self.named.iter().filter_map(move |(id, passage)| match passage {
            Passage::Held(held) if !held.events.is_empty() => Some((*id, held.bytes(overhead))),
            _ => None,
        })
    }

    /// Returns the bytes of all that is held back.
    pub(super) fn bytes(&self, overhead: usize) -> usize {
        let feed = self.feed.iter().map(|frame| frame.len() + overhead).sum::<usize>();
        let held = self.named.values().map(|passage| match passage {
            Passage::Held(held) => held.bytes(overhead),
            Passage::Above { .. } | Passage::Withheld => 0,
        });
        feed + held.sum::<usize>()
    }

    /// Gives up the held events of a conversation, if there are any.
    pub(super) fn collapse(&mut self, conversation: ConversationId) {
        if let Some(Passage::Held(held)) = self.named.get_mut(&conversation) {
            held.collapse();
        }
    }

    /// Holds back one more change of the own feed.
    pub(super) fn hold_feed(&mut self, frame: Bytes) {
        self.feed.push(frame);
    }

    /// Replaces how a conversation's events pass; returns what was held.
    pub(super) fn set(&mut self, conversation: ConversationId, passage: Option<Passage>) -> Held {
        let old = match passage {
            Some(passage) => self.named.insert(conversation, passage),
            None => self.named.remove(&conversation),
        };
        match old {
            Some(Passage::Held(held)) => held,
            _ => Held::default(),
        }
    }

    /// Stops holding: returns the feed and all that was held, and keeps only entries that are still needed.
    pub(super) fn open(&mut self) -> (Vec<Bytes>, Vec<(ConversationId, Held)>) {
        self.holding = false;
        let mut rest = Vec::new();
        self.named.retain(|id, passage| match passage {
            Passage::Held(held) => {
                rest.push((*id, std::mem::take(held)));
                false
            }
            Passage::Above { settled, .. } => !*settled,
            Passage::Withheld => true,
        });
        (std::mem::take(&mut self.feed), rest)
    }

    /// Says whether nothing is special about any conversation.
    pub(super) fn is_idle(&self) -> bool {
        !self.holding && self.named.is_empty()
    }
}
