//! A server on a free port, and people who talk to it.

use chat_core::{
    Chat,
    accounts::{Accounts, AccountsConfig, TokenKey, TokenKeys},
    chat::ChatBuilder,
    clock::SystemClock,
    config::{Directory, RateLimits},
    media::OpendalMedia,
    store::{Store, memory::MemoryStore},
};
use chat_transport::{ChatService, Server, TransportConfig};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &[u8] = b"a secret of the tests, 32 bytes long";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A running server. Dropping it stops the tasks.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) chat: Chat,
    pub(crate) http: Client,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
    running: JoinHandle<()>,
}

/// What a test wants to be different.
pub(crate) struct Setup {
    pub(crate) config: TransportConfig,
    pub(crate) rates: RateLimits,
    pub(crate) chat: fn(ChatBuilder) -> ChatBuilder,
}

impl Default for Setup {
    fn default() -> Self {
        let config = TransportConfig { close_timeout: Duration::from_secs(1), ..TransportConfig::default() };
        Self { config, rates: RateLimits::off(), chat: |builder| builder }
    }
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    pub(crate) async fn start_with(setup: Setup) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let keys = TokenKeys::new(TokenKey::new(SECRET).unwrap());
        let accounts =
            Accounts::new(Arc::clone(&store), Arc::new(SystemClock), AccountsConfig::new(keys)).unwrap();
        let builder = Chat::builder_arc(store)
            .authenticator(Arc::new(accounts.clone()))
            .media(Arc::new(OpendalMedia::memory().unwrap()))
            .directory(Directory::Open)
            .rate_limits(setup.rates);
        let chat = (setup.chat)(builder).build().unwrap();
        let run = chat.run();
        let running = tokio::spawn(async move { run.await.unwrap() });
        let service = ChatService::new(chat.clone()).with_config(setup.config).with_accounts(accounts);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let server = Server::new(service).with_header_timeout(Duration::from_secs(2));
        let stop = shutdown.clone();
        let serving = tokio::spawn(async move { server.serve(listener, stop).await.unwrap() });
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let this = Self { address, chat, http, shutdown, serving, running };
        this.ready().await;
        this
    }

    /// The engine looks at the store before it takes anything.
    async fn ready(&self) {
        while self.chat.epoch().is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// Drains the server as an operator's signal does, and waits for the end.
    pub(crate) async fn drain(&mut self) {
        self.shutdown.cancel();
        self.chat.shutdown();
        (&mut self.serving).await.unwrap();
        (&mut self.running).await.unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// Registers a person.
    pub(crate) async fn register(&self, username: &str) -> Person<'_> {
        let body = json!({ "username": username, "password": PASSWORD });
        let answer = self.post("/api/auth/register", &body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        Person {
            server: self,
            id: answer["user"]["id"].as_i64().unwrap(),
            token: answer["token"].as_str().unwrap().to_owned(),
            signed_in: answer,
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.serving.abort();
        self.running.abort();
    }
}

/// A signed-in person.
pub(crate) struct Person<'a> {
    pub(crate) server: &'a TestServer,
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) signed_in: Value,
}

impl Person<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.request(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        Answer::of(self.request(method, path).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    /// Writes to somebody by the classic route.
    pub(crate) async fn write(&self, to: &Person<'_>, content: &str) -> Value {
        let answer = self.post("/api/messages", json!({ "receiver_id": to.id, "content": content })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}

/// An answer that was read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// Null without a JSON body.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        if !body.is_null() {
            assert!(text.ends_with('\n'), "JSON ends with a newline");
        }
        Self { status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Checks that it is a refusal of the one shape.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["detail"], self.body["error"]);
        assert!(!self.body["error"].as_str().unwrap().is_empty());
    }
}
