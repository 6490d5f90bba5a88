use crate::{
    bus::{
        Bus, Hint, Topic,
        lossy::{Losses, LossyBus},
        memory::MemoryBus,
    },
    chat::{Mark, SendRequest, Target},
    model::{ConversationId, Rev, Seq, UserId},
    protocol::{CloseCode, ReceiptStatus},
    realtime::outbox::Dialect,
    rig::{Client, Node},
    store::{Store, memory::MemoryStore},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// Within this a lost hint is repaired.
const P4: Duration = Duration::from_secs(5);

struct Pair {
    near: Node,
    far: Node,
    bus: Arc<LossyBus>,
}

/// Two nodes on one store; hints reach the second one as badly as given.
async fn pair(seed: u64, losses: Losses) -> Pair {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = MemoryBus::new();
    let bus = Arc::new(LossyBus::new(first.attach(), seed, losses));
    let near = Node::start(Arc::clone(&store), Arc::new(first)).await;
    let far = Node::start(store, Arc::clone(&bus) as Arc<dyn Bus>).await;
    Pair { near, far, bus }
}

const NONE: Losses = Losses { dropped: 0, doubled: 0, delayed: 0, delay: Duration::ZERO };

#[tokio::test(start_paused = true)]
async fn p4_with_every_hint_lost_a_client_converges_within_five_seconds() {
    let Pair { near, far, bus } = pair(1, NONE).await;
    let (ann, bob) = (near.person("ann").await, near.person("bob").await);
    let id = near.group(ann, &[bob]).await;
    let mut client = Client::join(&far.chat, bob, Dialect::V2).await;
    let mut classic = Client::join(&far.chat, bob, Dialect::Classic).await;
    near.chat.open_direct(ann, bob).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    bus.cut();
    let first = near.say(ann, id, "helo").await.message;
    near.say(ann, id, "are you there?").await;
    near.chat.edit_message(ann, first.id, "hello".to_owned(), None).await.unwrap();
    let direct = near.chat.send(ann, SendRequest::text(Target::Person(bob), "psst")).await.unwrap().message;
    near.chat.mark(ann, Mark::Place(id, Seq::new(2)), ReceiptStatus::Read).await.unwrap();
    client.settle(P4).await;
    classic.settle(Duration::from_millis(100)).await;
    assert_eq!(client.texts(id), ["hello", "are you there?"]);
    assert_eq!(client.texts(direct.conversation_id), ["psst"]);
    assert_eq!(client.fetches, 0, "the node filled the hole");
    assert_eq!(client.take_frames("cursors").len(), 1);
    assert_eq!(classic.take_frames("receive_message").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn p4_a_conversation_that_one_was_added_to_unheard_is_told_within_five_seconds() {
    let Pair { near, far, bus } = pair(1, NONE).await;
    let (ann, bob) = (near.person("ann").await, near.person("bob").await);
    let mut client = Client::join(&far.chat, bob, Dialect::V2).await;
    bus.cut();
    let id = near.group(ann, &[bob]).await;
    near.say(ann, id, "welcome").await;
    client.settle(P4).await;
    assert_eq!(client.texts(id), ["welcome"]);
    near.chat.remove_member(ann, id, bob).await.unwrap();
    client.settle(P4).await;
    assert_eq!(client.take_frames("gone").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hole_is_filled_from_the_store_as_soon_as_it_is_seen() {
    let Pair { near, far, bus } = pair(1, NONE).await;
    let (ann, bob) = (near.person("ann").await, near.person("bob").await);
    let id = near.group(ann, &[bob]).await;
    let mut client = Client::join(&far.chat, bob, Dialect::V2).await;
    near.say(ann, id, "one").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    bus.cut();
    let second = near.say(ann, id, "two").await.message;
    near.chat.edit_message(ann, second.id, "two!".to_owned(), None).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    bus.mend();
    near.say(ann, id, "three").await;
    client.settle(Duration::from_millis(200)).await;
    assert_eq!(client.texts(id), ["one", "two!", "three"]);
    assert_eq!(client.fetches, 0);
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_what_the_store_does_not_hold_is_given_up() {
    let (node, store) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let mut client = Client::join(&node.chat, bob, Dialect::V2).await;
    let sent = node.say(ann, id, "hello").await;
    let mut message = sent.message;
    message.rev = Rev::new(100);
    message.created_rev = message.rev;
    let hint = Hint::Message { message: Arc::new(message), member_rev: sent.member_rev };
    node.chat.inner.publish(Topic::of_conversation(id), hint).await;
    client.settle(P4).await;
    let reads = store.reads.load(Ordering::Relaxed);
    assert!(reads <= 5, "{reads} reads");
    node.say(ann, id, "again").await;
    client.settle(P4).await;
    assert_eq!(client.texts(id), ["hello", "again"]);
    assert_eq!(store.reads.load(Ordering::Relaxed), reads, "nothing waits for it any more");
}

#[tokio::test(start_paused = true)]
async fn another_epoch_sends_everybody_away() {
    let Pair { near, far, .. } = pair(1, NONE).await;
    let ann = near.person("ann").await;
    let mut client = Client::join(&far.chat, ann, Dialect::V2).await;
    let epoch = near.chat.inner.store.renew_epoch().await.unwrap();
    client.settle(Duration::from_secs(15)).await;
    assert_eq!(client.closed, Some(CloseCode::Drain));
    assert_eq!(far.chat.epoch().unwrap(), epoch);
}

/// What people do to each other for a while, by a seed.
async fn bustle(pair: &Pair, people: &[UserId], ids: &[ConversationId], seed: u64) {
    let mut random = seed;
    let mut draw = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let mut sent = Vec::new();
    for number in 0..60 {
        let node = if draw(2) == 0 { &pair.near } else { &pair.far };
        let (person, id) = (people[draw(people.len())], ids[draw(ids.len())]);
        match draw(10) {
            0..7 => sent.push(node.say(person, id, &number.to_string()).await.message),
            7 if !sent.is_empty() => {
                let message = &sent[draw(sent.len())];
                // A deleted one refuses.
                let edit = format!("edit {number}");
                drop(node.chat.edit_message(message.sender_id, message.id, edit, None).await);
            }
            8 if !sent.is_empty() => {
                let message = &sent[draw(sent.len())];
                drop(node.chat.delete_message(message.sender_id, message.id).await);
            }
            _ => {
                let mark = Mark::Place(id, Seq::new(i64::MAX));
                node.chat.mark(person, mark, ReceiptStatus::Read).await.unwrap();
            }
        }
        tokio::time::sleep(Duration::from_millis(draw(120) as u64)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p4_p5_clients_converge_whatever_a_bus_does() {
    for seed in 0..40 {
        let pair = pair(seed, Losses::default()).await;
        let mut people = Vec::new();
        for name in ["ann", "bob", "eve"] {
            people.push(pair.near.person(name).await);
        }
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(pair.near.group(people[0], &people[1..]).await);
        }
        let mut clients = Vec::new();
        for person in &people {
            clients.push(Client::join(&pair.near.chat, *person, Dialect::V2).await);
            clients.push(Client::join(&pair.far.chat, *person, Dialect::V2).await);
        }
        bustle(&pair, &people, &ids, seed).await;
        for client in &mut clients {
            client.settle(P4).await;
        }
        for id in &ids {
            let (conversation, _) = pair.near.chat.inner.store.load_membership(*id, people[0]).await.unwrap();
            for (number, client) in clients.iter().enumerate() {
                let known = &client.known[id];
                assert_eq!(known.rev, conversation.last_rev.get(), "seed {seed}, client {number}");
                let seqs: Vec<_> = known.texts.keys().copied().collect();
                let all: Vec<_> = (1..=conversation.last_seq.get()).collect();
                assert_eq!(seqs, all, "seed {seed}, client {number}");
                assert_eq!(known.texts, clients[0].known[id].texts, "seed {seed}, client {number}");
            }
        }
        pair.near.run.abort();
        pair.far.run.abort();
    }
}
