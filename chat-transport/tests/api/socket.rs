//! The socket: who may open one, what broken input costs, and how it ends.

use crate::harness::{Person, Setup, TestServer};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, Request, Response},
        protocol::CloseFrame,
    },
};

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

type Opened = (Socket, Response<Option<Vec<u8>>>);

/// Opens a socket with these headers; a refusal gives the status.
async fn open(server: &TestServer, path: &str, headers: &[(&'static str, &str)]) -> Result<Opened, u16> {
    let mut request: Request<()> = format!("ws://{}{path}", server.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    match connect_async(request).await {
        Ok((socket, response)) => Ok((Socket(socket), response)),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn refusal(server: &TestServer, path: &str, headers: &[(&'static str, &str)]) -> u16 {
    open(server, path, headers).await.map(|_| ()).unwrap_err()
}

/// Opens a classic socket.
async fn classic(person: &Person<'_>) -> Socket {
    open(person.server, &format!("/ws?token={}", person.token), &[]).await.unwrap().0
}

/// Opens a socket of protocol 2 and says hello; returns it after `ready`.
async fn v2(person: &Person<'_>) -> Socket {
    let protocols = format!("chat.v2, bearer.{}", person.token);
    let (mut socket, response) =
        open(person.server, "/ws", &[("sec-websocket-protocol", &protocols)]).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat.v2");
    let device = format!("device of {}", person.id);
    socket.send(json!({ "type": "hello", "id": 1, "payload": { "protocol": 2, "device_id": device } })).await;
    let ack = socket.until("ack").await;
    assert_eq!(ack["id"], 1);
    assert_eq!(ack["payload"]["user"]["id"], person.id);
    socket.until("ready").await;
    socket
}

impl Socket {
    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn send_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Waits for the next frame or the close.
    async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(10), self.0.next()).await;
            match next.expect("a frame within ten seconds") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Skips to the next frame of a type.
    async fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.expect("the socket is open");
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Reads to the end and returns the code of the close frame.
    async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(close) = self.next().await {
                return close.map(|close| close.code.into());
            }
        }
    }
}

#[tokio::test]
async fn a_token_comes_by_query_header_sub_protocol_or_ticket() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bearer = format!("Bearer {}", ann.token);
    let protocols = format!("chat.v2, bearer.{}", ann.token);
    assert!(open(&server, &format!("/ws?token={}", ann.token), &[]).await.is_ok());
    assert!(open(&server, "/ws", &[("authorization", &bearer)]).await.is_ok());
    assert!(open(&server, "/ws", &[("sec-websocket-protocol", &protocols)]).await.is_ok());
    let ticket = ann.post("/api/ws-ticket", json!({})).await;
    assert_eq!(ticket.body["expires_in_ms"], 30_000);
    let path = format!("/ws?ticket={}", ticket.body["ticket"].as_str().unwrap());
    assert!(open(&server, &path, &[]).await.is_ok());
    assert_eq!(refusal(&server, &path, &[]).await, 401, "a ticket works once");
}

#[tokio::test]
async fn without_a_good_token_the_upgrade_is_401() {
    let server = TestServer::start().await;
    server.register("ann").await;
    assert_eq!(refusal(&server, "/ws", &[]).await, 401);
    assert_eq!(refusal(&server, "/ws?token=", &[]).await, 401);
    assert_eq!(refusal(&server, "/ws?token=garbage", &[]).await, 401);
    assert_eq!(refusal(&server, "/ws?ticket=garbage", &[]).await, 401);
    assert_eq!(refusal(&server, "/ws", &[("authorization", "Bearer garbage")]).await, 401);
    assert_eq!(refusal(&server, "/ws", &[("sec-websocket-protocol", "chat.v2, bearer.garbage")]).await, 401);
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_403_and_no_handshake_is_400() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let path = format!("/ws?token={}", ann.token);
    for origin in ["http://evil.example", "null", "file://", "http://localhost.evil.example"] {
        assert_eq!(refusal(&server, &path, &[("origin", origin)]).await, 403, "{origin}");
    }
    let own = server.url("");
    for origin in [own.as_str(), "http://localhost:8080"] {
        assert!(open(&server, &path, &[("origin", origin)]).await.is_ok(), "{origin}");
    }
    assert_eq!(refusal(&server, &path, &[("host", "evil.example")]).await, 403);
    ann.get("/ws").await.assert_refused(400, "invalid");
}

#[tokio::test]
async fn a_message_over_the_socket_reaches_both_sides() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let mut anns = v2(&ann).await;
    let mut bobs = classic(&bob).await;
    let payload = json!({ "to": bob.id, "message": "hello", "client_id": "c1" });
    anns.send(json!({ "type": "send_message", "id": "m1", "payload": payload })).await;
    let ack = anns.until("ack").await;
    assert_eq!(ack["id"], "m1");
    assert_eq!(ack["payload"]["duplicate"], false);
    let received = bobs.until("receive_message").await;
    assert_eq!(received["payload"]["content"], "hello");
    assert_eq!(received["payload"]["sender_id"], ann.id);
    assert_eq!(received["payload"]["id"], ack["payload"]["message"]["id"]);
    // The classic page says nothing: its browser's pong, sent while it reads on, is what tells that it has the message.
    let status = tokio::select! {
        status = anns.until("status_change") => status,
        _ = bobs.until("nothing of this type") => unreachable!(),
    };
    assert_eq!(status["payload"]["status"], "delivered");
}

#[tokio::test]
async fn a_classic_client_gets_its_own_echo_and_what_it_missed() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let mut anns = classic(&ann).await;
    anns.send(
        json!({ "type": "send_message", "payload": { "to": bob.id, "message": "hi", "media_url": null } }),
    )
    .await;
    assert_eq!(anns.until("receive_message").await["payload"]["content"], "hi");
    let mut bobs = classic(&bob).await;
    assert_eq!(bobs.until("receive_message").await["payload"]["content"], "hi");
    ann.write(&bob, "by http").await;
    assert_eq!(bobs.until("receive_message").await["payload"]["content"], "by http");
}

#[tokio::test]
async fn broken_frames_get_an_error_and_the_socket_lives() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let mut socket = classic(&ann).await;
    for message in [
        Message::text("{"),
        Message::text("[]"),
        Message::text("{\"type\":\"no_such_frame\"}"),
        Message::text("{\"type\":\"send_message\",\"payload\":{\"to\":\"7\",\"message\":\"x\"}}"),
        Message::binary(vec![0xff, 0xfe]),
        Message::text(format!("\"{}\"", "x".repeat(1 << 20))),
    ] {
        socket.send_raw(message).await;
        let error = socket.until("error").await;
        assert!(error["payload"]["code"].is_string());
    }
    socket.send(json!({ "type": "get_online_users", "id": 9 })).await;
    assert_eq!(socket.until("ack").await["id"], 9);
}

