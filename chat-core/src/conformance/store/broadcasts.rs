//! Broadcasts: one request, many messages, exactly once each.

use super::{
    super::stage::{digest, refused},
    Stage,
};
use crate::{
    ErrorKind, Result,
    model::{
        BroadcastState, Change, Committed, CommittedBroadcast, ConversationId, MessageKey, NewBroadcast,
        NewJob, Outcome, Seq, UserId,
    },
    store::Ban,
};

/// Opens the conversations with three people and writes a broadcast with their messages.
async fn small(stage: &Stage, sender: UserId, receivers: &[UserId], key: &str) -> NewBroadcast {
    let mut places = Vec::new();
    for &receiver in receivers {
        places.push((receiver, stage.direct(sender, receiver).await));
    }
    let messages = places.iter().map(|&(receiver, place)| {
        let mut item = stage.draft(place, sender, "to all");
        item.key = MessageKey::from_server(&format!("b{key}:{receiver}"));
        item
    });
    NewBroadcast {
        sender_id: sender,
        key: MessageKey::from_client(key).unwrap(),
        request_hash: digest(ConversationId::new(1), "to all"),
        messages: messages.collect(),
        receivers: places,
        job: None,
        now: stage.now(),
    }
}

/// The same with a job that sends the messages later.
pub(super) async fn large(stage: &Stage, sender: UserId, receivers: &[UserId], key: &str) -> NewBroadcast {
    let mut new = small(stage, sender, receivers, key).await;
    new.messages.clear();
    new.job = Some(NewJob {
        kind: "broadcast".to_owned(),
        key: format!("{sender}:{key}"),
        payload: "{\"text\":\"to all\"}".to_owned(),
        due: new.now,
    });
    new
}

pub(super) async fn commit(stage: &Stage, new: NewBroadcast) -> Result<CommittedBroadcast> {
    match stage.commit(vec![Change::Broadcast(Box::new(new))]).await.pop().expect("one result")? {
        Committed::Broadcast(done) => Ok(*done),
        other => panic!("a broadcast was answered with {other:?}"),
    }
}

pub(super) async fn a_broadcast_stores_a_message_per_receiver(stage: Stage) {
    let [sender, one, other, third] = stage.people().await;
    let new = small(&stage, sender, &[third, one, other], "k1").await;
    let places: Vec<_> = new.receivers.iter().map(|(_, place)| *place).collect();
    let done = commit(&stage, new).await.unwrap();
    assert_eq!(done.outcome, Outcome::Applied);
    let broadcast = &done.broadcast;
    assert_eq!((broadcast.state, broadcast.sender_id), (BroadcastState::Done, sender));
    assert_eq!((broadcast.total, broadcast.done, broadcast.failed), (3, 3, 0));
    assert_eq!(done.messages.len(), 3);
    for (item, (place, receiver)) in done.messages.iter().zip(places.into_iter().zip([third, one, other])) {
        assert_eq!((item.message.conversation_id, item.message.receiver_id), (place, Some(receiver)));
        assert_eq!((item.message.seq, item.outcome), (Seq::new(1), Outcome::Applied));
        assert_eq!(stage.store.load_message(item.message.id, receiver).await.unwrap(), item.message);
    }
    assert!(stage.store.list_pending_receivers(broadcast.id, 10).await.unwrap().is_empty());
    assert_eq!(stage.store.load_broadcast(broadcast.id, sender).await.unwrap(), *broadcast);
}

pub(super) async fn a_broadcast_is_stored_whole_or_not_at_all(stage: Stage) {
    let [sender, one, other, stranger] = stage.people().await;
    let mut new = small(&stage, sender, &[one, other], "k1").await;
    let elsewhere = stage.direct(other, stranger).await;
    new.messages[1].conversation_id = elsewhere;
    let place = new.receivers[0].1;
    let neighbour = stage.draft(place, one, "neighbour");
    let mut results = stage.commit(vec![Change::Broadcast(Box::new(new)), Change::Append(neighbour)]).await;
    assert!(results.pop().expect("two results").is_ok(), "the neighbours are left alone");
    refused(results.pop().expect("two results"), ErrorKind::NotFound);
    let conversation = stage.conversation(place, one).await;
    assert_eq!(conversation.last_seq, Seq::new(1), "only the neighbour, without a hole");
    let key = MessageKey::from_client("k1").unwrap();
    assert!(stage.store.find_broadcast_by_key(sender, &key).await.unwrap().is_none());
    stage.store.set_banned(sender, Ban::Banned, stage.now()).await.unwrap();
    let banned = large(&stage, sender, &[one], "k2").await;
    refused(commit(&stage, banned).await, ErrorKind::Forbidden);
    assert!(stage.store.claim_jobs("broadcast", stage.now(), stage.now(), 10).await.unwrap().is_empty());
}

