//! What an operator does without a session: add people, help them back in, appoint administrators, mint tokens.

use super::{AccessToken, Accounts, sign_in::username_key, tokens::AccessClaims};
use crate::{Error, Result, model::User, text};
use std::time::Duration;

impl Accounts {
    /// Creates a person with an account; registration need not be open.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a name or password that is not taken,
    /// [`Conflict`](crate::ErrorKind::Conflict) for a name that somebody has.
    pub async fn add_user(&self, username: &str, password: String) -> Result<User> {
        self.create_user(username, password).await
    }

    /// Finds a person by the name that they sign in with.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when nobody has it.
    pub async fn find_user(&self, username: &str) -> Result<User> {
        let key = username_key(&text::clean_username(username)?);
        let account = self.store().find_account(&key).await?;
        account
            .map(|account| account.user)
            .ok_or_else(|| Error::not_found(format!("there is no user `{username}`")))
    }

    /// Gives a person another password, forgives failed sign-ins and ends all sessions.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when nobody has the name, [`Invalid`](crate::ErrorKind::Invalid) for a password that is not taken.
    pub async fn reset_password(&self, username: &str, password: String) -> Result<()> {
        let user = self.find_user(username).await?;
        let key = username_key(user.handle());
        self.replace_password(user.id, user.handle(), password, None).await?;
        self.store().clear_lockouts(&[format!("account:{key}")]).await
    }

    /// Makes a person an administrator.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when nobody has the name.
    pub async fn grant_admin(&self, username: &str) -> Result<User> {
        let user = self.find_user(username).await?;
        self.inner.store.set_admin(user.id, true, self.inner.clock.now()).await
    }

    /// Signs an access token that belongs to no session: good to its end, and not revocable.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when nobody has the name.
    pub async fn mint_token(&self, username: &str, life: Duration) -> Result<AccessToken> {
        let user = self.find_user(username).await?;
        self.inner.config.keys.sign_access(&AccessClaims {
            user_id: user.id,
            username: user.handle().to_owned(),
            expires_at: self.inner.clock.now().plus(life),
            session: None,
        })
    }

    /// Makes an invitation with which anybody may register until it ends, also several people.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when it cannot be signed.
    pub fn invite(&self, life: Duration) -> Result<String> {
        self.inner.config.keys.sign_invite(self.inner.clock.now().plus(life))
    }
}
