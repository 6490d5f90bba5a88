use crate::{
    bus::memory::MemoryBus,
    chat::{Mark, SendRequest, Target},
    config::Pacing,
    model::{Seq, UserId},
    protocol::{CloseCode, ReceiptStatus},
    realtime::outbox::Dialect,
    rig::{Client, Node},
    store::{Store, memory::MemoryStore},
};
use std::{sync::Arc, time::Duration};

const SOON: Duration = Duration::from_millis(400);

#[tokio::test(start_paused = true)]
async fn every_member_gets_a_message_once_and_only_the_sender_learns_the_key() {
    let (node, _) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let mut phone = Client::join(&node.chat, ann, Dialect::V2).await;
    let mut laptop = Client::join(&node.chat, ann, Dialect::V2).await;
    let mut other = Client::join(&node.chat, bob, Dialect::V2).await;
    let request = SendRequest::text(Target::Conversation(id), "hello").with_client_id("mine");
    node.chat.send(ann, request).await.unwrap();
    for (client, key) in [(&mut phone, Some("mine")), (&mut laptop, Some("mine")), (&mut other, None)] {
        client.settle(SOON).await;
        let frames = client.take_frames("receive_message");
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["payload"]["client_id"].as_str(), key);
        assert_eq!(client.texts(id), ["hello"]);
        assert_eq!(client.fetches, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn p7_a_quote_of_what_somebody_may_not_see_is_unavailable_to_them() {
    let (node, _) = Node::single().await;
    let (ann, bob, eve) = (node.person("ann").await, node.person("bob").await, node.person("eve").await);
    let id = node.group(ann, &[bob]).await;
    let secret = node.say(ann, id, "secret").await.message;
    node.chat.add_members(ann, id, vec![eve]).await.unwrap();
    let mut old = Client::join(&node.chat, bob, Dialect::V2).await;
    let mut new = Client::join(&node.chat, eve, Dialect::V2).await;
    let mut request = SendRequest::text(Target::Conversation(id), "about that");
    request.reply_to = Some(secret.id);
    node.chat.send(ann, request).await.unwrap();
    old.settle(SOON).await;
    new.settle(SOON).await;
    let seen = &old.take_frames("receive_message")[0]["payload"]["reply_to"];
    let veiled = &new.take_frames("receive_message")[0]["payload"]["reply_to"];
    assert_eq!(seen["content"], "secret");
    assert_eq!((veiled["content"].as_str(), veiled["unavailable"].as_bool()), (Some(""), Some(true)));
}

#[tokio::test(start_paused = true)]
async fn p7_a_change_of_what_somebody_may_not_see_only_moves_their_number() {
    let (node, _) = Node::single().await;
    let (ann, eve) = (node.person("ann").await, node.person("eve").await);
    let id = node.group(ann, &[]).await;
    let old = node.say(ann, id, "secret").await.message;
    node.chat.add_members(ann, id, vec![eve]).await.unwrap();
    let mut client = Client::join(&node.chat, eve, Dialect::V2).await;
    node.chat.edit_message(ann, old.id, "very secret".to_owned(), None).await.unwrap();
    node.say(ann, id, "hello eve").await;
    client.settle(SOON).await;
    assert!(client.take_frames("message_updated").is_empty());
    assert_eq!(client.take_frames("live").len(), 1);
    assert_eq!(client.texts(id), ["hello eve"]);
    assert_eq!(client.fetches, 0, "no hole was seen");
}

#[tokio::test(start_paused = true)]
async fn p7_whoever_was_removed_gets_gone_and_nothing_more() {
    let (node, _) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let mut client = Client::join(&node.chat, bob, Dialect::V2).await;
    node.say(ann, id, "hello bob").await;
    node.chat.remove_member(ann, id, bob).await.unwrap();
    node.say(ann, id, "among us").await;
    client.settle(SOON).await;
    assert_eq!(client.texts(id), ["hello bob"]);
    assert_eq!(client.take_frames("gone").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_one_is_added_to_is_live_from_the_join_on() {
    let (node, _) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[]).await;
    node.say(ann, id, "before").await;
    let mut owner = Client::join(&node.chat, ann, Dialect::V2).await;
    let mut client = Client::join(&node.chat, bob, Dialect::V2).await;
    node.chat.add_members(ann, id, vec![bob]).await.unwrap();
    node.say(ann, id, "after").await;
    client.settle(SOON).await;
    owner.settle(SOON).await;
    let told = client.take_frames("conversation_changed");
    assert_eq!(told.len(), 1);
    assert!(told[0]["payload"]["me"].is_object());
    assert_eq!(client.texts(id), ["after"]);
    assert_eq!(owner.take_frames("member_changed").len(), 1);
    assert_eq!((client.fetches, owner.fetches), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_message_between_two_people_reaches_every_kind_of_connection() {
    for dialect in [Dialect::Classic, Dialect::V2] {
        let (node, _) = Node::single().await;
        let (ann, bob) = (node.person("ann").await, node.person("bob").await);
        let mut sender = Client::join(&node.chat, ann, dialect).await;
        let mut receiver = Client::join(&node.chat, bob, dialect).await;
        for text in ["one", "two"] {
            node.chat.send(ann, SendRequest::text(Target::Person(bob), text)).await.unwrap();
        }
        for client in [&mut sender, &mut receiver] {
            client.settle(SOON).await;
            let frames = client.take_frames("receive_message");
            let texts: Vec<_> = frames.iter().map(|frame| frame["payload"]["content"].clone()).collect();
            assert_eq!(texts, ["one", "two"], "{dialect:?}");
            // A classic client has no numbers that could show a hole.
            assert!(client.fetches == 0 || dialect == Dialect::Classic);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p9_a_classic_connection_proves_with_a_pong_what_it_was_sent() {
    let (node, _) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let mut receiver = Client::join(&node.chat, bob, Dialect::Classic).await;
    let mut sender = Client::join(&node.chat, ann, Dialect::Classic).await;
    for text in ["one", "two"] {
        node.chat.send(ann, SendRequest::text(Target::Person(bob), text)).await.unwrap();
    }
    receiver.settle(SOON).await;
    sender.settle(SOON).await;
    assert_eq!((receiver.pings, sender.pings), (1, 0), "one ping at a time, none for one's own");
    let first = receiver.endpoint.take_proof();
    let second = receiver.endpoint.take_proof();
    assert_eq!((first[0].1, second[0].1), (Seq::new(1), Seq::new(2)));
}

#[tokio::test(start_paused = true)]
async fn p9_a_receipt_is_told_once_to_members_and_per_message_to_a_classic_sender() {
    let (node, _) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let mut classic = Client::join(&node.chat, ann, Dialect::Classic).await;
    let mut v2 = Client::join(&node.chat, ann, Dialect::V2).await;
    let mut reader = Client::join(&node.chat, bob, Dialect::V2).await;
    let mut last = None;
    for text in ["one", "two", "three"] {
        let sent = node.chat.send(ann, SendRequest::text(Target::Person(bob), text)).await.unwrap();
        last = Some(sent.message);
    }
    let last = last.unwrap();
    let mark = Mark::Place(last.conversation_id, Seq::new(99));
    node.chat.mark(bob, mark, ReceiptStatus::Read).await.unwrap();
    for client in [&mut classic, &mut v2, &mut reader] {
        client.settle(SOON).await;
    }
    assert_eq!(classic.take_frames("status_change").len(), 3);
    for client in [&mut v2, &mut reader] {
        let told = client.take_frames("status_change");
        assert_eq!(told.len(), 1);
        let payload = &told[0]["payload"];
        assert_eq!(payload["message_id"], last.id.get());
        assert_eq!((&payload["status"], &payload["seq"]), (&"read".into(), &3.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn typing_is_told_to_the_others_only() {
    let (node, _) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let mut own = Client::join(&node.chat, ann, Dialect::V2).await;
    let mut other = Client::join(&node.chat, bob, Dialect::V2).await;
    node.chat.set_typing(ann, Target::Conversation(id), true).await.unwrap();
    own.settle(SOON).await;
    other.settle(SOON).await;
    assert!(own.take_frames("typing").is_empty());
    assert_eq!(other.take_frames("typing").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_group_is_live_to_those_who_look_and_dirty_to_the_others() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let pacing = Pacing { fanout_limit: 2, ..Pacing::default() };
    let node = Node::start_paced(store, Arc::new(MemoryBus::new()), pacing).await;
    let mut people: Vec<UserId> = Vec::new();
    for name in ["ann", "bob", "eve"] {
        people.push(node.person(name).await);
    }
    let id = node.group(people[0], &people[1..]).await;
    let mut looking = Client::join(&node.chat, people[1], Dialect::V2).await;
    let mut other = Client::join(&node.chat, people[2], Dialect::V2).await;
    node.chat.inner.hub.set_opened(&looking.endpoint, id, true);
    for text in ["one", "two", "three", "four"] {
        node.say(people[0], id, text).await;
        other.settle(Duration::from_millis(100)).await;
    }
    let several_ticks = Duration::from_secs(4);
    looking.settle(several_ticks).await;
    other.settle(several_ticks).await;
    assert_eq!(looking.take_frames("receive_message").len(), 4);
    assert!(looking.take_frames("dirty").is_empty());
    assert!(other.take_frames("receive_message").is_empty());
    assert_eq!(other.take_frames("dirty").len(), 2, "one at once, one for all that followed");
    assert_eq!(other.texts(id), ["one", "two", "three", "four"]);
}

#[tokio::test(start_paused = true)]
async fn five_thousand_readers_at_once_take_few_numbers() {
    let (node, _) = Node::single().await;
    let ann = node.person("ann").await;
    let mut members = Vec::new();
    for number in 0..900 {
        members.push(node.person(&format!("reader {number}")).await);
    }
    let id = node.group(ann, &members).await;
    node.say(ann, id, "hello").await;
    let mut client = Client::join(&node.chat, ann, Dialect::V2).await;
    let marks = members
        .iter()
        .map(|member| node.chat.mark(*member, Mark::Place(id, Seq::new(1)), ReceiptStatus::Read));
    for done in futures_util::future::join_all(marks).await {
        done.unwrap();
    }
    client.settle(SOON).await;
    let (conversation, _) = node.chat.inner.store.load_membership(id, ann).await.unwrap();
    assert!(conversation.last_cursor.get() <= 3, "{:?}", conversation.last_cursor);
    assert!(client.frames.len() <= 3, "one list in place of a frame each");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_chat_closes_every_connection_as_one_to_open_again() {
    let (node, _) = Node::single().await;
    let ann = node.person("ann").await;
    let mut client = Client::join(&node.chat, ann, Dialect::V2).await;
    node.chat.shutdown();
    node.run.await.unwrap().unwrap();
    client.settle(SOON).await;
    assert_eq!(client.closed, Some(CloseCode::Drain));
}
