//! Refresh tokens: each is good once and gives its successor.
//!
//! The successor is computed from the token (HMAC under a key of the server's), not drawn. So a client whose answer got lost may ask
//! again and gets the same one, although the store keeps hashes only.

use super::{Accounts, SignedIn, TokenLife};
use crate::{
    Error, ErrorKind, Result,
    auth::EndedSession,
    model::{AuthSession, AuthSessionId, RefreshHash, Rotation, UserId},
};
use aws_lc_rs::{digest, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{fmt, net::IpAddr};

/// A secret of 256 bits that gives the next access token.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; 32]);

impl RefreshToken {
    pub(super) fn random() -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            Error::new(ErrorKind::Internal, "the operating system has no randomness").with_source(error)
        })?;
        Ok(Self(bytes))
    }

    /// Reads a token as a client sends it.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) for a text that cannot be one.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| Error::unauthenticated("refresh token is not valid"))
    }

    /// Returns the text for the client: 43 characters of base64url.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// A plain hash suffices: there are no dictionaries of 256 random bits.
    pub(super) fn hash(&self) -> RefreshHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        hash
    }

    fn successor(&self, key: &hmac::Key) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(key, &self.0).as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

impl Accounts {
    /// Gives the next access token and the successor of a refresh token.
    ///
    /// A token that was replaced at most a minute ago gives the same successor again. Replaced longer ago, it is in two hands: its
    /// session is revoked and its sockets are closed.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) for a token that is not good,
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for a banned person.
    pub async fn refresh(&self, token: &RefreshToken, life: TokenLife) -> Result<SignedIn> {
        let (session, successor) = self.rotate(token).await?;
        let user = self.load_user(session.user_id).await?;
        if user.is_banned {
            return Err(Error::forbidden("this account is banned"));
        }
        self.sign_in(user, &session, successor, life)
    }

    /// Ends the session that a refresh token belongs to; its sockets are closed.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    pub async fn log_out(&self, token: &RefreshToken) -> Result<()> {
        let (session, _) = self.rotate(token).await?;
        self.revoke_session(session.user_id, session.id).await
    }

    /// Replaces a person's password and ends all sessions but `keep`. A wrong old password counts as a failed sign-in.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for a wrong old password, [`NotFound`](crate::ErrorKind::NotFound) for a person without an
    /// account here, [`Invalid`](crate::ErrorKind::Invalid) with the reason for a new one that is not taken,
    /// [`RateLimited`](crate::ErrorKind::RateLimited) while name or address is locked.
    pub async fn change_password(
        &self,
        user: UserId,
        keep: Option<AuthSessionId>,
        change: PasswordChange,
        address: Option<IpAddr>,
    ) -> Result<()> {
        let account = self.store().find_account_of(user).await?;
        let username = account.and_then(|account| account.user.username);
        let username = username.ok_or_else(|| Error::not_found("there is no password to change"))?;
        self.prove(&username, change.old, address).await.map_err(|error| match error.kind() {
            // The person is signed in: `unauthenticated` would make clients sign them out.
            ErrorKind::Unauthenticated => Error::forbidden("the old password is wrong"),
            _ => error,
        })?;
        self.replace_password(user, &username, change.new, keep).await
    }

    /// Stores another password and tells which sessions that ended.
    pub(super) async fn replace_password(
        &self,
        user: UserId,
        username: &str,
        password: String,
        keep: Option<AuthSessionId>,
    ) -> Result<()> {
        let hash = self.hash_checked(username, password).await?;
        let now = self.inner.clock.now();
        for session in self.store().set_password(user, &hash, keep, now).await? {
            self.inner.revocations.end(EndedSession { user_id: user, session: Some(session) });
        }
        Ok(())
    }

    async fn rotate(&self, token: &RefreshToken) -> Result<(AuthSession, RefreshToken)> {
        let config = &self.inner.config;
        let now = self.inner.clock.now();
        let successor = token.successor(&config.keys.current().derive(b"refresh successor"));
        let expires_at = now.plus(config.session_life);
        let rotation = self
            .store()
            .rotate_session(token.hash(), successor.hash(), now, config.refresh_grace, expires_at)
            .await?;
        match rotation {
            Rotation::Rotated(session) | Rotation::Repeated(session) => Ok((session, successor)),
            Rotation::Replayed(session) => {
                tracing::warn!(user.id = %session.user_id, session.id = %session.id, "refresh token was used twice");
                let ended = EndedSession { user_id: session.user_id, session: Some(session.id) };
                self.inner.revocations.end(ended);
                Err(Error::unauthenticated("refresh token was used before; the session is revoked"))
            }
            Rotation::Unknown => Err(Error::unauthenticated("refresh token is not valid")),
        }
    }
}

/// A person who replaces their password.
#[derive(Clone)]
pub struct PasswordChange {
    /// The present one as typed.
    pub old: String,
    /// The next one as typed.
    pub new: String,
}

impl fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordChange(…)")
    }
}
