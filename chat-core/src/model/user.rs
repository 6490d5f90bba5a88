//! People, as the chat knows them. Whose they are is the host's business.

use super::{MediaId, Rev, Timestamp, UserId};
use serde::{Deserialize, Deserializer, Serialize};

/// Where a person's picture is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Avatar {
    /// An address that the host gave.
    Link(String),
    /// A file that was uploaded here.
    Media(MediaId),
}

/// A person of the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The chat's own id.
    pub id: UserId,
    /// The id in the host's own user table, where the person came from there.
    pub external_id: Option<String>,
    /// The name to sign in with, where the person has an account here.
    pub username: Option<String>,
    /// The name that others see.
    pub display_name: String,
    /// The picture that others see.
    pub avatar: Option<Avatar>,
    /// When the last connection ended.
    pub last_seen: Option<Timestamp>,
    /// The number of the last change in this person's own feed.
    pub user_rev: Rev,
    /// May use the operations reserved to administrators.
    pub is_admin: bool,
    /// May not connect, write or read.
    pub is_banned: bool,
    /// When the chat first saw this person.
    pub created_at: Timestamp,
    /// When the profile last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// Returns the name that the `username` field on the wire carries.
    #[must_use]
    pub fn handle(&self) -> &str {
        self.username.as_deref().unwrap_or(&self.display_name)
    }
}

/// What a host tells about one of its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// The id in the host's own user table.
    pub external_id: String,
    /// The name that others see.
    pub display_name: String,
    /// The picture that others see.
    pub avatar: Option<Avatar>,
    /// The moment to stamp a new or changed row with.
    pub now: Timestamp,
}

/// A change of one's own profile; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileUpdate {
    /// The name that others see.
    pub display_name: Option<String>,
    /// The picture; `Some(None)` removes it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub avatar: Option<Option<Avatar>>,
}

/// Which users to list, in rising id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuery {
    /// Only names (sign-in or shown) that start with this, without regard to case.
    pub prefix: Option<String>,
    /// Only people who share a conversation with this one.
    pub contacts_of: Option<UserId>,
    /// Only ids above this.
    pub after: Option<UserId>,
    /// At most so many.
    pub limit: usize,
}

/// Reads a field that is there, so that `null` (take it away) differs from absence (leave it).
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Avatar>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
