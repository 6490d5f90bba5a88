//! Receipts: how far a person got. Moves are pooled and written together a moment later.

use super::{Chat, Inner, cache::Place};
use crate::{
    Error, Result,
    model::{ConversationId, MessageId, Seq, UserId},
    protocol::ReceiptStatus,
    realtime::cursors::Flushed,
};

/// Up to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Up to a message that somebody else wrote.
    Message(MessageId),
    /// Up to a place in a conversation; beyond the newest message means the newest.
    Place(ConversationId, Seq),
}

/// A move of a cursor that waits to be stored; see [`finish`](Self::finish).
#[derive(Debug)]
#[must_use = "the move is stored either way, but nobody learns when"]
pub struct PendingMark(Option<Flushed>);

impl PendingMark {
    /// Waits until the move is stored. Dropping this stops the wait, not the move.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for somebody who has left meanwhile, [`Unavailable`](crate::ErrorKind::Unavailable) when the
    /// chat stops first.
    pub async fn finish(self) -> Result<()> {
        match self.0 {
            Some(flushed) => flushed.await,
            None => Ok(()),
        }
    }
}

impl Chat {
    /// Says that a device of the actor's has (or the actor has read) everything up to a mark, and waits until that is stored. Never goes
    /// back; `Sent` does nothing.
    ///
    /// # Errors
    /// As [`submit_mark`](Self::submit_mark) and [`PendingMark::finish`].
    pub async fn mark(&self, actor: UserId, mark: Mark, status: ReceiptStatus) -> Result<()> {
        self.submit_mark(actor, mark, status).await?.finish().await
    }

    /// Checks a receipt and puts it with those that are written together a moment later.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for one's own message, [`NotFound`](crate::ErrorKind::NotFound) outside one's own
    /// conversations, [`Unavailable`](crate::ErrorKind::Unavailable) before [`Chat::run`].
    pub async fn submit_mark(&self, actor: UserId, mark: Mark, status: ReceiptStatus) -> Result<PendingMark> {
        let (conversation, seq) = match mark {
            Mark::Message(id) => self.inner.find_received(actor, id).await?,
            Mark::Place(conversation, seq) => {
                self.inner.membership(conversation, actor).await?;
                (conversation, seq)
            }
        };
        let read = match status {
            ReceiptStatus::Sent => return Ok(PendingMark(None)),
            ReceiptStatus::Delivered => Seq::ZERO,
            ReceiptStatus::Read => seq,
        };
        // Nobody empties the pool before the engine runs.
        self.inner.epoch()?;
        Ok(PendingMark(Some(self.inner.cursors.advance(conversation, actor, seq, read))))
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
        self.inner.store.count_unread(actor, ids).await
    }
}

impl Inner {
    /// Finds where a message stands that the actor received.
    async fn find_received(&self, actor: UserId, id: MessageId) -> Result<(ConversationId, Seq)> {
        let place = match self.caches.places.get(&id) {
            Some(place) => place,
            None => self.find_place(actor, id).await?,
        };
        // The place may have been remembered for another reader.
        let visible_from = self
            .membership(place.conversation_id, actor)
            .await
            .map_err(|error| match error.kind() {
                crate::ErrorKind::NotFound => no_such_message(),
                _ => error,
            })?
            .visible_from_seq;
        if place.seq < visible_from {
            return Err(no_such_message());
        }
        if place.sender_id == actor {
            return Err(Error::forbidden("only a receiver of a message may say how far it got"));
        }
        Ok((place.conversation_id, place.seq))
    }

    async fn find_place(&self, reader: UserId, id: MessageId) -> Result<Place> {
        let message = self.store.load_message(id, reader).await?;
        let place = Place {
            conversation_id: message.conversation_id,
            seq: message.seq,
            sender_id: message.sender_id,
        };
        self.caches.places.insert(id, place);
        Ok(place)
    }
}

/// The one refusal for messages that do not exist and for those out of the actor's sight.
fn no_such_message() -> Error {
    Error::not_found("message not found")
}
