//! Sending a message, in three steps that a host may also take one by one: prepare, store, announce.

use super::{Chat, Inner, conversations::no_such_conversation};
use crate::{
    Error, Result,
    commit::Pending,
    config::Limits,
    hooks::{Draft, HOOK_TIMEOUT},
    model::{
        Attachment, Change, Committed, CommittedMessage, ConversationId, MediaId, Message, MessageId,
        MessageKey, NewMessage, Outcome, RequestHash, Rev, UserId,
    },
    text,
};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

/// The longest foreign link, in bytes.
const LINK_BYTES: usize = 2_048;

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

/// The files that a client names, before anybody has looked whether it may.
#[derive(Debug, Default)]
pub(super) struct AskedFiles {
    ids: Vec<MediaId>,
    link: Option<String>,
}

/// What a message shall say, after all checks and hooks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Body {
    pub(super) content: String,
    pub(super) attachments: Vec<Attachment>,
    pub(super) link: Option<String>,
}

impl Body {
    /// Refuses what is too long, and what says nothing.
    pub(super) fn check(&self, limits: &Limits) -> Result<()> {
        if self.attachments.is_empty() && self.link.is_none() {
            text::check_message(&self.content, limits)
        } else {
            text::check_size(&self.content, limits)
        }
    }
}

/// Where a text goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spot {
    /// `None` for the first message to a person, and for a broadcast.
    pub(super) conversation_id: Option<ConversationId>,
    /// The other person of a direct conversation.
    pub(super) receiver_id: Option<UserId>,
    /// The answered message.
    pub(super) reply_to: Option<MessageId>,
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

    /// Sorts out what files a request names; the one of `media_url` comes first.
    pub(super) fn asked_files(&self, media_url: Option<&str>, attachments: &[MediaId]) -> Result<AskedFiles> {
        let mut asked = AskedFiles::default();
        if let Some(url) = media_url.filter(|url| !url.is_empty()) {
            match self.addresses.parse(url) {
                Some(addressed) => asked.ids.push(addressed.media_id),
                None if self.config.foreign_links && is_web_link(url) => asked.link = Some(url.to_owned()),
                None => return Err(Error::invalid("media_url must be a media address of this server")),
            }
        }
        for id in attachments {
            if !asked.ids.contains(id) {
                asked.ids.push(*id);
            }
        }
        let limit = self.config.limits.attachments;
        if asked.ids.len() > limit {
            return Err(Error::too_large(format!("a message has at most {limit} files")));
        }
        Ok(asked)
    }

    /// Checks a text and loads its files, which the actor must be able to see.
    pub(super) async fn compose(&self, actor: UserId, text: &str, asked: &AskedFiles) -> Result<Body> {
        // What costs nothing to refuse is refused before the store is asked.
        text::check_size(text, &self.config.limits)?;
        let attachments = self.visible_files(actor, &asked.ids).await?;
        let content = if text::is_blank(text) { String::new() } else { text.to_owned() };
        let body = Body { content, attachments, link: asked.link.clone() };
        body.check(&self.config.limits)?;
        Ok(body)
    }

    /// Loads files in the order given; `not_found` if one of them is out of the reader's sight.
    pub(super) async fn visible_files(&self, reader: UserId, ids: &[MediaId]) -> Result<Vec<Attachment>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let visible = self.store.filter_visible_media(reader, ids).await?;
        let files = self.store.load_media(&visible).await?;
        let file = |id: &MediaId| files.iter().find(|file| file.attachment.id == *id);
        ids.iter()
            .map(|id| {
                file(id).map(|file| file.attachment.clone()).ok_or_else(|| Error::not_found("file not found"))
            })
            .collect()
    }

    /// Lets the application see what is about to be written, which it may change or refuse. What it returns is checked like what a
    /// person writes, and cannot carry files that the person did not choose.
    pub(super) async fn review(&self, actor: UserId, spot: Spot, body: Body) -> Result<Body> {
        let Some(hooks) = &self.hooks else { return Ok(body) };
        let Body { content, attachments, link } = body;
        let chosen: Vec<_> = attachments.iter().map(|file| file.id).collect();
        let Spot { conversation_id, receiver_id, reply_to } = spot;
        let draft = Draft { conversation_id, receiver_id, content, attachments, reply_to };
        let sender = self.user(actor).await?.ok_or_else(super::users::no_such_user)?;
        let answer = tokio::time::timeout(HOOK_TIMEOUT, hooks.before_send(&sender, draft)).await;
        let draft = answer.map_err(|_| Error::unavailable("the application did not answer in time"))??;
        let Draft { content, mut attachments, .. } = draft;
        attachments.retain(|file| chosen.contains(&file.id));
        let body = Body { content, attachments, link };
        body.check(&self.config.limits)?;
        Ok(body)
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

/// Digests what a client asked for, before hooks. A file counts by its id, since its address changes from day to day.
fn request_hash(conversation: ConversationId, request: &SendRequest, asked: &AskedFiles) -> RequestHash {
    let mut digest = RequestDigest::new();
    digest.number(conversation.get());
    digest.text(&request.text);
    digest.number(request.reply_to.map_or(0, MessageId::get));
    digest.files(asked);
    digest.finish()
}

/// SHA-256 over fields that cannot run into each other: numbers have a fixed width, texts begin with their length.
pub(super) struct RequestDigest(digest::Context);

impl RequestDigest {
    pub(super) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub(super) fn number(&mut self, number: i64) {
        self.0.update(&number.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(i64::try_from(text.len()).unwrap_or(i64::MAX));
        self.0.update(text.as_bytes());
    }

    pub(super) fn files(&mut self, asked: &AskedFiles) {
        for id in &asked.ids {
            self.number(id.get());
        }
        if let Some(link) = &asked.link {
            self.text(link);
        }
    }

    pub(super) fn finish(self) -> RequestHash {
        let mut hash = [0; 16];
        hash.copy_from_slice(&self.0.finish().as_ref()[..16]);
        RequestHash(hash)
    }
}

/// Says whether an address is one of the web that a browser can show as a link without running anything.
fn is_web_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.len() <= LINK_BYTES
        && !url.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\\'))
}
