//! One connection as the engine knows it: whose it is, where its frames go, and what the sweep looks at.

use super::outbox::OutboxSender;
use crate::{
    model::{AuthSessionId, ConversationId, Seq, UserId},
    protocol::{CloseCode, Goodbye, ServerFrame, encode},
};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// Clients that are sent away together come back spread over this time.
const COME_BACK_WITHIN: Duration = Duration::from_secs(5);

/// The end of the engine that a session hangs on.
pub(crate) struct Endpoint {
    /// Names the connection on this node, in logs too.
    pub(crate) id: u64,
    /// Whose.
    pub(crate) user_id: UserId,
    /// The sign-in session, where it is one that can be revoked.
    pub(crate) auth_session: Option<AuthSessionId>,
    /// Where its frames go.
    pub(crate) outbox: OutboxSender,
    /// For classic connections: which messages wait for a pong.
    pub(crate) probe: Mutex<Probe>,
    is_v2: AtomicBool,
    is_resuming: AtomicBool,
    /// Conversations whose listener lists name this endpoint; the hub's.
    pub(super) subscribed: Mutex<Vec<ConversationId>>,
    /// Whole milliseconds since the node's start at which the connection was last heard.
    heard_at: AtomicU64,
}

/// Messages that were written to a classic connection and count as delivered once it answers a ping that was written after them.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    asked: Vec<(ConversationId, Seq)>,
    next: Vec<(ConversationId, Seq)>,
}

impl Endpoint {
    /// Makes the endpoint of a connection.
    pub(crate) fn new(
        id: u64,
        user_id: UserId,
        auth_session: Option<AuthSessionId>,
        outbox: OutboxSender,
        is_v2: bool,
    ) -> Self {
        Self {
            id,
            user_id,
            auth_session,
            outbox,
            probe: Mutex::default(),
            is_v2: AtomicBool::new(is_v2),
            is_resuming: AtomicBool::new(false),
            subscribed: Mutex::default(),
            heard_at: AtomicU64::new(0),
        }
    }

    /// Says whether the connection speaks protocol 2.
    pub(crate) fn is_v2(&self) -> bool {
        self.is_v2.load(Ordering::Relaxed)
    }

    /// Makes a classic connection one of protocol 2.
    pub(crate) fn upgrade(&self) {
        self.is_v2.store(true, Ordering::Relaxed);
        self.outbox.upgrade();
    }

    /// Says whether a resume reads what this connection missed.
    pub(crate) fn is_resuming(&self) -> bool {
        self.is_resuming.load(Ordering::Acquire)
    }

    /// Begins a resume: events are held back from now on. Call it before the hub knows the endpoint.
    pub(crate) fn begin_resume(&self) {
        self.outbox.hold();
        self.is_resuming.store(true, Ordering::Release);
    }

    /// Ends the resume: whatever is still held back follows.
    pub(crate) fn end_resume(&self) {
        self.is_resuming.store(false, Ordering::Release);
        self.outbox.resumed();
    }

    /// Notes that something came from the client.
    pub(crate) fn hear(&self, millis: u64) {
        self.heard_at.store(millis, Ordering::Relaxed);
    }

    /// Returns when something last came from the client.
    pub(crate) fn heard_at(&self) -> u64 {
        self.heard_at.load(Ordering::Relaxed)
    }

    /// Says goodbye to a client that understands it, and closes the connection after what is queued.
    pub(crate) fn farewell(&self, code: CloseCode) {
        if self.is_v2() {
            let goodbye = Goodbye {
                reason: code.reason().to_owned(),
                reconnect: code.reconnects(),
                after_ms: if code == CloseCode::Drain { spread(self.id) } else { 0 },
            };
            self.outbox.plain(encode(&ServerFrame::Goodbye(goodbye)));
        }
        self.outbox.close(code);
    }

    /// Asks a classic connection to prove that it has a message: a ping follows the frame.
    pub(crate) fn ask_for_proof(&self, conversation: ConversationId, seq: Seq) {
        let mut probe = self.probe.lock();
        let is_idle = probe.asked.is_empty();
        let list = if is_idle { &mut probe.asked } else { &mut probe.next };
        match list.iter_mut().find(|(id, _)| *id == conversation) {
            Some((_, known)) => *known = seq.max(*known),
            None => list.push((conversation, seq)),
        }
        drop(probe);
        if is_idle {
            self.outbox.ping();
        }
    }

    /// Takes what a pong proves, and asks for what was written since.
    pub(crate) fn take_proof(&self) -> Vec<(ConversationId, Seq)> {
        let mut probe = self.probe.lock();
        let next = std::mem::take(&mut probe.next);
        let proved = std::mem::replace(&mut probe.asked, next);
        let asks_again = !probe.asked.is_empty();
        drop(probe);
        if asks_again {
            self.outbox.ping();
        }
        proved
    }
}

/// Spreads returning clients evenly: numbers of neighbouring connections land far apart.
fn spread(endpoint: u64) -> u64 {
    // The multiplier is that of Fibonacci hashing, 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4).
    let hashed = endpoint.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    (hashed * COME_BACK_WITHIN.as_millis() as u64) >> 32
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}
