//! The decisions of a batch, taken in memory on what was read under the write lock, one change after the other.
//!
//! A change is checked whole before it takes a number, so that nothing is ever taken back: one that is refused
//! leaves no hole and does not touch its neighbours.

use super::{
    broadcast,
    load::{Head, Known, Standing, Stored},
    no_message,
};
use crate::conversations::no_conversation;
use chat_core::{
    Error, Result,
    model::{
        Change, Committed, CommittedMessage, ConversationId, ConversationKind, CursorFlush, CursorsMoved,
        DeleteMessage, EditMessage, Message, MessageId, MovedCursor, NewMessage, Outcome, Quote, RequestHash,
        Rev, Role, Timestamp, UserId,
    },
};
use std::collections::BTreeSet;

/// Characters that a quote shows of its message.
const QUOTE_CHARS: usize = 200;

/// A batch at work: what is known, and what is to be written.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) known: Known,
    pub(super) appended: Vec<Appended>,
    pub(super) changed: BTreeSet<MessageId>,
    pub(super) broadcasts: Vec<broadcast::Appended>,
    are_cursors_moved: bool,
}

/// A message to be inserted.
#[derive(Debug)]
pub(super) struct Appended {
    pub(super) message: Message,
    pub(super) request_hash: RequestHash,
}

/// What the checks of an append found.
pub(super) enum Check {
    Repeated(Box<CommittedMessage>),
    Write { reply_to: Option<Quote> },
}

impl Work {
    pub(super) const fn new(known: Known) -> Self {
        Self {
            known,
            appended: Vec::new(),
            changed: BTreeSet::new(),
            broadcasts: Vec::new(),
            are_cursors_moved: false,
        }
    }

    /// Says whether there is anything to write.
    pub(super) fn is_empty(&self) -> bool {
        self.appended.is_empty()
            && self.changed.is_empty()
            && self.broadcasts.is_empty()
            && !self.are_cursors_moved
    }

    pub(super) fn apply(&mut self, change: Change) -> Result<Committed> {
        let message = |done: Result<CommittedMessage>| done.map(|done| Committed::Message(Box::new(done)));
        match change {
            Change::Append(new) => message(self.append(new)),
            Change::Broadcast(new) => self.broadcast(*new).map(|done| Committed::Broadcast(Box::new(done))),
            Change::Cursors(flush) => self.flush_cursors(&flush).map(Committed::Cursors),
            Change::Delete(delete) => message(self.delete(&delete)),
            Change::Edit(edit) => message(self.edit(edit)),
            _ => Err(Error::invalid("this store does not know that kind of change")),
        }
    }

    fn append(&mut self, new: NewMessage) -> Result<CommittedMessage> {
        match self.check_append(&new)? {
            Check::Repeated(done) => Ok(*done),
            Check::Write { reply_to } => self.insert(new, reply_to),
        }
    }

    pub(super) fn check_append(&self, new: &NewMessage) -> Result<Check> {
        if let Some(&id) = self.known.keys.get(&(new.sender_id, new.key.clone())) {
            return self.repeat(id, new.request_hash).map(|done| Check::Repeated(Box::new(done)));
        }
        let (_, standing) = self.active(new.conversation_id, new.sender_id).ok_or_else(no_conversation)?;
        self.check_ban(new.sender_id)?;
        if new.media_ids().any(|id| !self.known.media.contains(&id)) {
            return Err(Error::not_found("no such file"));
        }
        let Some(quoted) = new.reply_to else { return Ok(Check::Write { reply_to: None }) };
        let quoted = &self.known.messages.get(&quoted).ok_or_else(no_message)?.message;
        if quoted.conversation_id != new.conversation_id || quoted.seq < standing.visible_from_seq {
            return Err(no_message());
        }
        Ok(Check::Write { reply_to: Some(quote(quoted)) })
    }

