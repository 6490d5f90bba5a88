//! From the bus to the hub: the only way by which events reach connections, those of this node included.
//!
//! What a hint says is told at once where nothing has to be asked; the rest becomes a turn of its conversation or a look at a
//! person's feed, beside the flow of hints. Decides nothing about who may see what: the hub and the store do.

mod feed;
mod fill;
mod turn;

use super::{hub::Item, meters::Meters, outbox::Subject};
use crate::{
    Chat, Result,
    auth::EndedSession,
    bus::{Bus, Delivery, Envelope, Hint},
    model::{AuthSessionId, BroadcastId, ConversationId, Pulse, Rev, UserId},
    protocol::{BroadcastProgress, ServerFrame, encode},
};
use ahash::AHashMap;
use futures_util::FutureExt;
use std::{future::Future, pin::Pin, sync::Arc};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    task::{self, JoinSet},
};

/// Reads of turns and feeds at a time, so that a burst of them leaves connections of the store to everybody else.
const READS: usize = 16;

/// Hints that are taken in a row before turns and findings are looked at.
const RUN: usize = 64;

/// What the repair loop finds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Finding {
    /// A conversation that this node has not told everything of.
    Conversation(Pulse),
    /// A person whose own feed moved.
    User(UserId, Rev),
}

/// What runs beside the flow of hints.
#[derive(Debug, Clone, Copy)]
enum Work {
    Turn(ConversationId),
    Feed(UserId),
    Other,
}

/// Conversations that somebody has come into, as a look at a feed found.
type Joined = Vec<ConversationId>;

struct Pump {
    chat: Chat,
    meters: Arc<Meters>,
    reads: Arc<Semaphore>,
    /// Turns and looks at feeds; they end with the pump.
    tasks: JoinSet<Joined>,
    work: AHashMap<task::Id, Work>,
    /// People whose feed is being read, with the number that asked for another look since.
    feeds: AHashMap<UserId, Option<Rev>>,
    lagged: Arc<Notify>,
}

type NextDelivery = Pin<Box<dyn Future<Output = Option<Delivery>> + Send>>;

/// Hands on what the bus brings and the repair loop finds, until the bus is closed or the future is dropped. `lagged` is told when
/// the bus lost something.
pub(super) async fn run(
    chat: Chat,
    meters: Arc<Meters>,
    mut findings: mpsc::Receiver<Finding>,
    lagged: Arc<Notify>,
) {
    let bus = Arc::clone(&chat.inner.bus);
    let mut pump = Pump {
        chat,
        meters,
        reads: Arc::new(Semaphore::new(READS)),
        tasks: JoinSet::new(),
        work: AHashMap::new(),
        feeds: AHashMap::new(),
        lagged,
    };
    // The wait for a hint is kept over the rounds: a bus need not bear being interrupted in it.
    let mut next = next_delivery(&bus);
    loop {
        tokio::select! {
            delivery = &mut next => match delivery {
                Some(delivery) => {
                    pump.take(delivery);
                    next = next_delivery(&bus);
                    // What waits already is taken without looking at everything else in between.
                    for _ in 0..RUN {
                        match (&mut next).now_or_never() {
                            Some(Some(delivery)) => {
                                pump.take(delivery);
                                next = next_delivery(&bus);
                            }
                            Some(None) => return,
                            None => break,
                        }
                    }
                }
                None => return,
            },
            Some(done) = pump.tasks.join_next_with_id() => pump.finish(done),
            Some(finding) = findings.recv() => pump.mend(finding),
        }
    }
}

fn next_delivery(bus: &Arc<dyn Bus>) -> NextDelivery {
    let bus = Arc::clone(bus);
    Box::pin(async move { bus.next().await })
}

