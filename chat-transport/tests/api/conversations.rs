//! Conversations, groups, pages, changes and receipts over HTTP.

use crate::harness::{Answer, Person, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

async fn group(owner: &Person<'_>, others: &[&Person<'_>]) -> Value {
    let ids: Vec<i64> = others.iter().map(|person| person.id).collect();
    let body = json!({ "kind": "group", "title": "Friends", "member_ids": ids });
    let answer = owner.post("/api/conversations", body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

async fn say(person: &Person<'_>, conversation: &Value, text: &str) -> Answer {
    let path = format!("/api/conversations/{}/messages", conversation["id"]);
    person.post(&path, json!({ "message": text })).await
}

fn contents(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_direct_conversation_with_a_person_is_one() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let open = |peer: i64| json!({ "kind": "direct", "user_id": peer });
    let first = ann.post("/api/conversations", open(bob.id)).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert_eq!(first.body["kind"], "direct");
    assert_eq!(first.body["members"].as_array().unwrap().len(), 2);
    let again = bob.post("/api/conversations", open(ann.id)).await;
    assert_eq!((again.status.as_u16(), &again.body["id"]), (200, &first.body["id"]));
    ann.post("/api/conversations", open(999_999)).await.assert_refused(404, "not_found");
    for body in [json!({ "kind": "direct" }), json!({ "kind": "party" }), json!({}), json!([])] {
        ann.post("/api/conversations", body).await.assert_refused(400, "invalid");
    }
}

#[tokio::test]
async fn conversations_are_listed_newest_first_in_pages() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    for name in ["bob", "eve", "joe"] {
        let person = server.register(name).await;
        person.write(&ann, name).await;
    }
    let first = ann.get("/api/conversations?limit=2").await;
    assert_eq!(first.status, 200);
    let last = |page: &Value| -> Vec<String> {
        let conversations = page["conversations"].as_array().unwrap();
        let texts = conversations.iter().map(|entry| &entry["last_message"]["content"]);
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(last(&first.body), ["joe", "eve"]);
    assert_eq!(first.body["conversations"][0]["unread"], 1);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = ann.get(&format!("/api/conversations?limit=2&cursor={cursor}")).await;
    assert_eq!(last(&second.body), ["bob"]);
    assert!(second.body.get("next_cursor").is_none());
    ann.get("/api/conversations?cursor=garbage").await.assert_refused(400, "invalid");
}

#[tokio::test]
async fn a_group_is_founded_renamed_and_ended_by_those_who_may() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let eve = server.register("eve").await;
    let group = group(&ann, &[&bob]).await;
    let path = format!("/api/conversations/{}", group["id"]);
    let renamed = ann.send(Method::PATCH, &path, json!({ "title": "Best friends" })).await;
    assert_eq!((renamed.status.as_u16(), &renamed.body["title"]), (200, &json!("Best friends")));
    bob.send(Method::PATCH, &path, json!({ "title": "x" })).await.assert_refused(403, "forbidden");
    eve.send(Method::PATCH, &path, json!({ "title": "x" })).await.assert_refused(404, "not_found");
    ann.send(Method::PATCH, &path, json!({ "title": "" })).await.assert_refused(400, "invalid");
    ann.send(Method::PATCH, &path, json!({ "title": "t".repeat(101) })).await.assert_refused(400, "invalid");
    eve.get(&path).await.assert_refused(404, "not_found");
    assert_eq!(bob.get(&path).await.body["me"]["role"], "member");
    bob.send(Method::DELETE, &path, Value::Null).await.assert_refused(403, "forbidden");
    assert_eq!(ann.send(Method::DELETE, &path, Value::Null).await.status, 204);
    bob.get(&path).await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn the_same_key_founds_one_group() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let found = || async {
        let body = json!({ "kind": "group", "title": "Friends", "member_ids": [] });
        let request = ann.request(Method::POST, "/api/conversations").header("idempotency-key", "g1");
        Answer::of(request.json(&body).send().await.unwrap()).await
    };
    let (first, again) = (found().await, found().await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.body["id"], again.body["id"]);
}

#[tokio::test]
async fn members_come_go_and_change_role() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let eve = server.register("eve").await;
    let group = group(&ann, &[&bob]).await;
    let path = format!("/api/conversations/{}/members", group["id"]);
    let added = ann.post(&path, json!({ "user_ids": [eve.id] })).await;
    assert_eq!(added.status, 201, "{}", added.body);
    assert_eq!(added.body["members"][0]["user"]["id"], eve.id);
    bob.post(&path, json!({ "user_ids": [eve.id] })).await.assert_refused(403, "forbidden");
    ann.post(&path, json!({ "user_ids": [999_999] })).await.assert_refused(404, "not_found");

    let first = ann.get(&format!("{path}?limit=2")).await;
    assert_eq!(first.body["members"].as_array().unwrap().len(), 2);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = ann.get(&format!("{path}?limit=2&cursor={cursor}")).await;
    assert_eq!(rest.body["members"][0]["user"]["id"], eve.id);

    let bobs = format!("{path}/{}", bob.id);
    for _ in 0..2 {
        let admin = ann.send(Method::PATCH, &bobs, json!({ "role": "admin" })).await;
        assert_eq!((admin.status.as_u16(), &admin.body["role"]), (200, &json!("admin")), "{}", admin.body);
    }
    ann.send(Method::PATCH, &bobs, json!({ "role": "king" })).await.assert_refused(400, "invalid");
    let eves = format!("{path}/{}", eve.id);
    assert_eq!(bob.send(Method::DELETE, &eves, Value::Null).await.status, 204);
    eve.get(&path).await.assert_refused(404, "not_found");
    assert_eq!(
        bob.send(Method::DELETE, &bobs, Value::Null).await.status,
        204,
        "with one's own id one leaves"
    );
    bob.get(&path).await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn messages_are_paged_by_place() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let group = group(&ann, &[&bob]).await;
    for text in ["one", "two", "three", "four", "five"] {
        assert_eq!(say(&ann, &group, text).await.status, 201);
    }
    let page =
        async |query: &str| bob.get(&format!("/api/conversations/{}/messages?{query}", group["id"])).await;
    let newest = page("limit=2").await;
    assert_eq!(contents(&newest.body), ["four", "five"]);
    assert_eq!(newest.body["has_more_before"], true);
    assert_eq!(newest.body["has_more_after"], false);
    assert_eq!(contents(&page("before_seq=4&limit=2").await.body), ["two", "three"]);
    assert_eq!(contents(&page("after_seq=1&limit=2").await.body), ["two", "three"]);
    assert!(contents(&page("around_seq=3&limit=3").await.body).contains(&"three"));
    page("before_seq=1&after_seq=2").await.assert_refused(400, "invalid");
    page("before_seq=x").await.assert_refused(400, "invalid");
    let eve = server.register("eve").await;
    eve.get(&format!("/api/conversations/{}/messages", group["id"])).await.assert_refused(404, "not_found");
    say(&eve, &group, "let me in").await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn a_retried_send_is_200_with_the_first_message() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let group = group(&ann, &[]).await;
    let path = format!("/api/conversations/{}/messages", group["id"]);
    let body = json!({ "message": "once", "client_id": "c1" });
    let first = ann.post(&path, body.clone()).await;
    let again = ann.post(&path, body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!((&first.body["duplicate"], &again.body["duplicate"]), (&json!(false), &json!(true)));
    assert_eq!(first.body["message"]["id"], again.body["message"]["id"]);
    ann.post(&path, json!({ "message": "twice", "client_id": "c1" })).await.assert_refused(409, "conflict");
}

#[tokio::test]
async fn a_message_is_edited_and_deleted_by_its_sender() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let eve = server.register("eve").await;
    let message = ann.write(&bob, "helo").await;
    let path = format!("/api/messages/{}", message["id"]);
    let edited =
        ann.send(Method::PATCH, &path, json!({ "message": "hello", "base_rev": message["rev"] })).await;
    assert_eq!((edited.status.as_u16(), &edited.body["content"]), (200, &json!("hello")), "{}", edited.body);
    assert!(edited.body["edited_at"].is_string());
    let stale = json!({ "message": "hallo", "base_rev": message["rev"] });
    ann.send(Method::PATCH, &path, stale).await.assert_refused(409, "conflict");
    bob.send(Method::PATCH, &path, json!({ "message": "x" })).await.assert_refused(403, "forbidden");
    eve.send(Method::PATCH, &path, json!({ "message": "x" })).await.assert_refused(404, "not_found");
    bob.send(Method::DELETE, &path, Value::Null).await.assert_refused(403, "forbidden");
    let deleted = ann.send(Method::DELETE, &path, Value::Null).await;
    assert_eq!((deleted.status.as_u16(), &deleted.body["content"]), (200, &json!("")));
    assert!(deleted.body["deleted_at"].is_string());
}

