//! Conversations: opening a direct one, founding, renaming and ending a group, lists.

use super::{Chat, Inner, cache::Membership};
use crate::{
    Result,
    model::{Conversation, ConversationEntry, ConversationId, ConversationPage, Opened, UserId},
};

/// A group to be founded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroupRequest {
    /// Its name, 1–100 characters.
    pub title: String,
    /// The other first members; doubles and the founder are dropped.
    pub member_ids: Vec<UserId>,
    /// A key under which a retry gets the first result; 1–64 printable ASCII characters.
    pub key: Option<String>,
}

/// A page of somebody's conversations, newest activity first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPage {
    /// The conversations.
    pub entries: Vec<ConversationEntry>,
    /// Whether there are more after the last of them.
    pub has_more: bool,
}

impl Chat {
    /// Opens the direct conversation with `peer`, creating it on first use.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a person whom the actor may not write to.
    pub async fn open_direct(&self, actor: UserId, peer: UserId) -> Result<Opened> {
        let _ = (actor, peer);
        todo!()
    }

    /// Finds the direct conversation with `peer` without creating one.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is none and the actor may not see the person; otherwise `None`.
    pub async fn find_direct(&self, actor: UserId, peer: UserId) -> Result<Option<ConversationId>> {
        let _ = (actor, peer);
        todo!()
    }

    /// Opens the direct conversation of two people without asking the directory: for hosts that decide themselves who meets whom.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown person.
    pub async fn introduce(&self, user: UserId, peer: UserId) -> Result<Opened> {
        let _ = (user, peer);
        todo!()
    }

    /// Founds a group of people to whom the actor may write.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a title outside the rules, [`NotFound`](crate::ErrorKind::NotFound) for a person whom the
    /// actor may not write to, [`TooLarge`](crate::ErrorKind::TooLarge) past the limit.
    pub async fn create_group(&self, actor: UserId, request: NewGroupRequest) -> Result<Opened> {
        let _ = (actor, request);
        todo!()
    }

    /// Founds a group without asking the directory: for hosts.
    ///
    /// # Errors
    /// As [`create_group`](Self::create_group).
    pub async fn found_group(&self, owner: UserId, request: NewGroupRequest) -> Result<Opened> {
        let _ = (owner, request);
        todo!()
    }

    /// Lists the actor's conversations; the limit is cut to the largest page.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn list_conversations(&self, actor: UserId, page: ConversationPage) -> Result<EntryPage> {
        let _ = (actor, page);
        todo!()
    }

    /// Loads one conversation of the actor's.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn load_conversation(&self, actor: UserId, id: ConversationId) -> Result<ConversationEntry> {
        let _ = (actor, id);
        todo!()
    }

    /// Renames a group.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for plain members, [`Invalid`](crate::ErrorKind::Invalid) for a title outside the rules or a
    /// direct conversation, [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn rename_group(&self, actor: UserId, id: ConversationId, title: &str) -> Result<Conversation> {
        let _ = (actor, id, title);
        todo!()
    }

    /// Ends a group: everybody leaves.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the actor is the owner, [`Invalid`](crate::ErrorKind::Invalid) for a direct
    /// conversation, [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn delete_group(&self, actor: UserId, id: ConversationId) -> Result<()> {
        let _ = (actor, id);
        todo!()
    }
}

impl Inner {
    /// Returns the place of an active member through the cache; `not_found` for everybody else.
    pub(crate) async fn membership(&self, id: ConversationId, user: UserId) -> Result<Membership> {
        let _ = (id, user);
        todo!()
    }
}
