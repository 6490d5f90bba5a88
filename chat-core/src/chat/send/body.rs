//! What a message says: a text and files, checked, and shown to the application before it is stored.

use crate::{
    Error, Result,
    chat::{Inner, users::no_such_user},
    config::Limits,
    hooks::{Draft, HOOK_TIMEOUT},
    model::{Attachment, ConversationId, MediaId, MessageId, UserId},
    text,
};
use serde::{Deserialize, Serialize};

/// The longest foreign link, in bytes.
const LINK_BYTES: usize = 2_048;

/// The files that a client names, before anybody has looked whether it may.
#[derive(Debug, Default)]
pub(crate) struct AskedFiles {
    ids: Vec<MediaId>,
    link: Option<String>,
}

impl AskedFiles {
    pub(super) fn ids(&self) -> &[MediaId] {
        &self.ids
    }

    pub(super) fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }
}

/// What a message shall say, after all checks and hooks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) content: String,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) link: Option<String>,
}

impl Body {
    /// Refuses what is too long, and what says nothing.
    pub(crate) fn check(&self, limits: &Limits) -> Result<()> {
        if self.attachments.is_empty() && self.link.is_none() {
            text::check_message(&self.content, limits)
        } else {
            text::check_size(&self.content, limits)
        }
    }
}

/// Where a text goes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spot {
    /// `None` for the first message to a person, and for a broadcast.
    pub(crate) conversation_id: Option<ConversationId>,
    /// The other person of a direct conversation.
    pub(crate) receiver_id: Option<UserId>,
    /// The answered message.
    pub(crate) reply_to: Option<MessageId>,
}

impl Inner {
    /// Sorts out what files a request names; the one of `media_url` comes first.
    pub(crate) fn asked_files(&self, media_url: Option<&str>, attachments: &[MediaId]) -> Result<AskedFiles> {
        let media_url = media_url.filter(|url| !url.is_empty());
        let limit = self.config.limits.attachments;
        if attachments.len() + usize::from(media_url.is_some()) > limit {
            return Err(Error::too_large(format!("a message has at most {limit} files")));
        }
        let mut asked = AskedFiles::default();
        if let Some(url) = media_url {
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
        Ok(asked)
    }

    /// Checks a text and loads its files, which the actor must be able to see.
    pub(crate) async fn compose(&self, actor: UserId, text: &str, asked: &AskedFiles) -> Result<Body> {
        // What costs nothing to refuse is refused before the store is asked.
        text::check_size(text, &self.config.limits)?;
        let attachments = self.visible_files(actor, &asked.ids).await?;
        let content = if text::is_blank(text) { String::new() } else { text.to_owned() };
        let body = Body { content, attachments, link: asked.link.clone() };
        body.check(&self.config.limits)?;
        Ok(body)
    }

    /// Loads files in the order given; `not_found` if one of them is out of the reader's sight.
    pub(crate) async fn visible_files(&self, reader: UserId, ids: &[MediaId]) -> Result<Vec<Attachment>> {
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
    pub(crate) async fn review(&self, actor: UserId, spot: Spot, body: Body) -> Result<Body> {
        let Some(hooks) = &self.hooks else { return Ok(body) };
        let Body { content, attachments, link } = body;
        let chosen: Vec<_> = attachments.iter().map(|file| file.id).collect();
        let Spot { conversation_id, receiver_id, reply_to } = spot;
        let draft = Draft { conversation_id, receiver_id, content, attachments, reply_to };
        let sender = self.user(actor).await?.ok_or_else(no_such_user)?;
        let answer = tokio::time::timeout(HOOK_TIMEOUT, hooks.before_send(&sender, draft)).await;
        let draft = answer.map_err(|_| Error::unavailable("the application did not answer in time"))??;
        let Draft { content, mut attachments, .. } = draft;
        attachments.retain(|file| chosen.contains(&file.id));
        let body = Body { content, attachments, link };
        body.check(&self.config.limits)?;
        Ok(body)
    }
}

/// Says whether an address is one of the web that a browser can show as a link without running anything.
fn is_web_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.len() <= LINK_BYTES
        && !url.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\\'))
}
