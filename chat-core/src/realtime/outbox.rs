//! Frames on their way out to one connection: a queue that is bounded in bytes and never blocks whoever fills it.
//!
//! The engine holds the [`OutboxSender`], the transport the [`Outbox`]. What happens to a connection that reads too slowly
//! is decided here, in three stages: ephemera are dropped, a conversation's events become one `dirty`, the connection is
//! closed with 4008. Knows nothing of stores, rosters or sockets.

mod gate;
mod queue;

use crate::{
    model::{BroadcastId, ConversationId, Cursor, MessageId, Rev, UserId},
    protocol::{CloseCode, ReceiptStatus},
};
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use queue::Queue;
use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// What the transport is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// Write this text frame.
    Frame(Bytes),
    /// Write a ping.
    Ping,
    /// Write a close frame with this code and end the connection; always the last item.
    Close(CloseCode),
}

/// The receiving side, for the transport. Dropping it closes the connection.
pub struct Outbox {
    shared: Arc<Shared>,
}

/// The sending side, for the engine.
#[derive(Clone)]
pub(crate) struct OutboxSender {
    shared: Arc<Shared>,
}

/// Which kinds of frames a connection understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Only what the classic service had: it cannot be told `dirty` or `live`.
    Classic,
    /// Protocol 2.
    V2,
}

/// What a frame is about, where a later one about the same makes it worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// How far a broadcast is.
    Broadcast(BroadcastId),
    /// Somebody's presence.
    Presence(UserId),
    /// Somebody's profile.
    Profile(UserId),
    /// How far one message got, for classic connections.
    MessageStatus(MessageId),
    /// Somebody's receipt cursor, meaning "up to".
    Receipt(ConversationId, UserId, ReceiptStatus),
    /// The receipts of one flush.
    Receipts(ConversationId, Cursor),
    /// Whether somebody types.
    Typing(ConversationId, UserId),
}

impl Subject {
    /// Returns the conversation whose resume a receipt has to wait for.
    const fn receipts_of(self) -> Option<ConversationId> {
        match self {
            Self::Receipt(conversation, ..) | Self::Receipts(conversation, _) => Some(conversation),
            _ => None,
        }
    }
}

struct Shared {
    state: Mutex<State>,
}

struct State {
    queue: Queue,
    /// The transport, waiting for something to write.
    reader: Option<Waker>,
    /// A resume, waiting for the queue to be half empty.
    writer: Option<Waker>,
}

/// Makes the two sides of a queue of at most `limit` bytes.
pub(crate) fn outbox(limit: usize, dialect: Dialect) -> (OutboxSender, Outbox) {
    let state = State { queue: Queue::new(limit, dialect), reader: None, writer: None };
    let shared = Arc::new(Shared { state: Mutex::new(state) });
    (OutboxSender { shared: Arc::clone(&shared) }, Outbox { shared })
}

impl Outbox {
    /// Waits until there is something to write and moves all of it into `into`; returns how many items that were, 0 once the
    /// connection is over.
    ///
    /// Asking again says that the previous items are written: until then they count against the bound.
    /// Cancel safe: nothing is taken before it is returned.
    pub async fn recv_many(&mut self, into: &mut Vec<Outgoing>) -> usize {
        poll_fn(|context| self.poll_recv_many(context, into)).await
    }

