//! People.

use crate::{
    Result,
    model::{NewUser, ProfileUpdate, Timestamp, User, UserId, UserQuery},
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Keeps the people of the chat.
#[async_trait]
pub trait UserStore: fmt::Debug + Send + Sync + 'static {
    /// Creates or refreshes the user of a host by its external id, in one upsert.
    ///
    /// # Contract
    /// - The same external id always gives the same user, also when called twice at once.
    /// - A changed name or picture takes a `user_rev`; an unchanged one writes nothing. The host's word stands: no picture
    ///   removes the one that is there.
    async fn ensure_user(&self, user: NewUser) -> Result<User>;

    /// Loads users; unknown ids are left out, order is free.
    async fn load_users(&self, ids: &[UserId]) -> Result<Vec<User>>;

    /// Lists users in rising id.
    async fn list_users(&self, query: UserQuery) -> Result<Vec<User>>;

    /// Returns those of `others` who share a conversation with `user` (both active in it); nobody is a contact of themselves.
    async fn filter_contacts(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>>;

    /// Changes a profile.
    ///
    /// # Contract
    /// - Takes one `user_rev`, none when nothing changes.
    /// - A picture whose row is gone is `not_found`.
    async fn update_profile(&self, user: UserId, update: ProfileUpdate, now: Timestamp) -> Result<User>;

    /// Notes when people were last connected; takes no number and never goes back.
    async fn touch_users(&self, seen: &[(UserId, Timestamp)]) -> Result<()>;

    /// Bans or readmits a person; takes one `user_rev`, none when nothing changes.
    async fn set_banned(&self, user: UserId, banned: Ban, now: Timestamp) -> Result<User>;

    /// Makes a person an administrator of the system, or an ordinary one; takes one `user_rev`, none when nothing changes.
    async fn set_admin(&self, user: UserId, is_admin: bool, now: Timestamp) -> Result<User>;
}

/// Whether a person is kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ban {
    /// May use the chat.
    Admitted,
    /// May not connect, read or write.
    Banned,
}
