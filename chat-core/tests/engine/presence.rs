//! Presence and typing of protocol 2: asked for, over all nodes, gone with whoever goes.

use super::{
    cluster::{Cluster, pass},
    wire::Line,
};
use chat_core::{model::UserId, protocol::PresenceStatus, store::UserStore};
use serde_json::{Value, json};
use std::time::Duration;

async fn watching() -> (Cluster, UserId, Line) {
    let cluster = Cluster::start(2).await;
    let ann = cluster.person("ann").await;
    let bob = cluster.person("bob").await;
    let mut line = Line::fresh(&cluster, 0, ann, "ann's phone").await;
    let snapshot = line.ask("watch_presence", json!({"user_ids": [bob]})).await.unwrap();
    assert_eq!(snapshot, json!({"users": [{"user_id": bob, "status": "offline"}]}));
    (cluster, bob, line)
}

async fn told(line: &mut Line) -> Vec<Value> {
    line.settle().await;
    line.payloads("user_status").into_iter().map(|told| told["status"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_told_of_somebody_on_another_node_coming_and_going() {
    let (cluster, bob, mut line) = watching().await;
    let other = Line::fresh(&cluster, 1, bob, "bob's phone").await;
    assert_eq!(told(&mut line).await, ["online"]);
    drop(other);
    pass(Duration::from_secs(10)).await;
    let other = Line::fresh(&cluster, 0, bob, "bob's phone").await;
    pass(Duration::from_secs(20)).await;
    assert!(told(&mut line).await.is_empty(), "a reconnect elsewhere within the grace is not seen");
    drop(other);
    pass(Duration::from_secs(17)).await;
    assert_eq!(told(&mut line).await, ["offline"]);
    let seen = cluster.store.load_users(&[bob]).await.unwrap();
    assert!(seen[0].last_seen.is_some());
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_watch_is_told_nothing() {
    let (cluster, bob, _watcher) = watching().await;
    let eve = cluster.person("eve").await;
    let mut line = Line::fresh(&cluster, 0, eve, "phone").await;
    let _other = Line::fresh(&cluster, 1, bob, "bob's phone").await;
    assert!(told(&mut line).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn people_of_a_killed_node_go_offline_within_forty_five_seconds() {
    let (mut cluster, bob, mut line) = watching().await;
    let _other = Line::fresh(&cluster, 1, bob, "bob's phone").await;
    assert_eq!(told(&mut line).await, ["online"]);
    cluster.replace_node(1).await;
    pass(Duration::from_secs(44)).await;
    assert_eq!(told(&mut line).await, ["offline"]);
}

#[tokio::test(start_paused = true)]
async fn a_device_may_be_away_and_a_person_may_hide() {
    let (cluster, bob, mut line) = watching().await;
    let mut phone = Line::fresh(&cluster, 1, bob, "phone").await;
    let mut tablet = Line::fresh(&cluster, 0, bob, "tablet").await;
    assert_eq!(told(&mut line).await, ["online"]);
    phone.ask("set_status", json!({"status": "away"})).await.unwrap();
    assert!(told(&mut line).await.is_empty(), "the tablet is still active");
    tablet.ask("set_status", json!({"status": "away"})).await.unwrap();
    assert_eq!(told(&mut line).await, ["away"]);
    cluster.chat(0).set_status(bob, PresenceStatus::Offline).await.unwrap();
    assert_eq!(told(&mut line).await, ["offline"]);
    let online = line.ask("get_online_users", json!({})).await.unwrap();
    assert_eq!(online, json!({"users": []}));
    phone.ask("set_status", json!({"status": "online"})).await.unwrap();
    assert_eq!(told(&mut line).await, ["online"]);
    let wrong = phone.ask("set_status", json!({"status": "unknown"})).await;
    assert_eq!(wrong.unwrap_err()["code"], "invalid");
}

#[tokio::test(start_paused = true)]
async fn without_an_id_a_snapshot_comes_as_frames() {
    let (cluster, bob, mut line) = watching().await;
    let _other = Line::fresh(&cluster, 1, bob, "bob's phone").await;
    told(&mut line).await;
    line.send("get_online_users", json!({})).await;
    assert_eq!(told(&mut line).await, ["online"]);
    line.send("watch_presence", json!({"user_ids": [bob]})).await;
    assert_eq!(told(&mut line).await, ["online"]);
}

#[tokio::test(start_paused = true)]
async fn typing_reaches_the_others_and_repetitions_are_dropped() {
    let cluster = Cluster::start(2).await;
    let ann = cluster.person("ann").await;
    let bob = cluster.person("bob").await;
    let group = cluster.group(ann, &[bob]).await;
    let mut line = Line::fresh(&cluster, 0, ann, "phone").await;
    let mut other = Line::fresh(&cluster, 1, bob, "phone").await;
    for _ in 0..50 {
        line.ask("typing", json!({"conversation_id": group, "is_typing": true})).await.unwrap();
    }
    other.settle().await;
    let notices = other.payloads("typing");
    assert_eq!(notices, [json!({"user_id": ann, "conversation_id": group, "is_typing": true})]);
    line.send("typing", json!({"conversation_id": group, "is_typing": false})).await;
    other.settle().await;
    assert_eq!(other.payloads("typing").len(), 1);
    line.settle().await;
    assert!(line.payloads("typing").is_empty(), "one's own typing is not told to oneself");
    let eve = cluster.person("eve").await;
    let mut stranger = Line::fresh(&cluster, 0, eve, "phone").await;
    let refused = stranger.ask("typing", json!({"conversation_id": group, "is_typing": true})).await;
    assert_eq!(refused.unwrap_err()["code"], "not_found");
}
