//! The one future that drives a chat, and its end.

use super::{meters::Meters, presence, pump, repair, sweep, upkeep};
use crate::{
    Chat, Error, ErrorKind, Result,
    bus::{SHARDS, Topic},
    commit,
    protocol::CloseCode,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::MissedTickBehavior,
};

/// Between two looks at what conversations owe.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two looks for conversations that nobody listens to any more.
const FORGET_EVERY: u32 = 30;
/// How long the end of a chat waits for the store to take what is pending.
const DRAIN: Duration = Duration::from_secs(10);
/// Answers of the last commits are handed to their connections within this.
const LAST_ANSWERS: Duration = Duration::from_millis(50);
/// Findings of the repair loop that wait for the pump.
const FINDINGS: usize = 64;

impl Chat {
    /// Drives the chat: commits, delivers, repairs, keeps presence and runs jobs. The host spawns this future; nothing happens
    /// without it. It ends after [`shutdown`](Self::shutdown); dropping it stops everything at once.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when store or bus do not answer at the start, [`Conflict`](ErrorKind::Conflict) when the chat
    /// runs already, [`Internal`](ErrorKind::Internal) when a part of the engine panicked.
    pub fn run(&self) -> impl Future<Output = Result<()>> + Send + 'static {
        let chat = self.clone();
        async move {
            if chat.inner.is_running.swap(true, Ordering::AcqRel) {
                return Err(Error::conflict("the chat runs already"));
            }
            let guard = Running(chat.clone());
            let result = drive(&chat).await;
            drop(guard);
            result
        }
    }

    /// Starts the end in good order: what was accepted is committed and answered, then every connection is told to come back and
    /// closed with 4000, then [`run`](Self::run) returns.
    pub fn shutdown(&self) {
        self.inner.stop.cancel();
    }
}

/// Leaves the chat refusing everything when its run ends, also when it is dropped half-way.
struct Running(Chat);

impl Drop for Running {
    fn drop(&mut self) {
        let inner = &self.0.inner;
        inner.started.send_replace(false);
        inner.pipeline.close();
        *inner.epoch.write() = None;
        inner.hub.for_each_endpoint(|endpoint| endpoint.outbox.close(CloseCode::Drain));
        inner.sessions.stop();
        inner.is_running.store(false, Ordering::Release);
    }
}

async fn drive(chat: &Chat) -> Result<()> {
    let inner = &chat.inner;
    let epoch = inner.store.epoch().await?;
    // A node with some hundred people has members in every shard, so that listening to single ones would save nothing.
    let topics: Vec<Topic> = (0..=SHARDS).filter_map(Topic::from_number).collect();
    inner.bus.interest(&topics, &[]).await?;
    *inner.epoch.write() = Some(epoch);

    let meters = Arc::new(Meters::new());
    // Everything hangs in these two sets, and ends with them.
    let mut pipeline = JoinSet::new();
    pipeline.spawn(commit::run(chat.clone(), inner.pipeline.clone(), Arc::clone(&meters)));
    let mut engine = start(chat, &meters);
    inner.sessions.open();
    inner.pipeline.open();
    inner.started.send_replace(true);

    tokio::select! {
        () = inner.stop.cancelled() => {
            drain(chat, &mut pipeline).await;
            Ok(())
        }
        ended = engine.join_next() => Err(broken(ended)),
        ended = pipeline.join_next() => Err(broken(ended)),
    }
}

fn start(chat: &Chat, meters: &Arc<Meters>) -> JoinSet<()> {
    let inner = &chat.inner;
    let mut engine = JoinSet::new();
    let lagged = Arc::new(Notify::new());
    let (findings, found) = mpsc::channel(FINDINGS);
    engine.spawn(pump::run(chat.clone(), Arc::clone(meters), found, Arc::clone(&lagged)));
    engine.spawn(repair::run(chat.clone(), findings, lagged));
    engine.spawn(Arc::clone(&inner.cursors).run(
        inner.pipeline.clone(),
        Arc::clone(&inner.clock),
        chat.pacing().flush_cursors,
    ));
    engine.spawn(tick(chat.clone(), Arc::clone(meters)));
    engine.spawn(upkeep::run(chat.clone()));
    let sessions = chat.clone();
    engine.spawn(async move { tokio::join!(sweep::run(&sessions), presence::run(&sessions)).0 });
    let jobs = chat.clone();
    engine.spawn(async move {
        let stop = jobs.inner.stop.clone();
        tokio::join!(jobs.run_broadcasts(stop.clone()), jobs.run_after_commit(stop));
        // These end by themselves when the chat is told to stop; the engine goes on until everything is drained.
        std::future::pending::<()>().await;
    });
    engine
}

/// One tick for all conversations, in place of a timer for each.
async fn tick(chat: Chat, meters: Arc<Meters>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count: u32 = 0;
    loop {
        ticks.tick().await;
        count = count.wrapping_add(1);
        let hub = &chat.inner.hub;
        hub.flush_dirty();
        meters.connections.set(hub.connections() as f64);
        meters.delivered.increment(hub.take_told());
        if count.is_multiple_of(FORGET_EVERY) {
            meters.channels.set(hub.forget_stale() as f64);
        }
    }
}

/// Commits what was accepted, lets the answers out, and sends everybody away.
async fn drain(chat: &Chat, pipeline: &mut JoinSet<()>) {
    let inner = &chat.inner;
    inner.sessions.start_draining();
    let finished = tokio::time::timeout(DRAIN, async {
        inner.cursors.flush(&inner.pipeline, &*inner.clock).await;
        inner.pipeline.close();
        pipeline.join_next().await;
    });
    if finished.await.is_err() {
        tracing::warn!("the store did not take what was pending in time");
    }
    tokio::time::sleep(LAST_ANSWERS).await;
    inner.sessions.send_away().await;
    presence::depart(chat).await;
}

fn broken(ended: Option<std::result::Result<(), tokio::task::JoinError>>) -> Error {
    let error = Error::new(ErrorKind::Internal, "a part of the realtime engine ended");
    match ended {
        Some(Err(cause)) => error.with_source(cause),
        Some(Ok(())) | None => error,
    }
}
