//! What the server answers beside the chat's own routes: pages, probes and metrics.

use crate::{
    health,
    web::{Asset, Web},
};
use async_trait::async_trait;
use bytes::Bytes;
use chat_core::Chat;
use chat_transport::{Body, Fallback};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Full};
use metrics_exporter_prometheus::PrometheusHandle;
use std::fmt;

/// The pages and probes of one server.
pub(crate) struct Site {
    pub(crate) chat: Chat,
    pub(crate) web: Web,
    pub(crate) metrics: PrometheusHandle,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("chat", &self.chat).finish_non_exhaustive()
    }
}

#[async_trait]
impl Fallback for Site {
    async fn answer(&self, request: &Parts) -> Option<Response<Body>> {
        if request.method != Method::GET && request.method != Method::HEAD {
            return None;
        }
        match request.uri.path() {
            "/health" => Some(text("OK\n", "text/plain; charset=utf-8")),
            "/health/ready" => Some(self.ready().await),
            "/metrics" => Some(text(self.metrics.render(), "text/plain; version=0.0.4")),
            path => self.web.find(path).await.map(|asset| page(request, asset)),
        }
    }
}

impl Site {
    async fn ready(&self) -> Response<Body> {
        let readiness = health::readiness(&self.chat).await;
        let json = serde_json::to_string(&readiness).expect("it has string keys only") + "\n";
        let mut response = text(json, "application/json");
        if !readiness.ready {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    }
}

fn body(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}

fn text(content: impl Into<Bytes>, mime: &'static str) -> Response<Body> {
    let mut response = Response::new(body(content));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn page(request: &Parts, asset: Asset) -> Response<Body> {
    let asked = |name| {
        request.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default()
    };
    let is_known =
        asked(header::IF_NONE_MATCH).split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag);
    let packed = asset.gzip.filter(|_| asked(header::ACCEPT_ENCODING).contains("gzip"));
    let is_packed = packed.is_some();
    let content = if is_known { Bytes::new() } else { packed.unwrap_or(asset.plain) };
    let mut response = Response::new(body(content));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let value =
        |text: &str| HeaderValue::from_str(text).expect("a tag, type or policy of ours is a header value");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, value(&asset.mime));
    headers.insert(header::ETAG, value(&asset.etag));
    // The tag is asked for each time, so that a page and its modules are of one version after an update.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, value(&asset.policy));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed && !is_known {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
