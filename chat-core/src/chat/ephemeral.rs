//! What nobody stores: that somebody types.

use super::{Chat, send::Target};
use crate::{
    Result,
    bus::{Hint, Topic},
    model::UserId,
};

impl Chat {
    /// Tells the other members that the actor types, or stopped. Nothing is told in large conversations, nor to a person with whom
    /// there is no conversation yet.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) outside one's own conversations.
    pub async fn set_typing(&self, actor: UserId, target: Target, is_typing: bool) -> Result<()> {
        let conversation_id = match target {
            Target::Conversation(id) => id,
            Target::Person(peer) => match self.find_direct(actor, peer).await? {
                Some(id) => id,
                None => return Ok(()),
            },
        };
        let membership = self.inner.membership(conversation_id, actor).await?;
        if membership.member_count as usize > self.inner.config.pacing.fanout_limit {
            return Ok(());
        }
        let hint = Hint::Typing { conversation_id, user_id: actor, is_typing };
        self.inner.publish(Topic::of_conversation(conversation_id), hint).await;
        Ok(())
    }
}
