//! Server-sent events: the frames of the socket for those who can have none.

use crate::harness::{Person, TestServer};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// A stream that is being read.
struct Events {
    response: Response,
    buffer: String,
}

/// One event.
#[derive(Debug)]
struct Event {
    id: Option<String>,
    name: Option<String>,
    data: Value,
}

impl Events {
    async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: String::new() }
    }

    /// Reads the next event with data; [`None`] at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let event = parse(event);
                self.buffer = rest.to_owned();
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let piece = tokio::time::timeout(Duration::from_secs(10), self.response.chunk()).await;
            let piece = piece.expect("an event within ten seconds").unwrap()?;
            self.buffer.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn until(&mut self, kind: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.data["type"] == kind {
                return event;
            }
        }
    }
}

fn parse(text: &str) -> Option<Event> {
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Event { id: field("id"), name: field("event"), data })
}

fn stream(person: &Person<'_>) -> RequestBuilder {
    person.request(Method::GET, "/api/events")
}

fn asking(person: &Person<'_>, query: &[(&str, String)]) -> RequestBuilder {
    let query = serde_urlencoded::to_string(query).unwrap();
    person.request(Method::GET, &format!("/api/events?{query}"))
}

#[tokio::test]
async fn a_stream_carries_the_frames_of_the_socket() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let mut events = Events::open(stream(&bob)).await;
    let hello = events.next().await.unwrap();
    assert_eq!(hello.data["type"], "ack");
    assert_eq!(hello.data["payload"]["user"]["id"], bob.id);
    let ready = events.until("ready").await;
    assert!(ready.id.is_some());
    let sent = ann.write(&bob, "over http").await;
    let received = events.until("receive_message").await;
    assert_eq!(received.data["payload"]["id"], sent["id"]);
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_and_no_more() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let first = ann.write(&bob, "first").await;
    let mut events = Events::open(stream(&bob)).await;
    let epoch = events.next().await.unwrap().data["payload"]["epoch"].clone();
    let ready = events.until("ready").await;
    drop(events);
    let missed = ann.write(&bob, "missed").await;
    let have = json!([{ "conversation_id": first["conversation_id"], "rev": first["rev"] }]);
    let known = json!({
        "epoch": epoch, "user_rev": ready.data["payload"]["user_rev"], "have": have, "device_id": "back again",
    });
    let body = bob.request(Method::POST, "/api/events").json(&known);
    let have = ("have", have.to_string());
    let user_rev = ready.data["payload"]["user_rev"].to_string();
    let query =
        asking(&bob, &[("epoch", epoch.as_str().unwrap().to_owned()), ("user_rev", user_rev), have.clone()]);
    let id = asking(&bob, &[have]).header("last-event-id", ready.id.unwrap());
    for request in [body, query, id] {
        let mut events = Events::open(request).await;
        let mut messages = Vec::new();
        loop {
            let event = events.next().await.unwrap().data;
            match event["type"].as_str().unwrap() {
                "receive_message" => messages.push(event["payload"]["id"].clone()),
                "ready" => break,
                _ => {}
            }
        }
        assert_eq!(messages, [missed["id"].clone()]);
    }
}

#[tokio::test]
async fn a_stream_needs_a_token_in_the_header() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let answer = server.get(&format!("/api/events?token={}", ann.token)).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let wrong = asking(&ann, &[("have", "{".to_owned())]).send().await.unwrap();
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn a_drain_ends_the_stream_with_its_code() {
    let mut server = TestServer::start().await;
    let mut events = {
        let ann = server.register("ann").await;
        Events::open(stream(&ann)).await
    };
    events.until("ready").await;
    let read = tokio::spawn(async move {
        events.until("goodbye").await;
        let close = events.next().await.unwrap();
        assert_eq!(close.name.as_deref(), Some("close"));
        assert_eq!(close.data["code"], 4000);
        assert!(events.next().await.is_none());
    });
    server.drain().await;
    read.await.unwrap();
}
