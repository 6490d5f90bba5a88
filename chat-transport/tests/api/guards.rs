//! What protects people's browsers, and the shape of refusals.

use crate::harness::{Answer, Setup, TestServer};
use chat_transport::TransportConfig;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn answer(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

async fn server_for(config: TransportConfig) -> TestServer {
    TestServer::start_with(Setup { config, ..Setup::default() }).await
}

/// Speaks HTTP/1.1 by hand, for what no client library would send.
async fn raw(server: &TestServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn an_unknown_path_is_a_404_in_json() {
    let server = TestServer::start().await;
    for path in ["/api/nothing", "/api", "/api/users/1/2/3", "/uploads/x", "/nothing", "/"] {
        answer(server.get(path)).await.assert_refused(404, "not_found");
    }
}

#[tokio::test]
async fn another_verb_is_a_405_that_names_the_right_ones() {
    let server = TestServer::start().await;
    let refused = answer(server.request(Method::DELETE, "/api/users")).await;
    refused.assert_refused(405, "invalid");
    assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");
    let refused = answer(server.request(Method::PUT, "/api/conversations")).await;
    assert_eq!(refused.header("allow"), "GET, POST, HEAD, OPTIONS");
}

#[tokio::test]
async fn options_is_200_and_names_the_verbs() {
    let server = TestServer::start().await;
    let told = answer(server.request(Method::OPTIONS, "/api/messages")).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.header("allow"), "POST, OPTIONS");
    assert!(!told.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn only_configured_origins_get_cors_headers() {
    let config =
        TransportConfig { allowed_origins: vec!["https://app.example".into()], ..TransportConfig::default() };
    let server = server_for(config).await;
    let preflight = |origin: &'static str| {
        server
            .request(Method::OPTIONS, "/api/messages")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
    };
    let told = answer(preflight("https://app.example")).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(told.header("access-control-allow-credentials"), "true");
    assert!(told.header("access-control-allow-headers").contains("authorization"));
    assert!(told.header("access-control-allow-methods").contains("POST"));
    let refused = answer(preflight("https://evil.example")).await;
    assert!(!refused.headers.contains_key("access-control-allow-origin"));
    let read = answer(server.get("/api/config").header("origin", "https://app.example")).await;
    assert_eq!(read.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(read.header("vary"), "origin");
}

#[tokio::test]
async fn a_rebound_host_name_is_refused() {
    let server = TestServer::start().await;
    let refused = answer(server.get("/api/config").header("host", "evil.example")).await;
    refused.assert_refused(403, "forbidden");
    assert_eq!(answer(server.get("/api/config").header("host", "localhost:1234")).await.status, 200);
    let config = TransportConfig { allowed_hosts: vec!["chat.example".into()], ..TransportConfig::default() };
    let server = server_for(config).await;
    assert_eq!(answer(server.get("/api/config").header("host", "chat.example")).await.status, 200);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = TestServer::start().await;
    for path in ["/api/config", "/api/nothing", "/api/users"] {
        let told = answer(server.get(path)).await;
        assert_eq!(told.header("x-content-type-options"), "nosniff");
        assert_eq!(told.header("referrer-policy"), "no-referrer");
        assert!(told.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(told.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_one_at_the_limit_is_read() {
    let server = TestServer::start().await;
    let body = |size: usize| format!("{{\"username\":\"{}\"}}", "x".repeat(size - 15));
    let over = server.request(Method::POST, "/api/auth/login").body(body((1 << 20) + 1));
    answer(over).await.assert_refused(413, "too_large");
    let at = server.request(Method::POST, "/api/auth/login").body(body(1 << 20));
    answer(at).await.assert_refused(400, "invalid");
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_at_the_limit() {
    let server = TestServer::start().await;
    let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 << 10]));
    let endless = reqwest::Body::wrap_stream(pieces);
    answer(server.request(Method::POST, "/api/auth/login").body(endless))
        .await
        .assert_refused(413, "too_large");
}

#[tokio::test]
async fn a_body_that_stops_in_the_middle_is_given_up() {
    let config = TransportConfig { body_timeout: Duration::from_millis(200), ..TransportConfig::default() };
    let server = server_for(config).await;
    let started = "POST /api/auth/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    let text = raw(&server, &format!("{started}content-length: 100\r\n\r\n{{\"username\"")).await;
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let server = TestServer::start().await;
    for head in ["", "P", "GET / HTTP/1.1\r\nhost: localhost\r\nx-slow:"] {
        let text = raw(&server, head).await;
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
}

#[tokio::test]
async fn a_broken_head_is_400() {
    let server = TestServer::start().await;
    let text = raw(&server, "GET /api/config HTTP/1.1\r\nhost: localhost\r\nbad header\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = TestServer::start().await;
    let told = server.request(Method::HEAD, "/api/config").send().await.unwrap();
    assert_eq!(told.status(), 200);
    assert_eq!(told.headers()["content-type"], "application/json");
    assert!(told.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_service_answers_under_its_prefix() {
    let config = TransportConfig { prefix: "chat/".into(), ..TransportConfig::default() };
    let server = server_for(config).await;
    assert_eq!(answer(server.get("/chat/api/config")).await.status, 200);
    let description = answer(server.get("/chat/swagger/doc.json")).await;
    assert_eq!(description.body["servers"], json!([{ "url": "/chat" }]));
    let led = server.get("/chat/swagger").send().await.unwrap();
    assert_eq!(led.headers()["location"], "/chat/swagger/");
    answer(server.get("/chatter/api/config")).await.assert_refused(404, "not_found");
    let body = json!({ "username": "ann", "password": crate::harness::PASSWORD, "cookie": true });
    let signed_in = answer(server.post("/chat/api/auth/register", &body)).await;
    assert!(signed_in.header("set-cookie").contains("Path=/chat/api/auth"));
}

#[tokio::test]
async fn the_configuration_tells_what_clients_need() {
    let server = TestServer::start().await;
    let told = answer(server.get("/api/config")).await;
    assert_eq!(told.body["registration"], "open");
    assert_eq!(told.body["directory"], "open");
    assert_eq!(told.body["typing_ms"], 6_000);
    assert_eq!(told.body["limits"]["message_chars"], 16_384);
    assert_eq!(told.body["limits"]["upload"]["image"], 10 << 20);
    assert!(told.body["epoch"].is_string());
    assert_eq!(told.body.get("messages_per_minute"), None::<&Value>);
}
