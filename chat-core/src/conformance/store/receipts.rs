//! Receipt cursors.

use super::Stage;
use crate::model::{Cursor, Seq};

pub(super) async fn cursors_are_clamped_to_the_head(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    assert!(stage.flush(place, &[(other, 5, 5)]).await.moved.is_empty(), "there is nothing to have");
    stage.send_many(place, one, 3).await;
    let moved = stage.flush(place, &[(other, 99, 2)]).await;
    let row = stage.member(place, other).await;
    assert_eq!((row.delivered_seq, row.read_seq), (Seq::new(3), Seq::new(2)));
    assert_eq!((moved.moved[0].delivered_seq, moved.moved[0].read_seq), (row.delivered_seq, row.read_seq));
    assert_eq!(stage.flush(place, &[(other, 0, 99)]).await.moved[0].read_seq, Seq::new(3));
}

pub(super) async fn cursors_never_go_back(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    stage.send_many(place, one, 5).await;
    stage.flush(place, &[(other, 4, 3)]).await;
    let before = (stage.member(place, other).await, stage.conversation(place, one).await);
    assert!(stage.flush(place, &[(other, 2, 1)]).await.moved.is_empty());
    assert!(stage.flush(place, &[(other, 0, 0)]).await.moved.is_empty());
    assert_eq!((stage.member(place, other).await, stage.conversation(place, one).await), before);
    stage.flush(place, &[(other, 5, 1)]).await;
    let row = stage.member(place, other).await;
    assert_eq!((row.delivered_seq, row.read_seq), (Seq::new(5), Seq::new(3)), "each goes on for itself");
}

pub(super) async fn read_implies_delivered(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    stage.send_many(place, one, 5).await;
    let moved = stage.flush(place, &[(other, 0, 4)]).await.moved;
    assert_eq!((moved[0].delivered_seq, moved[0].read_seq), (Seq::new(4), Seq::new(4)));
    assert_eq!((moved[0].old_delivered_seq, moved[0].old_read_seq), (Seq::ZERO, Seq::ZERO));
    let row = stage.member(place, other).await;
    assert_eq!((row.delivered_seq, row.read_seq), (Seq::new(4), Seq::new(4)));
}

pub(super) async fn a_flush_takes_one_number_if_any_row_moved(stage: Stage) {
    let [owner, one, other, still] = stage.people().await;
    let group = stage.group(owner, &[one, other, still]).await;
    stage.send_many(group, owner, 2).await;
    stage.flush(group, &[(still, 2, 2)]).await;
    let before = stage.conversation(group, owner).await;
    let moved = stage.flush(group, &[(one, 1, 0), (other, 2, 2), (still, 2, 1)]).await;
    let cursor = before.last_cursor.next();
    assert_eq!((moved.cursor, moved.conversation_id), (cursor, group));
    assert_eq!(moved.member_rev, before.member_rev);
    let people: Vec<_> = moved.moved.iter().map(|row| row.user_id).collect();
    assert_eq!(people, [one, other], "only the rows that moved, in the order given");
    for (person, expected) in [(one, cursor), (other, cursor), (still, before.last_cursor)] {
        assert_eq!(stage.member(group, person).await.cursor_rev, expected);
    }
    let after = stage.conversation(group, owner).await;
    assert_eq!((after.last_cursor, after.last_rev), (cursor, before.last_rev), "receipts take no rev");
    let nothing = stage.flush(group, &[(one, 1, 0), (still, 2, 2)]).await;
    assert_eq!((nothing.cursor, nothing.moved.len()), (cursor, 0), "the present number");
    assert_eq!(stage.conversation(group, owner).await.last_cursor, cursor);
}

pub(super) async fn cursors_of_outsiders_are_passed_over(stage: Stage) {
    let [owner, one, former, stranger] = stage.people().await;
    let group = stage.group(owner, &[one, former]).await;
    stage.send(group, owner, "hello").await;
    stage.remove(group, owner, former).await;
    let before = stage.member(group, former).await;
    let moved = stage.flush(group, &[(stranger, 1, 1), (former, 1, 1), (one, 1, 1)]).await;
    assert_eq!((moved.moved.len(), moved.moved[0].user_id), (1, one));
    assert_eq!(stage.member(group, former).await, before);
    let nothing = stage.flush(group, &[(stranger, 1, 1), (former, 1, 1)]).await;
    assert_eq!((nothing.cursor, nothing.moved.len()), (Cursor::new(1), 0));
}
