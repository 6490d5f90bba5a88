//! Which sessions are still in force: a small cache before the store, and the list of those ended here.

use crate::{
    Error, Result,
    auth::EndedSession,
    model::{AuthSessionId, Timestamp, UserId},
    store::AccountStore,
};
use moka::sync::Cache;
use parking_lot::Mutex;
use std::{collections::VecDeque, time::Duration};
use tokio::sync::Notify;

/// How old an answer of the cache may be: what another node revoked takes effect here within this, even if its hint is lost.
const FRESH: Duration = Duration::from_secs(30);

/// Sessions remembered.
const REMEMBERED: u64 = 100_000;

/// Ended sessions that wait to be told. What does not fit is found by the hub's own look at the store.
const WAITING: usize = 10_000;

/// What is known of one session.
#[derive(Debug, Clone, Copy)]
struct Seen {
    in_force: bool,
    user_id: UserId,
    at: Timestamp,
}

#[derive(Debug)]
pub(super) struct Revocations {
    seen: Cache<AuthSessionId, Seen>,
    ended: Mutex<VecDeque<EndedSession>>,
    more: Notify,
}

impl Revocations {
    pub(super) fn new() -> Self {
        Self { seen: Cache::new(REMEMBERED), ended: Mutex::default(), more: Notify::new() }
    }

    /// Checks that a session is in force and this person's.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) if not, [`Unavailable`](crate::ErrorKind::Unavailable) when the store does
    /// not answer.
    pub(super) async fn check(
        &self,
        store: &dyn AccountStore,
        session: AuthSessionId,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<()> {
        let seen = match self.seen.get(&session) {
            Some(seen) if seen.at <= now && now.since(seen.at) < FRESH => seen,
            _ => self.look(store, session, user_id, now).await?,
        };
        if seen.in_force && seen.user_id == user_id {
            return Ok(());
        }
        Err(Error::unauthenticated("the session has ended"))
    }

    async fn look(
        &self,
        store: &dyn AccountStore,
        session: AuthSessionId,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Seen> {
        let found = store.find_session(session).await?;
        let seen = found.map_or(Seen { in_force: false, user_id, at: now }, |found| Seen {
            in_force: found.revoked_at.is_none() && found.expires_at > now,
            user_id: found.user_id,
            at: now,
        });
        self.seen.insert(session, seen);
        Ok(seen)
    }

    /// Notes that a session was ended here, at once for new requests and soon for open sockets.
    pub(super) fn end(&self, ended: EndedSession) {
        self.forget(ended);
        let mut waiting = self.ended.lock();
        if waiting.len() < WAITING {
            waiting.push_back(ended);
        }
        drop(waiting);
        self.more.notify_one();
    }

    pub(super) fn forget(&self, ended: EndedSession) {
        match ended.session {
            Some(session) => self.seen.invalidate(&session),
            None => self.seen.invalidate_all(),
        }
    }

    pub(super) async fn next_ended(&self) -> EndedSession {
        loop {
            if let Some(ended) = self.ended.lock().pop_front() {
                return ended;
            }
            self.more.notified().await;
        }
    }
}
