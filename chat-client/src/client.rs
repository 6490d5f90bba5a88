//! The client that stays connected: it resumes after every break, fills holes, and sends what waits in the outbox.

mod driver;

pub use driver::Driver;

use crate::{Api, Error, Outbox, Queued, SignedIn, Target};
use chat_core::{
    model::{ConversationId, MediaId, MessageId, Seq, UserId},
    protocol::{ClientFrame, ConversationView, MemberView, MessageView},
};
use serde_json::Value;
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot};

/// How many updates may wait for the application; when it reads no more, the driver stops reading the socket.
const UPDATES: usize = 1_024;

/// What a [`Client`] needs.
#[derive(Debug)]
pub struct ClientConfig {
    api: Api,
    session: SignedIn,
    device_id: String,
    outbox: Option<PathBuf>,
    reports_delivery: bool,
    socket_address: Option<String>,
}

impl ClientConfig {
    /// Connects as the person of `session`: a random device id, an outbox in memory, delivery reported.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    #[must_use]
    pub fn new(api: Api, session: SignedIn) -> Self {
        let random = getrandom::u64().expect("the operating system has randomness");
        let device_id = format!("rust-{random:016x}");
        Self { api, session, device_id, outbox: None, reports_delivery: true, socket_address: None }
    }

    /// Names the running client; a second connection with the same name replaces the first.
    #[must_use]
    pub fn with_device_id(mut self, id: impl Into<String>) -> Self {
        self.device_id = id.into();
        self
    }

    /// Keeps unsent messages in this file.
    #[must_use]
    pub fn with_outbox(mut self, path: impl Into<PathBuf>) -> Self {
        self.outbox = Some(path.into());
        self
    }

    /// Leaves it to the application to say what was delivered.
    #[must_use]
    pub const fn without_delivery_reports(mut self) -> Self {
        self.reports_delivery = false;
        self
    }

    /// Connects the socket elsewhere than the HTTP calls, for example through a proxy.
    #[must_use]
    pub fn with_socket_address(mut self, address: impl Into<String>) -> Self {
        self.socket_address = Some(address.into());
        self
    }
}

/// What the application is told.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// The connection is gone; the driver comes back by itself.
    Offline,
    /// The server asked not to come back by itself (close code 4100 or above), or signed the person out.
    Ended {
        /// The close code, where there was one.
        code: Option<u16>,
    },
    /// Everything that was missed has been told.
    Ready,
    /// A conversation has this state.
    Conversation(Box<ConversationView>),
    /// The person is out of this conversation.
    Gone(ConversationId),
    /// A member's row has this state.
    Member(Box<MemberView>),
    /// A message has this state: it came, was edited or deleted. Never the same state twice.
    Message(Box<MessageView>),
    /// Somebody's cursors moved.
    Receipt {
        /// Where.
        conversation_id: ConversationId,
        /// Whose.
        user_id: UserId,
        /// Delivered up to here.
        delivered: Seq,
        /// Read up to here.
        read: Seq,
    },
    /// What was shown of this conversation, or of all, is unproven: read pages again.
    Reset(Option<ConversationId>),
    /// A queued message is stored.
    Sent {
        /// Its key.
        client_id: String,
        /// Its state.
        message: Box<MessageView>,
        /// Whether an earlier try had stored it.
        duplicate: bool,
    },
    /// A queued message was refused for good and is out of the outbox.
    Failed {
        /// Its key.
        client_id: String,
        /// The stable code.
        code: String,
        /// A text for people.
        message: String,
    },
}

/// What the handle asks of the driver.
#[derive(Debug)]
pub(crate) enum Command {
    Call { frame: ClientFrame, answer: oneshot::Sender<Result<Value, Error>> },
    Close,
    Send { message: Queued, answer: oneshot::Sender<Result<(), Error>> },
}

/// The application's handle: a cheap clone.
#[derive(Debug, Clone)]
pub struct Client {
    me: UserId,
    commands: mpsc::Sender<Command>,
}

impl Client {
    /// Makes a client; nothing happens until the [`Driver`] runs.
    ///
    /// # Errors
    /// [`Error::File`] when the outbox cannot be opened.
    pub async fn open(config: ClientConfig) -> Result<(Self, mpsc::Receiver<Update>, Driver), Error> {
        let outbox = match &config.outbox {
            Some(path) => Outbox::open(path).await?,
            None => Outbox::in_memory(),
        };
        let (commands, incoming) = mpsc::channel(256);
        let (updates, receiver) = mpsc::channel(UPDATES);
        let me = config.session.user.id;
        let driver = Driver::new(config, outbox, incoming, updates);
        Ok((Self { me, commands }, receiver, driver))
    }

    /// Returns whose client this is.
    #[must_use]
    pub const fn me(&self) -> UserId {
        self.me
    }

    /// Queues a text and returns its key; [`Update::Sent`] or [`Update::Failed`] tells what became of it.
    ///
    /// # Errors
    /// [`Error::File`] when the outbox cannot be written, [`Error::Closed`] after the driver ended.
    pub async fn send(&self, target: Target, text: impl Into<String>) -> Result<String, Error> {
        self.send_with(target, text, Vec::new(), None).await
    }

    /// Queues a text with files and an answered message.
    ///
    /// # Errors
    /// As [`Client::send`].
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub async fn send_with(
        &self,
        target: Target,
        text: impl Into<String>,
        attachments: Vec<MediaId>,
        reply_to: Option<MessageId>,
    ) -> Result<String, Error> {
        let random = getrandom::u64().expect("the operating system has randomness");
        let client_id = format!("{random:016x}");
        let message =
            Queued { client_id: client_id.clone(), target, text: text.into(), attachments, reply_to };
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Send { message, answer }).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)??;
        Ok(client_id)
    }

    /// Sends any other frame and waits for its answer. A break of the connection fails it; nothing is retried.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Transport`] while offline, [`Error::Closed`] after the driver ended.
    pub async fn call(&self, frame: ClientFrame) -> Result<Value, Error> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Call { frame, answer }).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Says that everything up to `seq` is read.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn mark_read(&self, conversation_id: ConversationId, seq: Seq) -> Result<(), Error> {
        let target = chat_core::protocol::CursorTarget {
            conversation_id: Some(conversation_id),
            seq: Some(seq),
            message_id: None,
        };
        self.call(ClientFrame::MessageRead(target)).await.map(drop)
    }

    /// Ends the driver. What is unsent stays in the outbox's file.
    pub async fn close(&self) {
        // A driver that has ended needs no command.
        drop(self.commands.send(Command::Close).await);
    }
}
