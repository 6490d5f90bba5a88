//! Who is asking: the identity that a host (or the accounts feature) vouches for.

use crate::{
    Result,
    model::{AuthSessionId, Timestamp, UserId},
};
use async_trait::async_trait;
use std::fmt;

/// A person as a host's own sign-in knows them.
///
/// A host puts it into the request's extensions; the chat's user is created on first sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// How the chat finds its user.
    pub subject: Subject,
    /// The name that others see.
    pub display_name: String,
    /// The address of a picture.
    pub avatar: Option<String>,
    /// When the host's session ends; open sockets are closed then unless they refresh.
    pub expires_at: Option<Timestamp>,
    /// The sign-in session, where it is one of ours and can be revoked.
    pub session: Option<AuthSessionId>,
}

/// How an [`Identity`] names the person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The id in the host's own user table.
    External(String),
    /// The chat's own user id, from a token that was minted for it.
    User(UserId),
}

impl Identity {
    /// Names a person by the host's own id.
    #[must_use]
    pub fn external(external_id: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self {
            subject: Subject::External(external_id.into()),
            display_name: display_name.into(),
            avatar: None,
            expires_at: None,
            session: None,
        }
    }

    /// Names a person by the chat's own user id.
    #[must_use]
    pub fn user(id: UserId, display_name: impl Into<String>) -> Self {
        Self { subject: Subject::User(id), ..Self::external("", display_name) }
    }

    /// Adds the address of a picture.
    #[must_use]
    pub fn with_avatar(mut self, address: impl Into<String>) -> Self {
        self.avatar = Some(address.into());
        self
    }

    /// Adds the end of the host's session.
    #[must_use]
    pub const fn with_expiry(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }
}

/// Turns a bearer token into an identity.
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync + 'static {
    /// Checks a token.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) for a token that is not good,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when that cannot be told now.
    async fn authenticate(&self, token: &str) -> Result<Identity>;

    /// Returns the sign-in sessions behind the tokens, where they can end before their tokens do.
    fn sessions(&self) -> Option<&dyn SignInSessions> {
        None
    }
}

/// A sign-in session that ended before its tokens: by log-out, revocation, a new password or a stolen refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedSession {
    /// Whose.
    pub user_id: UserId,
    /// Which; all of the person's if absent.
    pub session: Option<AuthSessionId>,
}

/// Sign-in sessions that can be ended. [`Chat::run`](crate::Chat::run) tells the other nodes of those ended here, and this one
/// of those ended there.
#[async_trait]
pub trait SignInSessions: Send + Sync + 'static {
    /// Waits for the next session that is ended on this node. Only one task calls it; dropping the wait loses nothing.
    async fn next_ended(&self) -> EndedSession;

    /// Forgets what is remembered of a session, because it was ended elsewhere.
    fn forget(&self, ended: EndedSession);
}
