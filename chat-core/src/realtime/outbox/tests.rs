use super::{Dialect, Outbox, OutboxSender, Outgoing, Subject, outbox};
use crate::{
    model::{ConversationId, Rev, UserId},
    protocol::{CloseCode, ReceiptStatus},
};
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::Value;

const HERE: ConversationId = ConversationId::new(1);
const THERE: ConversationId = ConversationId::new(2);
const LIMIT: usize = 8 << 10;

fn rev(number: i64) -> Rev {
    Rev::new(number)
}

fn event(conversation: ConversationId, number: i64, padding: usize) -> Bytes {
    let text = "x".repeat(padding);
    format!(
        r#"{{"type":"event","payload":{{"conversation_id":{conversation},"rev":{number},"text":"{text}"}}}}"#
    )
    .into()
}

fn push(sender: &OutboxSender, conversation: ConversationId, number: i64, padding: usize) {
    sender.event(conversation, rev(number), &event(conversation, number, padding));
}

/// Takes everything that waits: frames as "type conversation rev" and the close as its code.
async fn taken(outbox: &mut Outbox) -> Vec<String> {
    let mut batch = Vec::new();
    if outbox.recv_many(&mut batch).now_or_never().is_none() {
        return Vec::new();
    }
    batch.iter().map(describe).collect()
}

fn describe(item: &Outgoing) -> String {
    match item {
        Outgoing::Frame(frame) => {
            let frame: Value = serde_json::from_slice(frame).unwrap();
            let payload = &frame["payload"];
            let kind = frame["type"].as_str().unwrap();
            match kind {
                "live" => {
                    format!("live {} {}..{}", payload["conversation_id"], payload["from"], payload["rev"])
                }
                "event" | "dirty" => format!("{kind} {} {}", payload["conversation_id"], payload["rev"]),
                _ => kind.to_owned(),
            }
        }
        Outgoing::Ping => "ping".to_owned(),
        Outgoing::Close(code) => code.code().to_string(),
    }
}

fn note(kind: &str) -> Bytes {
    format!(r#"{{"type":"{kind}","payload":{{}}}}"#).into()
}

#[tokio::test]
async fn everything_that_waits_is_taken_at_once_and_in_order() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    sender.plain(note("ack"));
    push(&sender, HERE, 1, 0);
    sender.ping();
    push(&sender, HERE, 2, 0);
    assert_eq!(taken(&mut outbox).await, ["ack", "event 1 1", "ping", "event 1 2"]);
    assert!(taken(&mut outbox).await.is_empty());
}

#[tokio::test]
async fn p8_ephemera_of_a_slow_reader_go_first() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    let typing = Subject::Typing(HERE, UserId::new(7));
    for _ in 0..20 {
        sender.ephemeral(typing, &note("typing"));
    }
    for number in 1..=7 {
        push(&sender, HERE, number, 1 << 10);
    }
    let frames = taken(&mut outbox).await;
    assert!(!frames.contains(&"typing".to_owned()), "{frames:?}");
    assert_eq!(frames, (1..=7).map(|number| format!("event 1 {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn p8_of_receipts_the_last_one_stays() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    let receipt = |user| Subject::Receipt(HERE, UserId::new(user), ReceiptStatus::Read);
    for _ in 0..40 {
        sender.latest(receipt(1), &note("first"));
        sender.latest(receipt(2), &note("second"));
    }
    for number in 1..=6 {
        push(&sender, HERE, number, 1 << 10);
    }
    let frames = taken(&mut outbox).await;
    let count = |kind: &str| frames.iter().filter(|frame| *frame == kind).count();
    assert_eq!((count("first"), count("second")), (1, 1), "{frames:?}");
    assert_eq!(frames.len(), 8);
}

#[tokio::test]
async fn p8_a_conversation_of_a_slow_reader_becomes_one_dirty_with_its_newest_number() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    push(&sender, THERE, 1, 100);
    for number in 1..=50 {
        push(&sender, HERE, number, 1 << 10);
        assert!(sender.bytes() <= LIMIT);
    }
    sender.plain(note("ack"));
    assert_eq!(taken(&mut outbox).await, ["event 2 1", "ack", "dirty 1 50"]);
    push(&sender, HERE, 51, 0);
    assert_eq!(taken(&mut outbox).await, ["event 1 51"], "live again; the client sees the hole");
}

#[tokio::test]
async fn p8_a_reader_who_takes_nothing_is_closed_with_4008() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    for _ in 0..100 {
        sender.plain(Bytes::from(format!(r#"{{"type":"ack","payload":"{}"}}"#, "x".repeat(1 << 10))));
        assert!(sender.bytes() <= LIMIT);
    }
    assert!(sender.is_closed());
    assert_eq!(taken(&mut outbox).await, ["4008"]);
    assert_eq!(outbox.recv_many(&mut Vec::new()).await, 0, "nothing follows a close");
}

#[tokio::test]
async fn p8_a_classic_reader_is_never_sent_dirty() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::Classic);
    for number in 1..=50 {
        push(&sender, HERE, number, 1 << 10);
    }
    assert_eq!(taken(&mut outbox).await, ["4008"]);
}

#[tokio::test]
async fn p8_what_the_transport_is_writing_counts_against_the_bound() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    for number in 1..=6 {
        push(&sender, HERE, number, 1 << 10);
    }
    assert_eq!(taken(&mut outbox).await.len(), 6);
    for number in 7..=12 {
        push(&sender, HERE, number, 1 << 10);
    }
    assert!(sender.bytes() <= LIMIT, "{}", sender.bytes());
    assert_eq!(taken(&mut outbox).await, ["dirty 1 12"]);
}

