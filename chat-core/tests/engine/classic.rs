//! Classic connections: served from the upgrade on, without resume, with nothing twice; P9 for them.

use super::{
    cluster::{Cluster, pass},
    wire::Line,
};
use chat_core::{
    chat::Mark,
    config::Directory,
    model::{ConversationId, Seq, UserId},
    protocol::ReceiptStatus,
    store::ConversationStore,
};
use serde_json::json;
use std::time::Duration;

async fn pair() -> (Cluster, UserId, UserId) {
    let cluster = Cluster::start(2).await;
    let ann = cluster.person("ann").await;
    let bob = cluster.person("bob").await;
    (cluster, ann, bob)
}

async fn delivered(cluster: &Cluster, id: ConversationId, user: UserId) -> Seq {
    cluster.store.load_membership(id, user).await.unwrap().1.delivered_seq
}

#[tokio::test(start_paused = true)]
async fn missed_direct_messages_come_at_once_as_delivered_and_groups_do_not() {
    let (cluster, ann, bob) = pair().await;
    let group = cluster.group(ann, &[bob]).await;
    cluster.say(ann, group, "to the group").await;
    for text in ["one", "two"] {
        cluster.tell(ann, bob, text).await;
    }
    cluster.tell(bob, ann, "my own").await;
    let mut line = Line::classic(&cluster, 1, bob).await;
    let messages = line.payloads("receive_message");
    let texts: Vec<_> = messages.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["one", "two"]);
    for message in &messages {
        assert_eq!(message["status"], "delivered");
        assert_eq!(message["sender_id"], ann.get());
        assert_eq!(message["receiver_id"], bob.get());
    }
    assert_eq!(line.pings, 1, "one ping asks for proof of all of them");
    assert!(!line.kinds().contains(&"ready"), "{:?}", line.kinds());
}

#[tokio::test(start_paused = true)]
async fn p9_delivered_means_that_the_device_answered_a_ping_sent_after_the_frame() {
    let (cluster, ann, bob) = pair().await;
    let message = cluster.tell(ann, bob, "hello").await;
    let id = message.conversation_id;
    let mut sender = Line::classic(&cluster, 0, ann).await;
    let mut line = Line::classic(&cluster, 1, bob).await;
    assert_eq!(delivered(&cluster, id, bob).await, Seq::ZERO, "written is not delivered");
    line.session.pong().await;
    line.settle().await;
    sender.settle().await;
    assert_eq!(delivered(&cluster, id, bob).await, Seq::new(1));
    let told = sender.payloads("status_change");
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["message_id"], &told[0]["status"]), (&json!(message.id), &json!("delivered")));
    // A live message is asked for as well.
    let pings = line.pings;
    cluster.tell(ann, bob, "again").await;
    line.settle().await;
    assert_eq!(line.pings, pings + 1);
    line.session.pong().await;
    line.settle().await;
    assert_eq!(delivered(&cluster, id, bob).await, Seq::new(2));
}

#[tokio::test(start_paused = true)]
async fn p5_a_message_that_comes_while_the_missed_ones_are_read_is_sent_once() {
    let (cluster, ann, bob) = pair().await;
    cluster.tell(ann, bob, "first").await;
    let (session, outbox) = cluster.connect(1, bob, chat_core::realtime::Wire::Classic).await.unwrap();
    for number in 0..20 {
        cluster.tell(ann, bob, &format!("racing {number}")).await;
    }
    let mut line = Line::of(session, outbox);
    line.settle().await;
    let texts = line.texts();
    let expected: Vec<_> =
        std::iter::once("first".to_owned()).chain((0..20).map(|number| format!("racing {number}"))).collect();
    assert_eq!(texts, expected);
}

#[tokio::test(start_paused = true)]
async fn the_newest_two_hundred_of_a_conversation_and_a_thousand_in_all() {
    let (cluster, ann, bob) = pair().await;
    for number in 0..205 {
        cluster.tell(ann, bob, &format!("{number}")).await;
    }
    for peer in 0..5 {
        let peer = cluster.person(&format!("peer {peer}")).await;
        for number in 0..180 {
            cluster.tell(peer, bob, &format!("{number}")).await;
        }
    }
    let mut line = Line::silent_classic(&cluster, 0, bob).await;
    line.settle().await;
    let messages = line.payloads("receive_message");
    assert_eq!(messages.len(), 1_000);
    let of_ann: Vec<_> = messages.iter().filter(|message| message["sender_id"] == ann.get()).collect();
    assert_eq!(of_ann.len(), 100, "the rest of the thousand, for the conversation with the oldest activity");
    assert_eq!(of_ann[0]["content"], "105");
}

#[tokio::test(start_paused = true)]
async fn a_sender_gets_the_own_echo_and_ticks_for_each_message_that_a_cursor_covers() {
    let (cluster, ann, bob) = pair().await;
    let mut line = Line::classic(&cluster, 0, ann).await;
    for text in ["one", "two", "three"] {
        line.send("send_message", json!({"to": bob, "message": text, "media_url": null})).await;
    }
    line.settle().await;
    let echo = line.payloads("receive_message");
    let texts: Vec<_> = echo.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(echo.iter().all(|message| message["status"] == "sent" && message["client_id"].is_null()));
    let last = chat_core::model::MessageId::new(echo[2]["id"].as_i64().unwrap());
    cluster.chat(1).mark(bob, Mark::Message(last), ReceiptStatus::Read).await.unwrap();
    line.settle().await;
    let told = line.payloads("status_change");
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|change| change["status"] == "read" && change["user_id"] == bob.get()));
}

