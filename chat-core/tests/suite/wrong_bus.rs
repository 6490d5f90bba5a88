//! A bus in memory that breaks one promise.

use async_trait::async_trait;
use chat_core::{
    Error, Result,
    bus::{Bus, Delivery, Envelope, Hint, Topic, memory::MemoryBus},
    conformance::Nodes,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// One thing that a bus can get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A node does not hear itself.
    SkipsItself,
    /// A hint loses what this version of the code would not send.
    ForgetsFields,
    /// The topic of all nodes is taken for one shard too many.
    SkipsTheLastTopic,
    /// Every node hears everything.
    IgnoresInterest,
    /// What was once asked for is heard for ever.
    KeepsTopics,
    /// What does not fit is dropped without a word.
    LosesInSilence,
    /// A publisher waits until a full queue has room.
    Blocks,
    /// The bus is there, but says that it is not.
    LooksGone,
}

/// Each fault with all cases that must fail.
pub(crate) const FAULTS: [(Fault, &[&str]); 8] = [
    (Fault::SkipsItself, &["a_hint_reaches_every_node_its_own_included"]),
    (Fault::ForgetsFields, &["a_hint_arrives_as_it_was_published"]),
    (Fault::SkipsTheLastTopic, &["a_hint_arrives_as_it_was_published", "every_topic_carries_hints"]),
    (
        Fault::IgnoresInterest,
        &["a_node_hears_only_what_it_asked_for", "a_topic_that_was_given_up_falls_silent"],
    ),
    (Fault::KeepsTopics, &["a_topic_that_was_given_up_falls_silent"]),
    (Fault::LosesInSilence, &["publishing_waits_for_nobody_and_loss_is_told"]),
    (Fault::Blocks, &["publishing_waits_for_nobody_and_loss_is_told"]),
    (Fault::LooksGone, &["a_bus_in_order_answers_a_ping"]),
];

/// Hints that may wait before the bus loses or blocks.
const ROOM: usize = 1_000;

#[derive(Debug)]
pub(crate) struct WrongBus {
    inner: MemoryBus,
    node: u64,
    fault: Fault,
    /// Hints that the other node has not taken yet, as far as a publisher can know.
    waiting: Arc<AtomicUsize>,
}

impl WrongBus {
    pub(crate) fn nodes(fault: Fault) -> Nodes {
        let (inner, waiting) = (MemoryBus::new(), Arc::new(AtomicUsize::new(0)));
        let there = Self { inner: inner.attach(), node: 2, fault, waiting: Arc::clone(&waiting) };
        Nodes::new(Self { inner, node: 1, fault, waiting }, there)
    }

    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= ROOM
    }
}

#[async_trait]
impl Bus for WrongBus {
    async fn publish(&self, topic: Topic, envelope: Arc<Envelope>) -> Result<()> {
        let mut envelope = Envelope::clone(&envelope);
        match self.fault {
            // The mark travels where the suite's own number stood, and is taken off again on arrival.
            Fault::SkipsItself => envelope.node = self.node,
            Fault::ForgetsFields => {
                if let Hint::Message { member_rev, .. } = &mut envelope.hint {
                    *member_rev = chat_core::model::Rev::ZERO;
                }
            }
            Fault::SkipsTheLastTopic if topic == Topic::ALL => return Ok(()),
            Fault::LosesInSilence if self.is_full() => return Ok(()),
            Fault::Blocks => {
                while self.is_full() {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
            _ => {}
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.inner.publish(topic, Arc::new(envelope)).await
    }

    async fn interest(&self, add: &[Topic], remove: &[Topic]) -> Result<()> {
        let all: Vec<_> = (0..=Topic::ALL.get()).filter_map(Topic::from_number).collect();
        match self.fault {
            Fault::IgnoresInterest => self.inner.interest(&all, &[]).await,
            Fault::KeepsTopics => self.inner.interest(add, &[]).await,
            _ => self.inner.interest(add, remove).await,
        }
    }

    async fn next(&self) -> Option<Delivery> {
        loop {
            let delivery = self.inner.next().await?;
            self.waiting.store(0, Ordering::Relaxed);
            match delivery {
                Delivery::Event(event) if self.fault == Fault::SkipsItself => {
                    if event.node == self.node {
                        continue;
                    }
                    let mut event = Envelope::clone(&event);
                    event.node = u64::MAX;
                    return Some(Delivery::Event(Arc::new(event)));
                }
                other => return Some(other),
            }
        }
    }

    async fn ping(&self) -> Result<()> {
        match self.fault {
            Fault::LooksGone => Err(Error::unavailable("gone")),
            _ => self.inner.ping().await,
        }
    }
}