    /// Answers a retry with the message's present state.
    fn repeat(&self, id: MessageId, hash: RequestHash) -> Result<CommittedMessage> {
        let (message, stored_hash, member_rev) = match self.known.messages.get(&id) {
            Some(stored) => (&stored.message, stored.request_hash, stored.member_rev),
            None => {
                let earlier = self.appended.iter().find(|earlier| earlier.message.id == id);
                let earlier = earlier.expect("a key belongs to a stored message or to one of this batch");
                let member_rev = self.known.heads[&earlier.message.conversation_id].member_rev;
                (&earlier.message, earlier.request_hash, member_rev)
            }
        };
        if stored_hash != hash {
            return Err(Error::conflict("client_id was used for another message"));
        }
        Ok(CommittedMessage { message: message.clone(), outcome: Outcome::Repeated, member_rev })
    }

    /// Returns a person's place in a conversation, if the person is in it.
    fn active(&self, id: ConversationId, user: UserId) -> Option<(&Head, &Standing)> {
        let standing = self.known.standings.get(&(id, user)).filter(|standing| standing.is_active)?;
        Some((self.known.heads.get(&id)?, standing))
    }

    pub(super) fn check_ban(&self, user: UserId) -> Result<()> {
        if self.known.banned.contains(&user) {
            return Err(Error::forbidden("you are banned"));
        }
        Ok(())
    }

    /// Numbers a message that passed its checks.
    pub(super) fn insert(&mut self, new: NewMessage, reply_to: Option<Quote>) -> Result<CommittedMessage> {
        let head = self.known.heads.get_mut(&new.conversation_id).ok_or_else(no_conversation)?;
        let rev = head.take_rev(new.now);
        head.last_seq = head.last_seq.next();
        self.known.last_message_id += 1;
        let message = Message {
            id: MessageId::new(self.known.last_message_id),
            conversation_id: new.conversation_id,
            seq: head.last_seq,
            created_rev: rev,
            rev,
            sender_id: new.sender_id,
            receiver_id: head.pair.map(|(low, high)| if low == new.sender_id { high } else { low }),
            key: new.key,
            content: new.content,
            attachments: new.attachments,
            link: new.link,
            reply_to,
            created_at: new.now,
            edited_at: None,
            deleted_at: None,
        };
        let done = CommittedMessage { message, outcome: Outcome::Applied, member_rev: head.member_rev };
        let message = done.message.clone();
        self.known.keys.insert((message.sender_id, message.key.clone()), message.id);
        self.appended.push(Appended { message, request_hash: new.request_hash });
        Ok(done)
    }

    /// Finds a message for a change by somebody who can see it.
    fn target(&self, id: MessageId, actor: UserId) -> Result<(&Stored, &Head, &Standing)> {
        let stored = self.known.messages.get(&id).ok_or_else(no_message)?;
        let place = self.active(stored.message.conversation_id, actor);
        let (head, standing) = place.ok_or_else(no_message)?;
        if stored.message.seq < standing.visible_from_seq {
            return Err(no_message());
        }
        Ok((stored, head, standing))
    }

    fn edit(&mut self, edit: EditMessage) -> Result<CommittedMessage> {
        let (stored, head, _) = self.target(edit.message_id, edit.actor)?;
        if stored.message.sender_id != edit.actor {
            return Err(Error::forbidden("only its sender can edit a message"));
        }
        self.check_ban(edit.actor)?;
        if stored.message.deleted_at.is_some() {
            return Err(Error::conflict("the message was deleted"));
        }
        if stored.message.content == edit.content {
            return Ok(unchanged(stored, head));
        }
        if edit.base_rev.is_some_and(|rev| rev != stored.message.rev) {
            return Err(Error::conflict("the message has changed"));
        }
        self.change(edit.message_id, edit.now, |message| {
            message.content = edit.content;
            message.edited_at = Some(edit.now);
        })
    }

