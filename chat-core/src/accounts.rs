//! Password accounts: one implementation of [`Authenticator`], for applications without users of their own.
//!
//! Registers, signs in, refreshes, revokes. Knows the store's accounts and nothing of connections: what ends is told
//! through [`SignInSessions`], and [`Chat::run`](crate::Chat::run) carries it on.

mod config;
mod hasher;
mod lockout;
mod operations;
mod password;
mod refresh;
mod revocation;
mod sign_in;
mod tokens;

pub use config::{AccountsConfig, Registration};
pub use refresh::{PasswordChange, RefreshToken};
pub use sign_in::{Device, Login, NewRegistration, SignedIn, TokenLife};
pub use tokens::{AccessToken, TokenKey, TokenKeys};

use crate::{
    Error, Result,
    auth::{Authenticator, EndedSession, Identity, SignInSessions},
    clock::Clock,
    model::{AuthSession, AuthSessionId, User, UserId},
    store::{AccountStore, Store},
};
use async_trait::async_trait;
use hasher::Hasher;
use lockout::Turns;
use revocation::Revocations;
use std::{fmt, sync::Arc, time::Duration};

/// Password accounts over a store that keeps them. A cheap clone of one shared part.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    config: AccountsConfig,
    hasher: Hasher,
    turns: Turns,
    revocations: Revocations,
}

impl Accounts {
    /// Creates accounts over a store.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) when the store keeps no accounts or the settings contradict themselves.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, config: AccountsConfig) -> Result<Self> {
        if store.accounts().is_none() {
            return Err(Error::invalid("this store keeps no password accounts"));
        }
        config.check()?;
        tokens::install_crypto();
        let inner = Inner {
            hasher: Hasher::new(config.hashing_threads),
            turns: Turns::new(),
            revocations: Revocations::new(),
            store,
            clock,
            config,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns who may register.
    #[must_use]
    pub fn registration(&self) -> Registration {
        self.inner.config.registration
    }

    /// Returns how long a session lives without being refreshed.
    #[must_use]
    pub fn session_life(&self) -> Duration {
        self.inner.config.session_life
    }

    /// Lists a person's sessions that are in force, last used first.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn list_sessions(&self, user: UserId) -> Result<Vec<AuthSession>> {
        self.store().list_sessions(user, self.inner.clock.now()).await
    }

    /// Ends a session of this person; its sockets are closed.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a session that is not this person's.
    pub async fn revoke_session(&self, user: UserId, session: AuthSessionId) -> Result<()> {
        self.store().revoke_session(user, session, self.inner.clock.now()).await?;
        self.inner.revocations.end(EndedSession { user_id: user, session: Some(session) });
        Ok(())
    }

    fn store(&self) -> &dyn AccountStore {
        self.inner.store.accounts().expect("`new` refuses a store without accounts")
    }

    /// Loads somebody whom a session or account names.
    async fn load_user(&self, id: UserId) -> Result<User> {
        let users = self.inner.store.load_users(&[id]).await?;
        users.into_iter().next().ok_or_else(|| Error::unauthenticated("the account does not exist any more"))
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl Authenticator for Accounts {
    async fn authenticate(&self, token: &str) -> Result<Identity> {
        let now = self.inner.clock.now();
        let claims = self.inner.config.keys.open_access(token, now)?;
        if let Some(session) = claims.session {
            self.inner.revocations.check(self.store(), session, claims.user_id, now).await?;
        }
        let identity = Identity::user(claims.user_id, claims.username).with_expiry(claims.expires_at);
        Ok(Identity { session: claims.session, ..identity })
    }

    fn sessions(&self) -> Option<&dyn SignInSessions> {
        Some(self)
    }
}

#[async_trait]
impl SignInSessions for Accounts {
    async fn next_ended(&self) -> EndedSession {
        self.inner.revocations.next_ended().await
    }

    fn forget(&self, ended: EndedSession) {
        self.inner.revocations.forget(ended);
    }
}

#[cfg(test)]
mod tests;
