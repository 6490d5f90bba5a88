//! The loop that keeps one connection: connect, hello, then frames, commands and timers until it breaks.

use super::{ClientConfig, Command, Update};
use crate::{Backoff, Closed, Effect, Error, Frame, Outbox, Replica, Socket};
use chat_core::{
    model::{ConversationId, Rev, Seq},
    protocol::{ClientFrame, CursorTarget, ErrorPayload, Fetch, FetchAck, HelloAck, SendAck},
};
use serde_json::Value;
use std::{collections::HashMap, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};

/// Without any traffic a connection is dead; the server pings every 25 s.
const DEAD_AFTER: Duration = Duration::from_secs(60);

/// Delivery is reported at most this often.
const DELIVERY_EVERY: Duration = Duration::from_secs(1);

/// What a request was for.
#[derive(Debug)]
enum Pending {
    Call(oneshot::Sender<Result<Value, Error>>),
    Fetch { conversation_id: ConversationId, after: Rev },
    Hello,
    Ignored,
    Send(String),
}

/// Runs a client until it is closed or the server ends it.
#[derive(Debug)]
pub struct Driver {
    config: ClientConfig,
    replica: Replica,
    outbox: Outbox,
    commands: mpsc::Receiver<Command>,
    updates: mpsc::Sender<Update>,
    backoff: Backoff,
}

/// One connection's state.
#[derive(Debug)]
struct Connection {
    socket: Socket,
    next_id: u64,
    pending: HashMap<u64, Pending>,
    /// Holes and when to fetch them.
    fetches: HashMap<ConversationId, (Rev, Instant)>,
    delivered: HashMap<ConversationId, Seq>,
    /// When a refused message may be tried again.
    resend_at: Option<Instant>,
}

/// Why a connection or the client ended.
#[derive(Debug)]
enum End {
    Broken(Closed),
    Stopped,
}

impl From<Closed> for End {
    fn from(closed: Closed) -> Self {
        Self::Broken(closed)
    }
}