    fn delete(&mut self, delete: &DeleteMessage) -> Result<CommittedMessage> {
        let (stored, head, standing) = self.target(delete.message_id, delete.actor)?;
        let moderates = head.kind == ConversationKind::Group && standing.role >= Role::Admin;
        if stored.message.sender_id != delete.actor && !moderates {
            return Err(Error::forbidden("only its sender or an administrator can delete a message"));
        }
        self.check_ban(delete.actor)?;
        if stored.message.deleted_at.is_some() {
            return Ok(unchanged(stored, head));
        }
        self.change(delete.message_id, delete.now, |message| {
            message.content.clear();
            message.attachments.clear();
            message.link = None;
            message.deleted_at = Some(delete.now);
        })
    }

    fn change(
        &mut self,
        id: MessageId,
        now: Timestamp,
        change: impl FnOnce(&mut Message),
    ) -> Result<CommittedMessage> {
        let message = &mut self.known.messages.get_mut(&id).ok_or_else(no_message)?.message;
        let head = self.known.heads.get_mut(&message.conversation_id).ok_or_else(no_conversation)?;
        message.rev = head.take_rev(now);
        change(message);
        let done = CommittedMessage {
            message: message.clone(),
            outcome: Outcome::Applied,
            member_rev: head.member_rev,
        };
        self.changed.insert(id);
        self.refresh_quotes(&done.message);
        Ok(done)
    }

    /// Answers that follow in the batch quote the message as it is by then.
    fn refresh_quotes(&mut self, quoted: &Message) {
        let stored = self.known.messages.values_mut().map(|stored| &mut stored.message);
        let appended = self.appended.iter_mut().map(|appended| &mut appended.message);
        for reply in stored.chain(appended).filter_map(|message| message.reply_to.as_mut()) {
            if reply.id == quoted.id {
                *reply = quote(quoted);
            }
        }
    }

    fn flush_cursors(&mut self, flush: &CursorFlush) -> Result<CursorsMoved> {
        let id = flush.conversation_id;
        let head = self.known.heads.get_mut(&id).ok_or_else(no_conversation)?;
        let cursor = head.last_cursor.next();
        let mut moved = Vec::new();
        for wanted in &flush.moves {
            let standing = self.known.standings.get_mut(&(id, wanted.user_id));
            let Some(standing) = standing.filter(|standing| standing.is_active) else { continue };
            let (old_delivered_seq, old_read_seq) = (standing.delivered_seq, standing.read_seq);
            let read_seq = old_read_seq.max(wanted.read_seq.min(head.last_seq));
            let delivered_seq = old_delivered_seq.max(wanted.delivered_seq.min(head.last_seq)).max(read_seq);
            if (delivered_seq, read_seq) == (old_delivered_seq, old_read_seq) {
                continue;
            }
            (standing.delivered_seq, standing.read_seq) = (delivered_seq, read_seq);
            standing.moved_by = Some(cursor);
            let user_id = wanted.user_id;
            moved.push(MovedCursor { user_id, delivered_seq, read_seq, old_delivered_seq, old_read_seq });
        }
        if !moved.is_empty() {
            head.last_cursor = cursor;
            head.is_changed = true;
            self.are_cursors_moved = true;
        }
        Ok(CursorsMoved { conversation_id: id, cursor: head.last_cursor, member_rev: head.member_rev, moved })
    }
}

impl Head {
    fn take_rev(&mut self, now: Timestamp) -> Rev {
        self.last_rev = self.last_rev.next();
        self.updated_at = self.updated_at.max(now);
        self.is_changed = true;
        self.last_rev
    }
}

fn unchanged(stored: &Stored, head: &Head) -> CommittedMessage {
    let message = stored.message.clone();
    CommittedMessage { message, outcome: Outcome::Repeated, member_rev: head.member_rev }
}

fn quote(message: &Message) -> Quote {
    Quote {
        id: message.id,
        seq: message.seq,
        sender_id: message.sender_id,
        content: message.content.chars().take(QUOTE_CHARS).collect(),
        deleted: message.deleted_at.is_some(),
    }
}
