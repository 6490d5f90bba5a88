//! Batches: several changes of several sorts, from one connection and from two at once.

use super::{
    super::stage::{message_of, refused},
    Stage,
};
use crate::{
    ErrorKind,
    model::{
        Change, Committed, CursorFlush, CursorMove, DeleteMessage, Message, MessageAnchor, Outcome, Seq,
    },
};
use std::sync::Arc;

pub(super) async fn an_empty_batch_is_nothing(stage: Stage) {
    assert!(stage.commit(Vec::new()).await.is_empty());
}

pub(super) async fn a_batch_is_applied_in_its_order(stage: Stage) {
    let [one, other] = stage.people().await;
    let (place, group) = (stage.direct(one, other).await, stage.group(one, &[other]).await);
    let early = stage.send(place, one, "early").await;
    let flush = CursorFlush {
        conversation_id: place,
        moves: vec![CursorMove { user_id: other, delivered_seq: Seq::new(9), read_seq: Seq::new(9) }],
        now: stage.now(),
    };
    let results = stage
        .commit(vec![
            Change::Edit(stage.new_edit(early.id, one, "edited")),
            Change::Append(stage.draft(group, other, "in the group")),
            Change::Append(stage.draft(place, other, "second")),
            Change::Cursors(flush),
            Change::Delete(DeleteMessage { message_id: early.id, actor: one, now: stage.now() }),
            Change::Edit(stage.new_edit(early.id, one, "too late")),
            Change::Append(stage.draft(place, one, "third")),
        ])
        .await;
    let [edited, grouped, second, flushed, deleted, late, third] = results.try_into().expect("seven results");
    let message = |result: crate::Result<Committed>| message_of(result.unwrap()).message;
    assert_eq!(message(edited).rev, early.rev.next());
    assert_eq!(message(grouped).seq, Seq::new(1));
    let second = message(second);
    assert_eq!((second.seq, second.rev), (Seq::new(2), early.rev.next().next()));
    let Committed::Cursors(moved) = flushed.unwrap() else { panic!("a flush is answered with cursors") };
    assert_eq!(moved.moved[0].read_seq, Seq::new(2), "clamped to the head of its place in the batch");
    assert_eq!(message(deleted).rev, second.rev.next());
    refused(late, ErrorKind::Conflict);
    assert_eq!(
        (message(third).seq, stage.conversation(place, one).await.last_seq),
        (Seq::new(3), Seq::new(3))
    );
}

/// Two connections retry the same things at the same time: each key is stored once, told to both, and no number is lost.
pub(super) async fn two_connections_at_once_store_each_key_once(stage: Stage) {
    let [one, other, stranger] = stage.people().await;
    let place = stage.direct(one, other).await;
    let mut expected = 0;
    for round in 0..stage.repeat() {
        let stored = stage.keyed(place, one, &format!("s{round}"), "from before");
        if round % 10 == 0 {
            stage.append(stored.clone()).await.unwrap();
        }
        let good = stage.keyed(place, one, &format!("g{round}"), "good");
        let batch = vec![
            Change::Append(good.clone()),
            Change::Append(stored),
            Change::Append(good),
            Change::Append(stage.keyed(place, one, &format!("g{round}"), "another text")),
            Change::Append(stage.keyed(place, stranger, &format!("g{round}"), "good")),
            Change::Append(stage.keyed(place, one, &format!("l{round}"), "last")),
        ];
        let calls = [batch.clone(), batch].map(|batch| {
            let store = Arc::clone(&stage.store);
            tokio::spawn(async move { store.commit(batch).await.unwrap() })
        });
        let [first, second] = calls;
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        let mut applied = 0;
        for (mine, theirs) in first.into_iter().zip(second) {
            match (mine, theirs) {
                (Ok(mine), Ok(theirs)) => {
                    let (mine, theirs) = (message_of(mine), message_of(theirs));
                    assert_eq!(mine.message, theirs.message, "both are told of the same message");
                    let outcomes = [mine.outcome, theirs.outcome];
                    applied += outcomes.iter().filter(|outcome| **outcome == Outcome::Applied).count();
                }
                (Err(mine), Err(theirs)) => assert_eq!(mine.kind(), theirs.kind()),
                (mine, theirs) => panic!("one was told {mine:?}, the other {theirs:?}"),
            }
        }
        assert_eq!(applied, if round % 10 == 0 { 2 } else { 3 }, "each key was stored by one of them");
        expected += 3;
        let conversation = stage.conversation(place, one).await;
        assert_eq!(conversation.last_seq, Seq::new(expected), "round {round}");
        assert_eq!(conversation.last_rev.get(), expected + 1);
    }
    assert_gapless(&stage, place, expected).await;
}

async fn assert_gapless(stage: &Stage, place: crate::model::ConversationId, count: i64) {
    let mut seen = 0;
    while seen < count {
        let anchor = MessageAnchor::After(Seq::new(seen));
        let page = stage.store.list_messages(place, anchor, Seq::new(1), 200).await.unwrap();
        assert!(!page.messages.is_empty(), "a hole after {seen}");
        for Message { seq, rev, .. } in page.messages {
            seen += 1;
            assert_eq!((seq.get(), rev.get()), (seen, seen + 1));
        }
    }
}
