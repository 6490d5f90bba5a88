//! Messages: what was said, and what a sender hands in.

use super::{Attachment, BroadcastId, ConversationId, MediaId, MessageId, Rev, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A stored message or its tombstone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id on every surface.
    pub id: MessageId,
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// The number of the change that created it.
    pub created_rev: Rev,
    /// The number of its last change.
    pub rev: Rev,
    /// Who wrote it.
    pub sender_id: UserId,
    /// To whom, in a direct conversation.
    pub receiver_id: Option<UserId>,
    /// The sender's key.
    pub key: MessageKey,
    /// The text; empty in a tombstone.
    pub content: String,
    /// The files, in order; none in a tombstone.
    pub attachments: Vec<Attachment>,
    /// A plain link to a foreign picture, where the operator allows such.
    pub link: Option<String>,
    /// What it answers.
    pub reply_to: Option<Quote>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When its text last changed.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted for all.
    pub deleted_at: Option<Timestamp>,
}

/// The message that another one answers, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Its id.
    pub id: MessageId,
    /// Its place in the same conversation.
    pub seq: Seq,
    /// Who wrote it.
    pub sender_id: UserId,
    /// At most the first 200 characters; empty when it was deleted.
    pub content: String,
    /// Whether it was deleted for all.
    pub deleted: bool,
}

/// The key under which a sender's retry finds the first result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageKey(Arc<str>);

impl MessageKey {
    /// Marks keys that the server made; no client can write this character into its own.
    pub const SERVER_MARK: char = '\u{1}';

    const ITEM_PREFIX: &str = "\u{1}item:";

    /// Takes a client's key: 1–64 printable ASCII characters.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for any other text.
    pub fn from_client(text: &str) -> crate::Result<Self> {
        let printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if text.is_empty() || text.len() > 64 || !printable {
            return Err(crate::Error::invalid("client_id must be 1 to 64 printable ASCII characters"));
        }
        Ok(Self(text.into()))
    }

    /// Makes a server's key from a text that is unique for the sender, for example of a broadcast's item.
    #[must_use]
    pub fn from_server(unique: &str) -> Self {
        Self(format!("{}{unique}", Self::SERVER_MARK).into())
    }

    /// Makes the key of one item of a broadcast that is sent in the background.
    #[must_use]
    pub fn for_broadcast_item(broadcast: BroadcastId, receiver: UserId) -> Self {
        Self(format!("{}{broadcast}:{receiver}", Self::ITEM_PREFIX).into())
    }

    /// Says whether the message is an item of a broadcast that is sent in the background: its sender is told of the progress
    /// instead of thousands of echoes.
    #[must_use]
    pub fn is_broadcast_item(&self) -> bool {
        self.0.starts_with(Self::ITEM_PREFIX)
    }

    /// Takes a key out of a store.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the stored form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key if the sender chose it.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        (!self.0.starts_with(Self::SERVER_MARK)).then_some(&*self.0)
    }
}

/// The digest of what a client asked for, so that a reused key with another body is told apart: the first
/// sixteen bytes of SHA-256 over conversation, text, reply and attachments as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestHash(pub [u8; 16]);

/// A message to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMessage {
    /// Where.
    pub conversation_id: ConversationId,
    /// Who writes.
    pub sender_id: UserId,
    /// The key for retries.
    pub key: MessageKey,
    /// The digest of the request.
    pub request_hash: RequestHash,
    /// The text after hooks.
    pub content: String,
    /// Files that the use case has checked, in order.
    pub attachments: Vec<Attachment>,
    /// A plain link to a foreign picture, where the operator allows such.
    pub link: Option<String>,
    /// The answered message; the store refuses one of another conversation or one that the sender may not see.
    pub reply_to: Option<MessageId>,
    /// The moment to stamp.
    pub now: Timestamp,
}

impl NewMessage {
    /// Returns the ids of the files.
    pub fn media_ids(&self) -> impl Iterator<Item = MediaId> {
        self.attachments.iter().map(|attachment| attachment.id)
    }
}

/// Which messages of a conversation to list; the answer is always in rising `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageAnchor {
    /// Those right after this one.
    After(Seq),
    /// Half before this one, then it and what follows.
    Around(Seq),
    /// Those right before this one.
    Before(Seq),
    /// The newest.
    Latest,
}

/// A page of messages in rising `seq`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageSlice {
    /// The messages, tombstones included.
    pub messages: Vec<Message>,
    /// Whether older ones that the reader may see exist.
    pub has_more_before: bool,
    /// Whether newer ones exist.
    pub has_more_after: bool,
}
