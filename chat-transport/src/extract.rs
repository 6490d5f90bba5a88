//! One request on its way to an endpoint: path, query and body, read with their limits.

use crate::{TransportConfig, address::Origination, body::RequestBody, service::Shared};
use bytes::Bytes;
use chat_core::{
    Chat, Error, Result,
    limits::{LimitScope, LimitSubject},
    model::UserId,
};
use http::request::Parts;
use serde::de::DeserializeOwned;
use std::{str::FromStr, sync::Arc};

/// The variable parts of a matched path.
pub(crate) type Params = Vec<(String, String)>;

/// A request that found its endpoint.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) parts: Parts,
    pub(crate) origination: Origination,
    pub(crate) params: Params,
    pub(crate) body: RequestBody,
}

impl Call {
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
    pub(crate) async fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::invalid(format!("body: {error}")))
    }

    /// Reads the body as JSON; without a body it is the default.
    pub(crate) async fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T> {
        let bytes = self.bytes().await?;
        if bytes.is_empty() {
            return Ok(T::default());
        }
        serde_json::from_slice(&bytes).map_err(|error| Error::invalid(format!("body: {error}")))
    }

    async fn bytes(&self) -> Result<Bytes> {
        let limit = self.chat().limits().frame_bytes;
        tokio::time::timeout(self.config().body_timeout, self.body.collect(limit))
            .await
            .map_err(|_| Error::invalid("the body did not arrive in time"))?
    }
}
