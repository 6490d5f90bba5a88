//! Broadcasts: one text to many people, and how far it is.

use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Result,
    chat::BroadcastRequest,
    limits::LimitScope,
    model::{Broadcast, BroadcastId, Outcome},
    protocol::{BroadcastAck, BroadcastMessage, BroadcastView},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// How far a broadcast is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BroadcastState {
    broadcast: BroadcastView,
}

/// Sends one text to many people, all or nothing.
#[utoipa::path(
    post, path = "/api/broadcasts", tag = "broadcasts", request_body = BroadcastMessage,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same as `client_id`.")),
    responses(
        (status = 200, description = "An earlier try had stored it.", body = BroadcastAck),
        (status = 201, description = "Up to 100 messages are stored; more are sent in the background.", body = BroadcastAck),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn create(call: Call) -> Result<Response> {
    let user = call.user().await?;
    call.count(LimitScope::Broadcasts, user.id).await?;
    let body: BroadcastMessage = call.json().await?;
    let request = BroadcastRequest {
        receiver_ids: body.receiver_ids,
        text: body.message,
        media_url: body.media_url,
        client_id: call.retry_key(body.client_id)?,
    };
    let committed = call.chat().broadcast(user.id, request).await?;
    let status = match committed.outcome {
        Outcome::Applied => StatusCode::CREATED,
        Outcome::Repeated => StatusCode::OK,
    };
    Ok(respond::json(status, &call.chat().present_broadcast(user.id, &committed).await?))
}

/// Shows how far a broadcast of one's own is.
#[utoipa::path(
    get, path = "/api/broadcasts/{broadcast_id}", tag = "broadcasts",
    params(("broadcast_id" = BroadcastId, Path)),
    responses((status = 200, description = "Its state.", body = BroadcastState)),
    security(("bearer" = [])),
)]
pub(crate) async fn load(call: Call) -> Result<Response> {
    let user = call.user().await?;
    Ok(show(&call.chat().load_broadcast(user.id, call.path("broadcast_id")?).await?))
}

/// Stops a broadcast of one's own; what was sent stays sent.
#[utoipa::path(
    delete, path = "/api/broadcasts/{broadcast_id}", tag = "broadcasts",
    params(("broadcast_id" = BroadcastId, Path)),
    responses((status = 200, description = "Its state.", body = BroadcastState)),
    security(("bearer" = [])),
)]
pub(crate) async fn cancel(call: Call) -> Result<Response> {
    let user = call.user().await?;
    Ok(show(&call.chat().cancel_broadcast(user.id, call.path("broadcast_id")?).await?))
}

fn show(broadcast: &Broadcast) -> Response {
    respond::ok(&BroadcastState { broadcast: broadcast.into() })
}
