use super::{
    Pipeline,
    queue::{BATCH, BATCH_PER_CONVERSATION, CAPACITY, Queue, SHARE},
};
use crate::{
    ErrorKind,
    chat::{SendRequest, Target},
    model::{
        Change, ConversationId, MemberChange, MemberUpdate, MessageKey, NewMessage, Outcome, RequestHash,
        Rev, Timestamp, UserId,
    },
    realtime::outbox::Dialect,
    rig::{Client, Fault, Node},
    store::{MemberStore, MessageStore},
};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(200);

fn append(sender: i64, conversation: i64, number: usize) -> Change {
    Change::Append(NewMessage {
        conversation_id: ConversationId::new(conversation),
        sender_id: UserId::new(sender),
        key: MessageKey::from_client(&format!("key {number}")).unwrap(),
        request_hash: RequestHash([0; 16]),
        content: number.to_string(),
        attachments: Vec::new(),
        link: None,
        reply_to: None,
        now: Timestamp::from_micros(0),
    })
}

fn text_of(change: &Change) -> usize {
    match change {
        Change::Append(message) => message.content.parse().unwrap(),
        _ => panic!("only appends are pushed here"),
    }
}

fn texts(queue: &Queue) -> Vec<usize> {
    queue.take_batch().unwrap_or_default().iter().map(|job| text_of(&job.change)).collect()
}

#[test]
fn a_batch_takes_what_waits_up_to_its_bounds() {
    let queue = Queue::new();
    queue.open();
    for number in 0..BATCH + 10 {
        // Many people in many conversations, so that no other bound is met.
        let sender = i64::try_from(number).unwrap() + 1;
        drop(queue.push(Some(UserId::new(sender)), append(sender, sender, number)).unwrap());
    }
    assert_eq!(texts(&queue), (0..BATCH).collect::<Vec<_>>());
    assert_eq!(texts(&queue), (BATCH..BATCH + 10).collect::<Vec<_>>());
    assert!(queue.take_batch().is_none());
}

#[test]
fn p3_what_exceeds_a_conversations_part_waits_in_order_and_holds_its_sender_back() {
    let queue = Queue::new();
    queue.open();
    let busy = BATCH_PER_CONVERSATION + 3;
    for number in 0..busy {
        drop(queue.push(Some(UserId::new(1)), append(1, 1, number)).unwrap());
    }
    // The same person elsewhere waits too; somebody else does not.
    drop(queue.push(Some(UserId::new(1)), append(1, 2, 1_000)).unwrap());
    drop(queue.push(Some(UserId::new(2)), append(2, 3, 2_000)).unwrap());
    drop(queue.push(Some(UserId::new(3)), append(3, 2, 3_000)).unwrap());
    let first: Vec<_> = (0..BATCH_PER_CONVERSATION).chain([2_000]).collect();
    assert_eq!(texts(&queue), first);
    let second: Vec<_> = (BATCH_PER_CONVERSATION..busy).chain([1_000, 3_000]).collect();
    assert_eq!(texts(&queue), second);
}

#[test]
fn one_person_fills_a_quarter_of_the_queue_and_is_told_when_to_come_back() {
    let pipeline = Pipeline::new();
    pipeline.open();
    let mut accepted = 0;
    let error = loop {
        match pipeline.submit(UserId::new(1), append(1, 1, accepted)) {
            Ok(pending) => drop(pending),
            Err(error) => break error,
        }
        accepted += 1;
    };
    assert_eq!(accepted, CAPACITY / SHARE);
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.retry_after().is_some());
    drop(pipeline.submit(UserId::new(2), append(2, 2, 0)).expect("others have their own part"));
}

