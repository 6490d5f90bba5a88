//! The repair of lost hints: compares, every two seconds, what the store says has changed with what this node has told.
//!
//! Its cost follows the rate of writes, not the number of connections. A slow sweep over all conversations covers what the
//! look back in time could miss.

use super::pump::Finding;
use crate::{
    Chat, Result,
    model::{ConversationId, Epoch, Pulse, Timestamp},
    protocol::CloseCode,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, mpsc};

/// How far each look reaches behind the one before: longer than a transaction between taking its time and being visible.
const OVERLAP: Duration = Duration::from_secs(5);
/// Hints of what was just written are still on their way; what is missing after this is lost.
const ON_THE_WAY: Duration = Duration::from_millis(400);
/// Every so many looks one page of the slow sweep is read.
const SWEEP_EVERY: u32 = 5;
/// Conversations of such a page.
const SWEEP_PAGE: usize = 500;
/// Every so many looks the store's incarnation is read.
const EPOCH_EVERY: u32 = 5;

struct Repair {
    chat: Chat,
    findings: mpsc::Sender<Finding>,
    since: Timestamp,
    swept: Option<ConversationId>,
    looks: u32,
}

/// Looks for lost hints until the future is dropped or nobody takes the findings; at once when `lagged` tells that the bus lost some.
pub(super) async fn run(chat: Chat, findings: mpsc::Sender<Finding>, lagged: Arc<Notify>) {
    let every = chat.pacing().repair_every;
    let since = chat.now().minus(OVERLAP);
    let mut repair = Repair { chat, findings, since, swept: None, looks: 0 };
    loop {
        let was_told = tokio::time::timeout(every, lagged.notified()).await.is_ok();
        if let Err(error) = repair.look(was_told).await {
            tracing::warn!(%error, "repair loop cannot read the store");
        }
        if repair.findings.is_closed() {
            return;
        }
    }
}

impl Repair {
    async fn look(&mut self, was_told: bool) -> Result<()> {
        self.looks = self.looks.wrapping_add(1);
        if was_told || self.looks.is_multiple_of(EPOCH_EVERY) {
            self.check_epoch().await?;
        }
        if self.chat.inner.hub.connections() == 0 {
            // Nobody to tell; sessions that come read the store by themselves.
            self.since = self.since.max(self.chat.now().minus(OVERLAP));
            return Ok(());
        }
        let heads = self.chat.inner.store.list_changed(self.since).await?;
        self.since = heads.as_of.minus(OVERLAP);
        for (user, rev) in heads.users {
            let hub = &self.chat.inner.hub;
            if hub.feed_of(user).is_some_and(|told| told < rev) {
                self.report(Finding::User(user, rev)).await;
            }
        }
        self.compare(heads.conversations).await;
        if self.looks.is_multiple_of(SWEEP_EVERY) {
            self.sweep().await?;
        }
        Ok(())
    }

    /// Reports conversations that are behind now and still are in a moment.
    async fn compare(&self, pulses: Vec<Pulse>) {
        let hub = &self.chat.inner.hub;
        let mut behind = pulses;
        behind.retain(|pulse| hub.is_behind(pulse));
        if behind.is_empty() {
            return;
        }
        tokio::time::sleep(ON_THE_WAY).await;
        for pulse in behind {
            if hub.is_behind(&pulse) {
                self.report(Finding::Conversation(pulse)).await;
            }
        }
    }

    async fn sweep(&mut self) -> Result<()> {
        let page = self.chat.inner.store.list_heads(self.swept, SWEEP_PAGE).await?;
        self.swept =
            if page.len() < SWEEP_PAGE { None } else { page.last().map(|pulse| pulse.conversation_id) };
        self.compare(page).await;
        Ok(())
    }

    /// A store that has gone back, or was replaced, makes all that clients know void: they come back and are told so.
    async fn check_epoch(&self) -> Result<()> {
        let epoch = self.chat.inner.store.epoch().await?;
        let known: Option<Epoch> = self.chat.inner.epoch.read().clone();
        if known.as_ref() != Some(&epoch) {
            tracing::warn!(%epoch, "the store has another epoch, all connections start afresh");
            *self.chat.inner.epoch.write() = Some(epoch);
            self.chat.inner.hub.for_each_endpoint(|endpoint| endpoint.farewell(CloseCode::Drain));
        }
        Ok(())
    }

    async fn report(&self, finding: Finding) {
        if self.findings.send(finding).await.is_err() {
            tracing::debug!("the pump has ended before the repair loop");
        }
    }
}