#[tokio::test(start_paused = true)]
async fn the_classic_receipts_move_cursors() {
    let (cluster, ann, bob) = pair().await;
    let mut line = Line::classic(&cluster, 0, bob).await;
    let first = cluster.tell(ann, bob, "one").await;
    let second = cluster.tell(ann, bob, "two").await;
    line.send("update_status", json!({"message_id": first.id, "status": "delivered"})).await;
    line.settle().await;
    assert_eq!(delivered(&cluster, first.conversation_id, bob).await, Seq::new(1));
    line.send("message_read", json!({"message_id": second.id})).await;
    line.settle().await;
    let (_, me) = cluster.store.load_membership(first.conversation_id, bob).await.unwrap();
    assert_eq!((me.read_seq, me.delivered_seq), (Seq::new(2), Seq::new(2)));
    line.send("message_read", json!({"message_id": first.id})).await;
    line.settle().await;
    let (_, me) = cluster.store.load_membership(first.conversation_id, bob).await.unwrap();
    assert_eq!(me.read_seq, Seq::new(2), "a cursor never goes back");
    assert!(line.payloads("error").is_empty());
}

#[tokio::test(start_paused = true)]
async fn refused_frames_are_answered_with_an_error_and_the_rest_is_ignored() {
    let (cluster, ann, _) = pair().await;
    let mut line = Line::classic(&cluster, 0, ann).await;
    line.send("conversation_opened", json!({"user_id": 7})).await;
    line.send("conversation_closed", json!({})).await;
    line.settle().await;
    assert!(line.payloads("error").is_empty());
    line.send("send_message", json!({"to": 999, "message": "hello"})).await;
    line.send("send_message", json!({"to": ann, "message": ""})).await;
    line.raw("{").await;
    line.settle().await;
    let codes: Vec<_> = line.payloads("error").into_iter().map(|error| error["code"].clone()).collect();
    assert_eq!(codes.len(), 3, "{codes:?}");
    assert!(codes.contains(&json!("not_found")) && codes.contains(&json!("invalid")));
    assert_eq!(line.closed, None);
}

#[tokio::test(start_paused = true)]
async fn a_classic_connection_that_says_hello_becomes_one_of_protocol_2() {
    let (cluster, ann, bob) = pair().await;
    let group = cluster.group(ann, &[bob]).await;
    cluster.tell(ann, bob, "direct").await;
    let mut line = Line::silent_classic(&cluster, 1, bob).await;
    line.ask("hello", json!({"protocol": 2, "device_id": "phone"})).await.unwrap();
    line.settle().await;
    assert_eq!(line.texts(), ["direct"], "what it got before stays");
    assert_eq!(line.payloads("conversation_changed").len(), 2);
    assert_eq!(line.payloads("ready").len(), 1);
    cluster.say(ann, group, "to the group").await;
    line.settle().await;
    assert_eq!(line.texts(), ["to the group"]);
}

#[tokio::test(start_paused = true)]
async fn several_sockets_of_one_user_live_side_by_side() {
    let (cluster, ann, bob) = pair().await;
    let mut first = Line::classic(&cluster, 0, bob).await;
    let mut second = Line::classic(&cluster, 1, bob).await;
    cluster.tell(ann, bob, "hello").await;
    for line in [&mut first, &mut second] {
        line.settle().await;
        assert_eq!(line.closed, None);
        assert_eq!(line.texts(), ["hello"]);
    }
}

#[tokio::test(start_paused = true)]
async fn presence_of_others_comes_as_a_snapshot_and_then_live() {
    let (cluster, ann, bob) = pair().await;
    let mut line = Line::classic(&cluster, 0, ann).await;
    assert!(line.payloads("user_status").is_empty(), "nobody else is there");
    let mut other = Line::classic(&cluster, 1, bob).await;
    let snapshot = other.payloads("user_status");
    assert_eq!(snapshot.len(), 1);
    assert_eq!((&snapshot[0]["user_id"], &snapshot[0]["status"]), (&json!(ann), &json!("online")));
    line.settle().await;
    let told = line.payloads("user_status");
    assert_eq!((&told[0]["user_id"], &told[0]["status"]), (&json!(bob), &json!("online")));
    drop(other);
    pass(Duration::from_secs(14)).await;
    line.settle().await;
    assert!(line.payloads("user_status").is_empty(), "the grace is not over");
    pass(Duration::from_secs(3)).await;
    line.settle().await;
    let told = line.payloads("user_status");
    assert_eq!((&told[0]["user_id"], &told[0]["status"]), (&json!(bob), &json!("offline")));
    assert!(told[0]["last_seen"].is_string());
}

#[tokio::test(start_paused = true)]
async fn p7_presence_goes_only_to_people_whom_the_directory_allows() {
    let cluster = Cluster::configured(2, |builder| builder.directory(Directory::Contacts)).await;
    let [ann, bob, eve] =
        [cluster.person("ann").await, cluster.person("bob").await, cluster.person("eve").await];
    cluster.chat(0).introduce(ann, bob).await.unwrap();
    let mut friend = Line::classic(&cluster, 0, ann).await;
    let mut stranger = Line::classic(&cluster, 0, eve).await;
    let mut watcher = Line::fresh(&cluster, 0, eve, "eve's phone").await;
    let watched = watcher.ask("watch_presence", json!({"user_ids": [bob, 999]})).await.unwrap();
    assert_eq!(watched, json!({"users": []}));
    let mut line = Line::classic(&cluster, 1, bob).await;
    for line in [&mut friend, &mut stranger, &mut watcher, &mut line] {
        line.settle().await;
    }
    assert_eq!(friend.payloads("user_status").len(), 1);
    assert!(stranger.payloads("user_status").is_empty());
    assert!(watcher.payloads("user_status").is_empty());
    assert_eq!(line.payloads("user_status").len(), 1, "bob sees ann and not eve");
}
