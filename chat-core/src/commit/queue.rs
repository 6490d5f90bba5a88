//! What waits to be committed: bounded in changes and bytes, fair between people, in order per person and conversation.

use crate::{
    Error, Result,
    model::{Change, Committed, ConversationId, MessageId, NewMessage, UserId},
};
use ahash::{AHashMap, AHashSet};
use parking_lot::Mutex;
use std::{collections::VecDeque, time::Duration};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

/// How many messages may wait. At some 50,000 a second that is a sixth of a second.
pub(super) const CAPACITY: usize = 8_192;
/// How many bytes may wait.
pub(super) const CAPACITY_BYTES: usize = 32 << 20;
/// The part of the queue that one person may fill.
pub(super) const SHARE: usize = 4;
/// Messages of one transaction: more would make the first wait for the last without sharing the fsync any better.
pub(super) const BATCH: usize = 512;
/// Bytes of one transaction.
pub(super) const BATCH_BYTES: usize = 1 << 20;
/// Messages of one conversation in one transaction, so that a busy one leaves room to the others.
pub(super) const BATCH_PER_CONVERSATION: usize = 128;
/// How deep a batch looks behind changes that have to wait.
const LOOK_AHEAD: usize = 4 * BATCH;
/// When a refused caller may try again: the time in which a full queue empties by far.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// A change in line.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) actor: Option<UserId>,
    pub(super) change: Change,
    pub(super) cost: Cost,
    pub(super) answer: oneshot::Sender<Result<Committed>>,
    pub(super) since: Instant,
}

/// What a change weighs in the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) items: usize,
    pub(super) bytes: usize,
}

/// What orders changes among each other beside their actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Conversation(ConversationId),
    Message(MessageId),
}

#[derive(Debug)]
pub(super) struct Queue {
    lane: Mutex<Lane>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Lane {
    jobs: VecDeque<Job>,
    items: usize,
    bytes: usize,
    shares: AHashMap<UserId, Cost>,
    is_open: bool,
    /// Closed for good: an empty queue is the end.
    is_ending: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { lane: Mutex::default(), arrived: Notify::new() }
    }

    pub(super) fn open(&self) {
        let mut lane = self.lane.lock();
        lane.is_open = true;
        lane.is_ending = false;
    }

    pub(super) fn close(&self) {
        let mut lane = self.lane.lock();
        lane.is_open = false;
        lane.is_ending = true;
        drop(lane);
        self.arrived.notify_one();
    }

    pub(super) fn depth(&self) -> usize {
        self.lane.lock().jobs.len()
    }

    pub(super) fn push(
        &self,
        actor: Option<UserId>,
        change: Change,
    ) -> Result<oneshot::Receiver<Result<Committed>>> {
        let (answer, receiver) = oneshot::channel();
        let job = Job { actor, cost: cost_of(&change), change, answer, since: Instant::now() };
        let mut lane = self.lane.lock();
        let was_empty = lane.jobs.is_empty();
        lane.push(job)?;
        drop(lane);
        if was_empty {
            self.arrived.notify_one();
        }
        Ok(receiver)
    }

    /// Waits for changes and takes a batch; [`None`] once the queue is closed and empty.
    pub(super) async fn next_batch(&self) -> Option<Vec<Job>> {
        loop {
            if let Some(batch) = self.take_batch() {
                return Some(batch);
            }
            if self.lane.lock().is_ending {
                return None;
            }
            self.arrived.notified().await;
        }
    }

    /// Takes a batch of what waits now.
    pub(super) fn take_batch(&self) -> Option<Vec<Job>> {
        let batch = self.lane.lock().take();
        (!batch.is_empty()).then_some(batch)
    }
}

impl Lane {
    fn push(&mut self, job: Job) -> Result<()> {
        if !self.is_open {
            return Err(Error::unavailable("the chat is not running"));
        }
        let Cost { items, bytes } = job.cost;
        // An empty queue takes anything, so that no change is too large for ever.
        let is_full = self.items + items > CAPACITY || self.bytes + bytes > CAPACITY_BYTES;
        if is_full && !self.jobs.is_empty() {
            return Err(Error::busy("too many messages are waiting").with_retry_after(RETRY_AFTER));
        }
        if let Some(actor) = job.actor {
            let share = self.shares.entry(actor).or_insert(Cost { items: 0, bytes: 0 });
            let is_over =
                share.items + items > CAPACITY / SHARE || share.bytes + bytes > CAPACITY_BYTES / SHARE;
            if is_over && share.items > 0 {
                return Err(
                    Error::busy("too many of your messages are waiting").with_retry_after(RETRY_AFTER)
                );
            }
            share.items += items;
            share.bytes += bytes;
        }
        self.items += items;
        self.bytes += bytes;
        self.jobs.push_back(job);
        Ok(())
    }

