//! Stored messages: edit, delete, read, page.

use super::{
    Chat,
    send::{Body, Spot, committed_message},
};
use crate::{
    Error, Result,
    model::{
        Change, CommittedMessage, ConversationId, DeleteMessage, EditMessage, Message, MessageAnchor,
        MessageId, MessageSlice, Rev, Seq, UserId,
    },
    text,
};

/// A numbered page, as the classic routes ask for it; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Which page, from 1.
    pub page: u64,
    /// Messages per page, from 1.
    pub size: usize,
}

impl PageRequest {
    /// Returns how many messages come before the page; saturates, so that a page far past the end is empty.
    fn offset(self) -> u64 {
        self.page.saturating_sub(1).saturating_mul(self.size as u64)
    }
}

/// A numbered page, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The messages, newest first.
    pub messages: Vec<Message>,
    /// How many there are on all pages.
    pub total: u64,
}

impl Chat {
    /// Replaces the text of one's own message.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for another's message, [`Conflict`](crate::ErrorKind::Conflict) for a tombstone or when
    /// the message is not at `base_rev`, [`NotFound`](crate::ErrorKind::NotFound) for outsiders; text and hooks as in [`prepare`](Self::prepare).
    pub async fn edit_message(
        &self,
        actor: UserId,
        id: MessageId,
        text: String,
        base_rev: Option<Rev>,
    ) -> Result<CommittedMessage> {
        let content = self.check_edit(actor, id, text).await?;
        let edit = EditMessage { message_id: id, actor, content, base_rev, now: self.now() };
        committed_message(self.inner.pipeline.submit(actor, Change::Edit(edit))?.await?)
    }

    /// Deletes a message for all: one's own, or as owner or administrator of a group.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) without the right, [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn delete_message(&self, actor: UserId, id: MessageId) -> Result<CommittedMessage> {
        let delete = DeleteMessage { message_id: id, actor, now: self.now() };
        committed_message(self.inner.pipeline.submit(actor, Change::Delete(delete))?.await?)
    }

    /// Loads a message that the actor may see.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for every other.
    pub async fn load_message(&self, actor: UserId, id: MessageId) -> Result<Message> {
        self.inner.store.load_message(id, actor).await
    }

    /// Lists messages of a conversation in rising `seq`; the limit is cut to the largest page.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn list_messages(
        &self,
        actor: UserId,
        id: ConversationId,
        anchor: MessageAnchor,
        limit: usize,
    ) -> Result<MessageSlice> {
        let visible_from = self.inner.membership(id, actor).await?.visible_from_seq;
        self.inner.store.list_messages(id, anchor, visible_from, self.inner.page_limit(limit)).await
    }

    /// Lists the newest direct messages with `peer` in rising `seq`; none when the two have not written to each other. The caller caps
    /// `limit`, which may be above a page: the classic route answers with a whole history.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a person whom the actor may not write to.
    pub async fn list_peer_messages(
        &self,
        actor: UserId,
        peer: UserId,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let Some(id) = self.find_direct(actor, peer).await? else { return Ok(Vec::new()) };
        let slice = self.inner.store.list_messages(id, MessageAnchor::Latest, Seq::ZERO, limit).await?;
        Ok(slice.messages)
    }

    /// Lists one numbered page of the direct messages with `peer`, newest first.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a person whom the actor may not write to.
    pub async fn page_peer_messages(
        &self,
        actor: UserId,
        peer: UserId,
        page: PageRequest,
    ) -> Result<HistoryPage> {
        let Some(id) = self.find_direct(actor, peer).await? else { return Ok(HistoryPage::default()) };
        let (conversation, _) = self.inner.store.load_membership(id, actor).await?;
        // The places of a conversation have no holes, so a page's number is arithmetic and costs no count.
        let (first, last) = (conversation.first_seq.get(), conversation.last_seq.get());
        let total = u64::try_from(last - first + 1).unwrap_or(0);
        let offset = page.offset();
        if offset >= total {
            return Ok(HistoryPage { messages: Vec::new(), total });
        }
        let before = Seq::new(last + 1 - i64::try_from(offset).unwrap_or(last));
        let anchor = MessageAnchor::Before(before);
        let mut messages = self
            .inner
            .store
            .list_messages(id, anchor, Seq::ZERO, self.inner.page_limit(page.size))
            .await?
            .messages;
        messages.reverse();
        Ok(HistoryPage { messages, total })
    }

    /// Lists one numbered page of all direct messages of the actor's, newest first.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn page_direct_history(&self, actor: UserId, page: PageRequest) -> Result<HistoryPage> {
        let limit = self.inner.page_limit(page.size);
        let (total, messages) = self.inner.store.list_direct_history(actor, page.offset(), limit).await?;
        Ok(HistoryPage { messages, total })
    }

    /// Checks a new text. The message itself is looked at only where that decides something here; rights are the store's to check.
    async fn check_edit(&self, actor: UserId, id: MessageId, content: String) -> Result<String> {
        text::check_size(&content, &self.inner.config.limits)?;
        if self.inner.hooks.is_none() && !text::is_blank(&content) {
            return Ok(content);
        }
        let message = self.load_message(actor, id).await?;
        if message.sender_id != actor {
            return Err(Error::forbidden("only its sender may edit a message"));
        }
        if message.deleted_at.is_some() {
            return Err(Error::conflict("the message was deleted"));
        }
        let spot = Spot {
            conversation_id: Some(message.conversation_id),
            receiver_id: message.receiver_id,
            reply_to: message.reply_to.map(|quote| quote.id),
        };
        let content = if text::is_blank(&content) { String::new() } else { content };
        let body = Body { content, attachments: message.attachments, link: message.link };
        body.check(&self.inner.config.limits)?;
        Ok(self.inner.review(actor, spot, body).await?.content)
    }
}