#[tokio::test]
async fn changes_are_read_from_where_one_was() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let first = ann.write(&bob, "first").await;
    let second = ann.write(&bob, "second").await;
    let path = format!("/api/conversations/{}/changes", first["conversation_id"]);
    let changes = bob.get(&format!("{path}?after_rev={}", first["rev"])).await;
    assert_eq!(changes.status, 200, "{}", changes.body);
    assert_eq!(changes.body["events"].as_array().unwrap().len(), 1);
    assert_eq!(changes.body["events"][0]["type"], "receive_message");
    assert_eq!(changes.body["events"][0]["payload"]["id"], second["id"]);
    assert_eq!((&changes.body["has_more"], &changes.body["to_rev"]), (&json!(false), &second["rev"]));
    let ahead = bob.get(&format!("{path}?after_rev=1000")).await;
    assert_eq!(ahead.body["reset"], true);
    bob.get(&path).await.assert_refused(400, "invalid");
}

#[tokio::test]
async fn receipts_move_forward_and_unread_follows() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let message = ann.write(&bob, "one").await;
    ann.write(&bob, "two").await;
    let path = format!("/api/conversations/{}", message["conversation_id"]);
    assert_eq!(bob.get(&path).await.body["unread"], 2);
    for (verb, seq) in [("delivered", 2), ("read", 2), ("read", 1), ("read", 1_000)] {
        let done = bob.post(&format!("{path}/{verb}"), json!({ "seq": seq })).await;
        assert_eq!(done.status, 204, "{}", done.body);
    }
    // Moves are pooled for a moment, which no reader of one's own row may notice.
    let me = async || bob.get(&path).await.body;
    while me().await["unread"] != 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(me().await["me"]["read_seq"], 2);
    let typing = bob.post(&format!("{path}/typing"), json!({ "is_typing": true })).await;
    assert_eq!(typing.status, 204);
    bob.post(&format!("{path}/read"), json!({ "seq": "2" })).await.assert_refused(400, "invalid");
    let eve = server.register("eve").await;
    eve.post(&format!("{path}/read"), json!({ "seq": 1 })).await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn a_broadcast_is_followed_and_belongs_to_its_sender() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let body = json!({ "receiver_ids": [bob.id], "message": "to all", "client_id": "b1" });
    let sent = ann.post("/api/broadcasts", body.clone()).await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    assert_eq!(contents(&sent.body), ["to all"]);
    assert_eq!(ann.post("/api/broadcasts", body).await.status, 200);
    let path = format!("/api/broadcasts/{}", sent.body["broadcast_id"]);
    let state = ann.get(&path).await;
    assert_eq!(state.body["broadcast"]["state"], "done");
    assert_eq!((&state.body["broadcast"]["total"], &state.body["broadcast"]["done"]), (&json!(1), &json!(1)));
    bob.get(&path).await.assert_refused(404, "not_found");
    assert_eq!(ann.send(Method::DELETE, &path, Value::Null).await.status, 200);
    let nobody = json!({ "receiver_ids": [999_999], "message": "x" });
    ann.post("/api/broadcasts", nobody).await.assert_refused(404, "not_found");
}
