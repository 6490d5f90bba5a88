//! People: who is asking, who may be found, profiles, bans.

use super::{Chat, Inner};
use crate::{
    Error, Result,
    auth::{Identity, Subject},
    bus::{EndReason, Hint, Topic},
    config::Directory,
    model::{Avatar, MediaId, MediaKind, NewUser, ProfileUpdate, User, UserId, UserQuery},
    store::Ban,
    text,
};
use std::{collections::HashSet, sync::Arc};

/// The longest id or picture address that a host may give, in bytes.
const EXTERNAL_BYTES: usize = 2_048;

/// Which people to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindUsers {
    /// Only names that start with this, without regard to case.
    pub prefix: Option<String>,
    /// Only ids above this.
    pub after: Option<UserId>,
    /// At most so many; the cap is the caller's.
    pub limit: usize,
}

/// A change of one's own profile; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The name that others see, 1–100 characters.
    pub display_name: Option<String>,
    /// An uploaded picture; `Some(None)` removes it.
    pub avatar: Option<Option<MediaId>>,
}

impl Chat {
    /// Turns a bearer token into an identity.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) for a token that is not good.
    pub async fn authenticate(&self, token: &str) -> Result<Identity> {
        match &self.inner.authenticator {
            Some(authenticator) => authenticator.authenticate(token).await,
            None => Err(Error::unauthenticated("tokens are not accepted here")),
        }
    }

    /// Finds or creates the user behind an identity; cached.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) when a user of the chat's own is gone,
    /// [`Forbidden`](crate::ErrorKind::Forbidden) when the person is banned,
    /// [`Invalid`](crate::ErrorKind::Invalid) for an empty or overlong external id.
    pub async fn ensure_user(&self, identity: &Identity) -> Result<User> {
        let user = match &identity.subject {
            Subject::External(external_id) => self.inner.ensure_external(external_id, identity).await?,
            Subject::User(id) => {
                let user = self.inner.user(*id).await?;
                user.ok_or_else(|| Error::unauthenticated("this user no longer exists"))?
            }
        };
        if user.is_banned {
            return Err(Error::forbidden("you are banned from this chat"));
        }
        Ok(Arc::unwrap_or_clone(user))
    }

    /// Loads a person whom the actor may see: oneself, or as the directory allows.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for everybody else.
    pub async fn find_user(&self, actor: UserId, id: UserId) -> Result<User> {
        let visible = self.filter_visible(actor, &[id]).await?;
        let user = if visible.is_empty() { None } else { self.inner.user(id).await? };
        user.map(Arc::unwrap_or_clone).ok_or_else(no_such_user)
    }

    /// Lists the people whom the directory shows to the actor, without the actor, in rising id.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn list_users(&self, actor: UserId, query: FindUsers) -> Result<Vec<User>> {
        let contacts_of = match self.inner.config.directory {
            Directory::Closed => return Ok(Vec::new()),
            Directory::Contacts => Some(actor),
            Directory::Open => None,
        };
        let FindUsers { prefix, after, limit } = query;
        // One more than asked for, since the actor may be among them.
        let query = UserQuery { prefix, contacts_of, after, limit: limit.saturating_add(1) };
        let mut users = self.inner.store.list_users(query).await?;
        users.retain(|user| user.id != actor);
        users.truncate(limit);
        Ok(users)
    }

    /// Returns those of `others` whose profile and presence the actor may see, in the order given: everybody who exists under an open
    /// directory, else oneself and those with whom one shares a conversation.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn filter_visible(&self, actor: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
        let seen: HashSet<UserId> = if self.inner.config.directory == Directory::Open {
            self.inner.users(others).await?.iter().map(|user| user.id).collect()
        } else {
            self.inner.store.filter_contacts(actor, others).await?.into_iter().chain([actor]).collect()
        };
        Ok(others.iter().copied().filter(|id| seen.contains(id)).collect())
    }

    /// Changes one's own profile.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a name outside the rules or a file that is no picture,
    /// [`NotFound`](crate::ErrorKind::NotFound) for a picture out of the actor's sight, [`Forbidden`](crate::ErrorKind::Forbidden) for a
    /// person whose profile the host keeps: the host would write over the change at the next sight.
    pub async fn update_profile(&self, actor: UserId, change: ProfileChange) -> Result<User> {
        let before = self.inner.user(actor).await?.ok_or_else(no_such_user)?;
        if before.external_id.is_some() {
            return Err(Error::forbidden("your profile is kept by the application"));
        }
        let display_name =
            change.display_name.map(|name| text::clean_name("display_name", &name)).transpose()?;
        if let Some(Some(picture)) = change.avatar {
            self.inner.check_picture(actor, picture).await?;
        }
        let avatar = change.avatar.map(|picture| picture.map(Avatar::Media));
        let update = ProfileUpdate { display_name, avatar };
        let user = self.inner.store.update_profile(actor, update, self.now()).await?;
        if user.user_rev != before.user_rev {
            self.inner.announce_profile(&user).await;
        }
        Ok(user)
    }

    /// Bans or readmits a person; for operators. A ban ends all connections.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown person.
    pub async fn set_banned(&self, user: UserId, ban: Ban) -> Result<User> {
        let user = self.inner.store.set_banned(user, ban, self.now()).await?;
        self.inner.announce_profile(&user).await;
        if user.is_banned {
            let hint = Hint::Ended { user_id: user.id, session: None, reason: EndReason::Banned };
            self.inner.publish(Topic::ALL, hint).await;
        }
        Ok(user)
    }

    /// Makes a person an administrator, or an ordinary user; for operators.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown person.
    pub async fn set_admin(&self, user: UserId, is_admin: bool) -> Result<User> {
        let user = self.inner.store.set_admin(user, is_admin, self.now()).await?;
        self.inner.announce_profile(&user).await;
        Ok(user)
    }
}