#[tokio::test]
async fn a_single_frame_larger_than_the_bound_gets_through_when_nothing_waits() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    push(&sender, HERE, 1, 2 * LIMIT);
    assert_eq!(taken(&mut outbox).await, ["event 1 1"]);
}

#[tokio::test]
async fn what_comes_during_a_resume_follows_its_snapshot_once() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    sender.hold();
    for number in 4..=7 {
        push(&sender, HERE, number, 0);
    }
    push(&sender, THERE, 9, 0);
    assert!(taken(&mut outbox).await.is_empty(), "everything is held");
    sender.row(note("row")).await;
    sender.release(HERE, rev(5), Some(rev(3)), true);
    assert_eq!(taken(&mut outbox).await, ["row", "event 1 6", "event 1 7", "live 1 3..7"]);
    push(&sender, HERE, 8, 0);
    assert_eq!(taken(&mut outbox).await, ["event 1 8"], "live while others are still held");
    sender.resumed();
    assert_eq!(taken(&mut outbox).await, ["event 2 9"]);
}

#[tokio::test]
async fn a_late_hint_of_what_the_snapshot_told_is_dropped() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    sender.hold();
    sender.release(HERE, rev(5), Some(rev(0)), false);
    sender.resumed();
    assert_eq!(taken(&mut outbox).await, ["live 1 0..5"]);
    push(&sender, HERE, 4, 0);
    push(&sender, HERE, 5, 0);
    assert!(taken(&mut outbox).await.is_empty());
    push(&sender, HERE, 6, 0);
    assert_eq!(taken(&mut outbox).await, ["event 1 6"]);
}

#[tokio::test]
async fn p6_a_resume_that_cannot_keep_what_came_says_dirty() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    sender.hold();
    for number in 6..=40 {
        push(&sender, HERE, number, 1 << 10);
        assert!(sender.bytes() <= LIMIT);
    }
    sender.release(HERE, rev(5), Some(rev(3)), true);
    assert_eq!(taken(&mut outbox).await, ["live 1 3..5", "dirty 1 40"]);
}

#[tokio::test]
async fn a_conversation_that_was_not_told_of_is_dirty_until_it_is_fetched() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    sender.hold();
    sender.withhold(HERE);
    sender.resumed();
    push(&sender, HERE, 3, 0);
    push(&sender, HERE, 4, 0);
    assert_eq!(taken(&mut outbox).await, ["dirty 1 4"]);
    sender.release(HERE, rev(4), None, true);
    push(&sender, HERE, 5, 0);
    assert_eq!(taken(&mut outbox).await, ["event 1 5"]);
}

#[tokio::test]
async fn a_resume_waits_for_its_reader_instead_of_being_slow() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    let row = || Bytes::from(format!(r#"{{"type":"row","payload":"{}"}}"#, "x".repeat(1 << 10)));
    let writer = tokio::spawn({
        let sender = sender.clone();
        async move {
            for _ in 0..100 {
                sender.row(row()).await;
                assert!(sender.bytes() <= LIMIT);
            }
        }
    });
    let mut count = 0;
    while count < 100 {
        let mut batch = Vec::new();
        count += outbox.recv_many(&mut batch).await;
        assert!(batch.iter().all(|item| matches!(item, Outgoing::Frame(_))));
    }
    writer.await.unwrap();
    assert!(!sender.is_closed());
}

#[tokio::test]
async fn a_replaced_connection_is_sent_nothing_more() {
    let (sender, mut outbox) = outbox(LIMIT, Dialect::V2);
    push(&sender, HERE, 1, 0);
    sender.cut(CloseCode::Replaced);
    push(&sender, HERE, 2, 0);
    assert_eq!(taken(&mut outbox).await, ["4100"]);
}

#[tokio::test]
async fn a_dropped_outbox_ends_whoever_waits_for_room() {
    let (sender, outbox) = outbox(LIMIT, Dialect::V2);
    push(&sender, HERE, 1, 6 << 10);
    let waits = tokio::spawn({
        let sender = sender.clone();
        async move { sender.row(Bytes::from_static(b"{}")).await }
    });
    tokio::task::yield_now().await;
    drop(outbox);
    waits.await.unwrap();
    assert!(sender.is_closed());
}
