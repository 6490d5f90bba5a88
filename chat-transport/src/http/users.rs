//! People: finding them, and one's own profile.

use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Result,
    chat::{FindUsers, ProfileChange},
    model::{MediaId, UserId},
    protocol::UserView,
};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

/// Which people to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Find {
    /// Only names that start with this, without regard to case.
    q: Option<String>,
    /// Only ids above this.
    after: Option<UserId>,
    /// At most so many; by default as many as the operator shows.
    limit: Option<usize>,
}

/// A change of one's own profile; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ProfileBody {
    /// The name that others see, 1–100 characters.
    display_name: Option<String>,
    /// An uploaded picture; `null` removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<MediaId>)]
    avatar_media_id: Option<Option<MediaId>>,
}

/// Tells an absent field from `null`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Lists people, without oneself.
#[utoipa::path(
    get, path = "/api/users", tag = "users", params(Find),
    responses((status = 200, description = "The people whom the directory shows to the caller.", body = Vec<UserView>)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let Find { q, after, limit } = call.query()?;
    let most = call.config().people_shown;
    let prefix = q.filter(|prefix| !prefix.is_empty());
    let query = FindUsers { prefix, after, limit: limit.unwrap_or(most).min(most) };
    let users = call.chat().list_users(user.id, query).await?;
    Ok(respond::ok(&call.chat().present_users(user.id, &users).await?))
}

/// Shows oneself.
#[utoipa::path(
    get, path = "/api/users/me", tag = "users",
    responses((status = 200, description = "The caller.", body = UserView)),
    security(("bearer" = [])),
)]
pub(crate) async fn me(call: Call) -> Result<Response> {
    let user = call.user().await?;
    Ok(respond::ok(&call.chat().present_user(user.id, &user).await?))
}

/// Changes one's own profile.
#[utoipa::path(
    patch, path = "/api/users/me", tag = "users", request_body = ProfileBody,
    responses((status = 200, description = "The caller after the change.", body = UserView)),
    security(("bearer" = [])),
)]
pub(crate) async fn update(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let ProfileBody { display_name, avatar_media_id } = call.json().await?;
    let change = ProfileChange { display_name, avatar: avatar_media_id };
    let user = call.chat().update_profile(user.id, change).await?;
    Ok(respond::ok(&call.chat().present_user(user.id, &user).await?))
}

/// Shows a person.
#[utoipa::path(
    get, path = "/api/users/{user_id}", tag = "users", params(("user_id" = UserId, Path)),
    responses((status = 200, description = "The person.", body = UserView)),
    security(("bearer" = [])),
)]
pub(crate) async fn load(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let found = call.chat().find_user(user.id, call.path("user_id")?).await?;
    Ok(respond::ok(&call.chat().present_user(user.id, &found).await?))
}
