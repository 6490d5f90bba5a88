//! Receipts as frames: which message a cursor stands at, and who is told.

use super::channel::{Channel, Listener};
use crate::{
    model::{ConversationId, Cursor, CursorsMoved, MessageId, MovedCursor, Seq, UserId},
    protocol::{Cursors, MemberCursor, ReceiptStatus, ServerFrame, StatusChange, TypingNotice, encode},
    realtime::outbox::Subject,
};
use ahash::AHashMap;
use bytes::Bytes;
use std::collections::VecDeque;

/// How many messages a channel remembers, so that a receipt of one of them needs no read.
const RECENT: usize = 32;
/// A classic connection is told of at most so many own messages per move.
pub(in crate::realtime) const CLASSIC_RECEIPTS: usize = 200;
/// When more people move at once, clients get one list instead of a frame for each.
const LISTED_ABOVE: usize = 32;

/// A message as a receipt needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::realtime) struct Landmark {
    pub(in crate::realtime) seq: Seq,
    pub(in crate::realtime) id: MessageId,
    pub(in crate::realtime) sender_id: UserId,
}

/// The newest messages of a conversation, without holes, in rising `seq`.
#[derive(Debug, Default)]
pub(super) struct Recent {
    landmarks: VecDeque<Landmark>,
}

impl Recent {
    pub(super) fn push(&mut self, seq: Seq, id: MessageId, sender_id: UserId) {
        if self.landmarks.back().is_some_and(|last| last.seq.next() != seq) {
            self.landmarks.clear();
        }
        if self.landmarks.len() == RECENT {
            self.landmarks.pop_front();
        }
        self.landmarks.push_back(Landmark { seq, id, sender_id });
    }

    /// Returns the messages from `first` to `last`, if all of them are remembered.
    fn range(&self, first: Seq, last: Seq) -> Option<Vec<Landmark>> {
        let (front, back) = (self.landmarks.front()?, self.landmarks.back()?);
        let is_inside = front.seq <= first && last <= back.seq;
        let inside = |landmark: &&Landmark| (first..=last).contains(&landmark.seq);
        is_inside.then(|| self.landmarks.iter().filter(inside).copied().collect())
    }
}

/// Returns the messages that must be known to tell of these moves.
pub(in crate::realtime) fn needed(moved: &[MovedCursor], has_classic: bool) -> Option<(Seq, Seq)> {
    let last = moved.iter().map(|row| row.delivered_seq.max(row.read_seq)).max()?;
    let first = moved
        .iter()
        .map(|row| {
            let places = if row.read_seq > row.old_read_seq { row.read_seq } else { row.delivered_seq };
            let covered = row.old_delivered_seq.min(row.old_read_seq).next();
            let oldest = Seq::new(row.delivered_seq.get() - CLASSIC_RECEIPTS as i64 + 1);
            if has_classic { places.min(covered.max(oldest)) } else { places }
        })
        .min()?;
    (last > Seq::ZERO).then_some((first.max(Seq::new(1)), last))
}

impl Channel {
    /// Says whether anybody listens over a classic connection.
    pub(super) fn has_classic(&self) -> bool {
        self.listeners.iter().any(|listener| !listener.endpoint.is_v2())
    }

    /// Tells of a flush if all messages that it touches are remembered.
    pub(super) fn tell_receipts_from_recent(&mut self, flush: &CursorsMoved) -> bool {
        if self.is_large {
            self.cursor = self.cursor.max(flush.cursor);
            return true;
        }
        let landmarks = match needed(&flush.moved, self.has_classic()) {
            None => Vec::new(),
            Some((first, last)) => {
                let Some(found) = self.recent.as_ref().and_then(|recent| recent.range(first, last)) else {
                    return false;
                };
                found
            }
        };
        self.tell_receipts(flush, &landmarks);
        true
    }

    /// Tells of a flush; a receipt whose message is not among `landmarks` is only told as a number.
    pub(super) fn tell_receipts(&mut self, flush: &CursorsMoved, landmarks: &[Landmark]) {
        self.cursor = self.cursor.max(flush.cursor);
        if self.is_large {
            return;
        }
        let by_seq: AHashMap<Seq, Landmark> = landmarks.iter().map(|mark| (mark.seq, *mark)).collect();
        let receipts: Option<Vec<Receipt>> = (flush.moved.len() <= LISTED_ABOVE)
            .then(|| flush.moved.iter().flat_map(steps).map(|step| step.write(flush, &by_seq)).collect())
            .flatten();
        let Some(receipts) = receipts else { return self.tell_list(flush, landmarks) };
        for listener in &self.listeners {
            if listener.endpoint.is_v2() {
                for receipt in receipts.iter().filter(|receipt| receipt.seq >= listener.visible_from) {
                    listener.endpoint.outbox.latest(receipt.subject, &receipt.frame);
                }
            } else {
                tell_classic(listener, flush, landmarks);
            }
        }
    }

