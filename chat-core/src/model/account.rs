//! Password accounts and their signed-in sessions, as a store keeps them. Secrets appear only as hashes.

use super::{AuthSessionId, Timestamp, User, UserId};

/// The SHA-256 of a refresh token.
pub type RefreshHash = [u8; 32];

/// An account to be created together with its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The name as typed, in NFKC.
    pub username: String,
    /// The name in lower case; unique.
    pub username_key: String,
    /// The password's hash in PHC form.
    pub password_hash: String,
    /// The moment to stamp.
    pub now: Timestamp,
}

/// An account as sign-in needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: User,
    /// The password's hash in PHC form (or `$2…` of bcrypt after an import).
    pub password_hash: String,
}

/// A session to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuthSession {
    /// Whose.
    pub user_id: UserId,
    /// What the person shall recognise it by.
    pub device_name: String,
    /// The first refresh token's hash.
    pub refresh: RefreshHash,
    /// When the refresh token ends if it is never used.
    pub expires_at: Timestamp,
    /// The moment to stamp.
    pub now: Timestamp,
}

/// A signed-in session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSession {
    /// Its id, the claim `sid`.
    pub id: AuthSessionId,
    /// Whose.
    pub user_id: UserId,
    /// What the person shall recognise it by.
    pub device_name: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// The answer to an attempt to rotate a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The token was the session's present one; the successor is in force.
    Rotated(AuthSession),
    /// The token was replaced less than the grace ago: hand out the same successor again.
    Repeated(AuthSession),
    /// The token was replaced longer ago: somebody has a copy. The session is now revoked.
    Replayed(AuthSession),
    /// No session knows this token, or it is revoked or over.
    Unknown,
}

/// Failed sign-ins under one key (an account's name, an address).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lockout {
    /// Failures since the last success.
    pub failures: u32,
    /// No attempt is looked at before this.
    pub locked_until: Option<Timestamp>,
}
