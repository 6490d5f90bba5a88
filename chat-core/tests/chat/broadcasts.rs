use crate::fixture::{Fixture, PausedClock, refusal, to};
use chat_core::{
    ErrorKind,
    chat::BroadcastRequest,
    config::{Directory, Limits},
    event::Event,
    model::{Broadcast, BroadcastId, BroadcastState, Outcome, UserId},
    store::{Ban, Store, memory::MemoryStore},
};
use std::sync::Arc;

fn request(receivers: &[UserId], text: &str) -> BroadcastRequest {
    BroadcastRequest {
        receiver_ids: receivers.to_vec(),
        text: text.to_owned(),
        ..BroadcastRequest::default()
    }
}

impl Fixture {
    async fn crowd(&self, count: usize) -> Vec<UserId> {
        let mut ids = Vec::new();
        for number in 0..count {
            ids.push(self.person(&format!("crowd-{number}")).await);
        }
        ids
    }

    async fn ended(&self, sender: UserId, id: BroadcastId) -> Broadcast {
        loop {
            let broadcast = self.chat.load_broadcast(sender, id).await.unwrap();
            if broadcast.state != BroadcastState::Running {
                return broadcast;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    async fn received(&self, receiver: UserId, sender: UserId) -> usize {
        self.chat.list_peer_messages(receiver, sender, 10).await.unwrap().len()
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_broadcast_is_one_message_each_in_the_order_given() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let sent = f.chat.broadcast(alice, request(&[carol, bob, carol, alice], "hear")).await.unwrap();
    let receivers: Vec<_> = sent.messages.iter().map(|sent| sent.message.receiver_id).collect();
    assert_eq!(receivers, [Some(carol), Some(bob), Some(alice)]);
    assert_eq!((sent.broadcast.state, sent.broadcast.done), (BroadcastState::Done, 3));
    assert_eq!(f.received(bob, alice).await, 1);
}

#[tokio::test(start_paused = true)]
async fn one_bad_receiver_refuses_the_whole() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let unknown = UserId::new(999);
    assert_eq!(
        refusal(f.chat.broadcast(alice, request(&[bob, unknown], "x")).await),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(refusal(f.chat.broadcast(alice, request(&[], "x")).await), Some(ErrorKind::Invalid));
    assert_eq!(refusal(f.chat.broadcast(alice, request(&[bob], " ")).await), Some(ErrorKind::Invalid));
    let long = "a".repeat(16_385);
    assert_eq!(refusal(f.chat.broadcast(alice, request(&[bob], &long)).await), Some(ErrorKind::TooLarge));
    assert_eq!(f.chat.find_direct(alice, bob).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn receivers_are_limited_after_doubles_are_dropped() {
    let f = Fixture::configured(|builder| builder.limits(Limits { receivers: 2, ..Limits::default() })).await;
    let [alice, bob, carol, dave] = f.people().await;
    f.chat.broadcast(alice, request(&[bob, carol, bob], "x")).await.unwrap();
    let many = f.chat.broadcast(alice, request(&[bob, carol, dave], "x")).await;
    assert_eq!(refusal(many), Some(ErrorKind::TooLarge));
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_reaches_only_whom_the_directory_lets_one_write_to() {
    let f = Fixture::with_directory(Directory::Contacts).await;
    let [alice, bob, carol] = f.people().await;
    f.group(alice, &[bob]).await;
    f.chat.broadcast(alice, request(&[bob], "x")).await.unwrap();
    assert_eq!(
        refusal(f.chat.broadcast(alice, request(&[bob, carol], "x")).await),
        Some(ErrorKind::NotFound)
    );
}

#[tokio::test(start_paused = true)]
async fn a_retried_broadcast_replays_its_answer() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let keyed = BroadcastRequest { client_id: Some("k".to_owned()), ..request(&[bob, carol], "once") };
    let first = f.chat.broadcast(alice, keyed.clone()).await.unwrap();
    let again = f.chat.broadcast(alice, keyed.clone()).await.unwrap();
    assert_eq!((again.outcome, again.broadcast.id), (Outcome::Repeated, first.broadcast.id));
    let ids = |sent: &chat_core::model::CommittedBroadcast| {
        sent.messages.iter().map(|sent| sent.message.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ids(&again));
    assert_eq!(f.received(bob, alice).await, 1);
    let other = BroadcastRequest { text: "twice".to_owned(), ..keyed };
    assert_eq!(refusal(f.chat.broadcast(alice, other).await), Some(ErrorKind::Conflict));
}

#[tokio::test(start_paused = true)]
async fn a_large_broadcast_reaches_everybody_once_in_the_background() {
    let f = Fixture::start().await;
    let alice = f.person("alice").await;
    let crowd = f.crowd(350).await;
    let keyed = BroadcastRequest { client_id: Some("k".to_owned()), ..request(&crowd, "all of you") };
    let accepted = f.chat.broadcast(alice, keyed.clone()).await.unwrap();
    assert!(accepted.messages.is_empty());
    assert_eq!(accepted.broadcast.total, 350);
    let ended = f.ended(alice, accepted.broadcast.id).await;
    assert_eq!((ended.state, ended.done, ended.failed), (BroadcastState::Done, 350, 0));
    f.chat.broadcast(alice, keyed).await.unwrap();
    for receiver in crowd {
        assert_eq!(f.received(receiver, alice).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_broadcast_that_was_killed_half_way_goes_on_on_another_node() {
    let store = Arc::new(MemoryStore::new());
    let clock = PausedClock::start();
    let node = || {
        Fixture::on(Arc::clone(&store) as Arc<dyn Store>, |builder| builder.clock(Arc::clone(&clock) as _))
    };
    let first = node().await;
    let alice = first.person("alice").await;
    let crowd = first.crowd(1_000).await;
    let large = request(&crowd, "x");
    // In a task of its own, which gets its turn with the first of the events.
    let half_way = tokio::spawn(async move {
        let id = first.chat.broadcast(alice, large).await.unwrap().broadcast.id;
        let mut events = first.chat.events();
        while !matches!(*events.next().await.unwrap().unwrap(), Event::MessageCreated(_)) {}
        first.kill().await;
        id
    });
    let id = half_way.await.unwrap();
    let second = node().await;
    let half = second.chat.load_broadcast(alice, id).await.unwrap();
    assert!(half.done < 1_000, "it was not killed half-way");
    let ended = second.ended(alice, id).await;
    assert_eq!((ended.state, ended.done, ended.failed), (BroadcastState::Done, 1_000, 0));
    for receiver in crowd {
        assert_eq!(second.received(receiver, alice).await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn whom_a_large_broadcast_cannot_reach_is_counted_as_failed() {
    let f = Fixture::start().await;
    let alice = f.person("alice").await;
    let crowd = f.crowd(150).await;
    let accepted = f.chat.broadcast(alice, request(&crowd, "x")).await.unwrap();
    f.chat.set_banned(alice, Ban::Banned).await.unwrap();
    let ended = f.ended(alice, accepted.broadcast.id).await;
    assert_eq!(ended.done + ended.failed, 150);
    assert!(ended.failed > 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_broadcast_stops_and_keeps_what_was_sent() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let crowd = f.crowd(500).await;
    let accepted = f.chat.broadcast(alice, request(&crowd, "x")).await.unwrap();
    let id = accepted.broadcast.id;
    assert_eq!(refusal(f.chat.load_broadcast(bob, id).await), Some(ErrorKind::NotFound));
    assert_eq!(refusal(f.chat.cancel_broadcast(bob, id).await), Some(ErrorKind::NotFound));
    let cancelled = f.chat.cancel_broadcast(alice, id).await.unwrap();
    assert_eq!(cancelled.state, BroadcastState::Cancelled);
    // A later message to the last receiver shows that nothing of the broadcast came before or comes after it.
    f.say(alice, to(crowd[499]), "still here").await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(f.received(crowd[499], alice).await, 1);
    let left = f.chat.load_broadcast(alice, id).await.unwrap();
    assert_eq!(left.state, BroadcastState::Cancelled);
}
