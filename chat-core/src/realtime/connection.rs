//! One connection as its session knows it: how far its greeting is, when it ends, what it watches, what it owes.

use super::{
    endpoint::Endpoint,
    guard::{Guard, Offence},
    inbox::{Inbox, Lane, Request, Worker},
    work,
};
use crate::{
    Chat, Error,
    model::{ConversationId, Timestamp, UserId},
    protocol::{CloseCode, FrameId, encode_ack, encode_error},
};
use parking_lot::Mutex;
use serde::Serialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Conversations that a client may look at at a time.
const OPEN: usize = 8;

/// How far the greeting of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// A connection of protocol 2 that has not said `hello`: it is told nothing.
    Silent,
    /// A classic connection.
    Classic,
    /// A `hello` is being answered.
    Greeting,
    /// Protocol 2, live.
    Greeted,
}

/// One connection.
pub(super) struct Connection {
    pub(super) chat: Chat,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) inbox: Inbox,
    stage: AtomicU8,
    /// Milliseconds since the node's start.
    pub(super) opened_at: u64,
    pub(super) pinged_at: AtomicU64,
    /// Microseconds since the Unix epoch; the largest number for never.
    expires_at: AtomicI64,
    is_away: AtomicBool,
    is_attached: AtomicBool,
    /// Whether a classic connection is still being sent what it missed.
    is_opening: AtomicBool,
    opened: Notify,
    more: Mutex<More>,
}

/// What only some connections have, and the guard that every one needs.
#[derive(Debug)]
struct More {
    guard: Guard,
    device: Option<Box<str>>,
    open: Vec<ConversationId>,
    watched: Box<[UserId]>,
    /// Where typing was last told, for the brake on repetitions.
    typed: Option<(TypedAt, Instant)>,
}

/// What a typing notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypedAt {
    pub(super) person: Option<UserId>,
    pub(super) conversation: Option<ConversationId>,
    pub(super) types: bool,
}

impl Connection {
    pub(super) fn new(chat: Chat, endpoint: Arc<Endpoint>, stage: Stage, opened_at: u64) -> Self {
        let guard = Guard::new(chat.rate_limits().messages.is_some());
        let more = More { guard, device: None, open: Vec::new(), watched: Box::default(), typed: None };
        Self {
            chat,
            endpoint,
            inbox: Inbox::default(),
            stage: AtomicU8::new(stage as u8),
            opened_at,
            pinged_at: AtomicU64::new(opened_at),
            expires_at: AtomicI64::new(i64::MAX),
            is_away: AtomicBool::new(false),
            is_attached: AtomicBool::new(false),
            is_opening: AtomicBool::new(stage == Stage::Classic),
            opened: Notify::new(),
            more: Mutex::new(more),
        }
    }

