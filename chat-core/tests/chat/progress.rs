use crate::fixture::Fixture;
use chat_core::{
    Outbox, Outgoing,
    auth::Identity,
    realtime::{ConnInfo, Session, Wire},
};
use serde_json::{Value, json};

/// Connects a person with protocol 2, past the answer to `hello`.
async fn connected(f: &Fixture, name: &str) -> (Session, Outbox) {
    let info = ConnInfo { protocol: Wire::V2, ..ConnInfo::default() };
    let (session, mut outbox) = f.chat.connect(Identity::external(name, name), info).await.unwrap();
    session.handle(r#"{"type":"hello","id":1,"payload":{"protocol":2,"device_id":"d"}}"#).await;
    let ready = read_until(&mut outbox, "ready").await;
    assert_eq!(ready.last().unwrap()["type"], "ready");
    (session, outbox)
}

/// Takes frames until one of a type has come, and what was written together with it.
async fn read_until(outbox: &mut Outbox, kind: &str) -> Vec<Value> {
    let mut frames: Vec<Value> = Vec::new();
    let mut batch = Vec::new();
    while frames.iter().all(|frame| frame["type"] != kind) {
        batch.clear();
        outbox.recv_many(&mut batch).await;
        for outgoing in &batch {
            match outgoing {
                Outgoing::Frame(bytes) => frames.push(serde_json::from_slice(bytes).unwrap()),
                Outgoing::Close(code) => panic!("closed with {code:?} before a {kind}"),
                _ => {}
            }
        }
    }
    frames
}

#[tokio::test(start_paused = true)]
async fn the_sender_of_a_large_broadcast_gets_progress_and_no_echoes() {
    let f = Fixture::start().await;
    let (session, mut outbox) = connected(&f, "alice").await;
    let mut receivers = Vec::new();
    for number in 0..1_500 {
        receivers.push(f.person(&format!("crowd-{number}")).await.get());
    }
    let payload = json!({"receiver_ids": receivers, "message": "hear"});
    session.handle(&json!({"type": "broadcast_message", "id": 2, "payload": payload}).to_string()).await;
    let mut frames = Vec::new();
    let is_end = |frame: &Value| frame["type"] == "broadcast_progress" && frame["payload"]["state"] == "done";
    while !frames.iter().any(is_end) {
        frames.extend(read_until(&mut outbox, "broadcast_progress").await);
    }
    let end = frames.iter().find(|frame| is_end(frame)).unwrap();
    assert_eq!((&end["payload"]["done"], &end["payload"]["total"]), (&json!(1_500), &json!(1_500)));
    let count = |kind: &str| frames.iter().filter(|frame| frame["type"] == kind).count();
    assert_eq!((count("receive_message"), count("ack")), (0, 1));
    // Nor thousands of conversations one by one: the client is told to read its list again.
    assert!(count("conversation_changed") <= 50 && count("ready") >= 1);
}
