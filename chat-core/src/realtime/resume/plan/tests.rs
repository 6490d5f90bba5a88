use super::{FURTHER, FeedItem, Listed, Plan, plan};
use crate::{
    model::{ConversationId, ConversationKind, Cursor, Epoch, Feed, Head, Rev, Seq, Timestamp, User, UserId},
    protocol::{Have, Hello},
};

fn head(id: i64) -> Head {
    Head {
        conversation_id: ConversationId::new(id),
        kind: ConversationKind::Group,
        first_seq: Seq::new(1),
        last_seq: Seq::new(9),
        last_rev: Rev::new(10),
        last_cursor: Cursor::new(4),
        reset_rev: Rev::ZERO,
        updated_at: Timestamp::from_micros(0),
        since_rev: Rev::ZERO,
        left_rev: None,
        user_rev: Rev::new(id),
        delivered_seq: Seq::new(5),
        read_seq: Seq::new(5),
    }
}

fn feed(heads: Vec<Head>) -> Feed {
    let now = Timestamp::from_micros(0);
    let user = User {
        id: UserId::new(1),
        external_id: None,
        username: None,
        display_name: "Ann".to_owned(),
        avatar: None,
        last_seen: None,
        user_rev: Rev::new(50),
        is_admin: false,
        is_banned: false,
        created_at: now,
        updated_at: now,
    };
    Feed { user, heads }
}

fn have(id: i64, rev: i64) -> Have {
    Have {
        conversation_id: ConversationId::new(id),
        rev: Rev::new(rev),
        cursor: Some(Cursor::new(4)),
        read_seq: None,
        delivered_seq: None,
    }
}

fn hello(have: Vec<Have>) -> Hello {
    Hello {
        protocol: 2,
        device_id: "d".to_owned(),
        epoch: Some(Epoch::new("e")),
        user_rev: Some(Rev::new(50)),
        have,
    }
}

fn planned(hello: &Hello, heads: Vec<Head>) -> Plan {
    plan(hello, &feed(heads), &Epoch::new("e"))
}

#[test]
fn an_unchanged_client_is_told_nothing() {
    let plan = planned(&hello(vec![have(1, 10), have(2, 10)]), vec![head(1), head(2)]);
    assert_eq!(plan, Plan::default());
}

#[test]
fn missed_changes_and_missed_receipts_are_read() {
    let behind = Have { cursor: Some(Cursor::new(3)), ..have(2, 10) };
    let plan = planned(&hello(vec![have(1, 7), behind]), vec![head(1), head(2)]);
    let read: Vec<_> = plan
        .listed
        .iter()
        .map(|listed| match listed {
            Listed::Changes { conversation_id, rev, .. } => (conversation_id.get(), rev.get()),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert_eq!(read, [(1, 7), (2, 10)]);
}

#[test]
fn another_epoch_resets_the_list_and_everything_in_it() {
    let mut hello = hello(vec![Have { read_seq: Some(Seq::new(9)), ..have(1, 10) }, have(3, 10)]);
    hello.epoch = Some(Epoch::new("other"));
    let plan = planned(&hello, vec![head(1)]);
    assert!(plan.reset_list && plan.profile);
    assert!(matches!(plan.listed[..], [Listed::Reset(_), Listed::Gone(_, None)]));
    assert!(plan.moves.is_empty(), "cursors of another epoch mean nothing");
}

#[test]
fn a_client_ahead_of_the_store_starts_afresh() {
    let plan = planned(&hello(vec![have(1, 11), have(2, 10)]), vec![head(1), head(2)]);
    assert!(plan.reset_list);
    assert!(plan.listed.iter().all(|listed| matches!(listed, Listed::Reset(_))));
    let mut ahead = hello(vec![have(1, 10)]);
    ahead.user_rev = Some(Rev::new(51));
    assert!(planned(&ahead, vec![head(1)]).reset_list);
}

#[test]
fn who_was_removed_is_told_so_once() {
    let left = Head { left_rev: Some(Rev::new(9)), user_rev: Rev::new(49), ..head(1) };
    let mut hello = hello(vec![have(1, 8)]);
    hello.user_rev = Some(Rev::new(40));
    let plan = planned(&hello, vec![left.clone()]);
    assert_eq!(plan.listed, [Listed::Gone(ConversationId::new(1), Some(Rev::new(49)))]);
    assert!(plan.feed.is_empty());
    hello.have.clear();
    let plan = planned(&hello, vec![left.clone()]);
    assert_eq!(plan.feed, [FeedItem::Gone(ConversationId::new(1), Rev::new(49))]);
}

#[test]
fn who_came_back_or_slept_through_a_bulk_change_starts_afresh() {
    let rejoined = Head { since_rev: Rev::new(9), ..head(1) };
    let purged = Head { reset_rev: Rev::new(9), ..head(2) };
    let plan = planned(&hello(vec![have(1, 8), have(2, 8)]), vec![rejoined, purged]);
    assert!(!plan.reset_list);
    assert!(matches!(plan.listed[..], [Listed::Reset(_), Listed::Reset(_)]));
}

#[test]
fn own_cursors_move_only_forward_and_only_up_to_the_head() {
    let read = Have { read_seq: Some(Seq::new(70)), ..have(1, 10) };
    let old = Have { delivered_seq: Some(Seq::new(4)), ..have(2, 10) };
    let plan = planned(&hello(vec![read, old]), vec![head(1), head(2)]);
    assert_eq!(plan.moves, [(ConversationId::new(1), Seq::new(9), Seq::new(9))]);
}

#[test]
fn at_most_so_many_further_conversations_are_told() {
    let heads: Vec<_> = (1..=i64::try_from(FURTHER).unwrap() + 3).map(head).collect();
    let plan = planned(&hello(vec![have(1, 10)]), heads);
    assert_eq!((plan.further.len(), plan.untold.len()), (FURTHER, 2));
}

#[test]
fn a_conversation_listed_twice_is_answered_once() {
    let plan = planned(&hello(vec![have(1, 7), have(1, 3)]), vec![head(1)]);
    assert_eq!(plan.listed.len(), 1);
}
