//! A bus as bad as the contract allows, by a seed: what is built on it must come right all the same.

use super::{Bus, Delivery, Envelope, Topic};
use crate::Result;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How bad a [`LossyBus`] is, in percent of the hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Losses {
    /// Never arrive.
    pub dropped: u32,
    /// Arrive twice.
    pub doubled: u32,
    /// Arrive late, and so after others that were published later.
    pub delayed: u32,
    /// How late at most.
    pub delay: Duration,
}

impl Default for Losses {
    fn default() -> Self {
        Self { dropped: 10, doubled: 10, delayed: 20, delay: Duration::from_millis(400) }
    }
}

/// One node's end of another bus, with losses on its way in. The same seed makes the same decisions.
pub struct LossyBus {
    inner: Arc<dyn Bus>,
    losses: Losses,
    is_cut: AtomicBool,
    state: Mutex<State>,
}

struct State {
    random: u64,
    /// What arrives later, in the order of arrival.
    late: VecDeque<(Instant, Arc<Envelope>)>,
}

impl LossyBus {
    /// Wraps a node's end of a bus whose [`Bus::next`] bears being interrupted, as that of the bus in memory does.
    #[must_use]
    pub fn new(inner: impl Bus, seed: u64, losses: Losses) -> Self {
        let state = State { random: seed, late: VecDeque::new() };
        Self { inner: Arc::new(inner), losses, is_cut: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// Loses every hint from now on.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// Loses only as many hints as it was made to.
    pub fn mend(&self) {
        self.is_cut.store(false, Ordering::Relaxed);
    }

    fn due(&self) -> Option<Delivery> {
        let mut state = self.state.lock();
        let is_due = state.late.front().is_some_and(|(at, _)| *at <= Instant::now());
        if is_due { state.late.pop_front().map(|(_, envelope)| Delivery::Event(envelope)) } else { None }
    }

    fn next_due(&self) -> Option<Instant> {
        self.state.lock().late.front().map(|(at, _)| *at)
    }

    /// Decides on a hint; returns it if it arrives now.
    fn judge(&self, envelope: Arc<Envelope>) -> Option<Delivery> {
        if self.is_cut.load(Ordering::Relaxed) {
            return None;
        }
        let mut state = self.state.lock();
        if state.chance(self.losses.dropped) {
            return None;
        }
        if state.chance(self.losses.doubled) {
            state.postpone(Arc::clone(&envelope), self.losses.delay);
        }
        if state.chance(self.losses.delayed) {
            state.postpone(envelope, self.losses.delay);
            return None;
        }
        Some(Delivery::Event(envelope))
    }
}

impl State {
    fn chance(&mut self, percent: u32) -> bool {
        self.random() % 100 < u64::from(percent)
    }

    fn postpone(&mut self, envelope: Arc<Envelope>, most: Duration) {
        let micros = self.random() % u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        let at = Instant::now() + Duration::from_micros(micros);
        let index = self.late.partition_point(|(other, _)| *other <= at);
        self.late.insert(index, (at, envelope));
    }

    /// SplitMix64 (Steele, Lea, Flood, 2014).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[async_trait]
impl Bus for LossyBus {
    async fn publish(&self, topic: Topic, envelope: Arc<Envelope>) -> Result<()> {
        self.inner.publish(topic, envelope).await
    }

    async fn interest(&self, add: &[Topic], remove: &[Topic]) -> Result<()> {
        self.inner.interest(add, remove).await
    }

    async fn next(&self) -> Option<Delivery> {
        loop {
            if let Some(delivery) = self.due() {
                return Some(delivery);
            }
            let due = self.next_due();
            let wait = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => {}
                delivery = self.inner.next() => match delivery? {
                    Delivery::Event(envelope) => {
                        if let Some(delivery) = self.judge(envelope) {
                            return Some(delivery);
                        }
                    }
                    Delivery::Lagged => return Some(Delivery::Lagged),
                },
            }
        }
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }
}

impl fmt::Debug for LossyBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LossyBus")
            .field("inner", &self.inner)
            .field("losses", &self.losses)
            .finish_non_exhaustive()
    }
}
