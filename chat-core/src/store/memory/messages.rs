//! Reading messages.

use super::{
    MemoryStore,
    state::{MessageRow, State},
};
use crate::{
    Error, Result,
    model::{
        Change, Committed, ConversationId, ConversationKind, Member, Message, MessageAnchor, MessageId,
        MessageKey, MessageSlice, Quote, RequestHash, Seq, UserId,
    },
    store::{CommitError, MessageStore},
};
use async_trait::async_trait;

/// Where counting unread messages stops.
const UNREAD_CAP: usize = 1_000;

/// Characters of a quoted text.
const QUOTE_CHARS: usize = 200;

impl State {
    /// Returns a message with its quote as it is now.
    pub(super) fn message(&self, row: &MessageRow) -> Message {
        let mut message = row.message.clone();
        message.reply_to = row.reply_to.and_then(|seq| {
            let quoted = &self.messages.get(&(message.conversation_id, seq))?.message;
            Some(Quote {
                id: quoted.id,
                seq,
                sender_id: quoted.sender_id,
                content: quoted.content.chars().take(QUOTE_CHARS).collect(),
                deleted: quoted.deleted_at.is_some(),
            })
        });
        message
    }

    pub(super) fn message_row(&self, id: MessageId) -> Result<&MessageRow> {
        self.message_ids.get(&id).map(|place| &self.messages[place]).ok_or_else(no_message)
    }

    /// Returns a message that this person may see, with the person's row.
    pub(super) fn visible(&self, id: MessageId, reader: UserId) -> Result<(&MessageRow, &Member)> {
        let row = self.message_row(id)?;
        let member = self.active(row.message.conversation_id, reader).map_err(|_| no_message())?;
        if row.message.seq < member.visible_from_seq {
            return Err(no_message());
        }
        Ok((row, member))
    }

    /// Lists the rows of a conversation whose `seq` is in `from..=to`.
    pub(super) fn span(
        &self,
        id: ConversationId,
        from: Seq,
        to: Seq,
    ) -> impl DoubleEndedIterator<Item = &MessageRow> {
        let to = to.max(from);
        self.messages.range((id, from)..=(id, to)).map(|(_, row)| row)
    }

    pub(super) fn unread(&self, me: &Member) -> u32 {
        let from = me.read_seq.next().max(me.visible_from_seq);
        let others = |row: &&MessageRow| row.message.sender_id != me.user_id;
        let kept = |row: &&MessageRow| row.message.deleted_at.is_none();
        let count = self
            .span(me.conversation_id, from, Seq::new(i64::MAX))
            .filter(others)
            .filter(kept)
            .take(UNREAD_CAP)
            .count();
        u32::try_from(count).expect("capped")
    }

    pub(super) fn newest_visible(&self, me: &Member) -> Option<Message> {
        let mut rows = self.span(me.conversation_id, me.visible_from_seq, Seq::new(i64::MAX));
        rows.next_back().map(|row| self.message(row))
    }

    fn list_messages(
        &self,
        id: ConversationId,
        anchor: MessageAnchor,
        visible_from: Seq,
        limit: usize,
    ) -> MessageSlice {
        // How many to take below the place, the place itself (the first one above), how many to take from there on.
        let (below, place, above) = match anchor {
            MessageAnchor::After(seq) => (0, seq.next(), limit),
            MessageAnchor::Around(seq) => (limit / 2, seq, limit - limit / 2),
            MessageAnchor::Before(seq) => (limit, seq, 0),
            MessageAnchor::Latest => (limit, Seq::new(i64::MAX), 0),
        };
        let place = place.max(visible_from);
        let mut older = self.messages.range((id, visible_from)..(id, place)).rev().map(|(_, row)| row);
        let mut newer = self.span(id, place, Seq::new(i64::MAX));
        let mut rows: Vec<_> = older.by_ref().take(below).collect();
        rows.reverse();
        rows.extend(newer.by_ref().take(above));
        MessageSlice {
            messages: rows.into_iter().map(|row| self.message(row)).collect(),
            has_more_before: older.next().is_some(),
            has_more_after: newer.next().is_some(),
        }
    }

    fn list_direct_history(&self, user: UserId, offset: u64, limit: usize) -> (u64, Vec<Message>) {
        let is_direct = |member: &&Member| {
            self.conversations[&member.conversation_id].conversation.kind == ConversationKind::Direct
        };
        let mut rows: Vec<_> = self
            .rows_of(user)
            .filter(is_direct)
            .flat_map(|member| self.span(member.conversation_id, member.visible_from_seq, Seq::new(i64::MAX)))
            .collect();
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.message.id));
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        let page = rows.iter().skip(skip).take(limit).map(|row| self.message(row)).collect();
        (rows.len() as u64, page)
    }
}

pub(super) fn no_message() -> Error {
    Error::not_found("no such message")
}

#[async_trait]
impl MessageStore for MemoryStore {
    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Committed>>, CommitError> {
        let mut state = self.state();
        Ok(batch.into_iter().map(|change| state.apply(change)).collect())
    }

    async fn find_message_by_key(
        &self,
        sender: UserId,
        key: &MessageKey,
    ) -> Result<Option<(Message, RequestHash)>> {
        let state = self.state();
        let Some(&id) = state.message_keys.get(&(sender, key.clone())) else { return Ok(None) };
        let row = state.message_row(id)?;
        Ok(Some((state.message(row), row.request_hash)))
    }

    async fn load_message(&self, id: MessageId, reader: UserId) -> Result<Message> {
        let state = self.state();
        state.visible(id, reader).map(|(row, _)| state.message(row))
    }

    async fn list_messages(
        &self,
        id: ConversationId,
        anchor: MessageAnchor,
        visible_from: Seq,
        limit: usize,
    ) -> Result<MessageSlice> {
        Ok(self.state().list_messages(id, anchor, visible_from, limit))
    }

    async fn list_direct_history(
        &self,
        user: UserId,
        offset: u64,
        limit: usize,
    ) -> Result<(u64, Vec<Message>)> {
        Ok(self.state().list_direct_history(user, offset, limit))
    }

    async fn count_unread(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<(ConversationId, u32)>> {
        let state = self.state();
        let mine = ids.iter().filter_map(|&id| state.active(id, user).ok());
        Ok(mine.map(|me| (me.conversation_id, state.unread(me))).collect())
    }
}