impl Inner {
    /// Loads one person through the cache.
    pub(crate) async fn user(&self, id: UserId) -> Result<Option<Arc<User>>> {
        Ok(self.users(&[id]).await?.pop())
    }

    /// Loads people by id through the cache, each once; unknown ids are left out, order is free.
    pub(crate) async fn users(&self, ids: &[UserId]) -> Result<Vec<Arc<User>>> {
        let mut found = Vec::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids.iter().copied().collect::<HashSet<_>>() {
            match self.caches.users.get(&id) {
                Some(user) => found.push(user),
                None => missing.push(id),
            }
        }
        if !missing.is_empty() {
            let mark = self.caches.mark();
            for user in self.store.load_users(&missing).await? {
                found.push(self.remember(mark, user));
            }
        }
        Ok(found)
    }

    fn remember(&self, mark: u64, user: User) -> Arc<User> {
        let user = Arc::new(user);
        self.caches.keep(mark, &self.caches.users, user.id, Arc::clone(&user));
        user
    }

    async fn ensure_external(&self, external_id: &str, identity: &Identity) -> Result<Arc<User>> {
        if external_id.is_empty() || external_id.len() > EXTERNAL_BYTES {
            return Err(Error::invalid(format!("external id must have 1 to {EXTERNAL_BYTES} bytes")));
        }
        let display_name = text::tame_name(&identity.display_name, external_id);
        let avatar = identity.avatar.as_deref().filter(|link| is_picture_link(link));
        let avatar = avatar.map(|link| Avatar::Link(link.to_owned()));
        let known = self.caches.externals.get(external_id).and_then(|id| self.caches.users.get(&id));
        if let Some(user) = known.filter(|user| user.display_name == display_name && user.avatar == avatar) {
            return Ok(user);
        }
        let now = self.now();
        let new = NewUser { external_id: external_id.to_owned(), display_name, avatar, now };
        let mark = self.caches.mark();
        let user = self.store.ensure_user(new).await?;
        // Nobody can have seen a person who is created just now.
        if user.updated_at == now && user.created_at != now {
            self.announce_profile(&user).await;
        }
        self.caches.externals.insert(external_id.into(), user.id);
        Ok(self.remember(mark, user))
    }

    async fn check_picture(&self, owner: UserId, picture: MediaId) -> Result<()> {
        let files = self.visible_files(owner, &[picture]).await?;
        match files.first() {
            Some(file) if file.kind == MediaKind::Image => Ok(()),
            _ => Err(Error::invalid("avatar_media_id must be a picture")),
        }
    }
}

/// The one refusal for people who do not exist and for those whom the actor may not see.
pub(super) fn no_such_user() -> Error {
    Error::not_found("user not found")
}

/// A host's picture may stand on its own site or anywhere on the web, and is never a script.
fn is_picture_link(link: &str) -> bool {
    let known = ["https://", "http://", "/"].iter().any(|start| link.starts_with(start));
    known && link.len() <= EXTERNAL_BYTES && !link.chars().any(|c| c.is_control() || c.is_whitespace())
}
