//! The service: finds the endpoint of a request, guards it, and dresses its answer.

use crate::{
    TransportConfig,
    address::Origination,
    body::RequestBody,
    extract::Call,
    guard, respond,
    respond::{Body, BodyError, Response},
    router::{self, Pace, Route},
    sockets::Sockets,
};
use async_trait::async_trait;
use bytes::Bytes;
use chat_core::{Chat, Error, Result};
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Method, Request, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use std::{
    convert::Infallible,
    fmt,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// Answers what the chat's own routes do not: pages, probes, metrics.
#[async_trait]
pub trait Fallback: fmt::Debug + Send + Sync + 'static {
    /// Answers a request without its body, or leaves it to a 404. The path has no mount prefix any more.
    async fn answer(&self, request: &Parts) -> Option<http::Response<Body>>;
}

/// A chat over HTTP and WebSocket: a [`tower_service::Service`] and a [`hyper::service::Service`], cheap to clone.
#[derive(Debug, Clone)]
pub struct ChatService {
    shared: Arc<Shared>,
}

#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) chat: Chat,
    pub(crate) config: Arc<TransportConfig>,
    #[cfg(feature = "accounts")]
    pub(crate) accounts: Option<chat_core::accounts::Accounts>,
    pub(crate) sockets: Sockets,
    fallback: Option<Arc<dyn Fallback>>,
}

impl ChatService {
    /// Serves a chat with the default settings.
    #[must_use]
    pub fn new(chat: Chat) -> Self {
        let shared = Shared {
            chat,
            config: Arc::default(),
            #[cfg(feature = "accounts")]
            accounts: None,
            sockets: Sockets::default(),
            fallback: None,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Replaces the settings.
    #[must_use]
    pub fn with_config(self, mut config: TransportConfig) -> Self {
        config.prefix = match config.prefix.trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        };
        self.change(|shared| shared.config = Arc::new(config))
    }

    /// Adds the routes of password accounts.
    #[cfg(feature = "accounts")]
    #[must_use]
    pub fn with_accounts(self, accounts: chat_core::accounts::Accounts) -> Self {
        self.change(|shared| shared.accounts = Some(accounts))
    }

    /// Adds what answers requests that no route of the chat takes.
    #[must_use]
    pub fn with_fallback(self, fallback: Arc<dyn Fallback>) -> Self {
        self.change(|shared| shared.fallback = Some(fallback))
    }

    fn change(self, change: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.shared);
        change(&mut shared);
        Self { shared: Arc::new(shared) }
    }

