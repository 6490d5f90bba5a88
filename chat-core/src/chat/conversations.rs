//! Conversations: opening a direct one, founding, renaming and ending a group, lists.

use super::{Chat, Inner, cache::Membership, users::no_such_user};
use crate::{
    Error, Result,
    config::Directory,
    model::{
        Conversation, ConversationEntry, ConversationId, ConversationPage, GroupUpdate, MessageKey, NewGroup,
        Opened, UserId,
    },
    text,
};
use std::collections::HashSet;

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

/// Whether the directory decides who may be addressed, or the host has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Directory,
    Host,
}

impl Chat {
    /// Opens the direct conversation with `peer`, creating it on first use.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a person whom the actor may not write to.
    pub async fn open_direct(&self, actor: UserId, peer: UserId) -> Result<Opened> {
        self.inner.locate_direct(actor, peer).await?;
        self.inner.open_one(actor, peer).await
    }

    /// Finds the direct conversation with `peer` without creating one.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is none and the actor may not write to the person.
    pub async fn find_direct(&self, actor: UserId, peer: UserId) -> Result<Option<ConversationId>> {
        self.inner.locate_direct(actor, peer).await
    }

    /// Opens the direct conversation of two people without asking the directory: for hosts that decide themselves who meets whom.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown person.
    pub async fn introduce(&self, user: UserId, peer: UserId) -> Result<Opened> {
        self.inner.open_one(user, peer).await
    }

    /// Founds a group of people to whom the actor may write.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a title or key outside the rules, [`NotFound`](crate::ErrorKind::NotFound) for a person
    /// whom the actor may not write to, [`TooLarge`](crate::ErrorKind::TooLarge) past the limit.
    pub async fn create_group(&self, actor: UserId, request: NewGroupRequest) -> Result<Opened> {
        self.inner.create_group(actor, request, Reach::Directory).await
    }

    /// Founds a group without asking the directory: for hosts.
    ///
    /// # Errors
    /// As [`create_group`](Self::create_group).
    pub async fn found_group(&self, owner: UserId, request: NewGroupRequest) -> Result<Opened> {
        self.inner.create_group(owner, request, Reach::Host).await
    }

    /// Lists the actor's conversations; the limit is cut to the largest page.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn list_conversations(&self, actor: UserId, page: ConversationPage) -> Result<EntryPage> {
        let limit = self.inner.page_limit(page.limit);
        // One more than asked for tells whether there is another page.
        let page = ConversationPage { limit: limit + 1, ..page };
        let mut entries = self.inner.store.list_conversations(actor, page).await?;
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        Ok(EntryPage { entries, has_more })
    }

    /// Loads one conversation that the actor is in.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn load_conversation(&self, actor: UserId, id: ConversationId) -> Result<ConversationEntry> {
        let entry = self.inner.store.load_entry(id, actor).await?;
        if entry.me.is_active() { Ok(entry) } else { Err(no_such_conversation()) }
    }

    /// Renames a group.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for plain members, [`Invalid`](crate::ErrorKind::Invalid) for a title outside the rules or a
    /// direct conversation, [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn rename_group(&self, actor: UserId, id: ConversationId, title: &str) -> Result<Conversation> {
        let title = text::clean_name("title", title)?;
        let (before, _) = self.inner.store.load_membership(id, actor).await?;
        let update = GroupUpdate { conversation_id: id, actor, title, now: self.now() };
        let conversation = self.inner.store.update_group(update).await?;
        if conversation.meta_rev != before.meta_rev {
            self.inner.announce_conversation(&conversation).await;
        }
        Ok(conversation)
    }

    /// Ends a group: everybody leaves.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) unless the actor is the owner, [`Invalid`](crate::ErrorKind::Invalid) for a direct
    /// conversation, [`NotFound`](crate::ErrorKind::NotFound) for outsiders.
    pub async fn delete_group(&self, actor: UserId, id: ConversationId) -> Result<()> {
        let changed = self.inner.store.delete_group(id, actor, self.now()).await?;
        self.inner.announce_members(&changed).await;
        self.inner.announce_conversation(&changed.conversation).await;
        Ok(())
    }
}

impl Inner {
    /// Returns the place of an active member through the cache; `not_found` for everybody else.
    pub(crate) async fn membership(&self, id: ConversationId, user: UserId) -> Result<Membership> {
        if let Some(known) = self.caches.memberships.get(&(id, user)) {
            return Ok(known);
        }
        let mark = self.caches.mark();
        let (conversation, member) = self.store.load_membership(id, user).await?;
        if !member.is_active() {
            return Err(no_such_conversation());
        }
        let membership = Membership {
            kind: conversation.kind,
            pair: conversation.pair,
            visible_from_seq: member.visible_from_seq,
            member_count: conversation.member_count,
        };
        self.caches.keep(mark, &self.caches.memberships, (id, user), membership);
        Ok(membership)
    }

