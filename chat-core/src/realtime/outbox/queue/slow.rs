//! The three stages for a reader who is too slow.

use super::{DIRTY_BYTES, Item, Kind, OVERHEAD, Queue};
use crate::{
    model::ConversationId,
    protocol::CloseCode,
    realtime::{meters, outbox::Dialect},
};
use ahash::{AHashMap, AHashSet};

impl Queue {
    /// Makes room or closes the connection; says whether there is room.
    pub(super) fn make_room(&mut self, need: usize) -> bool {
        let fits = self.make_room_for(need, None);
        if !fits {
            self.give_up();
        }
        fits
    }

    /// Goes through the stages as far as needed. `newcomer` is the conversation whose event asks: as a last resort it is itself
    /// told as `dirty`, so it does not close the connection as long as that fits.
    pub(super) fn make_room_for(&mut self, need: usize, newcomer: Option<ConversationId>) -> bool {
        if self.fits(need) {
            return true;
        }
        self.drop_ephemera();
        if self.fits(need) {
            return true;
        }
        if self.dialect == Dialect::V2 {
            self.collapse(need);
            if self.fits(need) {
                return true;
            }
        }
        if newcomer.is_none() || self.dialect == Dialect::Classic || !self.fits(DIRTY_BYTES) {
            self.give_up();
        }
        false
    }

    /// Stage one: ephemera go, and of what only the last counts only the last stays.
    pub(super) fn drop_ephemera(&mut self) {
        let before = self.items.len();
        let mut seen = AHashSet::default();
        let mut keep: Vec<bool> = self
            .items
            .iter()
            .rev()
            .map(|item| match item.kind {
                Kind::Ephemeral(_) => false,
                Kind::Latest(subject) => seen.insert(subject),
                Kind::Plain | Kind::Event(..) => true,
            })
            .collect();
        self.items.retain(|_| keep.pop().unwrap_or(true));
        self.recount();
        meters::dropped("ephemera", before - self.items.len());
    }

    /// Stage two: the events of a conversation become one `dirty`, the largest conversation first, until `need` fits.
    fn collapse(&mut self, need: usize) {
        while !self.fits(need) {
            let Some(conversation) = self.largest() else { return };
            meters::dropped("collapsed", 1);
            if let Some(gate) = &mut self.gate {
                gate.collapse(conversation);
            }
            let last = self.items.iter().filter_map(|item| item.event_of(conversation)).max();
            if let Some(rev) = last {
                self.items.retain(|item| item.event_of(conversation).is_none());
                self.dirty.push((conversation, rev));
            }
            self.recount();
        }
    }

    fn largest(&self) -> Option<ConversationId> {
        let mut sizes: AHashMap<ConversationId, usize> = AHashMap::default();
        for item in &self.items {
            if let Kind::Event(conversation, _) = item.kind {
                *sizes.entry(conversation).or_default() += item.bytes();
            }
        }
        if let Some(gate) = &self.gate {
            for (conversation, bytes) in gate.sizes(OVERHEAD) {
                *sizes.entry(conversation).or_default() += bytes;
            }
        }
        // A conversation smaller than the `dirty` that replaces it is not worth it.
        sizes
            .into_iter()
            .filter(|(_, bytes)| *bytes > DIRTY_BYTES)
            .max_by_key(|(id, bytes)| (*bytes, id.get()))
            .map(|(id, _)| id)
    }

    /// Stage three.
    pub(super) fn give_up(&mut self) {
        meters::dropped("closed", 1);
        self.cut(CloseCode::Slow);
    }

    pub(super) fn recount(&mut self) {
        self.queued = self.items.iter().map(Item::bytes).sum::<usize>() + self.dirty.len() * DIRTY_BYTES;
        self.held = self.gate.as_ref().map_or(0, |gate| gate.bytes(OVERHEAD));
    }
}