    /// Tells of many moves at once.
    pub(super) fn tell_list(&mut self, flush: &CursorsMoved, landmarks: &[Landmark]) {
        self.cursor = self.cursor.max(flush.cursor);
        if self.is_large || flush.moved.is_empty() {
            return;
        }
        let frame = list_of(flush.conversation_id, flush.cursor, &flush.moved);
        for listener in &self.listeners {
            if listener.endpoint.is_v2() {
                let subject = Subject::Receipts(flush.conversation_id, flush.cursor);
                listener.endpoint.outbox.latest(subject, &frame);
            } else {
                tell_classic(listener, flush, landmarks);
            }
        }
    }

    /// Tells that somebody types, to everybody but themselves.
    pub(super) fn tell_typing(&self, user_id: UserId, is_typing: bool) {
        let conversation_id = self.id;
        if self.is_large {
            return;
        }
        let frame = encode(&ServerFrame::Typing(TypingNotice { user_id, conversation_id, is_typing }));
        let subject = Subject::Typing(conversation_id, user_id);
        for listener in self.listeners.iter().filter(|listener| listener.endpoint.user_id != user_id) {
            listener.endpoint.outbox.ephemeral(subject, &frame);
        }
    }
}

/// One receipt as a frame.
struct Receipt {
    subject: Subject,
    seq: Seq,
    frame: Bytes,
}

/// One cursor that moved to one place.
struct CursorStep {
    user_id: UserId,
    status: ReceiptStatus,
    seq: Seq,
}

/// Returns what a row's move means: `read` implies `delivered`.
fn steps(row: &MovedCursor) -> impl Iterator<Item = CursorStep> {
    let user_id = row.user_id;
    let is_delivered = row.delivered_seq > row.old_delivered_seq && row.delivered_seq > row.read_seq;
    let is_read = row.read_seq > row.old_read_seq;
    let delivered = CursorStep { user_id, status: ReceiptStatus::Delivered, seq: row.delivered_seq };
    let read = CursorStep { user_id, status: ReceiptStatus::Read, seq: row.read_seq };
    is_delivered.then_some(delivered).into_iter().chain(is_read.then_some(read))
}

impl CursorStep {
    fn write(&self, flush: &CursorsMoved, landmarks: &AHashMap<Seq, Landmark>) -> Option<Receipt> {
        let conversation_id = flush.conversation_id;
        let change = StatusChange {
            message_id: landmarks.get(&self.seq)?.id,
            status: self.status,
            user_id: self.user_id,
            conversation_id,
            seq: self.seq,
            cursor: flush.cursor,
        };
        let subject = Subject::Receipt(conversation_id, self.user_id, self.status);
        Some(Receipt { subject, seq: self.seq, frame: encode(&ServerFrame::StatusChange(change)) })
    }
}

/// Writes the list of rows that moved.
fn list_of(conversation_id: ConversationId, cursor: Cursor, moved: &[MovedCursor]) -> Bytes {
    let members = moved
        .iter()
        .map(|row| MemberCursor {
            user_id: row.user_id,
            delivered_seq: row.delivered_seq,
            read_seq: row.read_seq,
        })
        .collect();
    encode(&ServerFrame::Cursors(Cursors { conversation_id, cursor, members }))
}

/// Tells a classic connection of each own message that is newly covered.
fn tell_classic(listener: &Listener, flush: &CursorsMoved, landmarks: &[Landmark]) {
    let endpoint = &listener.endpoint;
    for row in flush.moved.iter().filter(|row| row.user_id != endpoint.user_id) {
        let oldest = Seq::new(row.delivered_seq.get() - CLASSIC_RECEIPTS as i64);
        for mark in landmarks.iter().filter(|mark| mark.sender_id == endpoint.user_id && mark.seq > oldest) {
            let is_read = mark.seq <= row.read_seq && mark.seq > row.old_read_seq;
            let is_delivered = mark.seq <= row.delivered_seq && mark.seq > row.old_delivered_seq;
            let status = match (is_read, is_delivered) {
                (true, _) => ReceiptStatus::Read,
                (false, true) if mark.seq > row.read_seq => ReceiptStatus::Delivered,
                _ => continue,
            };
            let change = StatusChange {
                message_id: mark.id,
                status,
                user_id: row.user_id,
                conversation_id: flush.conversation_id,
                seq: mark.seq,
                cursor: flush.cursor,
            };
            let frame = encode(&ServerFrame::StatusChange(change));
            endpoint.outbox.latest(Subject::MessageStatus(mark.id), &frame);
        }
    }
}
