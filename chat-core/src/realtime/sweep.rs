//! One look at all connections per second, in place of a timer for each: pings, the dead, the silent, the expired, and those
//! whose person was banned or signed out where the hint was lost.

use super::{
    connection::{Connection, Stage},
    sessions::Sessions,
};
use crate::{
    Chat, Result,
    model::{AuthSessionId, Timestamp, UserId},
    protocol::CloseCode,
};
use ahash::AHashSet;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior};

/// Between two looks.
const TICK: Duration = Duration::from_secs(1);

/// How often the store is asked who was banned or signed out: well within the thirty seconds that are promised.
const REVOCATIONS_EVERY: Duration = Duration::from_secs(15);

/// People asked about at a time.
const ASKED: usize = 500;

/// Looks until the future is dropped.
pub(super) async fn run(chat: &Chat) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut revocations_due = Instant::now() + REVOCATIONS_EVERY;
    loop {
        ticks.tick().await;
        let connections = chat.inner.sessions.all();
        let now = chat.inner.clock.now();
        for connection in &connections {
            look(&chat.inner.sessions, connection, now);
        }
        if revocations_due <= Instant::now() {
            revocations_due = Instant::now() + REVOCATIONS_EVERY;
            chat.inner.tickets.forget_ended(now);
            if let Err(error) = end_revoked(chat, &connections, now).await {
                tracing::warn!(%error, "revoked sessions could not be looked up");
            }
        }
    }
}

fn look(sessions: &Sessions, connection: &Connection, now: Timestamp) {
    let pacing = connection.chat.pacing();
    let millis = sessions.millis();
    let heard_at = connection.endpoint.heard_at();
    let quiet = Duration::from_millis(millis.saturating_sub(heard_at));
    let age = Duration::from_millis(millis.saturating_sub(connection.opened_at));
    if quiet >= pacing.dead_after {
        // Nobody reads what is queued.
        return connection.endpoint.outbox.cut(CloseCode::Slow);
    }
    if connection.expires_at().is_some_and(|end| end <= now) {
        return connection.close(CloseCode::TokenExpired);
    }
    if connection.stage() == Stage::Silent && age >= pacing.hello_within {
        return connection.close(CloseCode::Protocol);
    }
    // Also with traffic from the client: it tells by the pings that the server is still there.
    let pinged_at = connection.pinged_at.load(Ordering::Relaxed);
    if Duration::from_millis(millis.saturating_sub(pinged_at)) >= pacing.heartbeat {
        connection.pinged_at.store(millis, Ordering::Relaxed);
        connection.endpoint.outbox.ping();
    }
}

async fn end_revoked(chat: &Chat, connections: &[Arc<Connection>], now: Timestamp) -> Result<()> {
    let store = &chat.inner.store;
    let users: AHashSet<UserId> = connections.iter().map(|connection| connection.user_id()).collect();
    let sessions: AHashSet<AuthSessionId> =
        connections.iter().filter_map(|connection| connection.endpoint.auth_session).collect();
    let (users, sessions): (Vec<_>, Vec<_>) = (users.into_iter().collect(), sessions.into_iter().collect());
    let mut banned = AHashSet::default();
    let mut ended = AHashSet::default();
    match store.accounts() {
        Some(accounts) => {
            for part in users.chunks(ASKED) {
                banned.extend(accounts.filter_ended(&[], part, now).await?.1);
            }
            for part in sessions.chunks(ASKED) {
                ended.extend(accounts.filter_ended(part, &[], now).await?.0);
            }
        }
        None => {
            for part in users.chunks(ASKED) {
                let users = store.load_users(part).await?;
                banned.extend(users.into_iter().filter(|user| user.is_banned).map(|user| user.id));
            }
        }
    }
    for connection in connections {
        if banned.contains(&connection.user_id()) {
            connection.close(CloseCode::Banned);
        } else if connection.endpoint.auth_session.is_some_and(|session| ended.contains(&session)) {
            connection.close(CloseCode::SignedOut);
        }
    }
    Ok(())
}
