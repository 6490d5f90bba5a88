//! Uploading files, and what is known of them.

use crate::{extract::Call, multipart, respond, respond::Response};
use chat_core::{
    Error, ErrorKind, Result,
    chat::{Accept, UploadRequest, Uploaded},
    model::{MediaId, UserId},
    protocol::AttachmentView,
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A multipart form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the body, which is read piece by piece")]
pub(crate) struct UploadForm {
    /// The file.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Where an uploaded file is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadedView {
    /// Ends in the type's extension.
    url: String,
}

/// Uploads a picture, mp4 or webm.
#[utoipa::path(
    post, path = "/api/messages/upload", tag = "classic",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "Its address, for `media_url`.", body = UploadedView)),
    security(("bearer" = [])),
)]
pub(crate) async fn upload_classic(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let uploaded = take(&call, user.id, Accept::Classic).await.map_err(|error| match error.kind() {
        // The classic service knew no 415.
        ErrorKind::UnsupportedMedia => Error::invalid(error.message().to_owned()),
        _ => error,
    })?;
    Ok(respond::ok(&UploadedView { url: call.chat().present_attachment(&uploaded.attachment).url }))
}

/// Uploads a file for a message or a profile.
#[utoipa::path(
    post, path = "/api/media", tag = "media",
    params(("Idempotency-Key" = Option<String>, Header, description = "A retry with the same key gives the first file again.")),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "An earlier try had stored it.", body = AttachmentView),
        (status = 201, description = "It is stored.", body = AttachmentView),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn upload(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let uploaded = take(&call, user.id, Accept::All).await?;
    let status = if uploaded.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok(respond::json(status, &call.chat().present_attachment(&uploaded.attachment)))
}

async fn take(call: &Call, owner: UserId, accept: Accept) -> Result<Uploaded> {
    let key = call.retry_key(None)?;
    let file = multipart::file(call).await?;
    let request = UploadRequest { name: file.name, key, accept, bytes: file.bytes };
    call.chat().upload(owner, request).await
}

/// Shows what is known of a file, with a fresh address.
#[utoipa::path(
    get, path = "/api/media/{media_id}", tag = "media", params(("media_id" = MediaId, Path)),
    responses((status = 200, description = "The file.", body = AttachmentView)),
    security(("bearer" = [])),
)]
pub(crate) async fn load(call: Call) -> Result<Response> {
    let user = call.user().await?;
    let attachment = call.chat().find_media(user.id, call.path("media_id")?).await?;
    Ok(respond::ok(&call.chat().present_attachment(&attachment)))
}
