//! One request on its way to an endpoint: path, query and body, read with their limits.

use crate::{TransportConfig, address::Origination, respond::BodyError, service::Shared};
use bytes::{Bytes, BytesMut};
use chat_core::{
    Chat, Error, Result,
    limits::{LimitScope, LimitSubject},
    model::UserId,
};
use http::request::Parts;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use serde::de::DeserializeOwned;
use std::{
    fmt::Display,
    str::FromStr,
    sync::{Arc, Mutex},
    time::Duration,
};

/// The body of a request.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, BodyError>;

/// How much of a refused body is still read, and for how long.
const DISCARDED: usize = 64 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// The variable parts of a matched path.
pub(crate) type Params = Vec<(String, String)>;

/// A request that found its endpoint.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) parts: Parts,
    pub(crate) origination: Origination,
    pub(crate) params: Params,
    body: Mutex<RequestBody>,
}

impl Call {
    pub(crate) fn new(
        shared: Arc<Shared>,
        parts: Parts,
        origination: Origination,
        params: Params,
        body: RequestBody,
    ) -> Self {
        Self { shared, parts, origination, params, body: Mutex::new(body) }
    }

    /// Takes the body out. The mutex is never locked: it is there because a body is `Send` only, and a call is shared across awaits.
    pub(crate) fn take_body(&mut self) -> RequestBody {
        std::mem::take(self.body.get_mut().expect("nobody locks it"))
    }

    pub(crate) fn chat(&self) -> &Chat {
        &self.shared.chat
    }

    pub(crate) fn config(&self) -> &TransportConfig {
        &self.shared.config
    }

    /// Counts what somebody does against the quota that all paths share.
    pub(crate) async fn count(&self, scope: LimitScope, user: UserId) -> Result<()> {
        self.chat().check_rate(scope, LimitSubject::User(user)).await
    }

    /// Returns a variable part of the path as it was written.
    pub(crate) fn segment(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).expect("the pattern of the route names it")
    }

    /// Parses a variable part of the path. What is no id at all does not exist.
    pub(crate) fn path<T: FromStr>(&self, name: &str) -> Result<T> {
        self.segment(name).parse().map_err(|_| Error::not_found("not found"))
    }

    /// Parses the query; unknown names are ignored.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T> {
        serde_urlencoded::from_str(self.parts.uri.query().unwrap_or_default())
            .map_err(|error| Error::invalid(format!("query: {error}")))
    }

    /// Returns a header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// Returns the sender's key for retries: of the header `Idempotency-Key`, or of the body.
    pub(crate) fn retry_key(&self, in_body: Option<String>) -> Result<Option<String>> {
        let Some(header) = self.parts.headers.get("idempotency-key") else { return Ok(in_body) };
        let key = header.to_str().map_err(|_| Error::invalid("idempotency-key must be printable ASCII"))?;
        match in_body {
            Some(other) if other != key => {
                Err(Error::invalid("client_id and the header idempotency-key contradict each other"))
            }
            _ => Ok(Some(key.to_owned())),
        }
    }

    /// Reads the body as JSON; unknown fields are ignored.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::invalid(format!("body: {error}")))
    }

    /// Reads the body as JSON; without a body it is the default.
    pub(crate) async fn json_or_default<T: DeserializeOwned + Default>(&mut self) -> Result<T> {
        let bytes = self.bytes().await?;
        if bytes.is_empty() {
            return Ok(T::default());
        }
        serde_json::from_slice(&bytes).map_err(|error| Error::invalid(format!("body: {error}")))
    }

    async fn bytes(&mut self) -> Result<Bytes> {
        let body = self.take_body();
        let limit = self.chat().limits().frame_bytes;
        tokio::time::timeout(self.config().body_timeout, collect(body, limit))
            .await
            .map_err(|_| Error::invalid("the body did not arrive in time"))?
    }
}

/// Reads a whole body of at most `limit` bytes.
async fn collect(mut body: RequestBody, limit: usize) -> Result<Bytes> {
    // Most bodies are one piece, which is taken as it is.
    let mut whole = Bytes::new();
    while let Some(piece) = next_piece(&mut body).await {
        let piece = piece.map_err(|error| broken("the body broke off", &error))?;
        if whole.len() + piece.len() > limit {
            discard(&mut body).await;
            return Err(Error::too_large(format!("a body may have at most {limit} bytes")));
        }
        whole = if whole.is_empty() { piece } else { joined(whole, &piece) };
    }
    Ok(whole)
}

fn joined(whole: Bytes, piece: &Bytes) -> Bytes {
    let mut longer = whole.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    longer.extend_from_slice(piece);
    longer.freeze()
}

/// Reads the next piece of a body.
pub(crate) async fn next_piece(body: &mut RequestBody) -> Option<Result<Bytes, BodyError>> {
    loop {
        match body.frame().await? {
            Ok(frame) => match frame.into_data() {
                Ok(piece) => return Some(Ok(piece)),
                Err(_trailers) => {}
            },
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Reads on what nobody wants, within bounds: a client that only writes comes to read the refusal.
pub(crate) async fn discard(body: &mut RequestBody) {
    let rest = async {
        let mut seen = 0;
        while let Some(Ok(piece)) = next_piece(body).await {
            seen += piece.len();
            if seen > DISCARDED {
                return;
            }
        }
    };
    if tokio::time::timeout(DISCARD_TIME, rest).await.is_err() {
        tracing::debug!("a refused body did not end");
    }
}

fn broken(what: &'static str, cause: &dyn Display) -> Error {
    tracing::debug!(cause = %cause, "{what}");
    Error::invalid(what)
}
