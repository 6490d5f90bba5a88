//! What a returning client is told: P4, P6, and the seam between what is read and what is live.

use super::{cluster::Cluster, wire::Line};
use chat_core::{
    chat::Mark,
    model::{ConversationId, Rev, Seq, UserId},
    protocol::{CloseCode, ReceiptStatus},
    store::ConversationStore,
};
use serde_json::{Value, json};

/// A `hello` that lists what a client has.
fn hello(epoch: &str, user_rev: i64, have: &[Value]) -> Value {
    json!({"protocol": 2, "device_id": "phone", "epoch": epoch, "user_rev": user_rev, "have": have})
}

struct Stage {
    cluster: Cluster,
    ann: UserId,
    bob: UserId,
    group: ConversationId,
}

impl Stage {
    async fn set() -> Self {
        let cluster = Cluster::start(2).await;
        let ann = cluster.person("ann").await;
        let bob = cluster.person("bob").await;
        let group = cluster.group(ann, &[bob]).await;
        Self { cluster, ann, bob, group }
    }

    fn epoch(&self) -> String {
        self.cluster.chat(0).epoch().unwrap().as_str().to_owned()
    }

    async fn head(&self) -> (Rev, i64) {
        let (conversation, _) = self.cluster.store.load_membership(self.group, self.bob).await.unwrap();
        (conversation.last_rev, conversation.last_cursor.get())
    }

    /// Returns what Bob's `hello` with these numbers is answered, `ready` included.
    async fn resume(&self, user_rev: i64, have: &[Value]) -> Line {
        let mut line = Line::silent(&self.cluster, 1, self.bob).await;
        line.ask("hello", hello(&self.epoch(), user_rev, have)).await.unwrap();
        line.settle().await;
        line
    }

