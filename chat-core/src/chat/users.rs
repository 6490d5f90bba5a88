//! People: who is asking, who may be found, profiles, bans.

use super::{Chat, Inner};
use crate::{
    Result,
    auth::Identity,
    model::{MediaId, User, UserId},
    store::Ban,
};
use std::sync::Arc;

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
        let _ = token;
        todo!()
    }

    /// Finds or creates the user behind an identity; cached.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) when a user of the chat's own is gone,
    /// [`Forbidden`](crate::ErrorKind::Forbidden) when the person is banned.
    pub async fn ensure_user(&self, identity: &Identity) -> Result<User> {
        let _ = identity;
        todo!()
    }

    /// Loads a person whom the actor may see: oneself, or as the directory allows.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for everybody else.
    pub async fn find_user(&self, actor: UserId, id: UserId) -> Result<User> {
        let _ = (actor, id);
        todo!()
    }

    /// Lists the people whom the directory shows to the actor, without the actor, in rising id.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn list_users(&self, actor: UserId, query: FindUsers) -> Result<Vec<User>> {
        let _ = (actor, query);
        todo!()
    }

    /// Returns those of `others` whose profile and presence the actor may see, in the order given.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn filter_visible(&self, actor: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
        let _ = (actor, others);
        todo!()
    }

    /// Changes one's own profile.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a name outside the rules, [`NotFound`](crate::ErrorKind::NotFound) for a picture that is
    /// not the actor's.
    pub async fn update_profile(&self, actor: UserId, change: ProfileChange) -> Result<User> {
        let _ = (actor, change);
        todo!()
    }

    /// Bans or readmits a person; for operators. A ban ends all connections.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown person.
    pub async fn set_banned(&self, user: UserId, ban: Ban) -> Result<User> {
        let _ = (user, ban);
        todo!()
    }

    /// Makes a person an administrator, or an ordinary user; for operators.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown person.
    pub async fn set_admin(&self, user: UserId, is_admin: bool) -> Result<User> {
        let _ = (user, is_admin);
        todo!()
    }
}

impl Inner {
    /// Loads people by id through the cache; unknown ids are left out, order is free.
    pub(crate) async fn users(&self, ids: &[UserId]) -> Result<Vec<Arc<User>>> {
        let _ = ids;
        todo!()
    }
}
