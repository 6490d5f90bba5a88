//! Answers: JSON that ends with a newline, problems, and the only map from [`ErrorKind`] to a status.

use bytes::Bytes;
use chat_core::{Error, ErrorKind};
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use serde::{Deserialize, Serialize};
use std::error::Error as StdError;
use utoipa::ToSchema;

/// Why a body broke off.
pub type BodyError = Box<dyn StdError + Send + Sync>;
/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;
pub(crate) type Response = http::Response<Body>;

/// A refusal, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// The stable code, the same as on the socket.
    #[schema(examples("invalid"))]
    pub code: String,
    /// A text for people.
    pub detail: String,
    /// The same text, where classic scripts look for it.
    pub error: String,
    /// When a retry makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// Returns the status of a kind of error.
pub(crate) const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Busy | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        // `Internal`, and kinds that a later core may add.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes a value as JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    typed_json(status, "application/json", value)
}

/// Writes a value as JSON with status 200.
pub(crate) fn ok<T: Serialize>(value: &T) -> Response {
    json(StatusCode::OK, value)
}

/// Answers without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    with_status(status, Empty::new().map_err(|never| match never {}).boxed_unsync())
}

/// Answers 204.
pub(crate) fn no_content() -> Response {
    empty(StatusCode::NO_CONTENT)
}

/// Answers with bytes of a type.
pub(crate) fn bytes(mime: &'static str, content: impl Into<Bytes>) -> Response {
    let mut response = with_status(StatusCode::OK, full(content));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    response
}

/// Makes a body of bytes.
pub(crate) fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Answers with a refusal. The cause of our own failures is logged here, once, and goes nowhere else.
pub(crate) fn problem(error: &Error) -> Response {
    let status = status_of(error.kind());
    if status.is_server_error() {
        let cause = error.source().map(|cause| cause as &dyn StdError);
        tracing::error!(code = error.kind().code(), error = %error, cause, "a request failed");
    }
    problem_as(status, error)
}

/// Answers with a refusal under a status of the caller's, for what has no code of its own.
pub(crate) fn problem_as(status: StatusCode, error: &Error) -> Response {
    let retry_after = error.retry_after();
    let problem = Problem {
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        code: error.kind().code().to_owned(),
        detail: error.message().to_owned(),
        error: error.message().to_owned(),
        retry_after_ms: retry_after.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
    };
    let mut response = typed_json(status, "application/problem+json", &problem);
    if let Some(pause) = retry_after {
        // Whole seconds, rounded up: a client that waits so long is not refused again.
        let seconds = pause.as_millis().div_ceil(1_000).max(1);
        let value = HeaderValue::from_str(&seconds.to_string()).expect("digits are a header value");
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn typed_json<T: Serialize>(status: StatusCode, mime: &'static str, value: &T) -> Response {
    let mut text = serde_json::to_vec(value).expect("views have string keys only");
    text.push(b'\n');
    let mut response = with_status(status, full(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    response
}

fn with_status(status: StatusCode, body: Body) -> Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    response
}