impl Driver {
    pub(super) fn new(
        config: ClientConfig,
        outbox: Outbox,
        commands: mpsc::Receiver<Command>,
        updates: mpsc::Sender<Update>,
    ) -> Self {
        let seed = getrandom::u64().unwrap_or(1);
        let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30), seed);
        let replica = Replica::new(config.session.user.id);
        Self { config, replica, outbox, commands, updates, backoff }
    }

    /// Runs until [`Client::close`](super::Client::close), until every handle and receiver is dropped, or until the server ends the
    /// client for good. Returns what the client then held.
    pub async fn run(mut self) -> Replica {
        loop {
            let end = match self.connect().await {
                Ok(connection) => self.serve(connection).await,
                Err(Error::Refused { code, .. }) if code == "unauthenticated" => {
                    if !self.refresh_token().await {
                        // Nobody listening is as good as having told.
                        drop(self.updates.send(Update::Ended { code: None }).await);
                        return self.replica;
                    }
                    continue;
                }
                Err(_) => End::Broken(Closed { code: None }),
            };
            self.replica.disconnected();
            self.outbox.disconnected();
            match end {
                End::Stopped => return self.replica,
                End::Broken(closed) if !closed.reconnects() => {
                    drop(self.updates.send(Update::Ended { code: closed.code }).await);
                    return self.replica;
                }
                End::Broken(_) => {
                    if self.updates.send(Update::Offline).await.is_err() || !self.pause().await {
                        return self.replica;
                    }
                }
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let address = self.config.socket_address.clone().unwrap_or_else(|| self.config.api.socket_address());
        let connecting = Socket::connect(&address, &self.config.session.token);
        let socket = timeout(Duration::from_secs(10), connecting)
            .await
            .map_err(|elapsed| Error::Transport(Box::new(elapsed)))??;
        Ok(Connection {
            socket,
            next_id: 0,
            pending: HashMap::new(),
            fetches: HashMap::new(),
            delivered: HashMap::new(),
            resend_at: None,
        })
    }

    async fn refresh_token(&mut self) -> bool {
        let Some(refresh) = self.config.session.refresh_token.clone() else { return false };
        match self.config.api.refresh(&refresh).await {
            Ok(session) => {
                self.config.session = session;
                true
            }
            Err(error)
                if error.is_retryable()
                    && !matches!(&error, Error::Refused { code, .. } if code == "unauthenticated") =>
            {
                self.pause().await
            }
            Err(_) => false,
        }
    }

    /// Waits before the next attempt; commands go on being taken, so that sends are queued while offline.
    async fn pause(&mut self) -> bool {
        let until = Instant::now() + self.backoff.pause();
        loop {
            tokio::select! {
                () = sleep_until(until) => return true,
                command = self.commands.recv() => match command {
                    None | Some(Command::Close) => return false,
                    Some(Command::Send { message, answer }) => drop(answer.send(self.outbox.put(message).await)),
                    Some(Command::Call { answer, .. }) => {
                        let offline = std::io::Error::from(std::io::ErrorKind::NotConnected);
                        drop(answer.send(Err(Error::Transport(Box::new(offline)))));
                    }
                },
            }
        }
    }

    async fn serve(&mut self, mut connection: Connection) -> End {
        match self.converse(&mut connection).await {
            Ok(never) => match never {},
            Err(End::Stopped) => {
                connection.socket.close().await;
                End::Stopped
            }
            Err(end) => end,
        }
    }

    async fn converse(&mut self, connection: &mut Connection) -> Result<std::convert::Infallible, End> {
        let hello = self.replica.hello(&self.config.device_id);
        connection.request(&ClientFrame::Hello(hello), Pending::Hello).await?;
        let mut reports = interval(DELIVERY_EVERY);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dead_at = Instant::now() + DEAD_AFTER;
        loop {
            let wake_at = connection.wake_at(dead_at);
            tokio::select! {
                frame = connection.socket.next() => {
                    dead_at = Instant::now() + DEAD_AFTER;
                    self.frame(connection, frame?).await?;
                }
                command = self.commands.recv() => self.command(connection, command).await?,
                _ = reports.tick() => connection.report_delivery().await?,
                () = sleep_until(wake_at) => {
                    if Instant::now() >= dead_at {
                        return Err(End::Broken(Closed { code: None }));
                    }
                    connection.fetch_due().await?;
                    self.flush(connection).await?;
                }
            }
        }
    }

    async fn command(&mut self, connection: &mut Connection, command: Option<Command>) -> Result<(), End> {
        match command {
            None | Some(Command::Close) => Err(End::Stopped),
            Some(Command::Call { frame, answer }) => connection.request(&frame, Pending::Call(answer)).await,
            Some(Command::Send { message, answer }) => {
                // A caller that went away has its message queued all the same.
                drop(answer.send(self.outbox.put(message).await));
                self.flush(connection).await
            }
        }
    }

    async fn flush(&mut self, connection: &mut Connection) -> Result<(), End> {
        if connection.resend_at.is_some_and(|at| Instant::now() < at) {
            return Ok(());
        }
        connection.resend_at = None;
        for message in self.outbox.take_ready() {
            let frame = ClientFrame::SendMessage(message.to_payload());
            connection.request(&frame, Pending::Send(message.client_id)).await?;
        }
        Ok(())
    }

    async fn frame(&mut self, connection: &mut Connection, frame: Frame) -> Result<(), End> {
        match frame {
            Frame::Ack { id, payload } => match connection.pending.remove(&id) {
                Some(pending) => self.answered(connection, pending, payload).await,
                None => Ok(()),
            },
            Frame::Refused { id, error } => match id.and_then(|id| connection.pending.remove(&id)) {
                Some(pending) => self.refused(connection, pending, error).await,
                None => Ok(()),
            },
            Frame::Event(event) => {
                let effects = self.replica.apply(*event);
                self.carry_out(connection, effects).await
            }
            Frame::Unknown => Ok(()),
        }
    }

    async fn answered(
        &mut self,
        connection: &mut Connection,
        pending: Pending,
        payload: Value,
    ) -> Result<(), End> {
        match pending {
            Pending::Call(answer) => drop(answer.send(Ok(payload))),
            Pending::Fetch { conversation_id, after } => {
                if let Ok(answer) = serde_json::from_value::<FetchAck>(payload) {
                    let effects = self.replica.fetched(conversation_id, after, answer);
                    return self.carry_out(connection, effects).await;
                }
            }
            Pending::Hello => {
                if let Ok(ack) = serde_json::from_value::<HelloAck>(payload) {
                    self.replica.connected(&ack);
                    self.backoff.reset();
                    return self.flush(connection).await;
                }
            }
            Pending::Ignored => {}
            Pending::Send(client_id) => {
                // An outbox that cannot be written keeps the message; the server will call the retry a duplicate.
                let settled = self.outbox.settle(&client_id).await;
                if let (Ok(Some(_)), Ok(ack)) = (settled, serde_json::from_value::<SendAck>(payload)) {
                    let sent =
                        Update::Sent { client_id, message: Box::new(ack.message), duplicate: ack.duplicate };
                    self.tell(sent).await?;
                }
                return self.flush(connection).await;
            }
        }
        Ok(())
    }

    async fn refused(
        &mut self,
        connection: &mut Connection,
        pending: Pending,
        payload: ErrorPayload,
    ) -> Result<(), End> {
        let retry_after = payload.retry_after_ms.map(Duration::from_millis);
        let error =
            Error::Refused { code: payload.code.clone(), message: payload.message.clone(), retry_after };
        match pending {
            Pending::Call(answer) => drop(answer.send(Err(error))),
            Pending::Fetch { conversation_id, after } if error.is_retryable() => {
                let at = Instant::now() + retry_after.unwrap_or(DELIVERY_EVERY);
                connection.fetches.insert(conversation_id, (after, at));
            }
            Pending::Hello => return Err(End::Broken(Closed { code: None })),
            Pending::Fetch { .. } | Pending::Ignored => {}
            Pending::Send(client_id) if error.is_retryable() => {
                self.outbox.retry(&client_id);
                connection.resend_at =
                    Some(Instant::now() + retry_after.unwrap_or_else(|| self.backoff.pause()));
            }
            Pending::Send(client_id) => {
                if matches!(self.outbox.settle(&client_id).await, Ok(Some(_))) {
                    self.tell(Update::Failed { client_id, code: payload.code, message: payload.message })
                        .await?;
                }
                return self.flush(connection).await;
            }
        }
        Ok(())
    }

    async fn carry_out(&mut self, connection: &mut Connection, effects: Vec<Effect>) -> Result<(), End> {
        for effect in effects {
            let update = match effect {
                Effect::Fetch { conversation_id, after, wait } => {
                    connection.fetches.insert(conversation_id, (after, Instant::now() + wait));
                    continue;
                }
                Effect::Conversation(view) => Update::Conversation(view),
                Effect::Gone(id) => Update::Gone(id),
                Effect::Member(member) => Update::Member(member),
                Effect::Message(message) => {
                    if self.config.reports_delivery && message.sender_id != self.config.session.user.id {
                        let seq = connection.delivered.entry(message.conversation_id).or_default();
                        *seq = message.seq.max(*seq);
                    }
                    Update::Message(message)
                }
                Effect::Ready => Update::Ready,
                Effect::Receipt { conversation_id, user_id, delivered, read } => {
                    Update::Receipt { conversation_id, user_id, delivered, read }
                }
                Effect::Reset(id) => Update::Reset(id),
            };
            self.tell(update).await?;
        }
        connection.fetch_due().await
    }

    async fn tell(&self, update: Update) -> Result<(), End> {
        self.updates.send(update).await.map_err(|_| End::Stopped)
    }
}

impl Connection {
    async fn request(&mut self, frame: &ClientFrame, pending: Pending) -> Result<(), End> {
        self.next_id += 1;
        self.pending.insert(self.next_id, pending);
        self.socket.request(self.next_id, frame).await.map_err(|_| End::Broken(Closed { code: None }))
    }

    fn wake_at(&self, dead_at: Instant) -> Instant {
        let fetches = self.fetches.values().map(|(_, at)| *at);
        fetches.chain(self.resend_at).fold(dead_at, Instant::min)
    }

    async fn fetch_due(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let due: Vec<_> = self
            .fetches
            .iter()
            .filter(|(_, (_, at))| *at <= now)
            .map(|(id, (after, _))| (*id, *after))
            .collect();
        for (conversation_id, after_rev) in due {
            self.fetches.remove(&conversation_id);
            let frame = ClientFrame::Fetch(Fetch { conversation_id, after_rev, limit: None });
            self.request(&frame, Pending::Fetch { conversation_id, after: after_rev }).await?;
        }
        Ok(())
    }

    async fn report_delivery(&mut self) -> Result<(), End> {
        for (id, seq) in std::mem::take(&mut self.delivered) {
            let target = CursorTarget { conversation_id: Some(id), seq: Some(seq), message_id: None };
            self.request(&ClientFrame::MessageDelivered(target), Pending::Ignored).await?;
        }
        Ok(())
    }
}
