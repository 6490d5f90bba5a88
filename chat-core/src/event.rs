//! What happened, for the application: the items of [`Chat::events`](crate::Chat::events) and of `after_commit`.

use crate::model::{Conversation, CursorsMoved, Member, Message};
use std::sync::Arc;

/// Something that was stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A conversation was created, renamed or ended.
    ConversationChanged(Arc<Conversation>),
    /// Receipt cursors moved.
    CursorsMoved(Arc<CursorsMoved>),
    /// People joined, left or changed role.
    MembersChanged(Arc<[Member]>),
    /// A message was stored.
    MessageCreated(Arc<Message>),
    /// A message was edited or deleted.
    MessageUpdated(Arc<Message>),
}
