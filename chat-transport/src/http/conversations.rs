//! Conversations: the list, opening and founding, renaming, ending.

use crate::{extract::Call, respond, respond::Response};
use chat_core::{
    Error, Result,
    chat::NewGroupRequest,
    model::{ConversationId, ConversationPage, Timestamp, UserId},
    protocol::ConversationView,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A place in a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// At most so many; default 50, cap 200.
    pub(super) limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

impl Page {
    pub(super) fn size(&self, call: &Call) -> usize {
        self.limit.unwrap_or(50).clamp(1, call.chat().limits().page)
    }
}

/// A page of conversations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationList {
    /// Newest activity first.
    conversations: Vec<ConversationView>,
    /// Where the next page starts; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What to open or found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum CreateBody {
    /// The direct conversation with a person.
    Direct {
        /// The person.
        user_id: UserId,
    },
    /// A group.
    Group {
        /// Its name, 1–100 characters.
        title: String,
        /// The other first members.
        #[serde(default)]
        member_ids: Vec<UserId>,
    },
}

/// A new name.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RenameBody {
    /// 1–100 characters.
    title: String,
}

/// Lists one's conversations.
#[utoipa::path(
    get, path = "/api/conversations", tag = "conversations", params(Page),
    responses((status = 200, description = "A page.", body = ConversationList)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let page: Page = call.query()?;
    let after = page.cursor.as_deref().map(read_cursor).transpose()?;
    let request = ConversationPage { after, limit: page.size(&call) };
    let found = call.chat().list_conversations(user.id, request).await?;
    let last = found.entries.last().filter(|_| found.has_more);
    let next_cursor = last.map(|entry| {
        let conversation = &entry.conversation;
        format!("{}-{}", conversation.updated_at.as_micros(), conversation.id)
    });
    let conversations = call.chat().present_entries(&found.entries).await?;
    Ok(respond::ok(&ConversationList { conversations, next_cursor }))
}

fn read_cursor(text: &str) -> Result<(Timestamp, ConversationId)> {
    let parsed = text
        .rsplit_once('-')
        .and_then(|(time, id)| Some((Timestamp::from_micros(time.parse().ok()?), id.parse().ok()?)));
    parsed.ok_or_else(|| Error::invalid("cursor is not one of ours"))
}

/// Opens the direct conversation with a person, or founds a group.
#[utoipa::path(
    post, path = "/api/conversations", tag = "conversations", request_body = CreateBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key gives the first group again.")),
    responses(
        (status = 200, description = "It was there.", body = ConversationView),
        (status = 201, description = "It is fresh.", body = ConversationView),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn create(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let opened = match call.json().await? {
        CreateBody::Direct { user_id } => call.chat().open_direct(user.id, user_id).await?,
        CreateBody::Group { title, member_ids } => {
            let request = NewGroupRequest { title, member_ids, key: call.retry_key(None)? };
            call.chat().create_group(user.id, request).await?
        }
    };
    let status = if opened.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(respond::json(status, &call.chat().present_opened(user.id, &opened).await?))
}

/// Shows one conversation.
#[utoipa::path(
    get, path = "/api/conversations/{id}", tag = "conversations", params(("id" = ConversationId, Path)),
    responses((status = 200, description = "The conversation as the caller sees it.", body = ConversationView)),
    security(("bearer" = [])),
)]
pub(crate) async fn load(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let entry = call.chat().load_conversation(user.id, call.path("id")?).await?;
    Ok(respond::ok(&call.chat().present_entry(&entry).await?))
}

/// Renames a group.
#[utoipa::path(
    patch, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = ConversationId, Path)), request_body = RenameBody,
    responses((status = 200, description = "The conversation after the change.", body = ConversationView)),
    security(("bearer" = [])),
)]
pub(crate) async fn rename(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let id = call.path("id")?;
    let RenameBody { title } = call.json().await?;
    call.chat().rename_group(user.id, id, &title).await?;
    let entry = call.chat().load_conversation(user.id, id).await?;
    Ok(respond::ok(&call.chat().present_entry(&entry).await?))
}

/// Ends a group.
#[utoipa::path(
    delete, path = "/api/conversations/{id}", tag = "conversations", params(("id" = ConversationId, Path)),
    responses((status = 204, description = "Everybody has left.")),
    security(("bearer" = [])),
)]
pub(crate) async fn delete(call: Call) -> Result<Response> {
    let user = call.user().await?;
    call.chat().delete_group(user.id, call.path("id")?).await?;
    Ok(respond::no_content())
}
