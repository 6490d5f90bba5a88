//! The bytes of files, under signed addresses.
//!
//! The signature is the right to read, because pages load pictures without headers. What is served came from strangers: no
//! script of it may run, and nothing of it is guessed to be anything but its type.

use super::range::Wanted;
use crate::{
    extract::Call,
    respond,
    respond::{Body, Response},
};
use chat_core::{
    Error, Result,
    chat::{Disposition, MediaFile},
};
use futures_util::TryStreamExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ops::Range;

/// A file never changes under its address, which is good for a day at least.
const CACHING: &str = "private, max-age=86400, immutable";

/// Opened on its own, a file is shown by the browser's viewer in an origin of nobody.
const POLICY: &str = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox; \
                      frame-ancestors 'self'";

/// What a file name may hold unescaped (RFC 8187, `attr-char`).
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Serves a file or a part of it.
#[utoipa::path(
    get, path = "/uploads/{address}", tag = "media",
    params(
        ("address" = String, Path, description = "The rest of an attachment's `url`; it has several segments."),
        ("Range" = Option<String>, Header, description = "One range of bytes."),
    ),
    responses(
        (status = 200, description = "The file.", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, description = "The part.", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "The client has it."),
        (status = 416, description = "The file has no such part."),
    ),
)]
pub(crate) async fn serve(call: Call) -> Result<Response> {
    let file = call.chat().open_media(call.parts.uri.path()).await?;
    let size = file.attachment.size;
    let etag = format!("\"{}\"", file.tag);
    let wanted = Wanted::of(&call.parts.headers, size, &etag);
    let mut response = match &wanted {
        Wanted::NotModified => respond::empty(StatusCode::NOT_MODIFIED),
        Wanted::Unsatisfiable => {
            let error = Error::invalid("the file has no such part");
            let mut response = respond::problem_as(StatusCode::RANGE_NOT_SATISFIABLE, &error);
            set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(response);
        }
        Wanted::Part(range) => part(&call, &file, range).await?,
        Wanted::Whole => whole(&call, &file).await?,
    };
    describe(response.headers_mut(), &file, &etag);
    Ok(response)
}

async fn whole(call: &Call, file: &MediaFile) -> Result<Response> {
    let mut response = http::Response::new(body(call, file, None).await?);
    set(response.headers_mut(), header::CONTENT_LENGTH, &file.attachment.size.to_string());
    Ok(response)
}

async fn part(call: &Call, file: &MediaFile, range: &Range<u64>) -> Result<Response> {
    let mut response = http::Response::new(body(call, file, Some(range.clone())).await?);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let shown = format!("bytes {}-{}/{}", range.start, range.end - 1, file.attachment.size);
    set(response.headers_mut(), header::CONTENT_RANGE, &shown);
    set(response.headers_mut(), header::CONTENT_LENGTH, &(range.end - range.start).to_string());
    Ok(response)
}

async fn body(call: &Call, file: &MediaFile, range: Option<Range<u64>>) -> Result<Body> {
    if call.parts.method == Method::HEAD {
        return Ok(respond::full(""));
    }
    let bytes = call.chat().read_media(file, range).await?;
    Ok(StreamBody::new(bytes.map_ok(Frame::data).map_err(Into::into)).boxed_unsync())
}

fn describe(headers: &mut HeaderMap, file: &MediaFile, etag: &str) {
    set(headers, header::CONTENT_TYPE, &file.attachment.mime);
    set(headers, header::ETAG, etag);
    set(headers, header::ACCEPT_RANGES, "bytes");
    set(headers, header::CACHE_CONTROL, CACHING);
    set(headers, header::CONTENT_SECURITY_POLICY, POLICY);
    let how = match file.disposition {
        Disposition::Attachment => "attachment",
        Disposition::Inline => "inline",
    };
    let name = utf8_percent_encode(&file.attachment.name, NAME);
    set(headers, header::CONTENT_DISPOSITION, &format!("{how}; filename*=UTF-8''{name}"));
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    headers.insert(
        name,
        HeaderValue::from_str(value).expect("types, numbers and escaped names are header values"),
    );
}
