//! Signed tokens: access tokens and invitations. JWT with HMAC-SHA256 (RFC 7515, RFC 7519) and nothing else.
//!
//! Times are judged by the chat's clock, never by the library's. Keys are found by `kid`, so that a key can be replaced while
//! tokens of the one before are still about.

use crate::{
    Error, ErrorKind, Result,
    model::{AuthSessionId, Timestamp, UserId},
};
use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt, fmt::Write as _};

/// The least length of a secret: that of the hash's output (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;

/// No token of ours comes near this.
const MAX_TOKEN: usize = 4096;

/// Chooses the implementation behind `jsonwebtoken`: it panics at the first token if some other crate of the application has turned
/// on a second one and nobody chose.
pub(super) fn install_crypto() {
    // An error says that one was chosen already, which is all that is wanted.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().ok();
}

/// A secret that signs tokens.
#[derive(Clone)]
pub struct TokenKey {
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    derive: hmac::Key,
}

impl TokenKey {
    /// Wraps a secret; its id is derived from it.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for fewer than 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Self> {
        if secret.len() < MIN_SECRET {
            return Err(Error::invalid(format!("a token secret must have at least {MIN_SECRET} bytes")));
        }
        let derive = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let mut id = String::with_capacity(8);
        for byte in &hmac::sign(&derive, b"chat key id").as_ref()[..4] {
            write!(id, "{byte:02x}").expect("writing to a string cannot fail");
        }
        Ok(Self {
            id,
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            derive,
        })
    }

    /// Derives another secret for one purpose.
    pub(super) fn derive(&self, purpose: &[u8]) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.derive, purpose).as_ref())
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The key in force and those before it, whose tokens are still accepted.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    current: TokenKey,
    previous: Vec<TokenKey>,
}

impl TokenKeys {
    /// Signs and accepts with one key.
    #[must_use]
    pub const fn new(current: TokenKey) -> Self {
        Self { current, previous: Vec::new() }
    }

    /// Adds a key that was in force before: it accepts and does not sign.
    #[must_use]
    pub fn with_previous(mut self, key: TokenKey) -> Self {
        self.previous.push(key);
        self
    }

    pub(super) const fn current(&self) -> &TokenKey {
        &self.current
    }

    /// Signs an access token.
    pub(super) fn sign_access(&self, claims: &AccessClaims) -> Result<AccessToken> {
        let wire = WireClaims {
            user_id: claims.user_id,
            username: claims.username.clone(),
            exp: claims.expires_at.as_seconds(),
            nbf: None,
            sid: claims.session,
        };
        let token = self.sign(&wire)?;
        // The claim has whole seconds; what is promised to the client is what is judged later.
        let expires_at = Timestamp::from_micros(wire.exp * 1_000_000);
        Ok(AccessToken { token, expires_at })
    }

    /// Checks an access token.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) for anything but a token of ours within its time.
    pub(super) fn open_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims> {
        let wire: WireClaims = self.open(token)?;
        let seconds = now.as_seconds();
        if wire.exp <= seconds || wire.nbf.is_some_and(|from| from > seconds) {
            return Err(Error::unauthenticated("token is expired"));
        }
        Ok(AccessClaims {
            user_id: wire.user_id,
            username: wire.username,
            expires_at: Timestamp::from_micros(wire.exp.saturating_mul(1_000_000)),
            session: wire.sid,
        })
    }

    /// Signs an invitation.
    pub(super) fn sign_invite(&self, expires_at: Timestamp) -> Result<String> {
        self.sign(&InviteClaims { purpose: INVITE.to_owned(), exp: expires_at.as_seconds() })
    }

    /// Says whether an invitation is ours and within its time.
    pub(super) fn accepts_invite(&self, invite: &str, now: Timestamp) -> bool {
        self.open::<InviteClaims>(invite)
            .is_ok_and(|claims| claims.purpose == INVITE && claims.exp > now.as_seconds())
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String> {
        let header = Header { kid: Some(self.current.id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &self.current.signing)
            .map_err(|error| Error::new(ErrorKind::Internal, "token could not be signed").with_source(error))
    }

    /// Checks signature and algorithm. A token that names no key of ours was minted by a host that shares the secret: it is tried with all.
    fn open<C: DeserializeOwned>(&self, token: &str) -> Result<C> {
        if token.len() > MAX_TOKEN {
            return Err(refused());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        let all = || std::iter::once(&self.current).chain(&self.previous);
        let named = all().find(|key| header.kid.as_ref() == Some(&key.id));
        let mut candidates = all().filter(|key| named.is_none_or(|named| named.id == key.id));
        let validation = validation();
        candidates
            .find_map(|key| jsonwebtoken::decode::<C>(token, &key.verifying, &validation).ok())
            .map(|data| data.claims)
            .ok_or_else(refused)
    }
}

/// Accepts HS256 only. Times are left to the chat's clock; that `exp` is there, the claims' own type demands.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

fn refused() -> Error {
    Error::unauthenticated("token is not valid")
}

/// A signed access token.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// What goes into the `Authorization` header.
    pub token: String,
    /// When it ends, in whole seconds.
    pub expires_at: Timestamp,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccessClaims {
    pub(super) user_id: UserId,
    pub(super) username: String,
    pub(super) expires_at: Timestamp,
    pub(super) session: Option<AuthSessionId>,
}

/// The claims as they are signed. `user_id` and `exp` are required, and an id is a whole number above zero.
#[derive(Serialize, Deserialize)]
struct WireClaims {
    user_id: UserId,
    #[serde(default)]
    username: String,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<AuthSessionId>,
}

const INVITE: &str = "invite";

/// An invitation names no user, so that it can never pass for an access token.
#[derive(Serialize, Deserialize)]
struct InviteClaims {
    purpose: String,
    exp: i64,
}

#[cfg(test)]
mod tests;
