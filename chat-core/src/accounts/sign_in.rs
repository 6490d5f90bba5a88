//! Registering and signing in.

use super::{
    AccessToken, Accounts, RefreshToken, Registration, hasher::Match, password, tokens::AccessClaims,
};
use crate::{
    Error, Result,
    model::{Account, AuthSession, AuthSessionId, NewAccount, NewAuthSession, User},
    text,
};
use std::{fmt, net::IpAddr};
use unicode_normalization::UnicodeNormalization;

/// How long the access tokens of a client are to be good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenLife {
    /// For a client that never refreshes.
    #[default]
    Full,
    /// For a client that refreshes.
    Short,
}

/// From where somebody signs in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// What the person shall recognise the session by; empty if nothing is known.
    pub name: String,
    /// The address, for the lock-out.
    pub address: Option<IpAddr>,
}

/// A person who signs in.
#[derive(Clone)]
pub struct Login {
    /// The name as typed.
    pub username: String,
    /// The password as typed.
    pub password: String,
    /// How long the access token is to be good.
    pub life: TokenLife,
    /// From where.
    pub device: Device,
}

/// A person who registers.
#[derive(Clone)]
pub struct NewRegistration {
    /// The name as typed.
    pub username: String,
    /// The password as typed.
    pub password: String,
    /// An invitation, where one is needed.
    pub invite: Option<String>,
    /// How long the access token is to be good.
    pub life: TokenLife,
    /// From where.
    pub device: Device,
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The token for requests.
    pub access: AccessToken,
    /// The token for the next access token.
    pub refresh: RefreshToken,
    /// The session that both belong to.
    pub session: AuthSessionId,
}

impl Accounts {
    /// Registers a person and signs them in.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) with the reason for a name or password that is not taken,
    /// [`Conflict`](crate::ErrorKind::Conflict) for a name that somebody has, [`Forbidden`](crate::ErrorKind::Forbidden) when registration is
    /// closed or the invitation is not good, [`Busy`](crate::ErrorKind::Busy) when too many passwords wait to be hashed.
    pub async fn register(&self, new: NewRegistration) -> Result<SignedIn> {
        self.admit(new.invite.as_deref())?;
        let user = self.create_user(&new.username, new.password).await?;
        self.open_session(user, new.life, new.device).await
    }

    /// Signs a person in.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) for a wrong name or password, after the same time in both cases;
    /// [`RateLimited`](crate::ErrorKind::RateLimited) while name or address is locked; [`Forbidden`](crate::ErrorKind::Forbidden) for a banned
    /// person; [`Busy`](crate::ErrorKind::Busy) when too many passwords wait to be hashed.
    pub async fn login(&self, login: Login) -> Result<SignedIn> {
        let account = self.prove(&login.username, login.password, login.device.address).await?;
        if account.user.is_banned {
            return Err(Error::forbidden("this account is banned"));
        }
        self.open_session(account.user, login.life, login.device).await
    }

    fn admit(&self, invite: Option<&str>) -> Result<()> {
        let config = &self.inner.config;
        match config.registration {
            Registration::Open => Ok(()),
            Registration::Closed => Err(Error::forbidden("registration is closed")),
            Registration::Invite => match invite {
                Some(invite) if config.keys.accepts_invite(invite, self.inner.clock.now()) => Ok(()),
                Some(_) => Err(Error::forbidden("the invitation is not valid")),
                None => Err(Error::forbidden("an invitation is needed to register")),
            },
        }
    }

    /// Checks name and password and creates the account.
    pub(super) async fn create_user(&self, username: &str, password: String) -> Result<User> {
        let username = text::clean_username(username)?;
        let username_key = username_key(&username);
        // Spares the hash; that two cannot take a name at once is the store's promise.
        if self.store().find_account(&username_key).await?.is_some() {
            return Err(Error::conflict("username is taken"));
        }
        let password_hash = self.hash_checked(&username, password).await?;
        let now = self.inner.clock.now();
        self.store().create_account(NewAccount { username, username_key, password_hash, now }).await
    }

    /// Hashes a password that `username` chooses, if it is good enough.
    pub(super) async fn hash_checked(&self, username: &str, password: String) -> Result<String> {
        let username = username.to_owned();
        let min_score = self.inner.config.min_password_score;
        self.inner
            .hasher
            .hash(password, move |password| password::check(password, &username, min_score))
            .await
    }

    /// Compares name and password; counts a failure. Does the same work whether the name exists or not.
    pub(super) async fn prove(
        &self,
        username: &str,
        password: String,
        address: Option<IpAddr>,
    ) -> Result<Account> {
        let key = text::clean_username(username).ok().map(|name| username_key(&name));
        let attempt = self.begin_attempt(key.as_deref(), address).await?;
        let account = match &key {
            Some(key) => self.store().find_account(key).await?,
            None => None,
        };
        // An absurdly long password is nobody's, and hashing it would be work that a stranger chose the size of.
        let password = if password::is_plausible(&password) { password } else { String::new() };
        let stored = account.as_ref().map(|account| account.password_hash.clone());
        let found = self.inner.hasher.verify(password.clone(), stored).await?;
        let Some(account) = account.filter(|_| found != Match::Wrong) else {
            attempt.failed().await?;
            return Err(Error::unauthenticated("invalid credentials"));
        };
        attempt.succeeded().await?;
        if found == Match::Outdated {
            self.rehash(&account, password).await?;
        }
        Ok(account)
    }

    async fn rehash(&self, account: &Account, password: String) -> Result<()> {
        let hash = self.inner.hasher.hash(password, |_| Ok(())).await?;
        self.store().rehash_password(account.user.id, &account.password_hash, &hash).await
    }

    async fn open_session(&self, user: User, life: TokenLife, device: Device) -> Result<SignedIn> {
        let now = self.inner.clock.now();
        let refresh = RefreshToken::random()?;
        let session = NewAuthSession {
            user_id: user.id,
            device_name: text::tame_name(&device.name, "unknown device"),
            refresh: refresh.hash(),
            expires_at: now.plus(self.inner.config.session_life),
            now,
        };
        let session = self.store().create_session(session).await?;
        self.sign_in(user, &session, refresh, life)
    }

    /// Signs an access token for a session.
    pub(super) fn sign_in(
        &self,
        user: User,
        session: &AuthSession,
        refresh: RefreshToken,
        life: TokenLife,
    ) -> Result<SignedIn> {
        let config = &self.inner.config;
        let life = match life {
            TokenLife::Full => config.token_life,
            TokenLife::Short => config.short_token_life,
        };
        let access = config.keys.sign_access(&AccessClaims {
            user_id: user.id,
            username: user.handle().to_owned(),
            expires_at: self.inner.clock.now().plus(life),
            session: Some(session.id),
        })?;
        Ok(SignedIn { user, access, refresh, session: session.id })
    }
}

/// Returns what two spellings of one name have in common. Normalised once more, because lower case can leave the normal form.
pub(super) fn username_key(name: &str) -> String {
    name.to_lowercase().nfkc().collect()
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("device", &self.device).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRegistration").field("device", &self.device).finish_non_exhaustive()
    }
}
