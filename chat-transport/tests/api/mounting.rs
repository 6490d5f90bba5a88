//! The service inside somebody else's application.

use axum::{Router, extract::Request, middleware, middleware::Next, response::Response};
use chat_core::{Chat, auth::Identity, config::Directory, store::memory::MemoryStore};
use chat_transport::{ChatService, TransportConfig};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest, http::HeaderValue};

/// The host's own sign-in: a cookie that names a person.
async fn sign_in(mut request: Request, next: Next) -> Response {
    let cookie = request.headers().get("cookie").and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    if let Some(name) = cookie.strip_prefix("host=") {
        let identity = Identity::external(format!("host-{name}"), name);
        request.extensions_mut().insert(identity);
    }
    next.run(request).await
}

/// An axum application with the chat under `/chat`.
async fn application(tasks: &mut JoinSet<()>) -> SocketAddr {
    let chat =
        Chat::builder(MemoryStore::new()).directory(Directory::Open).media_base("/chat").build().unwrap();
    let run = chat.run();
    tasks.spawn(async move { run.await.unwrap() });
    while chat.epoch().is_err() {
        tokio::task::yield_now().await;
    }
    let config = TransportConfig { prefix: "/chat".into(), ..TransportConfig::default() };
    let application = Router::new()
        .route("/", axum::routing::get(|| async { "the host's page" }))
        .nest_service("/chat", ChatService::new(chat).with_config(config))
        .layer(middleware::from_fn(sign_in));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move { axum::serve(listener, application).await.unwrap() });
    address
}

#[tokio::test]
async fn a_host_brings_its_own_users_and_cookies() {
    let mut tasks = JoinSet::new();
    let address = application(&mut tasks).await;
    let http = Client::new();
    let request = |method: Method, path: &str, person: &str| {
        http.request(method, format!("http://{address}{path}")).header("cookie", format!("host={person}"))
    };
    let me = |person: &'static str| async move {
        let answer = request(Method::GET, "/chat/api/users/me", person).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["id"].as_i64().unwrap()
    };
    assert_eq!(
        http.get(format!("http://{address}/")).send().await.unwrap().text().await.unwrap(),
        "the host's page"
    );
    let nobody = http.get(format!("http://{address}/chat/api/users/me")).send().await.unwrap();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    let (ann, bob) = (me("ann").await, me("bob").await);
    assert_ne!(ann, bob);
    assert_eq!(me("ann").await, ann, "the same person of the host is the same user");

    let body = json!({ "receiver_id": bob, "content": "hello" });
    let send = || request(Method::POST, "/chat/api/messages", "ann").json(&body);
    assert_eq!(
        send().send().await.unwrap().status(),
        StatusCode::FORBIDDEN,
        "a foreign page has the cookie as well"
    );
    let own = send().header("origin", format!("http://{address}")).send().await.unwrap();
    assert_eq!(own.status(), StatusCode::OK);
    let foreign = send().header("origin", "http://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let accounts =
        http.post(format!("http://{address}/chat/api/auth/login")).json(&json!({})).send().await.unwrap();
    assert_eq!(accounts.status(), StatusCode::NOT_FOUND, "without accounts their routes do not exist");
}

#[tokio::test]
async fn a_socket_opens_through_the_host() {
    let mut tasks = JoinSet::new();
    let address = application(&mut tasks).await;
    let mut request = format!("ws://{address}/chat/ws").into_client_request().unwrap();
    request.headers_mut().insert("cookie", HeaderValue::from_static("host=ann"));
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("chat.v2"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let hello = json!({ "type": "hello", "id": 1, "payload": { "protocol": 2, "device_id": "tab" } });
    socket.send(Message::text(hello.to_string())).await.unwrap();
    let Some(Ok(Message::Text(ack))) = socket.next().await else { panic!("an ack") };
    let ack: Value = serde_json::from_str(&ack).unwrap();
    assert_eq!((&ack["type"], &ack["payload"]["user"]["display_name"]), (&json!("ack"), &json!("ann")));

    let mut foreign = format!("ws://{address}/chat/ws").into_client_request().unwrap();
    foreign.headers_mut().insert("cookie", HeaderValue::from_static("host=ann"));
    foreign.headers_mut().insert("origin", HeaderValue::from_static("http://evil.example"));
    assert!(tokio_tungstenite::connect_async(foreign).await.is_err());
}
