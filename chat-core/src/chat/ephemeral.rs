//! What nobody stores: that somebody types.

use super::{Chat, send::Target};
use crate::{Result, model::UserId};

impl Chat {
    /// Tells the other members that the actor types, or stopped. Nothing is told in large conversations, nor to a person with whom
    /// there is no conversation yet.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) outside one's own conversations.
    pub async fn set_typing(&self, actor: UserId, target: Target, is_typing: bool) -> Result<()> {
        let _ = (actor, target, is_typing);
        todo!()
    }
}
