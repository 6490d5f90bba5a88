use super::{Effect, REORDER_WAIT, Replica};
use chat_core::{
    model::{ConversationId, Rev, UserId},
    protocol::{FetchAck, ServerFrame},
};
use serde_json::json;
use std::time::Duration;

const ROOM: ConversationId = ConversationId::new(7);

fn replica() -> Replica {
    Replica::new(UserId::new(1))
}

fn frame(value: serde_json::Value) -> ServerFrame {
    serde_json::from_value(value).unwrap()
}

fn message(seq: i64, rev: i64, content: &str) -> ServerFrame {
    let kind = if rev == seq { "receive_message" } else { "message_updated" };
    frame(json!({ "type": kind, "payload": {
        "id": seq, "conversation_id": 7, "seq": seq, "rev": rev, "created_rev": seq, "sender_id": 2, "content": content,
        "attachments": [], "status": "sent", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    }}))
}

fn live(from: i64, rev: i64) -> ServerFrame {
    frame(json!({ "type": "live", "payload": { "conversation_id": 7, "from": from, "rev": rev } }))
}

fn shown(effects: &[Effect]) -> Vec<String> {
    let texts = effects.iter().filter_map(|effect| match effect {
        Effect::Message(message) => Some(message.content.clone()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn a_double_is_shown_once() {
    let mut replica = replica();
    assert_eq!(shown(&replica.apply(message(1, 1, "a"))), ["a"]);
    assert_eq!(replica.apply(message(1, 1, "a")), []);
}

#[test]
fn holes_are_normal_before_live_and_holes_after_it() {
    let mut replica = replica();
    assert_eq!(shown(&replica.apply(message(3, 3, "c"))), ["c"]);
    assert_eq!(replica.apply(live(0, 5)), []);
    assert_eq!(replica.known(ROOM).unwrap().rev, Rev::new(5));
    let effects = replica.apply(message(7, 7, "g"));
    assert_eq!(effects, [Effect::Fetch { conversation_id: ROOM, after: Rev::new(5), wait: REORDER_WAIT }]);
    // The two frames had only changed places.
    assert_eq!(shown(&replica.apply(message(6, 6, "f"))), ["f", "g"]);
    assert_eq!(replica.known(ROOM).unwrap().rev, Rev::new(7));
}

#[test]
fn a_fetch_fills_the_hole_and_releases_what_waited() {
    let mut replica = replica();
    replica.apply(live(0, 1));
    replica.apply(message(4, 4, "d"));
    let answer = FetchAck {
        events: vec![message(2, 2, "b"), message(3, 3, "c")],
        has_more: false,
        to_rev: Some(Rev::new(3)),
        reset: None,
        rev: None,
        cursor: None,
        first_seq: None,
        last_seq: None,
    };
    assert_eq!(shown(&replica.fetched(ROOM, Rev::new(1), answer)), ["b", "c", "d"]);
}

#[test]
fn live_moves_over_revs_that_one_may_not_see() {
    let mut replica = replica();
    replica.apply(live(0, 4));
    assert_eq!(replica.apply(live(4, 5)), []);
    assert_eq!(shown(&replica.apply(message(6, 6, "f"))), ["f"]);
    let effects = replica.apply(live(9, 10));
    assert_eq!(effects, [Effect::Fetch { conversation_id: ROOM, after: Rev::new(6), wait: Duration::ZERO }]);
}

#[test]
fn a_reset_forgets_what_was_known_and_is_live_from_its_rev() {
    let mut replica = replica();
    replica.apply(message(1, 1, "a"));
    let reset =
        frame(json!({ "type": "reset", "payload": { "conversation_id": 7, "rev": 40, "cursor": 2 } }));
    assert_eq!(replica.apply(reset), [Effect::Reset(Some(ROOM))]);
    assert_eq!(replica.messages(ROOM).count(), 0);
    assert_eq!(shown(&replica.apply(message(41, 41, "z"))), ["z"]);
}

#[test]
fn receipts_never_go_back() {
    let mut replica = replica();
    let change = |status: &str, seq: i64| {
        frame(json!({ "type": "status_change", "payload": {
            "message_id": seq, "status": status, "user_id": 2, "conversation_id": 7, "seq": seq, "cursor": 1,
        }}))
    };
    assert_eq!(replica.apply(change("read", 5)).len(), 1);
    assert_eq!(replica.apply(change("delivered", 3)), []);
    assert_eq!(replica.receipts(ROOM, UserId::new(2)), (5.try_into().unwrap(), 5.try_into().unwrap()));
}

#[test]
fn an_unanswered_hello_claims_nothing_but_what_is_applied() {
    let mut replica = replica();
    replica.apply(live(0, 1));
    replica.apply(message(3, 3, "beyond a hole"));
    replica.disconnected();
    assert_eq!(replica.hello("device").have[0].rev, Rev::new(1));
}
