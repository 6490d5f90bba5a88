//! Where an application takes part: it may refuse or rewrite what people do, and sees what was done.
//!
//! Each call has two seconds; one that takes longer fails the action as `unavailable`, so that a slow hook is seen and
//! nothing passes unchecked.

use crate::{
    Result,
    model::{Attachment, ConversationId, MediaKind, MessageId, User, UserId},
};
use async_trait::async_trait;
use std::{fmt, time::Duration};

/// How long a hook may take.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// What somebody is about to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Where; absent for the first message to a person, whose conversation is opened only once nobody refuses it, and for
    /// a broadcast.
    pub conversation_id: Option<ConversationId>,
    /// To whom, in a direct conversation.
    pub receiver_id: Option<UserId>,
    /// The text; a hook may replace it.
    pub content: String,
    /// The files; a hook may take some away, but those of an edited message stay.
    pub attachments: Vec<Attachment>,
    /// The answered message.
    pub reply_to: Option<MessageId>,
}

/// What somebody is about to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The sort, told from the bytes.
    pub kind: MediaKind,
    /// The type, told from the bytes.
    pub mime: String,
    /// The uploader's name for it, cleaned; a hook may replace it.
    pub name: String,
}

/// An application's part in what happens. Refuse by returning an error; its message reaches the person.
#[async_trait]
pub trait Hooks: fmt::Debug + Send + Sync + 'static {
    /// Is asked before a message is stored or its text replaced; not for retries, and once for all receivers of a broadcast.
    async fn before_send(&self, sender: &User, draft: Draft) -> Result<Draft> {
        let _ = sender;
        Ok(draft)
    }

    /// Is asked once an upload's type is known and before it is kept.
    async fn before_upload(&self, owner: &User, upload: Upload) -> Result<Upload> {
        let _ = owner;
        Ok(upload)
    }

    /// Is asked before a connection is opened.
    async fn on_connect(&self, user: &User) -> Result<()> {
        let _ = user;
        Ok(())
    }

    /// Sees what was stored. Runs off the hot path; a crash may lose the call.
    async fn after_commit(&self, event: &crate::event::Event) {
        let _ = event;
    }
}