    /// Returns how many sockets are open.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.shared.sockets.len()
    }

    /// Waits until every socket is closed, for at most `limit`, and drops the rest.
    ///
    /// Call it after [`Chat::shutdown`], which tells the clients to come back elsewhere: hyper does not count upgraded sockets.
    pub async fn drain(&self, limit: Duration) {
        self.shared.sockets.drain(limit).await;
    }

    /// Answers one request.
    pub async fn handle<B>(&self, request: Request<B>) -> http::Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        let (mut parts, body) = request.into_parts();
        self.strip_prefix(&mut parts);
        let started = tokio::time::Instant::now();
        let method = parts.method.clone();
        let origin = parts.headers.get(header::ORIGIN).cloned();
        let body = RequestBody::new(&parts, body.map_err(Into::into).boxed_unsync());
        let (pattern, outcome) = self.dispatch(parts, body.clone()).await;
        let mut response = outcome.unwrap_or_else(|error| respond::problem(&error));
        if !response.status().is_success() {
            body.discard().await;
        }
        guard::add_cors(origin.as_ref(), &self.shared.config, response.headers_mut());
        guard::add_security_headers(response.headers_mut());
        record(&method, pattern, response.status(), started.elapsed());
        response
    }

    async fn dispatch(&self, parts: Parts, body: RequestBody) -> (&'static str, Result<Response>) {
        if let Err(error) = guard::check_host(&parts, &self.shared.config) {
            return ("refused", Err(error));
        }
        let Some((routes, params)) = router::find(parts.uri.path()) else {
            return ("unmatched", self.fall_back(&parts).await);
        };
        let pattern = routes[0].pattern;
        if parts.method == Method::OPTIONS {
            return (pattern, Ok(guard::answer_options(&parts, &allow(routes), &self.shared.config)));
        }
        let wanted = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
        let Some(route) = routes.iter().find(|route| route.method == *wanted) else {
            return (pattern, Ok(method_not_allowed(&allow(routes))));
        };
        let origination = Origination::of(&parts, &self.shared.config);
        let call = Call { shared: Arc::clone(&self.shared), parts, origination, params, body };
        (pattern, self.run(route, call).await)
    }

    /// Runs an endpoint; a panic in it costs this request and nothing else.
    async fn run(&self, route: &Route, call: Call) -> Result<Response> {
        let endpoint = AssertUnwindSafe((route.run)(call)).catch_unwind();
        let outcome = match route.pace {
            Pace::Streaming => endpoint.await,
            Pace::Bounded => tokio::time::timeout(self.shared.config.request_timeout, endpoint)
                .await
                .map_err(|_| Error::unavailable("the request took too long"))?,
        };
        outcome.unwrap_or_else(|_| Err(Error::internal("the request failed")))
    }

    async fn fall_back(&self, parts: &Parts) -> Result<Response> {
        let path = parts.uri.path();
        let ours = ["/api", "/ws", "/uploads"];
        let is_ours = ours
            .iter()
            .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        let answer = match &self.shared.fallback {
            Some(fallback) if !is_ours => fallback.answer(parts).await,
            _ => None,
        };
        answer.ok_or_else(|| Error::not_found("there is nothing at this path"))
    }

    /// Takes the mount prefix off, where the host has not done so.
    fn strip_prefix(&self, parts: &mut Parts) {
        let prefix = self.shared.config.prefix.as_str();
        let Some(rest) = parts.uri.path().strip_prefix(prefix).filter(|_| !prefix.is_empty()) else { return };
        if !rest.is_empty() && !rest.starts_with('/') {
            return;
        }
        let path = if rest.is_empty() { "/" } else { rest };
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let stripped = format!("{path}{query}").parse().expect("a part of a valid path is valid");
        let mut uri = parts.uri.clone().into_parts();
        uri.path_and_query = Some(stripped);
        parts.uri = http::Uri::from_parts(uri).expect("only the path was changed");
    }
}

fn allow(routes: &[&'static Route]) -> String {
    guard::allow_list(routes.iter().map(|route| &route.method))
}

fn method_not_allowed(allow: &str) -> Response {
    let error = Error::invalid(format!("this path takes {allow}"));
    let mut response = respond::problem_as(StatusCode::METHOD_NOT_ALLOWED, &error);
    let allow = HeaderValue::from_str(allow).expect("a list of methods is a header value");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// Counts a request by its pattern: the path itself may carry a token.
fn record(method: &Method, pattern: &'static str, status: StatusCode, took: Duration) {
    tracing::debug!(http.method = %method, http.route = pattern, http.status = status.as_u16(), duration_us = took.as_micros(), "answered");
    let labels = [
        ("method", known(method).to_owned()),
        ("route", pattern.to_owned()),
        ("status", status.as_str().to_owned()),
    ];
    metrics::counter!("chat_http_requests_total", &labels).increment(1);
    metrics::histogram!("chat_http_request_seconds", "route" => pattern).record(took.as_secs_f64());
}

/// A client may invent methods; each would become a time series of its own.
fn known(method: &Method) -> &str {
    match method.as_str() {
        name @ ("DELETE" | "GET" | "HEAD" | "OPTIONS" | "PATCH" | "POST" | "PUT") => name,
        _ => "other",
    }
}

impl<B> tower_service::Service<Request<B>> for ChatService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

impl<B> hyper::service::Service<Request<B>> for ChatService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}