pub(super) async fn a_retried_broadcast_replays_its_first_answer(stage: Stage) {
    let [sender, one, other] = stage.people().await;
    let new = small(&stage, sender, &[one, other], "k1").await;
    let first = commit(&stage, new.clone()).await.unwrap();
    let edited = stage.edit(first.messages[0].message.id, sender, "corrected").await.unwrap().message;
    let again = commit(&stage, new.clone()).await.unwrap();
    assert_eq!((again.outcome, &again.broadcast), (Outcome::Repeated, &first.broadcast));
    assert_eq!(again.messages.len(), 2);
    assert_eq!(again.messages[0].message, edited, "in its present state");
    assert_eq!(again.messages[1].message, first.messages[1].message);
    assert!(again.messages.iter().all(|item| item.outcome == Outcome::Repeated));
    assert_eq!(stage.conversation(new.receivers[1].1, sender).await.last_seq, Seq::new(1));
    let found = stage.store.find_broadcast_by_key(sender, &new.key).await.unwrap();
    assert_eq!(found, Some((again, new.request_hash)));
    assert!(stage.store.find_broadcast_by_key(one, &new.key).await.unwrap().is_none());
    let mut other = new;
    other.request_hash = digest(ConversationId::new(1), "something else");
    refused(commit(&stage, other).await, ErrorKind::Conflict);
}

pub(super) async fn a_large_broadcast_settles_each_receiver_once(stage: Stage) {
    let [sender, one, other, third] = stage.people().await;
    let new = large(&stage, sender, &[third, one, other], "k1").await;
    let receivers = new.receivers.clone();
    let started = commit(&stage, new.clone()).await.unwrap().broadcast;
    assert_eq!((started.state, started.total, started.done), (BroadcastState::Running, 3, 0));
    let pending = async |limit| stage.store.list_pending_receivers(started.id, limit).await.unwrap();
    assert_eq!(pending(10).await, receivers, "in the order given at the start");
    assert_eq!(pending(2).await, receivers[..2]);
    let settle = async |settled: &[(UserId, bool)]| {
        let broadcast = stage.store.settle_receivers(started.id, settled).await.unwrap();
        assert_eq!(stage.store.load_broadcast(started.id, sender).await.unwrap(), broadcast);
        (broadcast.state, broadcast.done, broadcast.failed)
    };
    assert_eq!(settle(&[(one, true)]).await, (BroadcastState::Running, 1, 0));
    assert_eq!(settle(&[(one, true), (one, false)]).await, (BroadcastState::Running, 1, 0), "once");
    assert_eq!(pending(10).await, [receivers[0], receivers[2]]);
    assert_eq!(settle(&[(sender, true)]).await, (BroadcastState::Running, 1, 0), "no receiver");
    assert_eq!(settle(&[(third, false), (other, true)]).await, (BroadcastState::Done, 2, 1));
    assert!(pending(10).await.is_empty());
    let again = commit(&stage, new).await.unwrap();
    assert_eq!((again.outcome, again.broadcast.state), (Outcome::Repeated, BroadcastState::Done));
    assert!(again.messages.is_empty(), "they were no part of the transaction");
}

pub(super) async fn a_broadcast_that_has_ended_stays_as_it_is(stage: Stage) {
    let [sender, one, other] = stage.people().await;
    let set = async |id, by, state| stage.store.set_broadcast_state(id, by, state).await;
    let running = commit(&stage, large(&stage, sender, &[one, other], "k1").await).await.unwrap().broadcast;
    refused(set(running.id, one, BroadcastState::Cancelled).await, ErrorKind::NotFound);
    let cancelled = set(running.id, sender, BroadcastState::Cancelled).await.unwrap();
    assert_eq!(cancelled.state, BroadcastState::Cancelled);
    let late = stage.store.settle_receivers(running.id, &[(one, true), (other, true)]).await.unwrap();
    assert_eq!((late.state, late.done), (BroadcastState::Cancelled, 2), "what was sent stays sent");
    assert_eq!(
        set(running.id, sender, BroadcastState::Running).await.unwrap().state,
        BroadcastState::Cancelled
    );
    let done = commit(&stage, small(&stage, sender, &[one], "k2").await).await.unwrap().broadcast;
    assert_eq!(set(done.id, sender, BroadcastState::Cancelled).await.unwrap(), done);
}

pub(super) async fn a_broadcast_is_its_senders_alone(stage: Stage) {
    let [sender, one] = stage.people().await;
    let done = commit(&stage, small(&stage, sender, &[one], "k1").await).await.unwrap().broadcast;
    assert_eq!(stage.store.load_broadcast(done.id, sender).await.unwrap(), done);
    refused(stage.store.load_broadcast(done.id, one).await, ErrorKind::NotFound);
    let key = MessageKey::from_client("k1").unwrap();
    let message = stage.draft(stage.direct(sender, one).await, sender, "a message");
    let message = crate::model::NewMessage { key: key.clone(), ..message };
    assert_eq!(
        stage.append(message).await.unwrap().outcome,
        Outcome::Applied,
        "messages have keys of their own"
    );
}
