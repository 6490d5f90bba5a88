//! What an unchanged classic client relies on, route by route.

use crate::harness::{Person, Setup, TestServer};
use chat_core::config::RateLimits;
use reqwest::Method;
use serde_json::{Value, json};

fn contents(answer: &Value) -> Vec<&str> {
    let messages = answer["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

async fn write_three(from: &Person<'_>, to: &Person<'_>) {
    for text in ["one", "two", "three"] {
        from.write(to, text).await;
    }
}

#[tokio::test]
async fn users_are_an_array_of_all_but_me() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    assert_eq!(ann.get("/api/users").await.body, json!([]));
    let bob = server.register("bob").await;
    let users = ann.get("/api/users").await;
    assert_eq!(users.status, 200);
    let users = users.body.as_array().unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!(users[0]["id"], bob.id);
    assert_eq!(users[0]["username"], "bob");
    assert_eq!(users[0]["status"], "offline");
    assert!(users[0]["created_at"].is_string());
    assert_eq!(ann.get("/api/users?q=BO").await.body.as_array().unwrap().len(), 1);
    assert_eq!(ann.get("/api/users?q=x").await.body, json!([]));
}

#[tokio::test]
async fn a_profile_is_found_by_id() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    for path in ["/api/users/profile", "/api/users/id"] {
        let profile = ann.get(&format!("{path}?id={}", bob.id)).await;
        assert_eq!(profile.status, 200);
        assert_eq!(profile.body["username"], "bob");
        ann.get(path).await.assert_refused(400, "invalid");
        ann.get(&format!("{path}?id=bob")).await.assert_refused(400, "invalid");
        ann.get(&format!("{path}?id=0")).await.assert_refused(404, "not_found");
        ann.get(&format!("{path}?id=999999")).await.assert_refused(404, "not_found");
    }
    assert_eq!(ann.get(&format!("/api/users/{}", bob.id)).await.body["username"], "bob");
    ann.get("/api/users/bob").await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn one_changes_ones_own_profile() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let changed = ann.send(Method::PATCH, "/api/users/me", json!({ "display_name": "Ann A." })).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.body["display_name"], "Ann A.");
    assert_eq!(ann.get("/api/users/me").await.body["display_name"], "Ann A.");
    ann.send(Method::PATCH, "/api/users/me", json!({ "display_name": "" }))
        .await
        .assert_refused(400, "invalid");
    ann.send(Method::PATCH, "/api/users/me", json!({ "avatar_media_id": 77 }))
        .await
        .assert_refused(404, "not_found");
}

#[tokio::test]
async fn presence_is_chosen_among_three() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    for status in ["online", "away", "offline"] {
        let done = ann.send(Method::PUT, "/api/users/status", json!({ "status": status })).await;
        assert_eq!(done.status, 200);
        assert_eq!(done.body, json!({ "status": "success" }));
    }
    for body in
        [json!({ "status": "busy" }), json!({ "status": "unknown" }), json!({}), json!({ "status": 1 })]
    {
        ann.send(Method::PUT, "/api/users/status", body).await.assert_refused(400, "invalid");
    }
}

#[tokio::test]
async fn a_message_is_sent_with_200_and_the_message_object() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let message = ann.write(&bob, "hello").await;
    assert!(message["id"].as_i64().unwrap() > 0);
    assert_eq!(message["sender_id"], ann.id);
    assert_eq!(message["receiver_id"], bob.id);
    assert_eq!(message["content"], "hello");
    assert_eq!(message["status"], "sent");
    assert!(message["created_at"].as_str().unwrap().ends_with('Z'));
    assert!(message["updated_at"].is_string());
    assert!(message.get("media_url").is_none());
}

