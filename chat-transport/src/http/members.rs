//! Members of groups.

use super::conversations::Page;
use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Error, Result,
    model::{ConversationId, Role, UserId},
    protocol::MemberView,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberList {
    /// In rising user id.
    members: Vec<MemberView>,
    /// Where the next page starts; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Whom to bring in.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AddBody {
    /// The people.
    user_ids: Vec<UserId>,
}

/// Which rights.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RoleBody {
    /// `owner` hands the group over.
    role: Role,
}

/// Lists members.
#[utoipa::path(
    get, path = "/api/conversations/{id}/members", tag = "members",
    params(("id" = ConversationId, Path), Page),
    responses((status = 200, description = "A page.", body = MemberList)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let page: Page = call.query()?;
    let after = page.cursor.as_deref().map(str::parse).transpose();
    let after = after.map_err(|_| Error::invalid("cursor is not one of ours"))?;
    let limit = page.size(&call);
    let rows = call.chat().list_members(user.id, call.path("id")?, after, limit).await?;
    let next_cursor = rows.last().filter(|_| rows.len() == limit).map(|row| row.user_id.to_string());
    let members = call.chat().present_members(&rows).await?;
    Ok(respond::ok(&MemberList { members, next_cursor }))
}

/// Brings people into a group.
#[utoipa::path(
    post, path = "/api/conversations/{id}/members", tag = "members",
    params(("id" = ConversationId, Path)), request_body = AddBody,
    responses((status = 201, description = "Those who came in.", body = MemberList)),
    security(("bearer" = [])),
)]
pub(crate) async fn add(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let AddBody { user_ids } = call.json().await?;
    let changed = call.chat().add_members(user.id, call.path("id")?, user_ids).await?;
    let members = call.chat().present_members(&changed.members).await?;
    Ok(respond::json(StatusCode::CREATED, &MemberList { members, next_cursor: None }))
}

/// Sets a member's role.
#[utoipa::path(
    patch, path = "/api/conversations/{id}/members/{user_id}", tag = "members",
    params(("id" = ConversationId, Path), ("user_id" = UserId, Path)), request_body = RoleBody,
    responses((status = 200, description = "The member after the change.", body = MemberView)),
    security(("bearer" = [])),
)]
pub(crate) async fn set_role(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let (id, target): (ConversationId, UserId) = (call.path("id")?, call.path("user_id")?);
    let RoleBody { role } = call.json().await?;
    let mut rows = call.chat().set_role(user.id, id, target, role).await?.members;
    rows.retain(|row| row.user_id == target);
    if rows.is_empty() {
        // Nothing changed: the row as it is, which follows the id before it.
        let before = UserId::try_from(target.get() - 1).ok();
        rows = call.chat().list_members(user.id, id, before, 1).await?;
    }
    let mut members = call.chat().present_members(&rows).await?;
    let member = members.pop().ok_or_else(|| Error::not_found("there is no such member"))?;
    Ok(respond::ok(&member))
}

/// Removes a member; with one's own id one leaves.
#[utoipa::path(
    delete, path = "/api/conversations/{id}/members/{user_id}", tag = "members",
    params(("id" = ConversationId, Path), ("user_id" = UserId, Path)),
    responses((status = 204, description = "The person is out.")),
    security(("bearer" = [])),
)]
pub(crate) async fn remove(call: Call) -> Result<Response> {
    let user = call.user().await?;
    call.chat().remove_member(user.id, call.path("id")?, call.path("user_id")?).await?;
    Ok(respond::no_content())
}
