//! Receipts and typing of one conversation.

use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Result,
    chat::{Mark, Target},
    model::{ConversationId, Seq},
    protocol::ReceiptStatus,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Up to where.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct MarkBody {
    /// The place; beyond the newest message means the newest.
    seq: Seq,
}

/// Whether one types.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TypingBody {
    /// Types, or stopped.
    is_typing: bool,
}

/// Says that one has read everything up to a place.
#[utoipa::path(
    post, path = "/api/conversations/{id}/read", tag = "receipts",
    params(("id" = ConversationId, Path)), request_body = MarkBody,
    responses((status = 204, description = "Taken; it never goes back.")),
    security(("bearer" = [])),
)]
pub(crate) async fn read(call: Call) -> Result<Response> {
    mark(call, ReceiptStatus::Read).await
}

/// Says that a device has everything up to a place.
#[utoipa::path(
    post, path = "/api/conversations/{id}/delivered", tag = "receipts",
    params(("id" = ConversationId, Path)), request_body = MarkBody,
    responses((status = 204, description = "Taken; it never goes back.")),
    security(("bearer" = [])),
)]
pub(crate) async fn delivered(call: Call) -> Result<Response> {
    mark(call, ReceiptStatus::Delivered).await
}

async fn mark(call: Call, status: ReceiptStatus) -> Result<Response> {
    let user = call.user().await?;
    let MarkBody { seq } = call.json().await?;
    call.chat().mark(user.id, Mark::Place(call.path("id")?, seq), status).await?;
    Ok(respond::no_content())
}

/// Tells the others that one types, or stopped.
#[utoipa::path(
    post, path = "/api/conversations/{id}/typing", tag = "receipts",
    params(("id" = ConversationId, Path)), request_body = TypingBody,
    responses((status = 204, description = "Told to those who are connected.")),
    security(("bearer" = [])),
)]
pub(crate) async fn typing(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let TypingBody { is_typing } = call.json().await?;
    call.chat().set_typing(user.id, Target::Conversation(call.path("id")?), is_typing).await?;
    Ok(respond::no_content())
}
