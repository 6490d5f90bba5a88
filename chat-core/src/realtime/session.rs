//! The incoming side of a connection: decodes frames and acts on them, without ever waiting for storage.
//!
//! What needs no storage is answered at once; everything else goes to the connection's worker. Authorises nothing: the use
//! cases do.

use super::{
    connection::{Connection, Stage, TypedAt},
    inbox::{Lane, Request},
    resume,
};
use crate::{
    Error,
    model::{ConversationId, Seq, UserId},
    protocol::{ClientFrame, CursorTarget, FrameId, Typing, decode},
};
use std::{fmt, sync::Arc, time::Duration};

/// The same typing notice again is dropped within this time; clients repeat theirs every three seconds.
const TYPING_PAUSE: Duration = Duration::from_secs(1);

/// The answer to a request that has nothing to say.
#[derive(Debug, serde::Serialize)]
pub(super) struct Done {}

/// The side of a connection into which a transport puts what the client sends. Dropping it ends the connection.
pub struct Session {
    connection: Arc<Connection>,
}

impl Session {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Returns the name of this connection, as `hello` tells it and as logs should.
    #[must_use]
    pub fn id(&self) -> String {
        self.connection.chat.inner.session_name(self.connection.endpoint.id)
    }

    /// Returns whose connection it is.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.connection.user_id()
    }

    /// Acts on one text frame. Never waits for storage; answers come through the outbox.
    pub async fn handle(&self, text: &str) {
        let connection = &self.connection;
        self.touched();
        if connection.endpoint.outbox.is_closed() || !connection.admit() {
            return;
        }
        let limit = connection.chat.limits().frame_bytes;
        if text.len() > limit {
            return connection.broken(None, Error::too_large(format!("a frame has at most {limit} bytes")));
        }
        match decode(text) {
            Ok(incoming) => match incoming.frame {
                Ok(frame) => self.act(incoming.id, frame),
                Err(error) => connection.broken(incoming.id.as_ref(), error),
            },
            Err(error) => connection.broken(None, error),
        }
        // One client that keeps sending must not keep the others on this thread from being read.
        tokio::task::consume_budget().await;
    }

    /// Notes a pong: the client has everything that was written before the ping.
    pub async fn pong(&self) {
        self.touched();
        for (conversation, seq) in self.connection.endpoint.take_proof() {
            self.note(conversation, seq, Seq::ZERO);
        }
    }

    /// Notes traffic that is neither a frame nor a pong, so that the connection does not count as dead.
    pub fn touched(&self) {
        self.connection.endpoint.hear(self.connection.chat.inner.sessions.millis());
    }

    fn act(&self, id: Option<FrameId>, frame: ClientFrame) {
        let connection = &self.connection;
        if connection.stage() == Stage::Silent && !matches!(frame, ClientFrame::Hello(_)) {
            return connection.broken(id.as_ref(), Error::invalid("the first frame must be hello"));
        }
        match frame {
            ClientFrame::Hello(_) => self.hello(Request { id, frame }),
            ClientFrame::SendMessage(_)
            | ClientFrame::BroadcastMessage(_)
            | ClientFrame::EditMessage(_)
            | ClientFrame::DeleteMessage(_) => connection.enqueue(Lane::Writes, Request { id, frame }),
            ClientFrame::ConversationClosed | ClientFrame::ConversationOpened(_) => {
                connection.ack(id.as_ref(), &Done {});
            }
            ClientFrame::CloseConversation(target) => {
                connection.close_conversation(target.conversation_id);
                let hub = &connection.chat.inner.hub;
                hub.set_opened(&connection.endpoint, target.conversation_id, false);
                connection.ack(id.as_ref(), &Done {});
            }
            ClientFrame::Typing(ref typing) if self.repeats(typing) => connection.ack(id.as_ref(), &Done {}),
            // Without an answer to give, receipts of one conversation are pooled.
            ClientFrame::MessageDelivered(CursorTarget {
                conversation_id: Some(conversation),
                seq: Some(seq),
                ..
            }) if id.is_none() => self.note(conversation, seq, Seq::ZERO),
            ClientFrame::MessageRead(CursorTarget {
                conversation_id: Some(conversation),
                seq: Some(seq),
                ..
            }) if id.is_none() => self.note(conversation, seq, seq),
            _ => connection.enqueue(Lane::Others, Request { id, frame }),
        }
    }

    fn note(&self, conversation: ConversationId, delivered: Seq, read: Seq) {
        match self.connection.inbox.note(conversation, delivered, read) {
            Ok(worker) => self.connection.staff(worker),
            Err(error) => self.connection.refuse(None, &error),
        }
    }

    fn repeats(&self, typing: &Typing) -> bool {
        let at = TypedAt { person: typing.to, conversation: typing.conversation_id, types: typing.is_typing };
        self.connection.repeats_typing(at, TYPING_PAUSE)
    }

    fn hello(&self, request: Request) {
        let connection = &self.connection;
        let ClientFrame::Hello(hello) = &request.frame else { return };
        if let Err(error) = resume::check(hello) {
            return connection.broken(request.id.as_ref(), error);
        }
        if connection.begin_greeting() {
            connection.enqueue(Lane::Others, request);
        } else {
            let error = Error::conflict("hello was said before on this connection");
            connection.refuse(request.id.as_ref(), &error);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.leave();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("connection", &self.connection).finish()
    }
}
