//! Where one is signed in.

use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Result,
    model::{AuthSessionId, Timestamp},
};
use serde::Serialize;
use utoipa::ToSchema;

/// One's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// Last used first.
    sessions: Vec<SessionView>,
}

/// A signed-in session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    id: AuthSessionId,
    device_name: String,
    created_at: Timestamp,
    last_used_at: Timestamp,
    /// Whether this request belongs to it.
    current: bool,
}

/// Lists where one is signed in.
#[utoipa::path(
    get, path = "/api/sessions", tag = "accounts",
    responses((status = 200, description = "The sessions in force.", body = SessionList)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(call: Call) -> Result<Response> {
    call.accounts()?;
    let identity = call.identity().await?;
    let user = call.chat().ensure_user(&identity).await?;
    let sessions = call.accounts()?.list_sessions(user.id).await?;
    let shown = sessions.into_iter().map(|session| SessionView {
        id: session.id,
        device_name: session.device_name,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        current: identity.session == Some(session.id),
    });
    Ok(respond::ok(&SessionList { sessions: shown.collect() }))
}

/// Ends one of one's own sessions; its sockets are closed.
#[utoipa::path(
    delete, path = "/api/sessions/{session_id}", tag = "accounts", params(("session_id" = AuthSessionId, Path)),
    responses((status = 204, description = "Ended.")),
    security(("bearer" = [])),
)]
pub(crate) async fn revoke(call: Call) -> Result<Response> {
    call.accounts()?;
    let user = call.user().await?;
    call.accounts()?.revoke_session(user.id, call.path("session_id")?).await?;
    Ok(respond::no_content())
}
