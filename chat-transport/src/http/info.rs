//! What a client needs to know before it signs in, and the ticket with which it opens a socket.

use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Result,
    config::{Directory, Limits},
    model::Epoch,
    realtime::TICKET_LIFE,
};
use serde::Serialize;
use utoipa::ToSchema;

/// How long after the last `typing` frame somebody is still shown as typing, in milliseconds.
const TYPING_MS: u32 = 6_000;

/// What the server is and allows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerConfig<'a> {
    /// The name that the operator gave it.
    name: &'a str,
    /// Who may register: `open`, `invite` or `closed`.
    registration: &'static str,
    /// Who may find whom.
    directory: Directory,
    /// Size limits.
    limits: &'a Limits,
    /// How long somebody is shown as typing after a frame.
    typing_ms: u32,
    /// Messages per person and minute; absent when there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_per_minute: Option<u32>,
    /// The store's incarnation; absent while the server starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
}

/// A ticket for one socket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketView<'a> {
    /// For `?ticket=`; works once.
    ticket: &'a str,
    /// How long it is good.
    expires_in_ms: u64,
}

/// Tells what the server is and allows.
#[utoipa::path(
    get, path = "/api/config", tag = "info",
    responses((status = 200, description = "The same for everybody.", body = ServerConfig<'_>)),
)]
pub(crate) async fn config(call: Call) -> Result<Response> {
    let chat = call.chat();
    Ok(respond::ok(&ServerConfig {
        name: chat.name(),
        registration: registration(&call),
        directory: chat.directory(),
        limits: chat.limits(),
        typing_ms: TYPING_MS,
        messages_per_minute: chat.rate_limits().messages,
        epoch: chat.epoch().ok(),
    }))
}

#[cfg(feature = "accounts")]
fn registration(call: &Call) -> &'static str {
    use chat_core::accounts::Registration;
    match call.shared.accounts.as_ref().map(chat_core::accounts::Accounts::registration) {
        Some(Registration::Open) => "open",
        Some(Registration::Invite) => "invite",
        Some(Registration::Closed) | None => "closed",
    }
}

#[cfg(not(feature = "accounts"))]
fn registration(_: &Call) -> &'static str {
    "closed"
}

/// Issues a ticket that opens one socket, for browsers, which cannot set headers on one.
#[utoipa::path(
    post, path = "/api/ws-ticket", tag = "socket",
    responses((status = 200, description = "The ticket.", body = TicketView<'_>)),
    security(("bearer" = [])),
)]
pub(crate) async fn ticket(call: Call) -> Result<Response> {
    let identity = call.identity().await?;
    call.chat().ensure_user(&identity).await?;
    let ticket = call.chat().issue_ticket(&identity)?;
    let expires_in_ms = u64::try_from(TICKET_LIFE.as_millis()).unwrap_or(u64::MAX);
    Ok(respond::ok(&TicketView { ticket: ticket.as_str(), expires_in_ms }))
}
