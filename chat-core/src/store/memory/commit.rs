//! The writes of the hot path. Each is checked whole before anything of it is written, so nothing is ever taken back.

use super::{
    messages::no_message,
    state::{BroadcastRow, JobRow, MessageRow, State, no_conversation},
};
use crate::{
    Error, Result,
    model::{
        Broadcast, BroadcastId, BroadcastState, Change, Committed, CommittedBroadcast, CommittedMessage,
        ConversationKind, CursorFlush, CursorMove, CursorsMoved, DeleteMessage, EditMessage, Job, JobId,
        Message, MessageId, MovedCursor, NewBroadcast, NewJob, NewMessage, Outcome, Role, Seq, Timestamp,
        UserId,
    },
};
use std::collections::{BTreeSet, HashSet};

/// What the checks of an append found.
enum Append {
    Repeated(MessageId),
    Write { reply_to: Option<Seq> },
}

impl State {
    /// Applies one change of a batch. A refused one has written nothing and taken no number.
    pub(super) fn apply(&mut self, change: Change) -> Result<Committed> {
        match change {
            Change::Append(new) => self.append(new).map(|done| Committed::Message(Box::new(done))),
            Change::Broadcast(new) => self.broadcast(*new).map(|done| Committed::Broadcast(Box::new(done))),
            Change::Cursors(flush) => self.flush_cursors(&flush).map(Committed::Cursors),
            Change::Delete(delete) => self.delete(&delete).map(|done| Committed::Message(Box::new(done))),
            Change::Edit(edit) => self.edit(edit).map(|done| Committed::Message(Box::new(done))),
        }
    }

    fn append(&mut self, new: NewMessage) -> Result<CommittedMessage> {
        match self.check_append(&new)? {
            Append::Repeated(id) => self.committed(id, Outcome::Repeated),
            Append::Write { reply_to } => {
                let id = self.insert_message(new, reply_to);
                self.committed(id, Outcome::Applied)
            }
        }
    }

    fn check_append(&self, new: &NewMessage) -> Result<Append> {
        if let Some(&id) = self.message_keys.get(&(new.sender_id, new.key.clone())) {
            if self.message_row(id)?.request_hash != new.request_hash {
                return Err(Error::conflict("client_id was used for another message"));
            }
            return Ok(Append::Repeated(id));
        }
        let member = self.active(new.conversation_id, new.sender_id)?;
        self.check_ban(new.sender_id)?;
        if new.media_ids().any(|id| !self.media.contains_key(&id)) {
            return Err(Error::not_found("no such file"));
        }
        let Some(quoted) = new.reply_to else { return Ok(Append::Write { reply_to: None }) };
        match self.message_ids.get(&quoted) {
            Some(&(place, seq)) if place == new.conversation_id && seq >= member.visible_from_seq => {
                Ok(Append::Write { reply_to: Some(seq) })
            }
            _ => Err(no_message()),
        }
    }

    fn check_ban(&self, user: UserId) -> Result<()> {
        if self.user(user)?.is_banned {
            return Err(Error::forbidden("you are banned"));
        }
        Ok(())
    }

    fn insert_message(&mut self, new: NewMessage, reply_to: Option<Seq>) -> MessageId {
        let place = new.conversation_id;
        let id = MessageId::new(self.next_id());
        let rev = self.next_rev(place, new.now);
        let conversation = self.conversation_mut(place);
        conversation.last_seq = conversation.last_seq.next();
        let seq = conversation.last_seq;
        let receiver_id = conversation.receiver(new.sender_id);
        self.message_ids.insert(id, (place, seq));
        self.message_revs.insert((place, rev), seq);
        self.message_keys.insert((new.sender_id, new.key.clone()), id);
        self.media_uses.extend(new.media_ids().map(|media| (media, id)));
        let message = Message {
            id,
            conversation_id: place,
            seq,
            created_rev: rev,
            rev,
            sender_id: new.sender_id,
            receiver_id,
            key: new.key,
            content: new.content,
            attachments: new.attachments,
            link: new.link,
            reply_to: None,
            created_at: new.now,
            edited_at: None,
            deleted_at: None,
        };
        self.messages.insert((place, seq), MessageRow { message, request_hash: new.request_hash, reply_to });
        id
    }

