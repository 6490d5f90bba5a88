//! Holding events back while a resume reads what they say, and letting them follow.

use super::{DIRTY_BYTES, Life, OVERHEAD, Queue};
use crate::{
    model::{ConversationId, Rev},
    protocol::{Live, ServerFrame, encode},
    realtime::outbox::gate::{Held, Passage},
};

impl Queue {
    pub(in crate::realtime::outbox) fn hold(&mut self) {
        if self.life == Life::Open {
            self.gate.get_or_insert_default().holding = true;
        }
    }

    pub(in crate::realtime::outbox) fn release(
        &mut self,
        conversation: ConversationId,
        snapshot: Rev,
        from: Option<Rev>,
        settled: bool,
    ) {
        let held = match &mut self.gate {
            Some(gate) if gate.holding => {
                gate.set(conversation, Some(Passage::Above { floor: snapshot, settled }))
            }
            Some(gate) => {
                let floor = (!settled).then_some(Passage::Above { floor: snapshot, settled });
                gate.set(conversation, floor)
            }
            None if settled => Held::default(),
            None => {
                let gate = self.gate.get_or_insert_default();
                gate.set(conversation, Some(Passage::Above { floor: snapshot, settled }))
            }
        };
        self.drop_idle_gate();
        self.recount();
        self.flush(conversation, snapshot, from, &held);
    }

    /// Sends what was held above a snapshot. If it does not fit it becomes a `dirty` behind the snapshot's `live`, which then claims
    /// no more than the snapshot.
    fn flush(&mut self, conversation: ConversationId, snapshot: Rev, from: Option<Rev>, held: &Held) {
        let fits = self.fits(held.bytes(OVERHEAD) + DIRTY_BYTES);
        let mut top = snapshot;
        let mut dirty = held.dirty.filter(|rev| *rev > snapshot);
        for (rev, frame) in held.events.iter().filter(|(rev, _)| *rev > snapshot) {
            if fits && dirty.is_none() && *rev == top.next() {
                self.append_event(conversation, *rev, frame);
                top = *rev;
            } else {
                dirty = dirty.max(Some(*rev));
            }
        }
        if let Some(from) = from {
            let live = encode(&ServerFrame::Live(Live { conversation_id: conversation, from, rev: top }));
            self.append_event(conversation, top, &live);
        }
        for (subject, frame) in &held.receipts {
            self.push_latest(*subject, frame);
        }
        if let Some(rev) = dirty {
            self.push_dirty(conversation, rev);
        }
    }

    pub(in crate::realtime::outbox) fn withhold(&mut self, conversation: ConversationId) {
        if self.life == Life::Open {
            let gate = self.gate.get_or_insert_default();
            let held = gate.set(conversation, Some(Passage::Withheld));
            self.recount();
            if let Some(rev) = held.dirty.max(held.events.last().map(|(rev, _)| *rev)) {
                self.push_dirty(conversation, rev);
            }
        }
    }

    pub(in crate::realtime::outbox) fn resumed(&mut self) {
        let Some(gate) = &mut self.gate else { return };
        let (feed, rest) = gate.open();
        self.drop_idle_gate();
        self.recount();
        for frame in feed {
            self.push_plain(frame);
        }
        for (conversation, held) in rest {
            // Nothing was read of it: the events stand for themselves, from the first one on.
            let before = held.events.first().map_or(Rev::ZERO, |(rev, _)| Rev::new(rev.get() - 1));
            self.flush(conversation, before, None, &held);
        }
    }

    fn drop_idle_gate(&mut self) {
        self.gate.take_if(|gate| gate.is_idle());
    }
}
