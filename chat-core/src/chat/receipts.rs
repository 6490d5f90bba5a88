//! Receipts: how far a person got. Moves are pooled and written together a moment later.

use super::Chat;
use crate::{
    Result,
    model::{ConversationId, MessageId, Seq, UserId},
    protocol::ReceiptStatus,
};

/// Up to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Up to a message that somebody else wrote.
    Message(MessageId),
    /// Up to a place in a conversation; beyond the newest message means the newest.
    Place(ConversationId, Seq),
}

impl Chat {
    /// Says that a device of the actor's has (or the actor has read) everything up to a mark. Never goes back; `Sent` does nothing.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for one's own message, [`NotFound`](crate::ErrorKind::NotFound) outside one's own conversations.
    pub async fn mark(&self, actor: UserId, mark: Mark, status: ReceiptStatus) -> Result<()> {
        let _ = (actor, mark, status);
        todo!()
    }

    /// Counts unread messages of conversations; each count is capped at 1,000.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn count_unread(
        &self,
        actor: UserId,
        ids: &[ConversationId],
    ) -> Result<Vec<(ConversationId, u32)>> {
        let _ = (actor, ids);
        todo!()
    }
}
