//! Pages of messages.

use super::Stage;
use crate::model::{ConversationId, MessageAnchor, Seq};

/// What a page holds, and whether there is more on either side.
async fn page(
    stage: &Stage,
    id: ConversationId,
    anchor: MessageAnchor,
    from: i64,
    limit: usize,
) -> (Vec<i64>, bool, bool) {
    let slice = stage.store.list_messages(id, anchor, Seq::new(from), limit).await.unwrap();
    let seqs = slice.messages.iter().map(|message| message.seq.get()).collect();
    (seqs, slice.has_more_before, slice.has_more_after)
}

async fn ten(stage: &Stage) -> ConversationId {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let elsewhere = stage.direct(one, one).await;
    for _ in 0..10 {
        stage.send(place, one, "here").await;
        stage.send(elsewhere, one, "there").await;
    }
    place
}

pub(super) async fn pages_have_exact_boundaries(stage: Stage) {
    use MessageAnchor::{After, Around, Before, Latest};
    let place = ten(&stage).await;
    let at = |seq: i64| Seq::new(seq);
    for (anchor, limit, expected) in [
        (Latest, 3, (vec![8, 9, 10], true, false)),
        (Latest, 10, ((1..=10).collect(), false, false)),
        (Latest, 11, ((1..=10).collect(), false, false)),
        (Before(at(8)), 3, (vec![5, 6, 7], true, true)),
        (Before(at(4)), 3, (vec![1, 2, 3], false, true)),
        (Before(at(1)), 3, (vec![], false, true)),
        (Before(at(50)), 2, (vec![9, 10], true, false)),
        (After(at(0)), 3, (vec![1, 2, 3], false, true)),
        (After(at(7)), 3, (vec![8, 9, 10], true, false)),
        (After(at(8)), 3, (vec![9, 10], true, false)),
        (After(at(10)), 3, (vec![], true, false)),
        (Around(at(5)), 4, (vec![3, 4, 5, 6], true, true)),
        (Around(at(5)), 5, (vec![3, 4, 5, 6, 7], true, true)),
        (Around(at(1)), 4, (vec![1, 2], false, true)),
        (Around(at(10)), 4, (vec![8, 9, 10], true, false)),
    ] {
        assert_eq!(page(&stage, place, anchor, 1, limit).await, expected, "{anchor:?}, at most {limit}");
    }
    let empty = stage.direct(stage.person().await, stage.person().await).await;
    assert_eq!(page(&stage, empty, Latest, 1, 3).await, (vec![], false, false));
}

pub(super) async fn pages_begin_where_the_reader_may_see(stage: Stage) {
    use MessageAnchor::{After, Around, Before, Latest};
    let place = ten(&stage).await;
    let at = |seq: i64| Seq::new(seq);
    for (anchor, limit, expected) in [
        (Latest, 10, (vec![6, 7, 8, 9, 10], false, false)),
        (Before(at(8)), 10, (vec![6, 7], false, true)),
        (Before(at(6)), 10, (vec![], false, true)),
        (Before(at(3)), 10, (vec![], false, true)),
        (After(at(0)), 2, (vec![6, 7], false, true)),
        (Around(at(7)), 4, (vec![6, 7, 8], false, true)),
        (Around(at(2)), 4, (vec![6, 7], false, true)),
    ] {
        assert_eq!(page(&stage, place, anchor, 6, limit).await, expected, "{anchor:?}, at most {limit}");
    }
    assert_eq!(page(&stage, place, Latest, 11, 10).await, (vec![], false, false), "nothing yet");
}

pub(super) async fn pages_show_tombstones(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let message = stage.send(place, one, "gone").await;
    let tombstone = stage.delete(message.id, one).await.unwrap().message;
    let slice = stage.store.list_messages(place, MessageAnchor::Latest, Seq::new(1), 5).await.unwrap();
    assert_eq!(slice.messages, [tombstone]);
}

pub(super) async fn the_direct_history_goes_over_all_peers(stage: Stage) {
    let [me, one, other] = stage.people().await;
    let (first, second) = (stage.direct(me, one).await, stage.direct(other, me).await);
    let group = stage.group(me, &[one]).await;
    let mut expected = Vec::new();
    for turn in 0..5 {
        expected.push(stage.send(if turn % 2 == 0 { first } else { second }, me, "x").await);
        stage.send(group, me, "not direct").await;
    }
    let elsewhere = stage.direct(one, other).await;
    stage.send(elsewhere, one, "not mine").await;
    expected.push(stage.send(second, other, "theirs").await);
    expected.reverse();
    let history = async |offset, limit| stage.store.list_direct_history(me, offset, limit).await.unwrap();
    assert_eq!(history(0, 10).await, (6, expected.clone()), "highest id first");
    assert_eq!(history(2, 3).await, (6, expected[2..5].to_vec()));
    assert_eq!(history(5, 3).await, (6, expected[5..].to_vec()));
    assert_eq!(history(6, 3).await, (6, Vec::new()));
}
