//! Messages of a conversation: pages, sending, changes, editing, deleting.

use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Error, Result,
    chat::{SendRequest, Target},
    limits::LimitScope,
    model::{ConversationId, MediaId, MessageAnchor, MessageId, Rev, Seq},
    protocol::{FetchAck, MessageView, SendAck},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which messages; at most one of the three places, by default the newest.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Slice {
    /// Those right before this one.
    before_seq: Option<Seq>,
    /// Those right after this one.
    after_seq: Option<Seq>,
    /// Half before this one, then it and what follows.
    around_seq: Option<Seq>,
    /// At most so many; default 50, cap 200.
    limit: Option<usize>,
}

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Changes {
    /// Only later ones.
    after_rev: Rev,
    /// At most so many; default 100, cap 500.
    limit: Option<u32>,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessagePage {
    /// In rising `seq`.
    messages: Vec<MessageView>,
    /// Whether older ones exist.
    has_more_before: bool,
    /// Whether newer ones exist.
    has_more_after: bool,
}

/// A message to be sent.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SendBody {
    /// The text; may be empty with a file.
    #[serde(default)]
    message: String,
    /// One of our own media addresses.
    media_url: Option<String>,
    /// Files, in order.
    #[serde(default)]
    attachments: Vec<MediaId>,
    /// The answered message.
    reply_to: Option<MessageId>,
    /// The key for retries: 1–64 printable ASCII characters.
    client_id: Option<String>,
}

/// A new text.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EditBody {
    /// The text.
    message: String,
    /// Refuse unless the message is at this revision.
    base_rev: Option<Rev>,
}

/// Reads a page of messages.
#[utoipa::path(
    get, path = "/api/conversations/{id}/messages", tag = "messages",
    params(("id" = ConversationId, Path), Slice),
    responses((status = 200, description = "A page.", body = MessagePage)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let slice: Slice = call.query()?;
    let anchor = match (slice.before_seq, slice.after_seq, slice.around_seq) {
        (None, None, None) => MessageAnchor::Latest,
        (Some(seq), None, None) => MessageAnchor::Before(seq),
        (None, Some(seq), None) => MessageAnchor::After(seq),
        (None, None, Some(seq)) => MessageAnchor::Around(seq),
        _ => return Err(Error::invalid("before_seq, after_seq and around_seq exclude each other")),
    };
    let limit = slice.limit.unwrap_or(50).clamp(1, call.chat().limits().page);
    let found = call.chat().list_messages(user.id, call.path("id")?, anchor, limit).await?;
    let messages = call.chat().present_messages(user.id, &found.messages).await?;
    let page = MessagePage {
        messages,
        has_more_before: found.has_more_before,
        has_more_after: found.has_more_after,
    };
    Ok(respond::ok(&page))
}

/// Sends a message into a conversation.
#[utoipa::path(
    post, path = "/api/conversations/{id}/messages", tag = "messages",
    params(
        ("id" = ConversationId, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "The same as `client_id`."),
    ),
    request_body = SendBody,
    responses(
        (status = 200, description = "An earlier try had stored it.", body = SendAck),
        (status = 201, description = "It is stored.", body = SendAck),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn send(call: Call) -> Result<Response> {
    let user = call.user().await?;
    call.count(LimitScope::Messages, user.id).await?;
    let body: SendBody = call.json().await?;
    let request = SendRequest {
        target: Target::Conversation(call.path("id")?),
        text: body.message,
        media_url: body.media_url,
        attachments: body.attachments,
        reply_to: body.reply_to,
        client_id: call.retry_key(body.client_id)?,
    };
    let committed = call.chat().send(user.id, request).await?;
    metrics::counter!("chat_messages_total", "path" => "http").increment(1);
    let ack = call.chat().present_send(user.id, &committed).await?;
    let status = if ack.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    Ok(respond::json(status, &ack))
}

/// Reads what changed in a conversation.
#[utoipa::path(
    get, path = "/api/conversations/{id}/changes", tag = "messages",
    params(("id" = ConversationId, Path), Changes),
    responses((status = 200, description = "The changes, or `reset`.", body = FetchAck)),
    security(("bearer" = [])),
)]
pub(crate) async fn changes(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let Changes { after_rev, limit } = call.query()?;
    let changes = call.chat().fetch_changes(user.id, call.path("id")?, after_rev, limit).await?;
    Ok(respond::ok(&changes))
}

/// Replaces the text of one's own message.
#[utoipa::path(
    patch, path = "/api/messages/{message_id}", tag = "messages",
    params(("message_id" = MessageId, Path)), request_body = EditBody,
    responses((status = 200, description = "The message after the change.", body = MessageView)),
    security(("bearer" = [])),
)]
pub(crate) async fn edit(call: Call) -> Result<Response> {
    let user = call.user().await?;
    call.count(LimitScope::Messages, user.id).await?;
    let EditBody { message, base_rev } = call.json().await?;
    let id = call.path("message_id")?;
    let committed = call.chat().edit_message(user.id, id, message, base_rev).await?;
    Ok(respond::ok(&call.chat().present_message(user.id, &committed.message).await?))
}

/// Deletes a message for all; its tombstone stays.
#[utoipa::path(
    delete, path = "/api/messages/{message_id}", tag = "messages",
    params(("message_id" = MessageId, Path)),
    responses((status = 200, description = "The tombstone.", body = MessageView)),
    security(("bearer" = [])),
)]
pub(crate) async fn delete(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let committed = call.chat().delete_message(user.id, call.path("message_id")?).await?;
    Ok(respond::ok(&call.chat().present_message(user.id, &committed.message).await?))
}
