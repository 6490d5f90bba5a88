//! Stored messages: edit, delete, read, page.

use super::Chat;
use crate::{
    Result,
    model::{CommittedMessage, ConversationId, Message, MessageAnchor, MessageId, MessageSlice, Rev, UserId},
};

/// A numbered page, as the classic routes ask for it; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Which page, from 1.
    pub page: u64,
    /// Messages per page, from 1.
    pub size: usize,
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
        let _ = (actor, id, text, base_rev);
        todo!()
    }

    /// Deletes a message for all: one's own, or as owner or administrator of a group.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) without the right, [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn delete_message(&self, actor: UserId, id: MessageId) -> Result<CommittedMessage> {
        let _ = (actor, id);
        todo!()
    }

    /// Loads a message that the actor may see.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for every other.
    pub async fn load_message(&self, actor: UserId, id: MessageId) -> Result<Message> {
        let _ = (actor, id);
        todo!()
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
        let _ = (actor, id, anchor, limit);
        todo!()
    }

    /// Lists the newest direct messages with `peer` in rising `seq`; none when the two have not written to each other.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a person whom the actor may not see.
    pub async fn list_peer_messages(
        &self,
        actor: UserId,
        peer: UserId,
        limit: usize,
    ) -> Result<Vec<Message>> {
        let _ = (actor, peer, limit);
        todo!()
    }

    /// Lists one numbered page of the direct messages with `peer`, newest first.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a person whom the actor may not see.
    pub async fn page_peer_messages(
        &self,
        actor: UserId,
        peer: UserId,
        page: PageRequest,
    ) -> Result<HistoryPage> {
        let _ = (actor, peer, page);
        todo!()
    }

    /// Lists one numbered page of all direct messages of the actor's, newest first.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn page_direct_history(&self, actor: UserId, page: PageRequest) -> Result<HistoryPage> {
        let _ = (actor, page);
        todo!()
    }
}