#[tokio::test]
async fn a_frame_in_bytes_is_read_like_text() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let mut socket = classic(&ann).await;
    let frame = json!({ "type": "get_online_users", "id": "b" }).to_string();
    socket.send_raw(Message::binary(frame.into_bytes())).await;
    assert_eq!(socket.until("ack").await["id"], "b");
}

#[tokio::test]
async fn a_frame_far_over_the_limit_closes_with_1009() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let mut socket = classic(&ann).await;
    // The server may close before all of it is written.
    socket.0.send(Message::text("x".repeat(3 << 20))).await.ok();
    assert_eq!(socket.closed().await, Some(1009));
}

#[tokio::test]
async fn broken_frames_without_end_close_with_4101() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let mut socket = v2(&ann).await;
    for _ in 0..100 {
        if socket.0.send(Message::text("{")).await.is_err() {
            break;
        }
    }
    assert_eq!(socket.closed().await, Some(4101));
}

#[tokio::test]
async fn signing_out_closes_the_socket_with_4102() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let mut socket = v2(&ann).await;
    assert_eq!(ann.post("/api/auth/logout", json!({})).await.status, 204);
    assert_eq!(socket.closed().await, Some(4102));
}

#[tokio::test]
async fn a_drain_says_goodbye_and_closes_with_4000() {
    let mut server = TestServer::start().await;
    let (mut v2_socket, mut classic_socket) = {
        let ann = server.register("ann").await;
        (v2(&ann).await, classic(&ann).await)
    };
    let read = tokio::spawn(async move {
        let goodbye = v2_socket.until("goodbye").await;
        assert_eq!(goodbye["payload"]["reconnect"], true);
        (v2_socket.closed().await, classic_socket.closed().await)
    });
    server.drain().await;
    assert_eq!(read.await.unwrap(), (Some(4000), Some(4000)));
}

#[tokio::test]
async fn a_slow_reader_is_closed_with_4008_and_others_are_not_slowed() {
    let setup = Setup {
        chat: |builder| {
            let pacing = chat_core::config::Pacing { outbox_bytes: 16 << 10, ..Default::default() };
            builder.pacing(pacing)
        },
        config: chat_transport::TransportConfig {
            close_timeout: Duration::from_secs(30),
            ..Default::default()
        },
        ..Setup::default()
    };
    let server = TestServer::start_with(setup).await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let mut slow = classic(&bob).await;
    let mut fast = classic(&bob).await;
    let text = "x".repeat(16_000);
    // More than the buffers of both kernels hold.
    let reading = tokio::spawn(async move {
        for _ in 0..600 {
            fast.until("receive_message").await;
        }
    });
    for _ in 0..600 {
        ann.write(&bob, &text).await;
    }
    reading.await.unwrap();
    assert_eq!(slow.closed().await, Some(4008));
}
