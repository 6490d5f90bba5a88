//! The routes of the classic service that have no other equal: direct messages by person, numbered pages, status by message.
//!
//! Their paths, fields and status codes are fixed; the answers may hold more than the classic service gave.

use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Error, ErrorKind, Result,
    chat::{BroadcastRequest, HistoryPage, Mark, PageRequest, SendRequest, Target},
    limits::LimitScope,
    model::{BroadcastId, MessageId, UserId},
    protocol::{MessageView, PresenceStatus, ReceiptStatus, UserView},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The newest messages of a conversation that an unpaged request gets.
const UNPAGED: usize = 1_000;
/// The largest numbered page, and the one that is given unasked.
const LARGEST_PAGE: usize = 100;
const USUAL_PAGE: usize = 10;

/// Who.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ById {
    /// The person.
    id: i64,
}

/// Which numbered page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Numbered {
    /// From 1; default 1.
    page: Option<i64>,
    /// Messages per page; default 10, cap 100.
    page_size: Option<i64>,
}

/// Whose messages, and which numbered page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WithPeer {
    /// The other person.
    user_id: i64,
    /// From 1.
    page: Option<i64>,
    /// Messages per page; default 10, cap 100.
    page_size: Option<i64>,
}

/// A message to a person.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct DirectBody {
    /// The person.
    receiver_id: UserId,
    /// The text; may be empty with a file.
    content: Option<String>,
    /// One of our own media addresses.
    media_url: Option<String>,
    /// The key for retries: 1–64 printable ASCII characters.
    client_id: Option<String>,
}

/// One text to many people.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct BroadcastBody {
    /// The people; doubles are dropped.
    receiver_ids: Vec<UserId>,
    /// The text; may be empty with a file.
    content: Option<String>,
    /// One of our own media addresses.
    media_url: Option<String>,
    /// The key for retries of the whole.
    client_id: Option<String>,
}

/// How present one wants to appear.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PresenceBody {
    /// `online`, `away` or `offline`.
    status: PresenceStatus,
}

/// How far a message got.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ReceiptBody {
    /// Up to this message.
    message_id: MessageId,
    /// `sent`, `delivered` or `read`; it never goes back.
    status: ReceiptStatus,
}

/// That it was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    #[schema(examples("success"))]
    status: &'static str,
}

const DONE: Done = Done { status: "success" };

/// Messages, with their place among the numbered pages where such were asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Messages {
    messages: Vec<MessageView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
}

/// A place among numbered pages.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Pagination {
    current_page: u64,
    total_pages: u64,
    page_size: u64,
    total_items: u64,
    has_next_page: bool,
    has_prev_page: bool,
}

/// The messages of a broadcast.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Broadcasted {
    /// One per receiver, when there are at most 100.
    messages: Vec<MessageView>,
    broadcast_id: BroadcastId,
    /// Receivers accepted, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<u32>,
}

/// Shows a person.
#[utoipa::path(
    get, path = "/api/users/profile", tag = "classic", params(ById),
    responses((status = 200, description = "The person.", body = UserView)),
    security(("bearer" = [])),
)]
pub(crate) async fn profile(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let ById { id } = call.query()?;
    let id = UserId::try_from(id).map_err(|_| Error::not_found("no such user"))?;
    let found = call.chat().find_user(user.id, id).await?;
    Ok(respond::ok(&call.chat().present_user(user.id, &found).await?))
}

/// Shows a person, under the path that the classic documentation named.
#[utoipa::path(
    get, path = "/api/users/id", tag = "classic", params(ById),
    responses((status = 200, description = "The person.", body = UserView)),
    security(("bearer" = [])),
)]
pub(crate) async fn profile_alias(call: Call) -> Result<Response> {
    profile(call).await
}

/// Chooses how present one appears.
#[utoipa::path(
    put, path = "/api/users/status", tag = "classic", request_body = PresenceBody,
    responses((status = 200, description = "Chosen.", body = Done)),
    security(("bearer" = [])),
)]
pub(crate) async fn set_presence(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let PresenceBody { status } = call.json().await?;
    call.chat().set_status(user.id, status).await?;
    Ok(respond::ok(&DONE))
}

/// Sends a message to a person.
#[utoipa::path(
    post, path = "/api/messages", tag = "classic", request_body = DirectBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same as `client_id`.")),
    responses((status = 200, description = "The message.", body = MessageView)),
    security(("bearer" = [])),
)]
pub(crate) async fn send(call: Call) -> Result<Response> {
    let user = call.user().await?;
    call.count(LimitScope::Messages, user.id).await?;
    let body: DirectBody = call.json().await?;
    let request = SendRequest {
        target: Target::Person(body.receiver_id),
        text: body.content.unwrap_or_default(),
        media_url: body.media_url,
        attachments: Vec::new(),
        reply_to: None,
        client_id: call.retry_key(body.client_id)?,
    };
    let committed = call.chat().send(user.id, request).await?;
    metrics::counter!("chat_messages_total", "path" => "http").increment(1);
    Ok(respond::ok(&call.chat().present_send(user.id, &committed).await?.message))
}