    async fn user_rev(&self) -> i64 {
        let mut line = Line::silent(&self.cluster, 0, self.bob).await;
        let payload = json!({"protocol": 2, "device_id": "other"});
        line.ask("hello", payload).await.unwrap()["user_rev"].as_i64().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn p4_a_fresh_client_is_told_its_conversations_each_closed_by_live() {
    let stage = Stage::set().await;
    stage.cluster.say(stage.ann, stage.group, "hello").await;
    let mut line = Line::silent(&stage.cluster, 1, stage.bob).await;
    let ack = line.ask("hello", json!({"protocol": 2, "device_id": "phone"})).await.unwrap();
    assert_eq!(ack["epoch"], stage.epoch());
    assert_eq!(ack["user"]["id"], stage.bob.get());
    assert_eq!(ack["heartbeat_ms"], 25_000);
    line.settle().await;
    assert_eq!(line.kinds(), ["conversation_changed", "live", "ready"]);
    let conversation = &line.frames[0]["payload"];
    assert_eq!(conversation["unread"], 1);
    assert_eq!(conversation["last_message"]["content"], "hello");
    assert_eq!(conversation["me"]["role"], "member");
    assert_eq!(conversation["members"].as_array().unwrap().len(), 2);
    assert_eq!(line.frames[1]["payload"]["rev"], conversation["last_rev"]);
    assert_eq!(line.frames[2]["payload"]["more"], false);
}

#[tokio::test(start_paused = true)]
async fn p4_missed_messages_edits_and_receipts_are_told_once_and_closed_by_live() {
    let stage = Stage::set().await;
    let old = stage.cluster.say(stage.ann, stage.group, "old").await;
    let (known, cursor) = stage.head().await;
    let user_rev = stage.user_rev().await;
    let chat = stage.cluster.chat(0);
    stage.cluster.say(stage.ann, stage.group, "fresh").await;
    chat.edit_message(stage.ann, old.id, "mended".to_owned(), None).await.unwrap();
    chat.mark(stage.ann, Mark::Place(stage.group, Seq::new(1)), ReceiptStatus::Read).await.unwrap();
    let have = json!({"conversation_id": stage.group, "rev": known, "cursor": cursor});
    let line = stage.resume(user_rev, &[have]).await;
    assert_eq!(line.kinds(), ["receive_message", "message_updated", "cursors", "live", "ready"]);
    assert_eq!(line.frames[0]["payload"]["content"], "fresh");
    assert_eq!(line.frames[1]["payload"]["content"], "mended");
    assert_eq!(line.frames[2]["payload"]["members"][0]["user_id"], stage.ann.get());
    let live = &line.frames[3]["payload"];
    assert_eq!((&live["from"], &live["rev"]), (&json!(known), &json!(known.get() + 2)));
}

#[tokio::test(start_paused = true)]
async fn p6_an_unchanged_conversation_is_told_nothing() {
    let stage = Stage::set().await;
    stage.cluster.say(stage.ann, stage.group, "hello").await;
    let (rev, cursor) = stage.head().await;
    let have = json!({"conversation_id": stage.group, "rev": rev, "cursor": cursor});
    let user_rev = stage.user_rev().await;
    assert_eq!(stage.resume(user_rev, &[have]).await.kinds(), ["ready"]);
}

#[tokio::test(start_paused = true)]
async fn p6_who_missed_more_than_five_hundred_changes_is_reset() {
    let stage = Stage::set().await;
    let (known, _) = stage.head().await;
    let user_rev = stage.user_rev().await;
    for number in 0..501 {
        stage.cluster.say(stage.ann, stage.group, &format!("message {number}")).await;
    }
    let have = json!({"conversation_id": stage.group, "rev": known});
    let mut line = stage.resume(user_rev, &[have]).await;
    let reset = line.payloads("reset");
    assert_eq!(reset.len(), 1);
    assert_eq!(reset[0]["last_seq"], 501);
    assert_eq!(reset[0]["rev"], known.get() + 501);
    assert_eq!(line.kinds().last(), Some(&"ready"));
}

#[tokio::test(start_paused = true)]
async fn p6_exactly_five_hundred_changes_are_told() {
    let stage = Stage::set().await;
    let (known, _) = stage.head().await;
    let user_rev = stage.user_rev().await;
    for number in 0..500 {
        stage.cluster.say(stage.ann, stage.group, &format!("message {number}")).await;
    }
    let have = json!({"conversation_id": stage.group, "rev": known});
    let mut line = stage.resume(user_rev, &[have]).await;
    assert_eq!(line.texts().len(), 500);
    assert_eq!(line.payloads("live").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn p6_another_epoch_resets_the_list_and_every_listed_conversation() {
    let stage = Stage::set().await;
    let mut line = Line::silent(&stage.cluster, 1, stage.bob).await;
    let have = json!({"conversation_id": stage.group, "rev": 90, "cursor": 7, "read_seq": 50});
    line.ask("hello", hello("another", 70, &[have])).await.unwrap();
    line.settle().await;
    let resets = line.payloads("reset");
    assert!(resets[0]["conversation_id"].is_null() && resets[0]["user_rev"].is_i64());
    assert_eq!(resets[1]["conversation_id"], stage.group.get());
    let (_, me) = stage.cluster.store.load_membership(stage.group, stage.bob).await.unwrap();
    assert_eq!(me.read_seq, Seq::ZERO, "cursors of another epoch mean nothing");
}

#[tokio::test(start_paused = true)]
async fn p6_numbers_ahead_of_the_store_are_void() {
    let stage = Stage::set().await;
    let user_rev = stage.user_rev().await;
    let have = json!({"conversation_id": stage.group, "rev": 99});
    let mut line = stage.resume(user_rev, &[have]).await;
    assert_eq!(line.payloads("reset").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn p7_who_was_removed_while_away_is_told_gone_and_nothing_else() {
    let stage = Stage::set().await;
    let (known, _) = stage.head().await;
    let user_rev = stage.user_rev().await;
    let chat = stage.cluster.chat(0);
    chat.remove_member(stage.ann, stage.group, stage.bob).await.unwrap();
    stage.cluster.say(stage.ann, stage.group, "secret").await;
    let have = json!({"conversation_id": stage.group, "rev": known});
    let mut line = stage.resume(user_rev, &[have]).await;
    assert_eq!(line.payloads("gone").len(), 1);
    assert!(line.payloads("receive_message").is_empty());
    let refused = line.ask("fetch", json!({"conversation_id": stage.group, "after_rev": known})).await;
    assert_eq!(refused.unwrap_err()["code"], "not_found");
}

#[tokio::test(start_paused = true)]
async fn p6_who_was_removed_and_brought_back_starts_afresh_from_the_join() {
    let stage = Stage::set().await;
    stage.cluster.say(stage.ann, stage.group, "before").await;
    let (known, _) = stage.head().await;
    let user_rev = stage.user_rev().await;
    let chat = stage.cluster.chat(0);
    chat.remove_member(stage.ann, stage.group, stage.bob).await.unwrap();
    stage.cluster.say(stage.ann, stage.group, "between").await;
    chat.add_members(stage.ann, stage.group, vec![stage.bob]).await.unwrap();
    let have = json!({"conversation_id": stage.group, "rev": known});
    let mut line = stage.resume(user_rev, &[have]).await;
    assert_eq!(line.payloads("reset").len(), 1);
    assert!(line.payloads("receive_message").is_empty());
    stage.cluster.say(stage.ann, stage.group, "after").await;
    line.settle().await;
    assert_eq!(line.texts(), ["after"]);
}

#[tokio::test(start_paused = true)]
async fn own_cursors_of_the_device_count_at_hello() {
    let stage = Stage::set().await;
    stage.cluster.say(stage.ann, stage.group, "one").await;
    stage.cluster.say(stage.ann, stage.group, "two").await;
    let (rev, cursor) = stage.head().await;
    let user_rev = stage.user_rev().await;
    let have = json!({"conversation_id": stage.group, "rev": rev, "cursor": cursor, "read_seq": 1, "delivered_seq": 9});
    let mut line = stage.resume(user_rev, &[have]).await;
    let (_, me) = stage.cluster.store.load_membership(stage.group, stage.bob).await.unwrap();
    assert_eq!((me.read_seq, me.delivered_seq), (Seq::new(1), Seq::new(2)));
    assert_eq!(line.payloads("status_change").len(), 2, "the device learns of the move as everybody does");
}

#[tokio::test(start_paused = true)]
async fn p6_conversations_beyond_two_thousand_changes_become_dirty_and_are_fetched() {
    let stage = Stage::set().await;
    let mut have = Vec::new();
    let mut groups = Vec::new();
    for _ in 0..5 {
        groups.push(stage.cluster.group(stage.ann, &[stage.bob]).await);
    }
    let user_rev = stage.user_rev().await;
    for group in &groups {
        for number in 0..450 {
            stage.cluster.say(stage.ann, *group, &format!("message {number}")).await;
        }
        have.push(json!({"conversation_id": group, "rev": 1}));
    }
    have.push(json!({"conversation_id": stage.group, "rev": 1}));
    let last = groups[4];
    stage.cluster.say(stage.ann, stage.group, "one more").await;
    let mut line = stage.resume(user_rev, &have).await;
    assert_eq!(line.texts().len(), 5 * 450, "a conversation that was begun is finished");
    let dirty = line.payloads("dirty");
    assert_eq!(dirty.len(), 1);
    assert_eq!(dirty[0]["conversation_id"], stage.group.get());
    assert_ne!(last, stage.group);
    // Until it is fetched, a change in it is only told as dirty.
    stage.cluster.say(stage.ann, stage.group, "and another").await;
    line.settle().await;
    assert!(line.texts().is_empty());
    assert_eq!(line.payloads("dirty").len(), 1);
    let fetched = line.ask("fetch", json!({"conversation_id": stage.group, "after_rev": 1})).await.unwrap();
    assert_eq!(fetched["events"].as_array().unwrap().len(), 2);
    assert_eq!((&fetched["has_more"], &fetched["to_rev"]), (&json!(false), &json!(3)));
    stage.cluster.say(stage.ann, stage.group, "live").await;
    line.settle().await;
    assert_eq!(line.texts(), ["live"]);
}

#[tokio::test(start_paused = true)]
async fn at_most_two_hundred_conversations_are_told_unasked() {
    let stage = Stage::set().await;
    for _ in 0..210 {
        stage.cluster.group(stage.ann, &[stage.bob]).await;
    }
    let mut line = Line::fresh(&stage.cluster, 1, stage.bob, "phone").await;
    assert_eq!(line.payloads("conversation_changed").len(), 200);
    assert_eq!(line.payloads("ready")[0]["more"], true);
    // The first group is the oldest, and so among those that were not told.
    stage.cluster.say(stage.ann, stage.group, "hello").await;
    stage.cluster.say(stage.ann, stage.group, "again").await;
    line.settle().await;
    assert!(line.payloads("receive_message").is_empty());
    assert!(!line.payloads("dirty").is_empty());
}

#[tokio::test(start_paused = true)]
async fn fetch_gives_pages_and_says_where_they_end() {
    let stage = Stage::set().await;
    let (known, _) = stage.head().await;
    for number in 0..5 {
        stage.cluster.say(stage.ann, stage.group, &format!("message {number}")).await;
    }
    let mut line = Line::fresh(&stage.cluster, 1, stage.bob, "phone").await;
    let page = json!({"conversation_id": stage.group, "after_rev": known, "limit": 3});
    let first = line.ask("fetch", page).await.unwrap();
    assert_eq!(first["has_more"], true);
    assert_eq!(first["events"].as_array().unwrap().len(), 3);
    let page = json!({"conversation_id": stage.group, "after_rev": first["to_rev"], "limit": 3});
    let second = line.ask("fetch", page).await.unwrap();
    assert_eq!(second["events"].as_array().unwrap().len(), 2);
    assert_eq!(second["has_more"], false);
    let ahead = json!({"conversation_id": stage.group, "after_rev": 1_000});
    assert_eq!(line.ask("fetch", ahead).await.unwrap()["reset"], true);
}

#[tokio::test(start_paused = true)]
async fn a_hello_that_breaks_the_rules_is_refused_and_a_second_one_too() {
    let stage = Stage::set().await;
    let mut line = Line::silent(&stage.cluster, 0, stage.bob).await;
    for wrong in [
        json!({"protocol": 3, "device_id": "phone"}),
        json!({"protocol": 2, "device_id": ""}),
        json!({"protocol": 2, "device_id": "x".repeat(65)}),
        json!({"protocol": 2}),
    ] {
        assert_eq!(line.ask("hello", wrong).await.unwrap_err()["code"], "invalid");
    }
    let have: Vec<_> = (1..=1_001).map(|id| json!({"conversation_id": id, "rev": 1})).collect();
    let long = json!({"protocol": 2, "device_id": "phone", "have": have});
    assert_eq!(line.ask("hello", long).await.unwrap_err()["code"], "too_large");
    let early = line.ask("fetch", json!({"conversation_id": stage.group, "after_rev": 0})).await;
    assert_eq!(early.unwrap_err()["code"], "invalid", "nothing is answered before hello");
    let hello = json!({"protocol": 2, "device_id": "phone"});
    line.ask("hello", hello.clone()).await.unwrap();
    assert_eq!(line.ask("hello", hello).await.unwrap_err()["code"], "conflict");
    assert_eq!(line.closed, None);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_connects_again_replaces_its_older_connection_on_any_node() {
    let stage = Stage::set().await;
    let mut first = Line::fresh(&stage.cluster, 0, stage.bob, "phone").await;
    let mut second = Line::fresh(&stage.cluster, 0, stage.bob, "phone").await;
    first.settle().await;
    assert_eq!(first.closed, Some(CloseCode::Replaced));
    assert_eq!(first.payloads("goodbye")[0]["reconnect"], false);
    let mut third = Line::fresh(&stage.cluster, 1, stage.bob, "phone").await;
    let mut tablet = Line::fresh(&stage.cluster, 1, stage.bob, "tablet").await;
    for line in [&mut second, &mut third, &mut tablet] {
        line.settle().await;
    }
    assert_eq!(second.closed, Some(CloseCode::Replaced));
    assert_eq!((third.closed, tablet.closed), (None, None));
}
