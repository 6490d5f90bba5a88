//! The cases for buses. A bus may lose, double and reorder, so no case tests an order or a single delivery: each publishes
//! until it arrives, and fails after half a minute.

use crate::{
    bus::{Bus, Delivery, EndReason, Envelope, Hint, PresenceHint, PresenceScope, PresenceState, Topic},
    model::{
        BroadcastId, ConversationId, Cursor, CursorsMoved, Epoch, Member, Message, MessageId, MessageKey,
        MovedCursor, Rev, Role, Seq, Timestamp, UserId,
    },
};
use futures_util::future::BoxFuture;
use std::{any::Any, collections::BTreeSet, fmt, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

/// How long a healthy bus may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// After this a hint is published again.
const AGAIN: Duration = Duration::from_millis(100);

/// Hints that are published while nobody listens.
const FLOOD: i64 = 70_000;

/// Two nodes on one bus, with what must live as long as they.
pub struct Nodes {
    here: Arc<dyn Bus>,
    there: Arc<dyn Bus>,
    guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Nodes {
    /// Takes the buses of two nodes of one deployment.
    #[must_use]
    pub fn new(here: impl Bus, there: impl Bus) -> Self {
        Self { here: Arc::new(here), there: Arc::new(there), guard: None }
    }

    /// Keeps something until the case is over, for example a server.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes").field("here", &self.here).field("there", &self.there).finish_non_exhaustive()
    }
}

impl<A: Bus, B: Bus> From<(A, B)> for Nodes {
    fn from((here, there): (A, B)) -> Self {
        Self::new(here, there)
    }
}

impl<A: Bus, B: Bus, G: Any + Send + Sync> From<(A, B, G)> for Nodes {
    fn from((here, there, guard): (A, B, G)) -> Self {
        Self::new(here, there).keeping(guard)
    }
}

/// One case of the suite.
#[derive(Clone, Copy)]
pub struct BusCase {
    /// What is promised, as a sentence in snake case.
    pub name: &'static str,
    run: fn(Nodes) -> BoxFuture<'static, ()>,
}

impl BusCase {
    /// Runs the case on two fresh nodes.
    ///
    /// # Panics
    /// Panics where the bus breaks the promise.
    pub async fn run(&self, nodes: Nodes) {
        (self.run)(nodes).await;
    }
}

impl fmt::Debug for BusCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Lists all cases.
#[must_use]
pub fn bus_cases() -> Vec<BusCase> {
    crate::__bus_cases! { __bus_table () }
}

/// Runs the case of that name.
///
/// # Panics
/// Panics where the bus breaks the promise, or if there is no such case.
pub async fn run_bus_case(name: &str, nodes: Nodes) {
    let case = bus_cases().into_iter().find(|case| case.name == name);
    case.expect("the macro and the table are made from one list").run(nodes).await;
}

#[doc(hidden)]
#[macro_export]
macro_rules! __bus_table {
    (() $($case:ident)*) => {
        vec![$(BusCase { name: stringify!($case), run: |nodes| Box::pin($case(nodes)) },)*]
    };
}

/// The one list of cases, handed to the macro named first.
#[doc(hidden)]
#[macro_export]
macro_rules! __bus_cases {
    ($then:ident $arguments:tt) => {
        $crate::$then! { $arguments
            a_hint_reaches_every_node_its_own_included
            a_hint_arrives_as_it_was_published
            every_topic_carries_hints
            a_node_hears_only_what_it_asked_for
            a_topic_that_was_given_up_falls_silent
            publishing_waits_for_nobody_and_loss_is_told
            a_bus_in_order_answers_a_ping
        }
    };
}

const CONVERSATION: ConversationId = ConversationId::new(7);
const USER: UserId = UserId::new(9);

fn envelope(hint: Hint) -> Arc<Envelope> {
    Arc::new(Envelope { epoch: Epoch::new("e1"), node: u64::MAX, hint })
}

/// Makes a hint that is told from others by its number.
fn numbered(number: i64) -> Arc<Envelope> {
    envelope(Hint::User { user_id: USER, user_rev: Rev::new(number) })
}

fn number_of(delivery: &Delivery) -> Option<i64> {
    match delivery {
        Delivery::Event(event) => match event.hint {
            Hint::User { user_rev, .. } => Some(user_rev.get()),
            _ => None,
        },
        Delivery::Lagged => None,
    }
}

/// Publishes a hint again and again until the listener has it; returns what else came to the listener.
async fn deliver(
    publisher: &dyn Bus,
    topic: Topic,
    hint: &Arc<Envelope>,
    listener: &dyn Bus,
) -> Vec<Delivery> {
    let (deadline, mut others) = (Instant::now() + PATIENCE, Vec::new());
    loop {
        publisher.publish(topic, Arc::clone(hint)).await.unwrap();
        while let Ok(delivery) = timeout(AGAIN, listener.next()).await {
            match delivery.expect("the bus is open") {
                Delivery::Event(event) if event == *hint => return others,
                other => others.push(other),
            }
        }
        assert!(Instant::now() < deadline, "{hint:?} did not arrive on {topic:?}");
    }
}

async fn a_hint_reaches_every_node_its_own_included(nodes: Nodes) {
    let topic = Topic::of_conversation(CONVERSATION);
    nodes.here.interest(&[topic], &[]).await.unwrap();
    nodes.there.interest(&[topic], &[]).await.unwrap();
    for (number, publisher) in [(1, &nodes.here), (2, &nodes.there)] {
        for listener in [&nodes.here, &nodes.there] {
            deliver(&**publisher, topic, &numbered(number), &**listener).await;
        }
    }
}

async fn a_hint_arrives_as_it_was_published(nodes: Nodes) {
    nodes.there.interest(&[Topic::ALL], &[]).await.unwrap();
    for hint in samples() {
        deliver(&*nodes.here, Topic::ALL, &envelope(hint), &*nodes.there).await;
    }
}

async fn every_topic_carries_hints(nodes: Nodes) {
    let topics: Vec<_> = (0..=Topic::ALL.get()).filter_map(Topic::from_number).collect();
    nodes.there.interest(&topics, &[]).await.unwrap();
    for topic in topics {
        deliver(&*nodes.here, topic, &numbered(topic.get().into()), &*nodes.there).await;
    }
}

async fn a_node_hears_only_what_it_asked_for(nodes: Nodes) {
    let [wanted, other] = [1, 2].map(|id| Topic::of_conversation(ConversationId::new(id)));
    nodes.there.interest(&[wanted], &[]).await.unwrap();
    for round in 0..20 {
        nodes.here.publish(other, numbered(-1)).await.unwrap();
        for delivery in deliver(&*nodes.here, wanted, &numbered(round), &*nodes.there).await {
            assert_ne!(number_of(&delivery), Some(-1), "nobody asked for that topic");
        }
    }
}

async fn a_topic_that_was_given_up_falls_silent(nodes: Nodes) {
    let [kept, dropped] = [1, 2].map(|id| Topic::of_conversation(ConversationId::new(id)));
    nodes.there.interest(&[kept, dropped], &[]).await.unwrap();
    deliver(&*nodes.here, dropped, &numbered(-1), &*nodes.there).await;
    nodes.there.interest(&[], &[dropped]).await.unwrap();
    // It may take a moment; from then on it stays silent.
    let (deadline, mut silent, mut round) = (Instant::now() + PATIENCE, 0, 0);
    while silent < 10 {
        round += 1;
        nodes.here.publish(dropped, numbered(-1 - round)).await.unwrap();
        let others = deliver(&*nodes.here, kept, &numbered(round), &*nodes.there).await;
        let heard = others.iter().filter_map(number_of).any(|number| number < 0);
        silent = if heard { 0 } else { silent + 1 };
        if heard {
            // Nothing tells when a subscription has ended elsewhere.
            tokio::time::sleep(AGAIN).await;
        }
        assert!(Instant::now() < deadline, "the topic is still heard");
    }
}

/// Nobody takes deliveries while many are published. Publishing goes on, and whoever then looks finds all of them, or is told
/// that some were lost; silence would leave a client stale for ever.
async fn publishing_waits_for_nobody_and_loss_is_told(nodes: Nodes) {
    let topic = Topic::of_conversation(CONVERSATION);
    nodes.there.interest(&[topic], &[]).await.unwrap();
    deliver(&*nodes.here, topic, &numbered(0), &*nodes.there).await;
    let flood = async {
        for number in 1..=FLOOD {
            nodes.here.publish(topic, numbered(number)).await.unwrap();
        }
    };
    timeout(PATIENCE, flood).await.expect("publishing waits for a node that does not listen");
    let mut missing: BTreeSet<_> = (1..=FLOOD).collect();
    while !missing.is_empty() {
        let delivery = timeout(PATIENCE, nodes.there.next()).await;
        let delivery = delivery.unwrap_or_else(|_| panic!("{} hints were lost in silence", missing.len()));
        match delivery.expect("the bus is open") {
            Delivery::Lagged => break,
            event => drop(number_of(&event).map(|number| missing.remove(&number))),
        }
    }
    deliver(&*nodes.here, topic, &numbered(FLOOD + 1), &*nodes.there).await;
}

async fn a_bus_in_order_answers_a_ping(nodes: Nodes) {
    nodes.here.ping().await.unwrap();
    nodes.there.ping().await.unwrap();
}

/// One hint of each sort, with every field away from its default.
fn samples() -> Vec<Hint> {
    let (rev, now) = (Rev::new(5), Timestamp::from_micros(1_700_000_000_123_456));
    let moved = MovedCursor {
        user_id: USER,
        delivered_seq: Seq::new(4),
        read_seq: Seq::new(3),
        old_delivered_seq: Seq::new(2),
        old_read_seq: Seq::new(1),
    };
    let cursors = CursorsMoved {
        conversation_id: CONVERSATION,
        cursor: Cursor::new(8),
        member_rev: rev,
        moved: vec![moved],
    };
    let member = Member {
        conversation_id: CONVERSATION,
        user_id: USER,
        role: Role::Admin,
        rev,
        since_rev: Rev::new(4),
        visible_from_seq: Seq::new(3),
        delivered_seq: Seq::new(6),
        read_seq: Seq::new(5),
        cursor_rev: Cursor::new(2),
        left_rev: Some(rev),
        user_rev: Rev::new(11),
        joined_at: now,
        left_at: Some(now),
    };
    let message = Message {
        id: MessageId::new(crate::model::MAX_ID),
        conversation_id: CONVERSATION,
        seq: Seq::new(6),
        created_rev: Rev::new(4),
        rev,
        sender_id: USER,
        receiver_id: Some(UserId::new(10)),
        key: MessageKey::from_server("k1"),
        content: "👩‍👩‍👧‍👦 \u{202e}\0\n\"".to_owned(),
        attachments: Vec::new(),
        link: Some("https://example.org/a.png".to_owned()),
        reply_to: None,
        created_at: now,
        edited_at: Some(now),
        deleted_at: None,
    };
    let presence = PresenceHint {
        scope: PresenceScope::Whole,
        users: vec![(USER, Some(PresenceState::Away)), (UserId::new(10), None)],
        chosen: vec![(USER, Some(PresenceState::Invisible))],
    };
    vec![
        Hint::Ended { user_id: USER, session: Some(3), reason: EndReason::SignedOut },
        Hint::Cursors(Arc::new(cursors)),
        Hint::BroadcastProgress { user_id: USER, broadcast_id: BroadcastId::new(2) },
        Hint::Conversation { conversation_id: CONVERSATION, rev, member_rev: Rev::new(2) },
        Hint::Members { conversation_id: CONVERSATION, members: vec![member], member_rev: Rev::new(2) },
        Hint::Message { message: Arc::new(message), member_rev: Rev::new(2) },
        Hint::Presence(Arc::new(presence)),
        Hint::Typing { conversation_id: CONVERSATION, user_id: USER, is_typing: true },
        Hint::User { user_id: USER, user_rev: rev },
    ]
}
