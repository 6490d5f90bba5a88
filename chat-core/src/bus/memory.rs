//! A bus inside one process: the default of a single node, and what engine tests connect several nodes with.

use super::{Bus, Delivery, Envelope, SHARDS, Topic};
use crate::Result;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Notify;

/// Hints that may wait for a node that does not take them. What comes on top is dropped and told as [`Delivery::Lagged`].
const BACKLOG: usize = 65_536;

/// One node's end of a bus inside this process.
///
/// [`MemoryBus::new`] makes a bus of its own; [`attach`](Self::attach) adds a node to it.
pub struct MemoryBus {
    ring: Arc<Ring>,
    port: Arc<Port>,
}

/// What the nodes of one bus share.
struct Ring {
    ports: Mutex<Vec<Weak<Port>>>,
}

/// What waits for one node.
struct Port {
    state: Mutex<State>,
    arrived: Notify,
    is_closed: AtomicBool,
}

struct State {
    waiting: VecDeque<Arc<Envelope>>,
    has_lagged: bool,
    interest: Box<[bool]>,
}

impl MemoryBus {
    /// Makes a bus with one node.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Arc::new(Ring { ports: Mutex::new(Vec::new()) }))
    }

    /// Adds a node: what either publishes reaches both.
    #[must_use]
    pub fn attach(&self) -> Self {
        Self::on(Arc::clone(&self.ring))
    }

    /// Ends this node's subscription: [`Bus::next`] returns [`None`] once what waits is taken.
    pub fn close(&self) {
        self.port.is_closed.store(true, Ordering::Release);
        self.port.arrived.notify_one();
    }

    fn on(ring: Arc<Ring>) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            has_lagged: false,
            interest: vec![false; usize::from(SHARDS) + 1].into(),
        };
        let port = Arc::new(Port {
            state: Mutex::new(state),
            arrived: Notify::new(),
            is_closed: AtomicBool::new(false),
        });
        ring.ports.lock().push(Arc::downgrade(&port));
        Self { ring, port }
    }
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Port {
    fn offer(&self, topic: Topic, envelope: &Arc<Envelope>) {
        let mut state = self.state.lock();
        if !state.interest[usize::from(topic.get())] {
            return;
        }
        let was_empty = state.waiting.is_empty();
        if state.waiting.len() < BACKLOG {
            state.waiting.push_back(Arc::clone(envelope));
        } else {
            state.has_lagged = true;
        }
        drop(state);
        if was_empty {
            self.arrived.notify_one();
        }
    }

    fn take(&self) -> Option<Delivery> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.has_lagged) {
            return Some(Delivery::Lagged);
        }
        state.waiting.pop_front().map(Delivery::Event)
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(&self, topic: Topic, envelope: Arc<Envelope>) -> Result<()> {
        self.ring.ports.lock().retain(|port| match port.upgrade() {
            Some(port) => {
                port.offer(topic, &envelope);
                true
            }
            None => false,
        });
        Ok(())
    }

    async fn interest(&self, add: &[Topic], remove: &[Topic]) -> Result<()> {
        let mut state = self.port.state.lock();
        for topic in add {
            state.interest[usize::from(topic.get())] = true;
        }
        for topic in remove {
            state.interest[usize::from(topic.get())] = false;
        }
        Ok(())
    }

    async fn next(&self) -> Option<Delivery> {
        loop {
            if let Some(delivery) = self.port.take() {
                return Some(delivery);
            }
            if self.port.is_closed.load(Ordering::Acquire) {
                return None;
            }
            self.port.arrived.notified().await;
        }
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.port.state.lock().waiting.len();
        f.debug_struct("MemoryBus").field("waiting", &waiting).finish_non_exhaustive()
    }
}