    /// Waits until the connection is to be closed and takes nothing: for a transport whose writing is stuck, which would otherwise
    /// never learn of it. Cancel safe.
    pub async fn closing(&mut self) {
        poll_fn(|context| {
            let mut state = self.shared.state.lock();
            if state.queue.is_closed() {
                return Poll::Ready(());
            }
            state.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Polls for [`recv_many`](Self::recv_many), for transports with a loop of their own.
    pub fn poll_recv_many(&mut self, context: &mut Context<'_>, into: &mut Vec<Outgoing>) -> Poll<usize> {
        let mut state = self.shared.state.lock();
        let taken = state.queue.drain(into);
        let writer = state.queue.has_room().then(|| state.writer.take()).flatten();
        let poll = if taken > 0 || state.queue.is_over() {
            Poll::Ready(taken)
        } else {
            state.reader = Some(context.waker().clone());
            Poll::Pending
        };
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        poll
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.queue.abandon();
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}

impl OutboxSender {
    /// Queues an answer or whatever else is neither dropped nor replaced.
    pub(crate) fn plain(&self, frame: Bytes) {
        self.with(|queue| queue.push_plain(frame));
    }

    /// Waits until a row of a resume can be written, and queues it: a resume is pulled by its reader, so it never counts as slow.
    /// One task at a time waits.
    pub(crate) async fn row(&self, frame: Bytes) {
        let mut frame = Some(frame);
        poll_fn(|context| {
            let mut state = self.shared.state.lock();
            frame = frame.take().and_then(|frame| state.queue.push_row(frame));
            if frame.is_some() {
                state.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            wake_reader(state);
            Poll::Ready(())
        })
        .await;
    }

    /// Queues a durable event of a conversation. It is held back while a resume reads that conversation, and may become a
    /// `dirty` if the client does not read.
    pub(crate) fn event(&self, conversation: ConversationId, rev: Rev, frame: &Bytes) {
        self.with(|queue| queue.push_event(conversation, rev, frame));
    }

    /// Queues something that may be dropped if the client does not read.
    pub(crate) fn ephemeral(&self, subject: Subject, frame: &Bytes) {
        self.with(|queue| queue.push_ephemeral(subject, frame));
    }

    /// Queues something of which only the last is kept if the client does not read. A receipt waits for the resume of its
    /// conversation.
    pub(crate) fn latest(&self, subject: Subject, frame: &Bytes) {
        self.with(|queue| queue.push_latest(subject, frame));
    }

    /// Queues a change of the person's own feed; it waits until a running resume is over.
    pub(crate) fn feed(&self, frame: Bytes) {
        self.with(|queue| queue.push_feed(frame));
    }

    /// Tells the client, once, that a conversation is to be fetched up to `rev`.
    pub(crate) fn dirty(&self, conversation: ConversationId, rev: Rev) {
        self.with(|queue| queue.push_dirty(conversation, rev));
    }

    /// Queues a ping.
    pub(crate) fn ping(&self) {
        self.with(Queue::push_ping);
    }

    /// Ends the connection after what is queued was written.
    pub(crate) fn close(&self, code: CloseCode) {
        self.with(|queue| queue.close(code));
    }

    /// Ends the connection without writing what is queued.
    pub(crate) fn cut(&self, code: CloseCode) {
        self.with(|queue| queue.cut(code));
    }

    /// Says whether the connection is over or about to be.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.state.lock().queue.is_closed()
    }

    /// Makes a classic connection one of protocol 2.
    pub(crate) fn upgrade(&self) {
        self.with(|queue| queue.set_dialect(Dialect::V2));
    }

    /// Starts to hold back the events of all conversations: a resume begins. Call it before the hub knows the connection.
    pub(crate) fn hold(&self) {
        self.with(Queue::hold);
    }

    /// Lets one conversation's events through again: those up to `snapshot` are dropped, since the resume has sent what they say,
    /// the later ones follow. With `from` a `live` that starts there closes the conversation. `settled` says that no event up
    /// to `snapshot` can still come.
    pub(crate) fn release(
        &self,
        conversation: ConversationId,
        snapshot: Rev,
        from: Option<Rev>,
        settled: bool,
    ) {
        self.with(|queue| queue.release(conversation, snapshot, from, settled));
    }

    /// Sends only `dirty` for a conversation from now on, until it is [released](Self::release): the client has not heard of it yet.
    pub(crate) fn withhold(&self, conversation: ConversationId) {
        self.with(|queue| queue.withhold(conversation));
    }

    /// Ends the resume: whatever is still held back follows now.
    pub(crate) fn resumed(&self) {
        self.with(Queue::resumed);
    }

    /// Returns the bytes that wait, the batch that the transport is writing included.
    pub(crate) fn bytes(&self) -> usize {
        self.shared.state.lock().queue.bytes()
    }

    fn with(&self, act: impl FnOnce(&mut Queue)) {
        let mut state = self.shared.state.lock();
        act(&mut state.queue);
        wake_reader(state);
    }
}

/// Wakes the transport if there is something for it; outside the lock, since a waker runs foreign code.
fn wake_reader(mut state: MutexGuard<'_, State>) {
    let waker = if state.queue.has_output() { state.reader.take() } else { None };
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("bytes", &self.shared.state.lock().queue.bytes())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OutboxSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxSender").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
