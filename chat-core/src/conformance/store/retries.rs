//! Exactly once: what a retry finds.

use super::{super::stage::refused, Stage};
use crate::{
    ErrorKind,
    model::{Change, MessageKey, Outcome, Seq},
};

pub(super) async fn a_retry_gets_the_first_result_and_takes_no_number(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let new = stage.keyed(place, one, "k1", "hello");
    let first = stage.append(new.clone()).await.unwrap();
    stage.send(place, other, "in between").await;
    let before = stage.conversation(place, one).await;
    let mut later = new;
    later.now = stage.now();
    let again = stage.append(later).await.unwrap();
    assert_eq!((again.outcome, again.message), (Outcome::Repeated, first.message));
    assert_eq!(stage.conversation(place, one).await, before);
}

pub(super) async fn a_retry_gets_the_present_state(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let new = stage.keyed(place, one, "k1", "hello");
    let id = stage.append(new.clone()).await.unwrap().message.id;
    let edited = stage.edit(id, one, "hello!").await.unwrap().message;
    assert_eq!(stage.append(new.clone()).await.unwrap().message, edited);
    let tombstone = stage.delete(id, one).await.unwrap().message;
    let again = stage.append(new).await.unwrap();
    assert_eq!(
        (again.outcome, again.message),
        (Outcome::Repeated, tombstone),
        "the tombstone still holds the key"
    );
}

pub(super) async fn a_key_with_another_request_is_a_conflict(stage: Stage) {
    let [one, other] = stage.people().await;
    let (place, elsewhere) = (stage.direct(one, other).await, stage.group(one, &[other]).await);
    stage.append(stage.keyed(place, one, "k1", "hello")).await.unwrap();
    refused(stage.append(stage.keyed(place, one, "k1", "good-bye")).await, ErrorKind::Conflict);
    refused(stage.append(stage.keyed(elsewhere, one, "k1", "hello")).await, ErrorKind::Conflict);
    assert_eq!(stage.conversation(place, one).await.last_seq, Seq::new(1));
    assert_eq!(stage.conversation(elsewhere, one).await.last_seq, Seq::ZERO);
}

pub(super) async fn a_key_belongs_to_its_sender(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let mine = stage.append(stage.keyed(place, one, "k1", "hello")).await.unwrap().message;
    let theirs = stage.append(stage.keyed(place, other, "k1", "hello")).await.unwrap();
    assert_eq!(theirs.outcome, Outcome::Applied);
    assert_ne!(theirs.message.id, mine.id);
    let capital = stage.append(stage.keyed(place, one, "K1", "hello")).await.unwrap();
    assert_eq!(capital.outcome, Outcome::Applied, "keys differ by case");
}

pub(super) async fn a_retry_after_leaving_still_gets_the_first_result(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let new = stage.keyed(group, one, "k1", "last words");
    let first = stage.append(new.clone()).await.unwrap().message;
    stage.remove(group, owner, one).await;
    let again = stage.append(new).await.unwrap();
    assert_eq!((again.outcome, again.message), (Outcome::Repeated, first));
}

pub(super) async fn a_key_finds_its_message_and_digest(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let new = stage.keyed(place, one, "k1", "hello");
    let find = async |sender, key: &str| {
        stage.store.find_message_by_key(sender, &MessageKey::from_stored(key)).await.unwrap()
    };
    assert!(find(one, "k1").await.is_none());
    let message = stage.append(new.clone()).await.unwrap().message;
    assert_eq!(find(one, "k1").await, Some((message, new.request_hash)));
    assert!(find(other, "k1").await.is_none(), "of another sender");
    let mut item = stage.draft(place, one, "by the server");
    item.key = MessageKey::from_server("k1");
    let item = stage.append(item).await.unwrap().message;
    assert_eq!(item.key.client_id(), None);
    let found = find(one, item.key.as_str()).await.expect("a server's key is kept as it is");
    assert_eq!(found.0, item);
}

/// The batch that a client's retry storm makes: each change has its own result, and the numbers have no hole.
pub(super) async fn a_refused_change_leaves_its_neighbours_and_the_numbers_alone(stage: Stage) {
    let [one, other, stranger] = stage.people().await;
    let place = stage.direct(one, other).await;
    let stored = stage.keyed(place, one, "stored", "from before");
    let before = stage.append(stored.clone()).await.unwrap().message;
    let good = stage.keyed(place, one, "good", "first");
    let results = stage
        .commit(vec![
            Change::Append(good.clone()),
            Change::Append(stored),
            Change::Append(good),
            Change::Append(stage.keyed(place, one, "good", "another text")),
            Change::Append(stage.keyed(place, stranger, "good", "first")),
            Change::Append(stage.keyed(place, one, "last", "last")),
        ])
        .await;
    let mut results = results.into_iter().map(|result| result.map(super::super::stage::message_of));
    let mut next = || results.next().expect("six results");
    let first = next().unwrap();
    assert_eq!((first.outcome, first.message.seq), (Outcome::Applied, Seq::new(2)));
    let repeated = next().unwrap();
    assert_eq!((repeated.outcome, repeated.message), (Outcome::Repeated, before), "stored before the batch");
    let doubled = next().unwrap();
    assert_eq!(
        (doubled.outcome, &doubled.message),
        (Outcome::Repeated, &first.message),
        "stored by the batch"
    );
    refused(next(), ErrorKind::Conflict);
    refused(next(), ErrorKind::NotFound);
    let last = next().unwrap();
    assert_eq!((last.outcome, last.message.seq), (Outcome::Applied, Seq::new(3)), "no hole");
    assert_eq!(last.message.rev, first.message.rev.next());
    let after = stage.conversation(place, one).await;
    assert_eq!((after.last_seq, after.last_rev), (last.message.seq, last.message.rev));
}
