//! Sending a message, in three steps that a host may also take one by one: prepare, store, announce.

mod body;
mod digest;

pub(super) use body::{AskedFiles, Body, Spot};
pub(super) use digest::RequestDigest;

use super::{Chat, Inner, conversations::no_such_conversation};
use crate::{
    Error, Result,
    commit::Pending,
    model::{
        Change, Committed, CommittedMessage, ConversationId, MediaId, Message, MessageId, MessageKey,
        NewMessage, Outcome, Rev, UserId,
    },
};
use digest::request_hash;
use std::sync::atomic::Ordering;

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
pub struct PendingSend(State);

#[derive(Debug)]
enum State {
    Done(Box<CommittedMessage>),
    Submitted(Pending),
}

impl PendingSend {
    /// Waits until the message is stored. Dropping this stops the wait, not the write.
    ///
    /// # Errors
    /// What the store refused it for: [`Conflict`](crate::ErrorKind::Conflict) for a reused key with another body,
    /// [`NotFound`](crate::ErrorKind::NotFound) for a non-member, [`Forbidden`](crate::ErrorKind::Forbidden) for a banned sender.
    pub async fn finish(self) -> Result<CommittedMessage> {
        match self.0 {
            State::Done(committed) => Ok(*committed),
            State::Submitted(pending) => committed_message(pending.await?),
        }
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
    /// As [`prepare`](Self::prepare); [`Busy`](crate::ErrorKind::Busy) when the queue is full or the actor has too much in it,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) before [`Chat::run`] and after [`Chat::shutdown`].
    pub async fn submit_send(&self, actor: UserId, request: SendRequest) -> Result<PendingSend> {
        Ok(PendingSend(match self.prepare(actor, request).await? {
            Prepared::AlreadySent(committed) => State::Done(committed),
            Prepared::New(message) => {
                State::Submitted(self.inner.pipeline.submit(actor, Change::Append(*message))?)
            }
        }))
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
        let inner = &*self.inner;
        let keyed = request.client_id.is_some();
        let key = inner.message_key(request.client_id.as_deref())?;
        let asked = inner.asked_files(request.media_url.as_deref(), &request.attachments)?;
        // Hooks must not see a retry. Without hooks the store's own look at the key is enough.
        if keyed
            && inner.hooks.is_some()
            && let Some(sent) = inner.already_sent(actor, &request, &asked, &key).await?
        {
            return Ok(Prepared::AlreadySent(sent));
        }
        match inner.prepare_fresh(actor, &request, &asked, &key).await {
            Ok(message) => Ok(Prepared::New(Box::new(message))),
            // What was once stored stays answered, whatever has become of the membership or the files since.
            Err(refusal) if keyed && !refusal.kind().is_retryable() => {
                match inner.already_sent(actor, &request, &asked, &key).await? {
                    Some(sent) => Ok(Prepared::AlreadySent(sent)),
                    None => Err(refusal),
                }
            }
            Err(error) => Err(error),
        }
    }
}

impl Inner {
    /// Makes the key of a send: the client's, or one of this node's own.
    pub(super) fn message_key(&self, client_id: Option<&str>) -> Result<MessageKey> {
        client_id.map_or_else(
            || {
                let count = self.key_counter.fetch_add(1, Ordering::Relaxed);
                Ok(MessageKey::from_server(&format!("{:016x}-{count:x}", self.node)))
            },
            MessageKey::from_client,
        )
    }

    async fn prepare_fresh(
        &self,
        actor: UserId,
        request: &SendRequest,
        asked: &AskedFiles,
        key: &MessageKey,
    ) -> Result<NewMessage> {
        let spot = self.locate(actor, request).await?;
        let body = self.compose(actor, &request.text, asked).await?;
        let body = self.review(actor, spot, body).await?;
        let conversation_id = match (spot.conversation_id, spot.receiver_id) {
            (Some(id), _) => id,
            (None, Some(peer)) => self.open_one(actor, peer).await?.conversation.id,
            (None, None) => return Err(no_such_conversation()),
        };
        Ok(NewMessage {
            conversation_id,
            sender_id: actor,
            key: key.clone(),
            request_hash: request_hash(conversation_id, request, asked),
            content: body.content,
            attachments: body.attachments,
            link: body.link,
            reply_to: request.reply_to,
            now: self.now(),
        })
    }

    /// Finds where a message of the actor's goes, and refuses unless the actor may write there.
    async fn locate(&self, actor: UserId, request: &SendRequest) -> Result<Spot> {
        let (conversation_id, receiver_id) = match request.target {
            Target::Conversation(id) => {
                let pair = self.membership(id, actor).await?.pair;
                (Some(id), pair.map(|(low, high)| if low == actor { high } else { low }))
            }
            Target::Person(peer) => (self.locate_direct(actor, peer).await?, Some(peer)),
        };
        if conversation_id.is_none() && request.reply_to.is_some() {
            // Where nothing was said there is nothing to answer; the store would say so only after the conversation is opened.
            return Err(Error::not_found("message not found"));
        }
        Ok(Spot { conversation_id, receiver_id, reply_to: request.reply_to })
    }

    /// Looks up what an earlier try under this key has stored; `conflict` if that was another message.
    async fn already_sent(
        &self,
        sender: UserId,
        request: &SendRequest,
        asked: &AskedFiles,
        key: &MessageKey,
    ) -> Result<Option<Box<CommittedMessage>>> {
        let Some((message, hash)) = self.store.find_message_by_key(sender, key).await? else {
            return Ok(None);
        };
        let same_place = match request.target {
            Target::Conversation(id) => message.conversation_id == id,
            Target::Person(peer) => message.receiver_id == Some(peer),
        };
        if !same_place || request_hash(message.conversation_id, request, asked) != hash {
            return Err(reused_key());
        }
        Ok(Some(Box::new(repeated(message))))
    }
}

/// The refusal of a key that stands for something else.
pub(super) fn reused_key() -> Error {
    Error::conflict("client_id was used for another request")
}

/// The answer to a retry. Nobody announces it, so it needs no count of membership changes.
fn repeated(message: Message) -> CommittedMessage {
    CommittedMessage { message, outcome: Outcome::Repeated, member_rev: Rev::ZERO }
}

/// Takes a message out of the pipeline's answer.
pub(super) fn committed_message(committed: Committed) -> Result<CommittedMessage> {
    match committed {
        Committed::Message(message) => Ok(*message),
        _ => Err(Error::new(crate::ErrorKind::Internal, "the store answered with another kind of change")),
    }
}
