//! Sending a message, in three steps that a host may also take one by one: prepare, store, announce.

use super::Chat;
use crate::{
    Result,
    model::{CommittedMessage, ConversationId, MediaId, MessageId, NewMessage, UserId},
};

/// Whom or what something is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A conversation of the actor's.
    Conversation(ConversationId),
    /// A person, by the direct conversation with them.
    Person(UserId),
}

/// A message as a client hands it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// Where.
    pub target: Target,
    /// The text; may be empty with a file.
    pub text: String,
    /// One of our own media addresses, or a plain link where the operator allows such.
    pub media_url: Option<String>,
    /// Files, in order.
    pub attachments: Vec<MediaId>,
    /// The answered message.
    pub reply_to: Option<MessageId>,
    /// The key for retries: 1–64 printable ASCII characters.
    pub client_id: Option<String>,
}

impl SendRequest {
    /// Makes a plain text message.
    #[must_use]
    pub fn text(target: Target, text: impl Into<String>) -> Self {
        Self {
            target,
            text: text.into(),
            media_url: None,
            attachments: Vec::new(),
            reply_to: None,
            client_id: None,
        }
    }

    /// Adds the key for retries.
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }
}

/// What [`Chat::prepare`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// An earlier try has stored it; there is nothing to do.
    AlreadySent(Box<CommittedMessage>),
    /// To be stored, and announced afterwards.
    New(Box<NewMessage>),
}

/// A message that has its place in the order of commits; wait for it with [`finish`](Self::finish).
#[derive(Debug)]
#[must_use = "the message is stored either way, but nobody learns what became of it"]
pub struct PendingSend {}

impl PendingSend {
    /// Waits until the message is stored. Dropping this stops the wait, not the write.
    ///
    /// # Errors
    /// What the store refused it for: [`Conflict`](crate::ErrorKind::Conflict) for a reused key with another body,
    /// [`NotFound`](crate::ErrorKind::NotFound) for a non-member, [`Forbidden`](crate::ErrorKind::Forbidden) for a banned sender.
    pub async fn finish(self) -> Result<CommittedMessage> {
        todo!()
    }
}

impl Chat {
    /// Sends a message: prepares it, stores it, announces it.
    ///
    /// # Errors
    /// As [`submit_send`](Self::submit_send) and [`PendingSend::finish`].
    pub async fn send(&self, actor: UserId, request: SendRequest) -> Result<CommittedMessage> {
        self.submit_send(actor, request).await?.finish().await
    }

    /// Prepares a message and puts it in line; messages submitted one after another are stored in that order.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare); [`Busy`](crate::ErrorKind::Busy) when the queue is full or the actor has too much in it.
    pub async fn submit_send(&self, actor: UserId, request: SendRequest) -> Result<PendingSend> {
        let _ = (actor, request);
        todo!()
    }

    /// Authorises and validates a message, lets the hooks see it, and opens the direct conversation if need be. Nothing is opened for
    /// a message that is refused.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for an empty text, a bad key or a foreign address,
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for a long text, [`NotFound`](crate::ErrorKind::NotFound) for a target or file out of the actor's
    /// sight, [`Conflict`](crate::ErrorKind::Conflict) for a reused key with another body,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) for a hook that does not answer in time, and what a hook refuses with.
    pub async fn prepare(&self, actor: UserId, request: SendRequest) -> Result<Prepared> {
        let _ = (actor, request);
        todo!()
    }
}
