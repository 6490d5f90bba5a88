//! Password accounts, signed-in sessions and lock-outs: an optional family.

use crate::{
    Result,
    model::{
        Account, AuthSession, AuthSessionId, Lockout, NewAccount, NewAuthSession, RefreshHash, Rotation,
        Timestamp, User, UserId,
    },
};
use async_trait::async_trait;

/// Keeps accounts.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Creates a user with an account; `conflict` when the name is taken, also when two ask at once.
    async fn create_account(&self, account: NewAccount) -> Result<User>;

    /// Finds an account by the name's key.
    async fn find_account(&self, username_key: &str) -> Result<Option<Account>>;

    /// Finds the account of a user.
    async fn find_account_of(&self, user: UserId) -> Result<Option<Account>>;

    /// Replaces the password's hash and revokes all sessions but `keep`; returns the revoked ones.
    async fn set_password(
        &self,
        user: UserId,
        password_hash: &str,
        keep: Option<AuthSessionId>,
        now: Timestamp,
    ) -> Result<Vec<AuthSessionId>>;

    /// Replaces the password's hash if it is still `old`, and nothing else (a rehash at sign-in).
    async fn rehash_password(&self, user: UserId, old: &str, new: &str) -> Result<()>;

    /// Opens a session.
    async fn create_session(&self, session: NewAuthSession) -> Result<AuthSession>;

    /// Finds a session, also a revoked one.
    async fn find_session(&self, id: AuthSessionId) -> Result<Option<AuthSession>>;

    /// Lists a person's sessions that are in force, last used first.
    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<AuthSession>>;

    /// Replaces the refresh token `old` by `new`, in one transaction.
    ///
    /// # Contract
    /// - The token that was replaced at most `grace` ago is `Repeated` and changes nothing.
    /// - One replaced longer ago, however many rotations back, revokes the session (`Replayed`).
    /// - Every token of a session that is revoked or over is `Unknown`.
    async fn rotate_session(
        &self,
        old: RefreshHash,
        new: RefreshHash,
        now: Timestamp,
        grace: std::time::Duration,
        expires_at: Timestamp,
    ) -> Result<Rotation>;

    /// Revokes one session of this person; `not_found` for any other.
    async fn revoke_session(&self, user: UserId, id: AuthSessionId, now: Timestamp) -> Result<()>;

    /// Returns those of `ids` that are revoked, over or unknown, and those users of `users` who are banned.
    async fn filter_ended(
        &self,
        ids: &[AuthSessionId],
        users: &[UserId],
        now: Timestamp,
    ) -> Result<(Vec<AuthSessionId>, Vec<UserId>)>;

    /// Reads the failed sign-ins under these keys, in the same order.
    async fn load_lockouts(&self, keys: &[String]) -> Result<Vec<Lockout>>;

    /// Counts one more failure under each key, whatever number is given, and moves the end of its lock, never back.
    async fn save_lockouts(&self, lockouts: &[(String, Lockout)]) -> Result<()>;

    /// Forgets the failures under these keys.
    async fn clear_lockouts(&self, keys: &[String]) -> Result<()>;
}