    pub(super) fn user_id(&self) -> UserId {
        self.endpoint.user_id
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Silent,
            1 => Stage::Classic,
            2 => Stage::Greeting,
            _ => Stage::Greeted,
        }
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// Moves to [`Stage::Greeting`]; says whether that was possible: only one `hello` is answered.
    pub(super) fn begin_greeting(&self) -> bool {
        [Stage::Silent, Stage::Classic].into_iter().any(|from| {
            let to = Stage::Greeting as u8;
            self.stage.compare_exchange(from as u8, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
        })
    }

    /// Waits until a classic connection was sent what it missed; on another one returns at once.
    pub(super) async fn opening_ended(&self) {
        loop {
            let opened = self.opened.notified();
            if !self.is_opening.load(Ordering::Acquire) {
                return;
            }
            opened.await;
        }
    }

    pub(super) fn end_opening(&self) {
        self.is_opening.store(false, Ordering::Release);
        self.opened.notify_waiters();
    }

    pub(super) fn is_attached(&self) -> bool {
        self.is_attached.load(Ordering::Acquire)
    }

    /// Notes that the hub knows the connection; says whether it did before.
    pub(super) fn set_attached(&self) -> bool {
        self.is_attached.swap(true, Ordering::AcqRel)
    }

    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// Notes whether the device is idle; says whether that is a change.
    pub(super) fn set_away(&self, away: bool) -> bool {
        self.is_away.swap(away, Ordering::Relaxed) != away
    }

    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at.load(Ordering::Relaxed)).filter(|at| *at != i64::MAX).map(Timestamp::from_micros)
    }

    pub(super) fn set_expiry(&self, at: Option<Timestamp>) {
        self.expires_at.store(at.map_or(i64::MAX, Timestamp::as_micros), Ordering::Relaxed);
    }

    pub(super) fn device(&self) -> Option<Box<str>> {
        self.more.lock().device.clone()
    }

    pub(super) fn set_device(&self, device: &str) {
        self.more.lock().device = Some(device.into());
    }

    /// Replaces the set of people whose presence is watched; returns the old one.
    pub(super) fn set_watched(&self, users: Box<[UserId]>) -> Box<[UserId]> {
        std::mem::replace(&mut self.more.lock().watched, users)
    }

    /// Notes that the client looks at a conversation; returns one that it looked at before if that are too many.
    pub(super) fn open(&self, id: ConversationId) -> Option<ConversationId> {
        let mut more = self.more.lock();
        more.open.retain(|open| *open != id);
        let oldest = (more.open.len() >= OPEN).then(|| more.open.remove(0));
        more.open.push(id);
        oldest
    }

    pub(super) fn close_conversation(&self, id: ConversationId) {
        self.more.lock().open.retain(|open| *open != id);
    }

    /// Says whether the same was told about typing less than `pause` ago.
    pub(super) fn repeats_typing(&self, at: TypedAt, pause: Duration) -> bool {
        let now = Instant::now();
        let mut more = self.more.lock();
        let repeats = more.typed.is_some_and(|(before, when)| before == at && now - when < pause);
        if !repeats {
            more.typed = Some((at, now));
        }
        repeats
    }

    /// Counts a frame; says whether it may be looked at.
    pub(super) fn admit(&self) -> bool {
        let verdict = self.more.lock().guard.frame();
        match verdict {
            Ok(()) => true,
            Err(offence) => {
                self.punish(None, offence);
                false
            }
        }
    }

    /// Answers a frame that could not be understood, and closes the connection of whoever keeps sending such.
    pub(super) fn broken(&self, id: Option<&FrameId>, error: Error) {
        let offence = self.more.lock().guard.broken(error);
        self.punish(id, offence);
    }

    fn punish(&self, id: Option<&FrameId>, offence: Offence) {
        match offence {
            Offence::Refuse(error) => self.refuse(id, &error),
            Offence::Close(code) => self.close(code),
        }
    }

    /// Answers a request, if it asked for an answer.
    pub(super) fn ack<T: Serialize>(&self, id: Option<&FrameId>, payload: &T) {
        if let Some(id) = id {
            self.endpoint.outbox.plain(encode_ack(id, payload));
        }
    }

    /// Refuses a request.
    pub(super) fn refuse(&self, id: Option<&FrameId>, error: &Error) {
        self.endpoint.outbox.plain(encode_error(id, error));
    }

    /// Ends the connection after what is queued.
    pub(super) fn close(&self, code: CloseCode) {
        self.endpoint.farewell(code);
    }

    /// Puts a request in line for the connection's worker.
    pub(super) fn enqueue(self: &Arc<Self>, lane: Lane, request: Request) {
        let id = request.id.clone();
        let limit = self.chat.pacing().pending_sends;
        match self.inbox.push(lane, request, limit) {
            Ok(worker) => self.staff(worker),
            Err(error) => self.refuse(id.as_ref(), &error),
        }
    }

    /// Starts the worker if none runs.
    pub(super) fn staff(self: &Arc<Self>, worker: Worker) {
        if worker == Worker::Needed {
            self.chat.inner.sessions.jobs.spawn(work::serve(Arc::clone(self)));
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("endpoint", &self.endpoint)
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}