    /// Takes from the front what fits into one batch. Whatever has to wait keeps its place, and holds back what follows of the
    /// same person or conversation.
    fn take(&mut self) -> Vec<Job> {
        let mut pick = Pick::default();
        let mut batch = Vec::with_capacity(self.jobs.len().min(BATCH));
        let mut left = VecDeque::new();
        let mut looked = 0;
        while looked < LOOK_AHEAD {
            let Some(job) = self.jobs.pop_front() else { break };
            looked += 1;
            match pick.judge(&job) {
                Choice::Take => {
                    self.forget(&job);
                    batch.push(job);
                }
                Choice::Leave => left.push_back(job),
                Choice::Full => {
                    self.jobs.push_front(job);
                    break;
                }
            }
        }
        while let Some(job) = left.pop_back() {
            self.jobs.push_front(job);
        }
        batch
    }

    fn forget(&mut self, job: &Job) {
        self.items -= job.cost.items;
        self.bytes -= job.cost.bytes;
        let Some(actor) = job.actor else { return };
        if let Some(share) = self.shares.get_mut(&actor) {
            share.items -= job.cost.items;
            share.bytes -= job.cost.bytes;
            if share.items == 0 {
                self.shares.remove(&actor);
            }
        }
    }
}

enum Choice {
    Take,
    Leave,
    Full,
}

/// The bounds of one batch while it is picked.
#[derive(Default)]
struct Pick {
    items: usize,
    bytes: usize,
    per_conversation: AHashMap<ConversationId, usize>,
    waiting_actors: AHashSet<UserId>,
    waiting_places: AHashSet<Place>,
}

impl Pick {
    fn judge(&mut self, job: &Job) -> Choice {
        let is_first = self.items == 0;
        let is_full = self.items + job.cost.items > BATCH || self.bytes + job.cost.bytes > BATCH_BYTES;
        if is_full && !is_first {
            return Choice::Full;
        }
        if self.must_wait(job) {
            self.waiting_actors.extend(job.actor);
            self.waiting_places.extend(places_of(&job.change));
            return Choice::Leave;
        }
        self.items += job.cost.items;
        self.bytes += job.cost.bytes;
        Choice::Take
    }

    fn must_wait(&mut self, job: &Job) -> bool {
        let behind = !self.waiting_places.is_empty() || !self.waiting_actors.is_empty();
        if behind {
            let by_actor = job.actor.is_some_and(|actor| self.waiting_actors.contains(&actor));
            if by_actor || places_of(&job.change).any(|place| self.waiting_places.contains(&place)) {
                return true;
            }
        }
        let Change::Append(message) = &job.change else { return false };
        let count = self.per_conversation.entry(message.conversation_id).or_default();
        *count += 1;
        *count > BATCH_PER_CONVERSATION
    }
}

fn places_of(change: &Change) -> impl Iterator<Item = Place> {
    let (one, many) = match change {
        Change::Append(message) => (Some(Place::Conversation(message.conversation_id)), None),
        Change::Broadcast(broadcast) => (None, Some(&broadcast.messages)),
        Change::Cursors(flush) => (Some(Place::Conversation(flush.conversation_id)), None),
        Change::Delete(delete) => (Some(Place::Message(delete.message_id)), None),
        Change::Edit(edit) => (Some(Place::Message(edit.message_id)), None),
    };
    let many = many.into_iter().flatten().map(|message| Place::Conversation(message.conversation_id));
    one.into_iter().chain(many)
}

fn cost_of(change: &Change) -> Cost {
    /// What a row costs beside its text.
    const ROW: usize = 160;
    let message = |message: &NewMessage| ROW + message.content.len() + message.attachments.len() * ROW;
    match change {
        Change::Append(new) => Cost { items: 1, bytes: message(new) },
        Change::Broadcast(broadcast) => Cost {
            items: broadcast.messages.len().max(1),
            bytes: ROW
                + broadcast.receivers.len() * 16
                + broadcast.messages.iter().map(message).sum::<usize>(),
        },
        Change::Cursors(flush) => Cost { items: 1, bytes: ROW + flush.moves.len() * 24 },
        Change::Delete(_) => Cost { items: 1, bytes: ROW },
        Change::Edit(edit) => Cost { items: 1, bytes: ROW + edit.content.len() },
    }
}