#[tokio::test]
async fn messages_that_cannot_be_are_refused() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let to = |content: &str| json!({ "receiver_id": bob.id, "content": content });
    for body in [
        to(""),
        to(" \n\t "),
        json!({ "receiver_id": bob.id }),
        json!({ "content": "hi" }),
        json!({ "receiver_id": 0, "content": "hi" }),
        json!({ "receiver_id": -1, "content": "hi" }),
        json!({ "receiver_id": bob.id.to_string(), "content": "hi" }),
        json!({ "receiver_id": true, "content": "hi" }),
        json!({ "receiver_id": bob.id, "content": 5 }),
        json!({ "receiver_id": 1_i64 << 53, "content": "hi" }),
        json!({ "receiver_id": bob.id, "content": "hi", "media_url": "https://evil.example/x.png" }),
        json!({ "receiver_id": bob.id, "content": "hi", "media_url": "javascript:alert(1)" }),
    ] {
        ann.post("/api/messages", body).await.assert_refused(400, "invalid");
    }
    let nobody = json!({ "receiver_id": 999_999, "content": "hi" });
    ann.post("/api/messages", nobody).await.assert_refused(404, "not_found");
    let history = ann.get("/api/messages/history").await;
    assert_eq!(history.body["messages"], json!([]), "nothing is half done");
}

#[tokio::test]
async fn a_message_of_the_largest_size_is_sent_and_one_character_more_is_not() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let largest = "ä".repeat(16_384);
    assert_eq!(ann.write(&bob, &largest).await["content"], largest);
    let over = json!({ "receiver_id": bob.id, "content": format!("{largest}x") });
    ann.post("/api/messages", over).await.assert_refused(413, "too_large");
}

#[tokio::test]
async fn a_message_to_oneself_is_there_once() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    ann.write(&ann, "a note").await;
    let messages = ann.get(&format!("/api/messages/conversation?user_id={}", ann.id)).await;
    assert_eq!(contents(&messages.body), ["a note"]);
}

#[tokio::test]
async fn the_same_idempotency_key_never_makes_a_second_message() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let send = |text: &str, key: &str| {
        let body = json!({ "receiver_id": bob.id, "content": text });
        ann.request(Method::POST, "/api/messages").header("idempotency-key", key).json(&body).send()
    };
    let first: Value = send("once", "k1").await.unwrap().json().await.unwrap();
    let again: Value = send("once", "k1").await.unwrap().json().await.unwrap();
    assert_eq!(first["id"], again["id"]);
    assert_eq!(send("other", "k1").await.unwrap().status(), 409);
    assert_eq!(send("once", "").await.unwrap().status(), 400);
    assert_eq!(send("once", &"k".repeat(65)).await.unwrap().status(), 400);
    let contradiction = json!({ "receiver_id": bob.id, "content": "x", "client_id": "k3" });
    let request = ann.request(Method::POST, "/api/messages").header("idempotency-key", "k2");
    assert_eq!(request.json(&contradiction).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_conversation_is_read_oldest_first_and_whole() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let path = |peer: &Person<'_>| format!("/api/messages/conversation?user_id={}", peer.id);
    assert_eq!(ann.get(&path(&bob)).await.body, json!({ "messages": [] }));
    write_three(&ann, &bob).await;
    let read = bob.get(&path(&ann)).await;
    assert_eq!(read.status, 200);
    assert_eq!(contents(&read.body), ["one", "two", "three"]);
    let page = bob.get(&format!("{}&page=1&page_size=2", path(&ann))).await;
    assert_eq!(contents(&page.body), ["two", "three"]);
    for nobody in [0, 999_999] {
        let none = ann.get(&format!("/api/messages/conversation?user_id={nobody}")).await;
        assert_eq!((none.status.as_u16(), none.body), (200, json!({ "messages": [] })));
    }
    ann.get("/api/messages/conversation").await.assert_refused(400, "invalid");
    ann.get("/api/messages/conversation?user_id=bob").await.assert_refused(400, "invalid");
}

