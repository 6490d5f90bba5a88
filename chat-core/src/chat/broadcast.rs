//! One text to many people, as one direct message each: up to 100 in one transaction, more by a job that any node resumes.

mod job;

use super::{
    Chat, Inner,
    conversations::distinct,
    send::{AskedFiles, Body, RequestDigest, Spot, reused_key},
};
use crate::{
    Error, Result,
    bus::{Hint, Topic},
    model::{
        Broadcast, BroadcastId, BroadcastState, Change, Committed, CommittedBroadcast, ConversationId,
        MessageKey, NewBroadcast, NewMessage, RequestHash, UserId,
    },
};

/// Up to so many receivers are served in one transaction, before the sender is answered.
const AT_ONCE: usize = 100;

/// A broadcast as a client hands it in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BroadcastRequest {
    /// Receivers; doubles are dropped.
    pub receiver_ids: Vec<UserId>,
    /// The text; may be empty with a file.
    pub text: String,
    /// One of our own media addresses, or a plain link where the operator allows such.
    pub media_url: Option<String>,
    /// The key for retries of the whole: 1–64 printable ASCII characters.
    pub client_id: Option<String>,
}

impl Chat {
    /// Sends one text to many people, all or nothing: one receiver who cannot be written to refuses the whole.
    ///
    /// Up to 100 messages are stored when this returns; more are sent in the background, with progress to the sender.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for no receivers, an empty text or a bad key, [`TooLarge`](crate::ErrorKind::TooLarge) past the
    /// limits, [`NotFound`](crate::ErrorKind::NotFound) for a receiver whom the actor may not write to,
    /// [`Conflict`](crate::ErrorKind::Conflict) for a reused key with another body; busy, hooks and files as for [`send`](Self::send).
    pub async fn broadcast(&self, actor: UserId, request: BroadcastRequest) -> Result<CommittedBroadcast> {
        let inner = &*self.inner;
        let key = inner.message_key(request.client_id.as_deref())?;
        let asked = inner.asked_files(request.media_url.as_deref(), &[])?;
        let receivers = distinct(request.receiver_ids);
        let request_hash = broadcast_hash(&receivers, &request.text, &asked);
        if request.client_id.is_some()
            && let Some(first) = inner.find_broadcast(actor, &key, request_hash).await?
        {
            return Ok(first);
        }
        inner.check_receivers(actor, &receivers).await?;
        let body = inner.compose(actor, &request.text, &asked).await?;
        let body = inner.review(actor, Spot::default(), body).await?;
        let receivers = inner.open_receivers(actor, receivers).await?;
        let broadcast = inner.new_broadcast(actor, key, request_hash, receivers, body)?;
        let committed = inner.store_broadcast(broadcast).await?;
        count_sent(committed.messages.len());
        Ok(committed)
    }

    /// Loads a broadcast of the actor's.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for every other.
    pub async fn load_broadcast(&self, actor: UserId, id: BroadcastId) -> Result<Broadcast> {
        self.inner.store.load_broadcast(id, actor).await
    }

    /// Stops a running broadcast of the actor's; what was sent stays sent.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for every other.
    pub async fn cancel_broadcast(&self, actor: UserId, id: BroadcastId) -> Result<Broadcast> {
        let broadcast = self.inner.store.set_broadcast_state(id, actor, BroadcastState::Cancelled).await?;
        self.inner.announce_progress(&broadcast).await;
        Ok(broadcast)
    }
}

/// Counts messages that a broadcast sent.
fn count_sent(messages: usize) {
    metrics::counter!("chat_messages_total", "path" => "broadcast").increment(messages as u64);
}

impl Inner {
    async fn find_broadcast(
        &self,
        sender: UserId,
        key: &MessageKey,
        request_hash: RequestHash,
    ) -> Result<Option<CommittedBroadcast>> {
        match self.store.find_broadcast_by_key(sender, key).await? {
            Some((_, hash)) if hash != request_hash => Err(reused_key()),
            found => Ok(found.map(|(first, _)| first)),
        }
    }