    fn committed(&self, id: MessageId, outcome: Outcome) -> Result<CommittedMessage> {
        let message = self.message(self.message_row(id)?);
        let member_rev = self.conversation(message.conversation_id)?.member_rev;
        Ok(CommittedMessage { message, outcome, member_rev })
    }

    fn edit(&mut self, edit: EditMessage) -> Result<CommittedMessage> {
        let (row, _) = self.visible(edit.message_id, edit.actor)?;
        if row.message.sender_id != edit.actor {
            return Err(Error::forbidden("only its sender can edit a message"));
        }
        self.check_ban(edit.actor)?;
        if row.message.deleted_at.is_some() {
            return Err(Error::conflict("the message was deleted"));
        }
        if row.message.content == edit.content {
            return self.committed(edit.message_id, Outcome::Repeated);
        }
        if edit.base_rev.is_some_and(|rev| rev != row.message.rev) {
            return Err(Error::conflict("the message has changed"));
        }
        self.change_message(edit.message_id, edit.now, |message| {
            message.content = edit.content;
            message.edited_at = Some(edit.now);
        })
    }

    fn delete(&mut self, delete: &DeleteMessage) -> Result<CommittedMessage> {
        let (row, member) = self.visible(delete.message_id, delete.actor)?;
        let kind = self.conversation(row.message.conversation_id)?.kind;
        let moderates = kind == ConversationKind::Group && member.role >= Role::Admin;
        if row.message.sender_id != delete.actor && !moderates {
            return Err(Error::forbidden("only its sender or an administrator can delete a message"));
        }
        self.check_ban(delete.actor)?;
        if row.message.deleted_at.is_some() {
            return self.committed(delete.message_id, Outcome::Repeated);
        }
        for media in row.message.attachments.iter().map(|attachment| attachment.id).collect::<Vec<_>>() {
            self.media_uses.remove(&(media, delete.message_id));
        }
        self.change_message(delete.message_id, delete.now, |message| {
            message.content.clear();
            message.attachments.clear();
            message.link = None;
            message.deleted_at = Some(delete.now);
        })
    }

    /// Writes a change of a message that exists, under the next number.
    fn change_message(
        &mut self,
        id: MessageId,
        now: Timestamp,
        change: impl FnOnce(&mut Message),
    ) -> Result<CommittedMessage> {
        let (place, seq) = *self.message_ids.get(&id).ok_or_else(no_message)?;
        let rev = self.next_rev(place, now);
        let row = self.messages.get_mut(&(place, seq)).expect("every id has its row");
        self.message_revs.remove(&(place, row.message.rev));
        self.message_revs.insert((place, rev), seq);
        row.message.rev = rev;
        change(&mut row.message);
        self.committed(id, Outcome::Applied)
    }