#[test]
fn a_chat_that_does_not_run_takes_nothing() {
    let pipeline = Pipeline::new();
    let error = pipeline.submit(UserId::new(1), append(1, 1, 0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn p3_messages_get_their_numbers_in_the_order_of_submission() {
    let (node, store) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let stalled = store.stall().await;
    let mut pending = Vec::new();
    for number in 0..300 {
        let request = SendRequest::text(Target::Conversation(id), number.to_string());
        pending.push(node.chat.submit_send(ann, request).await.unwrap());
    }
    drop(stalled);
    for (number, pending) in pending.into_iter().enumerate() {
        let message = pending.finish().await.unwrap().message;
        assert_eq!(message.content, number.to_string());
        assert_eq!(message.seq.get(), i64::try_from(number).unwrap() + 1);
    }
    assert!(store.batches.lock().len() < 10, "transactions are shared: {:?}", store.batches.lock());
}

#[tokio::test(start_paused = true)]
async fn p2_a_message_whose_commit_lost_its_answer_is_stored_and_told_once() {
    let (node, store) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let mut client = Client::join(&node.chat, bob, Dialect::V2).await;
    store.fail(&[Fault::AnswerLost]);
    let sent = node.say(ann, id, "hello").await;
    assert_eq!(sent.outcome, Outcome::Applied);
    store.fail(&[Fault::VanishedBefore, Fault::Away, Fault::AnswerLost]);
    let second = node.say(ann, id, "again").await;
    assert_eq!(second.message.seq.get(), 2);
    client.settle(SOON).await;
    assert_eq!(client.texts(id), ["hello", "again"]);
    assert_eq!(client.take_frames("receive_message").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_edit_whose_answer_was_lost_is_not_refused_as_stale() {
    let (node, store) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let first = node.say(ann, id, "helo").await.message;
    store.fail(&[Fault::AnswerLost]);
    let edited = node.chat.edit_message(ann, first.id, "hello".to_owned(), Some(first.rev)).await.unwrap();
    assert_eq!(edited.message.content, "hello");
    assert_eq!(edited.message.rev, first.rev.next());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_engine_refuses_for_good_takes_no_neighbour_along() {
    let (node, store) = Node::single().await;
    let ann = node.person("ann").await;
    let bob = node.person("bob").await;
    let id = node.group(ann, &[bob]).await;
    store.refuse("5");
    let stalled = store.stall().await;
    // One is under way while the rest becomes one batch.
    let mut pending = Vec::new();
    for number in 0..10 {
        let request = SendRequest::text(Target::Conversation(id), number.to_string());
        pending.push(node.chat.submit_send(ann, request).await.unwrap());
        tokio::task::yield_now().await;
    }
    drop(stalled);
    let mut stored = Vec::new();
    for (number, pending) in pending.into_iter().enumerate() {
        match pending.finish().await {
            Ok(committed) => stored.push((number, committed.message.seq.get())),
            Err(error) => assert_eq!((number, error.kind()), (5, ErrorKind::Internal)),
        }
    }
    let expected: Vec<_> = [0, 1, 2, 3, 4, 6, 7, 8, 9].into_iter().zip(1..).collect();
    assert_eq!(stored, expected, "in order and without a hole");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_unavailable_and_nothing_is_stored() {
    let (node, store) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    store.fail(&[Fault::Away; 7]);
    let request = SendRequest::text(Target::Conversation(id), "hello").with_client_id("once");
    let error = node.chat.send(ann, request.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let retried = node.chat.send(ann, request).await.unwrap();
    assert_eq!((retried.message.seq.get(), retried.outcome), (1, Outcome::Applied));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_stops_the_wait_not_the_write() {
    let (node, store) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let mut client = Client::join(&node.chat, bob, Dialect::V2).await;
    let stalled = store.stall().await;
    let request = SendRequest::text(Target::Conversation(id), "hello");
    drop(node.chat.submit_send(ann, request).await.unwrap());
    drop(stalled);
    client.settle(SOON).await;
    assert_eq!(client.texts(id), ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn p7_somebody_removed_between_check_and_commit_cannot_write() {
    let (node, store) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let stalled = store.stall().await;
    let request = SendRequest::text(Target::Conversation(id), "still here");
    let pending = node.chat.submit_send(bob, request).await.unwrap();
    let update = MemberUpdate {
        conversation_id: id,
        actor: ann,
        change: MemberChange::Remove(bob),
        member_limit: 10,
        now: node.chat.now(),
    };
    store.inner.update_members(update).await.unwrap();
    drop(stalled);
    assert_eq!(pending.finish().await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn p1_what_was_accepted_is_committed_before_the_chat_ends() {
    let (node, store) = Node::single().await;
    let (ann, bob) = (node.person("ann").await, node.person("bob").await);
    let id = node.group(ann, &[bob]).await;
    let stalled = store.stall().await;
    let request = SendRequest::text(Target::Conversation(id), "last words").with_client_id("last");
    let pending = node.chat.submit_send(ann, request).await.unwrap();
    node.chat.shutdown();
    drop(stalled);
    let sent = pending.finish().await.unwrap();
    node.run.await.unwrap().unwrap();
    let key = MessageKey::from_client("last").unwrap();
    let (stored, _) = store.inner.find_message_by_key(ann, &key).await.unwrap().unwrap();
    assert_eq!(stored, sent.message);
    assert_eq!(stored.rev, Rev::new(2));
    let late = node.chat.send(ann, SendRequest::text(Target::Conversation(id), "too late")).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Unavailable);
}