impl Pump {
    fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Event(envelope) => self.take_envelope(&envelope),
            Delivery::Lagged => self.lagged.notify_one(),
        }
    }

    fn take_envelope(&mut self, envelope: &Envelope) {
        if self.chat.inner.epoch.read().as_ref() != Some(&envelope.epoch) {
            // Another incarnation of the store: the repair loop finds out which of us is behind.
            self.lagged.notify_one();
            return;
        }
        self.chat.inner.caches.observe(&envelope.hint);
        match &envelope.hint {
            Hint::BroadcastProgress { user_id, broadcast_id } => self.tell_progress(*user_id, *broadcast_id),
            Hint::Conversation { conversation_id, rev, member_rev } => {
                self.accept(*conversation_id, Item::Conversation(*rev), *member_rev);
            }
            Hint::Cursors(moved) => {
                self.accept(moved.conversation_id, Item::Cursors(Arc::clone(moved)), moved.member_rev);
            }
            Hint::Device { user_id, device_id, since } => {
                if envelope.node != self.chat.inner.node {
                    self.chat.inner.sessions.device_moved(*user_id, device_id, *since);
                }
            }
            Hint::Ended { user_id, session, reason } => {
                let session = session.map(AuthSessionId::new);
                let authenticator = self.chat.inner.authenticator.as_deref();
                if let Some(sessions) = authenticator.and_then(|authenticator| authenticator.sessions()) {
                    sessions.forget(EndedSession { user_id: *user_id, session });
                }
                self.chat.inner.hub.end(*user_id, session, *reason);
            }
            Hint::Members { conversation_id, members, member_rev } => {
                for member in members {
                    let item = Item::Member(Box::new(member.clone()));
                    self.accept(*conversation_id, item, *member_rev);
                }
            }
            Hint::Message { message, member_rev } => {
                let latency = self.chat.now().since(message.created_at);
                self.meters.delivery_latency.record(latency);
                self.accept(message.conversation_id, Item::Message(Arc::clone(message)), *member_rev);
            }
            Hint::Presence(hint) => {
                let is_own = envelope.node == self.chat.inner.node;
                self.chat.inner.presence.apply(envelope.node, is_own, hint);
            }
            Hint::Profile { user_id } => self.tell_contacts(*user_id),
            Hint::Typing { conversation_id, user_id, is_typing } => {
                let item = Item::Typing { user_id: *user_id, is_typing: *is_typing };
                self.accept(*conversation_id, item, Rev::ZERO);
            }
            Hint::User { user_id, user_rev } => self.look_at_feed(*user_id, *user_rev),
        }
    }

    fn accept(&mut self, conversation: ConversationId, item: Item, member_rev: Rev) {
        if self.chat.inner.hub.accept(&self.chat, conversation, item, member_rev) {
            self.start_turn(conversation);
        }
    }

    fn start_turn(&mut self, conversation: ConversationId) {
        let (chat, reads, meters) = (self.chat.clone(), Arc::clone(&self.reads), Arc::clone(&self.meters));
        self.spawn(Work::Turn(conversation), async move {
            turn::run(&chat, conversation, &reads, &meters).await;
            Joined::new()
        });
    }

    /// Reads a person's own feed if it moved beyond what was told; one look at a time for each person.
    fn look_at_feed(&mut self, user: UserId, rev: Rev) {
        let hub = &self.chat.inner.hub;
        if !hub.is_here(user) || hub.feed_of(user).is_some_and(|told| told >= rev) {
            return;
        }
        if let Some(again) = self.feeds.get_mut(&user) {
            *again = (*again).max(Some(rev));
            return;
        }
        self.feeds.insert(user, None);
        let (chat, reads) = (self.chat.clone(), Arc::clone(&self.reads));
        self.spawn(Work::Feed(user), async move {
            let _permit = reads.acquire().await;
            feed::tell(&chat, user, rev).await.unwrap_or_else(|error| {
                // The repair loop sees that it was not told.
                tracing::warn!(%error, %user, "own feed could not be read");
                Joined::new()
            })
        });
    }

    fn tell_progress(&mut self, user: UserId, broadcast: BroadcastId) {
        if !self.chat.inner.hub.is_here(user) {
            return;
        }
        let (chat, reads) = (self.chat.clone(), Arc::clone(&self.reads));
        self.spawn(Work::Other, async move {
            let _permit = reads.acquire().await;
            if let Err(error) = tell_progress(&chat, user, broadcast).await {
                tracing::warn!(%error, %broadcast, "progress of a broadcast could not be read");
            }
            Joined::new()
        });
    }

    fn tell_contacts(&mut self, user: UserId) {
        let (chat, reads) = (self.chat.clone(), Arc::clone(&self.reads));
        self.spawn(Work::Other, async move {
            let _permit = reads.acquire().await;
            if let Err(error) = feed::tell_contacts(&chat, user).await {
                tracing::warn!(%error, %user, "changed profile could not be told");
            }
            Joined::new()
        });
    }

    fn spawn(&mut self, work: Work, job: impl Future<Output = Joined> + Send + 'static) {
        let id = self.tasks.spawn(job).id();
        self.work.insert(id, work);
    }

    fn finish(&mut self, done: std::result::Result<(task::Id, Joined), task::JoinError>) {
        let (id, joined) = match done {
            Ok((id, joined)) => (id, Some(joined)),
            Err(error) => {
                tracing::error!(%error, "a task of the pump failed");
                (error.id(), None)
            }
        };
        let work = self.work.remove(&id);
        let hub = &self.chat.inner.hub;
        if let (Some(Work::Turn(conversation)), None) = (work, &joined) {
            // Else everything of the conversation would wait for it for ever.
            hub.abandon_turn(conversation);
        }
        for conversation in joined.unwrap_or_default() {
            if self.chat.inner.hub.adopt(conversation) {
                self.start_turn(conversation);
            }
        }
        if let Some(Work::Feed(user)) = work
            && let Some(Some(rev)) = self.feeds.remove(&user)
        {
            self.look_at_feed(user, rev);
        }
    }

    fn mend(&mut self, finding: Finding) {
        match finding {
            Finding::Conversation(pulse) => {
                if self.chat.inner.hub.compare(&pulse) {
                    self.meters.repaired.increment(1);
                    self.start_turn(pulse.conversation_id);
                }
            }
            Finding::User(user, rev) => self.look_at_feed(user, rev),
        }
    }
}

async fn tell_progress(chat: &Chat, user: UserId, id: BroadcastId) -> Result<()> {
    let broadcast = chat.inner.store.load_broadcast(id, user).await?;
    let progress = BroadcastProgress {
        broadcast_id: id,
        state: broadcast.state,
        total: broadcast.total,
        done: broadcast.done,
        failed: broadcast.failed,
    };
    let frame = encode(&ServerFrame::BroadcastProgress(progress));
    for endpoint in chat.inner.hub.endpoints_of(user).iter().filter(|endpoint| endpoint.is_v2()) {
        endpoint.outbox.latest(Subject::Broadcast(id), &frame);
    }
    Ok(())
}