    fn flush_cursors(&mut self, flush: &CursorFlush) -> Result<CursorsMoved> {
        let id = flush.conversation_id;
        let head = self.conversation(id)?.last_seq;
        let cursor = self.conversation(id)?.last_cursor.next();
        let mut moved = Vec::new();
        for &CursorMove { user_id, delivered_seq, read_seq } in &flush.moves {
            let Some(member) = self.members.get_mut(&(id, user_id)).filter(|member| member.is_active())
            else {
                continue;
            };
            let (old_delivered_seq, old_read_seq) = (member.delivered_seq, member.read_seq);
            member.read_seq = old_read_seq.max(read_seq.min(head));
            member.delivered_seq = old_delivered_seq.max(delivered_seq.min(head)).max(member.read_seq);
            if (member.delivered_seq, member.read_seq) == (old_delivered_seq, old_read_seq) {
                continue;
            }
            member.cursor_rev = cursor;
            let (delivered_seq, read_seq) = (member.delivered_seq, member.read_seq);
            moved.push(MovedCursor { user_id, delivered_seq, read_seq, old_delivered_seq, old_read_seq });
        }
        if !moved.is_empty() {
            let touched = self.at(flush.now);
            let row = self.conversations.get_mut(&id).ok_or_else(no_conversation)?;
            row.touched = touched;
            row.conversation.last_cursor = cursor;
        }
        let conversation = self.conversation(id)?;
        Ok(CursorsMoved {
            conversation_id: id,
            cursor: conversation.last_cursor,
            member_rev: conversation.member_rev,
            moved,
        })
    }

    fn broadcast(&mut self, new: NewBroadcast) -> Result<CommittedBroadcast> {
        let key = (new.sender_id, new.key.clone());
        if let Some(&id) = self.broadcast_keys.get(&key) {
            if self.broadcasts[&id].request_hash != new.request_hash {
                return Err(Error::conflict("client_id was used for another broadcast"));
            }
            return self.committed_broadcast(id, Outcome::Repeated);
        }
        self.check_ban(new.sender_id)?;
        let replies = self.check_items(&new.messages)?;
        let id = BroadcastId::new(self.next_id());
        let items = new.messages.into_iter().zip(replies);
        let messages: Vec<_> = items.map(|(item, reply_to)| self.insert_message(item, reply_to)).collect();
        let total = u32::try_from(new.receivers.len()).unwrap_or(u32::MAX);
        let (state, done, pending) = match new.job {
            None => (BroadcastState::Done, total, BTreeSet::new()),
            Some(_) => (BroadcastState::Running, 0, new.receivers.iter().map(|(user, _)| *user).collect()),
        };
        if let Some(job) = new.job {
            self.insert_job(job);
        }
        let broadcast =
            Broadcast { id, sender_id: new.sender_id, state, total, done, failed: 0, created_at: new.now };
        let (request_hash, receivers) = (new.request_hash, new.receivers);
        self.broadcasts.insert(id, BroadcastRow { broadcast, request_hash, receivers, pending, messages });
        self.broadcast_keys.insert(key, id);
        self.committed_broadcast(id, Outcome::Applied)
    }

    /// Checks all messages of a broadcast; the first that cannot be stored refuses the whole.
    fn check_items(&self, items: &[NewMessage]) -> Result<Vec<Option<Seq>>> {
        let mut keys = HashSet::new();
        let mut replies = Vec::with_capacity(items.len());
        for item in items {
            match self.check_append(item)? {
                Append::Write { reply_to } if keys.insert(&item.key) => replies.push(reply_to),
                Append::Repeated(_) | Append::Write { .. } => {
                    return Err(Error::conflict("a message of the broadcast has a key that was used before"));
                }
            }
        }
        Ok(replies)
    }

    pub(super) fn committed_broadcast(
        &self,
        id: BroadcastId,
        outcome: Outcome,
    ) -> Result<CommittedBroadcast> {
        let row = &self.broadcasts[&id];
        let messages = row.messages.iter().map(|&message| self.committed(message, outcome));
        Ok(CommittedBroadcast {
            broadcast: row.broadcast.clone(),
            messages: messages.collect::<Result<_>>()?,
            outcome,
        })
    }

    fn insert_job(&mut self, new: NewJob) {
        let key = (new.kind.clone(), new.key.clone());
        if self.job_keys.contains_key(&key) {
            return;
        }
        let id = JobId::new(self.next_id());
        let job = Job { id, kind: new.kind, key: new.key, payload: new.payload, fence: 0, attempts: 0 };
        self.job_keys.insert(key, id);
        self.jobs.insert(id, JobRow { job, due: new.due });
    }
}