#[tokio::test]
async fn numbered_pages_count_as_the_classic_service_did() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    write_three(&ann, &bob).await;
    let paginated = format!("/api/messages/conversation/paginated?user_id={}&", bob.id);
    for path in ["/api/messages/history?", paginated.as_str()] {
        let page = ann.get(&format!("{path}page=2&page_size=2")).await;
        assert_eq!(contents(&page.body), ["one"], "{path}");
        let pagination = json!({
            "current_page": 2, "total_pages": 2, "page_size": 2, "total_items": 3,
            "has_next_page": false, "has_prev_page": true,
        });
        assert_eq!(page.body["pagination"], pagination);
        let past = ann.get(&format!("{path}page=99")).await;
        assert_eq!(past.body["messages"], json!([]));
        assert_eq!(contents(&ann.get(path).await.body), ["three", "two", "one"]);
        assert_eq!(ann.get(&format!("{path}page_size=1000")).await.body["pagination"]["page_size"], 100);
        for wrong in ["page=0", "page=x", "page_size=0", "page_size=-1", "page=1.5"] {
            ann.get(&format!("{path}{wrong}")).await.assert_refused(400, "invalid");
        }
        let farthest = ann.get(&format!("{path}page={}", i64::MAX)).await;
        assert_eq!(farthest.body["messages"], json!([]));
    }
}

#[tokio::test]
async fn a_broadcast_is_one_message_per_person() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let eve = server.register("eve").await;
    let body = json!({ "receiver_ids": [bob.id, eve.id, bob.id], "content": "to all" });
    let sent = ann.post("/api/messages/broadcast", body).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert_eq!(contents(&sent.body), ["to all", "to all"]);
    assert_eq!(sent.body["messages"][0]["status"], "sent");
    for body in [
        json!({ "receiver_ids": [], "content": "x" }),
        json!({ "receiver_ids": [bob.id], "content": "" }),
        json!({ "receiver_ids": [bob.id, 999_999], "content": "x" }),
        json!({ "receiver_ids": "all", "content": "x" }),
        json!({ "content": "x" }),
    ] {
        ann.post("/api/messages/broadcast", body).await.assert_refused(400, "invalid");
    }
    let messages = bob.get(&format!("/api/messages/conversation?user_id={}", ann.id)).await;
    assert_eq!(contents(&messages.body), ["to all"], "a refused broadcast reaches nobody");
}

#[tokio::test]
async fn a_receipt_is_the_receivers_and_never_goes_back() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let eve = server.register("eve").await;
    let message = ann.write(&bob, "hello").await;
    let set = |status: &str| json!({ "message_id": message["id"], "status": status });
    let path = "/api/messages/status";
    for status in ["read", "delivered", "sent"] {
        let done = bob.send(Method::PUT, path, set(status)).await;
        assert_eq!(done.status, 200);
        assert_eq!(done.body, json!({ "status": "success" }));
    }
    ann.send(Method::PUT, path, set("read")).await.assert_refused(403, "forbidden");
    eve.send(Method::PUT, path, set("read")).await.assert_refused(404, "not_found");
    for body in [set("seen"), json!({ "message_id": 0, "status": "read" }), json!({ "status": "read" })] {
        bob.send(Method::PUT, path, body).await.assert_refused(400, "invalid");
    }
    let unknown = json!({ "message_id": 999_999, "status": "read" });
    bob.send(Method::PUT, path, unknown).await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn messages_and_broadcasts_are_limited_by_person() {
    let rates = RateLimits { messages: Some(2), broadcasts: Some(1), ..RateLimits::off() };
    let server = TestServer::start_with(Setup { rates, ..Setup::default() }).await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    ann.write(&bob, "one").await;
    ann.write(&bob, "two").await;
    let third = ann.post("/api/messages", json!({ "receiver_id": bob.id, "content": "three" })).await;
    third.assert_refused(429, "rate_limited");
    assert!(third.header("retry-after").parse::<u64>().unwrap() >= 1);
    bob.write(&ann, "others are free").await;
    let broadcast = || json!({ "receiver_ids": [ann.id], "content": "x" });
    assert_eq!(bob.post("/api/messages/broadcast", broadcast()).await.status, 200);
    bob.post("/api/messages/broadcast", broadcast()).await.assert_refused(429, "rate_limited");
}