/// Reads the messages with a person, oldest first: the newest thousand, or a numbered page.
#[utoipa::path(
    get, path = "/api/messages/conversation", tag = "classic", params(WithPeer),
    responses((status = 200, description = "The messages.", body = Messages)),
    security(("bearer" = [])),
)]
pub(crate) async fn conversation(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let WithPeer { user_id, page, page_size } = call.query()?;
    if page.is_some() || page_size.is_some() {
        let request = page_request(page, page_size)?;
        let mut found = peer_page(&call, user.id, user_id, request).await?;
        found.messages.reverse();
        return show_page(&call, user.id, request, &found).await;
    }
    let found = match UserId::try_from(user_id) {
        Ok(peer) => none_if_unknown(call.chat().list_peer_messages(user.id, peer, UNPAGED).await)?,
        Err(_) => Vec::new(),
    };
    let messages = call.chat().present_messages(user.id, &found).await?;
    Ok(respond::ok(&Messages { messages, pagination: None }))
}

/// Reads a numbered page of the messages with a person, newest first.
#[utoipa::path(
    get, path = "/api/messages/conversation/paginated", tag = "classic", params(WithPeer),
    responses((status = 200, description = "A page.", body = Messages)),
    security(("bearer" = [])),
)]
pub(crate) async fn conversation_page(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let WithPeer { user_id, page, page_size } = call.query()?;
    let request = page_request(page, page_size)?;
    let found = peer_page(&call, user.id, user_id, request).await?;
    show_page(&call, user.id, request, &found).await
}

/// Reads a numbered page of one's direct messages with everybody, newest first.
#[utoipa::path(
    get, path = "/api/messages/history", tag = "classic", params(Numbered),
    responses((status = 200, description = "A page.", body = Messages)),
    security(("bearer" = [])),
)]
pub(crate) async fn history(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let Numbered { page, page_size } = call.query()?;
    let request = page_request(page, page_size)?;
    let found = call.chat().page_direct_history(user.id, request).await?;
    show_page(&call, user.id, request, &found).await
}

/// Sends one text to many people as direct messages, all or nothing.
#[utoipa::path(
    post, path = "/api/messages/broadcast", tag = "classic", request_body = BroadcastBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same as `client_id`.")),
    responses((status = 200, description = "The messages.", body = Broadcasted)),
    security(("bearer" = [])),
)]
pub(crate) async fn broadcast(call: Call) -> Result<Response> {
    let user = call.user().await?;
    call.count(LimitScope::Broadcasts, user.id).await?;
    let body: BroadcastBody = call.json().await?;
    let request = BroadcastRequest {
        receiver_ids: body.receiver_ids,
        text: body.content.unwrap_or_default(),
        media_url: body.media_url,
        client_id: call.retry_key(body.client_id)?,
    };
    let committed = call.chat().broadcast(user.id, request).await.map_err(|error| match error.kind() {
        // The classic service answers 400 for whatever is wrong with a receiver.
        ErrorKind::NotFound => Error::invalid(error.message().to_owned()),
        _ => error,
    })?;
    let ack = call.chat().present_broadcast(user.id, &committed).await?;
    let shown = Broadcasted {
        messages: ack.messages.unwrap_or_default(),
        broadcast_id: ack.broadcast_id,
        accepted: ack.accepted,
    };
    Ok(respond::ok(&shown))
}

/// Says how far a message got.
#[utoipa::path(
    put, path = "/api/messages/status", tag = "classic", request_body = ReceiptBody,
    responses((status = 200, description = "Taken; it never goes back.", body = Done)),
    security(("bearer" = [])),
)]
pub(crate) async fn set_receipt(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let ReceiptBody { message_id, status } = call.json().await?;
    call.chat().mark(user.id, Mark::Message(message_id), status).await?;
    Ok(respond::ok(&DONE))
}

async fn peer_page(call: &Call, actor: UserId, peer: i64, request: PageRequest) -> Result<HistoryPage> {
    match UserId::try_from(peer) {
        Ok(peer) => none_if_unknown(call.chat().page_peer_messages(actor, peer, request).await),
        Err(_) => Ok(HistoryPage::default()),
    }
}

/// With somebody who does not exist, or whom one may not see, one has no messages: the classic service's answer for any number.
fn none_if_unknown<T: Default>(found: Result<T>) -> Result<T> {
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
        found => found,
    }
}

fn page_request(page: Option<i64>, size: Option<i64>) -> Result<PageRequest> {
    let page = page.unwrap_or(1);
    let size = size.unwrap_or(USUAL_PAGE as i64);
    if page < 1 || size < 1 {
        return Err(Error::invalid("page and page_size must be at least 1"));
    }
    // Nobody has a page beyond this one, and the product with the size still fits a row number.
    let page = page.min(1 << 40);
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(LARGEST_PAGE);
    Ok(PageRequest { page: page.unsigned_abs(), size })
}

async fn show_page(
    call: &Call,
    reader: UserId,
    request: PageRequest,
    found: &HistoryPage,
) -> Result<Response> {
    let size = request.size as u64;
    let total_pages = found.total.div_ceil(size);
    let pagination = Pagination {
        current_page: request.page,
        total_pages,
        page_size: size,
        total_items: found.total,
        has_next_page: request.page < total_pages,
        has_prev_page: request.page > 1,
    };
    let messages = call.chat().present_messages(reader, &found.messages).await?;
    Ok(respond::ok(&Messages { messages, pagination: Some(pagination) }))
}