    async fn check_receivers(&self, actor: UserId, receivers: &[UserId]) -> Result<()> {
        let limit = self.config.limits.receivers;
        if receivers.is_empty() {
            return Err(Error::invalid("receiver_ids must name somebody"));
        }
        if receivers.len() > limit {
            return Err(Error::too_large(format!("a broadcast has at most {limit} receivers")));
        }
        self.locate_directs(actor, receivers).await.map(drop)
    }

    /// Opens the direct conversations that are not there yet; every receiver was found reachable.
    async fn open_receivers(
        &self,
        actor: UserId,
        receivers: Vec<UserId>,
    ) -> Result<Vec<(UserId, ConversationId)>> {
        let located = self.locate_directs(actor, &receivers).await?;
        let strangers: Vec<_> =
            receivers.iter().zip(&located).filter(|(_, id)| id.is_none()).map(|(peer, _)| *peer).collect();
        let mut opened = self.open_directs(actor, &strangers).await?.into_iter();
        let mut opened = || opened.next().map(|opened| opened.conversation.id);
        receivers
            .into_iter()
            .zip(located)
            .map(|(peer, id)| Ok((peer, id.or_else(&mut opened).ok_or_else(super::users::no_such_user)?)))
            .collect()
    }

    fn new_broadcast(
        &self,
        sender_id: UserId,
        key: MessageKey,
        request_hash: RequestHash,
        receivers: Vec<(UserId, ConversationId)>,
        body: Body,
    ) -> Result<NewBroadcast> {
        let now = self.now();
        let mut broadcast =
            NewBroadcast { sender_id, key, request_hash, receivers, messages: Vec::new(), job: None, now };
        if broadcast.receivers.len() > AT_ONCE {
            broadcast.job = Some(job::new_job(&broadcast, body)?);
            return Ok(broadcast);
        }
        let item = |&(receiver, conversation_id): &(UserId, ConversationId)| {
            let key = MessageKey::from_server(&format!("b{}:{receiver}", broadcast.key.as_str()));
            body.to_message(conversation_id, sender_id, key, now)
        };
        broadcast.messages = broadcast.receivers.iter().map(item).collect();
        Ok(broadcast)
    }

    async fn store_broadcast(&self, broadcast: NewBroadcast) -> Result<CommittedBroadcast> {
        let change = Change::Broadcast(Box::new(broadcast.clone()));
        match self.pipeline.submit(broadcast.sender_id, change)?.await? {
            Committed::Broadcast(committed) => {
                self.broadcast_due.notify_one();
                Ok(*committed)
            }
            _ => {
                Err(Error::new(crate::ErrorKind::Internal, "the store answered with another kind of change"))
            }
        }
    }

    async fn announce_progress(&self, broadcast: &Broadcast) {
        let hint = Hint::BroadcastProgress { user_id: broadcast.sender_id, broadcast_id: broadcast.id };
        self.publish(Topic::of_user(broadcast.sender_id), hint).await;
    }
}

impl Body {
    /// Makes one receiver's message. Its digest needs to tell nothing apart: the key is the server's own and unique.
    fn to_message(
        &self,
        conversation_id: ConversationId,
        sender_id: UserId,
        key: MessageKey,
        now: crate::model::Timestamp,
    ) -> NewMessage {
        NewMessage {
            conversation_id,
            sender_id,
            key,
            request_hash: RequestHash([0; 16]),
            content: self.content.clone(),
            attachments: self.attachments.clone(),
            link: self.link.clone(),
            reply_to: None,
            now,
        }
    }
}

fn broadcast_hash(receivers: &[UserId], text: &str, asked: &AskedFiles) -> RequestHash {
    let mut digest = RequestDigest::new();
    for receiver in receivers {
        digest.number(receiver.get());
    }
    digest.text(text);
    digest.files(asked);
    digest.finish()
}