    /// Finds the direct conversations with people; `None` for a person to whom the actor may write and has not yet.
    ///
    /// # Errors
    /// `not_found` as soon as there is one person without a conversation to whom the directory does not let the actor write.
    pub(super) async fn locate_directs(
        &self,
        actor: UserId,
        peers: &[UserId],
    ) -> Result<Vec<Option<ConversationId>>> {
        let mut located: Vec<_> =
            peers.iter().map(|&peer| self.caches.directs.get(&pair(actor, peer))).collect();
        let unknown: Vec<_> = (0..peers.len()).filter(|&place| located[place].is_none()).collect();
        if unknown.is_empty() {
            return Ok(located);
        }
        let asked: Vec<_> = unknown.iter().map(|&place| peers[place]).collect();
        let found = self.store.find_directs(actor, &asked).await?;
        let mut strangers = Vec::new();
        for ((place, peer), id) in unknown.into_iter().zip(asked).zip(found) {
            match id {
                Some(id) => self.caches.directs.insert(pair(actor, peer), id),
                None => strangers.push(peer),
            }
            located[place] = id;
        }
        self.check_reach(actor, &strangers).await?;
        Ok(located)
    }

    /// Finds the direct conversation with one person, as [`locate_directs`](Self::locate_directs).
    pub(super) async fn locate_direct(&self, actor: UserId, peer: UserId) -> Result<Option<ConversationId>> {
        match self.caches.directs.get(&pair(actor, peer)) {
            Some(id) => Ok(Some(id)),
            None => Ok(self.locate_directs(actor, &[peer]).await?.pop().flatten()),
        }
    }

    /// Opens the direct conversations with people who were found reachable, and tells of those that it created.
    pub(super) async fn open_directs(&self, actor: UserId, peers: &[UserId]) -> Result<Vec<Opened>> {
        let mut all = Vec::with_capacity(peers.len());
        for chunk in peers.chunks(OPEN_AT_ONCE) {
            for opened in self.store.open_directs(actor, chunk, self.now()).await? {
                let opened = opened?;
                self.announce_opened(&opened).await?;
                all.push(opened);
            }
        }
        for (peer, opened) in peers.iter().zip(&all) {
            self.caches.directs.insert(pair(actor, *peer), opened.conversation.id);
        }
        Ok(all)
    }

    pub(super) async fn open_one(&self, actor: UserId, peer: UserId) -> Result<Opened> {
        self.open_directs(actor, &[peer]).await?.pop().ok_or_else(no_such_user)
    }

    /// Refuses unless the actor may address every one of `others` for the first time.
    pub(super) async fn check_reach(&self, actor: UserId, others: &[UserId]) -> Result<()> {
        let others: Vec<_> = others.iter().copied().filter(|&other| other != actor).collect();
        let reached = match self.config.directory {
            _ if others.is_empty() => return Ok(()),
            Directory::Closed => 0,
            Directory::Contacts => self.store.filter_contacts(actor, &others).await?.len(),
            Directory::Open => self.users(&others).await?.len(),
        };
        if reached == others.iter().collect::<HashSet<_>>().len() { Ok(()) } else { Err(no_such_user()) }
    }

    async fn create_group(&self, owner: UserId, request: NewGroupRequest, reach: Reach) -> Result<Opened> {
        let title = text::clean_name("title", &request.title)?;
        let key = request.key.as_deref().map(MessageKey::from_client).transpose()?;
        let mut members = distinct(request.member_ids);
        members.retain(|&member| member != owner);
        let limit = self.config.limits.group_members;
        if members.len() >= limit as usize {
            return Err(Error::too_large(format!("a group has at most {limit} members")));
        }
        if reach == Reach::Directory {
            self.check_reach(owner, &members).await?;
        }
        let key = key.map(|key| key.as_str().to_owned());
        let group = NewGroup { creator: owner, title, members, key, now: self.now() };
        let opened = self.store.create_group(group).await?;
        self.announce_opened(&opened).await?;
        Ok(opened)
    }

    /// Cuts a page to what one answer may hold, and to something.
    pub(crate) fn page_limit(&self, asked: usize) -> usize {
        asked.clamp(1, self.config.limits.page)
    }
}

/// How many direct conversations one transaction opens, so that a large broadcast does not hold the store's lock for long.
const OPEN_AT_ONCE: usize = 500;

/// The one refusal for conversations that do not exist and for those that the actor is not in.
pub(crate) fn no_such_conversation() -> Error {
    Error::not_found("conversation not found")
}

/// Drops doubles and keeps the order.
pub(super) fn distinct(ids: Vec<UserId>) -> Vec<UserId> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
}

fn pair(one: UserId, other: UserId) -> (UserId, UserId) {
    (one.min(other), one.max(other))
}
