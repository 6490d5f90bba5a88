//! Frames from the server, and the payloads of its acks.

use super::{ConversationView, MemberView, MessageView, PresenceStatus, ReceiptStatus, UserView};
use crate::{
    Error,
    config::Limits,
    model::{
        BroadcastId, BroadcastState, ConversationId, Cursor, Epoch, MessageId, Rev, Seq, Timestamp, UserId,
    },
};
use serde::{Deserialize, Serialize};

/// A frame from the server, by its `type`; `ack` and `error` are written by the codec, since they carry an id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum ServerFrame {
    /// A broadcast got further.
    BroadcastProgress(BroadcastProgress),
    /// A conversation's row changed.
    ConversationChanged(Box<ConversationView>),
    /// Receipts that moved while the client was away.
    Cursors(Cursors),
    /// Something changed that was not sent: fetch it.
    Dirty(Dirty),
    /// The person is no longer in a conversation.
    Gone(Gone),
    /// The server is about to close.
    Goodbye(Goodbye),
    /// Everything between two numbers was sent.
    Live(Live),
    /// A member's row changed.
    MemberChanged(Box<MemberView>),
    /// A message was edited or deleted.
    MessageUpdated(Box<MessageView>),
    /// The answer to `hello` is complete.
    Ready(Ready),
    /// A message that the client does not have.
    ReceiveMessage(Box<MessageView>),
    /// The client's numbers are void.
    Reset(Reset),
    /// A receipt cursor moved.
    StatusChange(StatusChange),
    /// Somebody types, or stopped.
    Typing(TypingNotice),
    /// A profile changed.
    UserChanged(Box<UserView>),
    /// Somebody's presence.
    UserStatus(Presence),
}

macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }
    )*};
}

payloads! {
    /// Ack of `broadcast_message`: the messages of up to 100 receivers, or the number accepted.
    BroadcastAck {
        /// Its id.
        broadcast_id: BroadcastId,
        /// One message per receiver, when there are at most 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        messages: Option<Vec<MessageView>>,
        /// Receivers accepted, when there are more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted: Option<u32>,
    }

    /// Payload of `broadcast_progress`.
    BroadcastProgress {
        /// Which.
        broadcast_id: BroadcastId,
        /// How far.
        state: BroadcastState,
        /// Receivers in all.
        total: u32,
        /// Receivers who have their message.
        done: u32,
        /// Receivers for whom it could not be sent.
        failed: u32,
    }

    /// Payload of `cursors`.
    Cursors {
        /// Which conversation.
        conversation_id: ConversationId,
        /// The number of the last flush that this tells of.
        cursor: Cursor,
        /// The rows that moved.
        members: Vec<MemberCursor>,
    }

    /// Payload of `dirty`.
    Dirty {
        /// Which conversation.
        conversation_id: ConversationId,
        /// Its head.
        rev: Rev,
    }

    /// Payload of `error`.
    ErrorPayload {
        /// The stable code.
        code: String,
        /// A text for people.
        message: String,
        /// When a retry makes sense.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    }

    /// Ack of `fetch`: changes, or `reset` where a hello would say so.
    #[derive(Default)]
    FetchAck {
        /// Frames of changes in rising `rev`.
        #[serde(default)]
        events: Vec<ServerFrame>,
        /// Whether more is to be fetched after `to_rev`.
        #[serde(default)]
        has_more: bool,
        /// Everything above `after_rev` up to here was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to_rev: Option<Rev>,
        /// `true`: the numbers are void, start afresh from these.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reset: Option<bool>,
        /// The head to start from, with `reset`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<Rev>,
        /// The receipts' head, with `reset`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<Cursor>,
        /// The oldest message, with `reset`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_seq: Option<Seq>,
        /// The newest message, with `reset`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seq: Option<Seq>,
    }

    /// Payload of `gone`.
    Gone {
        /// Which conversation.
        conversation_id: ConversationId,
        /// The number of the leave in the own feed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_rev: Option<Rev>,
    }

    /// Payload of `goodbye`.
    Goodbye {
        /// Why, as in the close frame.
        reason: String,
        /// Whether to come back.
        reconnect: bool,
        /// After how long.
        after_ms: u64,
    }

    /// Ack of `hello`.
    HelloAck {
        /// Names this connection in logs.
        session_id: String,
        /// Oneself.
        user: UserView,
        /// The store's incarnation.
        epoch: Epoch,
        /// Size limits.
        limits: Limits,
        /// Between pings.
        heartbeat_ms: u64,
        /// The server's time.
        server_time: Timestamp,
        /// The own feed's head.
        user_rev: Rev,
    }

    /// Payload of `live`.
    Live {
        /// Which conversation.
        conversation_id: ConversationId,
        /// Whoever knows at least this …
        from: Rev,
        /// … now knows everything up to here.
        rev: Rev,
    }

    /// One member's receipt cursors.
    MemberCursor {
        /// Whose.
        user_id: UserId,
        /// Delivered up to here.
        delivered_seq: Seq,
        /// Read up to here.
        read_seq: Seq,
    }

    /// Payload of `user_status`.
    Presence {
        /// Whose.
        user_id: UserId,
        /// What.
        status: PresenceStatus,
        /// When the person was last connected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seen: Option<Timestamp>,
    }

    /// Ack of `watch_presence`, `get_online_users` and `set_status`.
    PresenceAck {
        /// The present state of those asked for.
        users: Vec<Presence>,
    }

    /// Payload of `ready`.
    Ready {
        /// The own feed up to which everything was sent.
        user_rev: Rev,
        /// Whether there are conversations that were not told; read the list.
        more: bool,
    }

    /// Ack of `refresh`.
    RefreshAck {
        /// When the connection now ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    }

    /// Payload of `reset`: of one conversation, or of the list when there is no id.
    #[derive(Default)]
    Reset {
        /// Which conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation_id: Option<ConversationId>,
        /// The head from which it is live.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rev: Option<Rev>,
        /// The receipts' head.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<Cursor>,
        /// The oldest message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_seq: Option<Seq>,
        /// The newest message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seq: Option<Seq>,
        /// The own feed's head, for the list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_rev: Option<Rev>,
    }

    /// Ack of `send_message`, and with `duplicate: false` of `edit_message` and `delete_message`.
    SendAck {
        /// The message as it is.
        message: MessageView,
        /// Whether an earlier try had stored it.
        duplicate: bool,
    }

    /// Payload of `status_change`. It means "up to" `seq`.
    StatusChange {
        /// The message at `seq`.
        message_id: MessageId,
        /// What it now is.
        status: ReceiptStatus,
        /// Who moved.
        user_id: UserId,
        /// Where.
        conversation_id: ConversationId,
        /// Up to here.
        seq: Seq,
        /// The number of the flush.
        cursor: Cursor,
    }

    /// Payload of `typing`.
    TypingNotice {
        /// Who.
        user_id: UserId,
        /// Where.
        conversation_id: ConversationId,
        /// Types, or stopped.
        is_typing: bool,
    }
}

impl From<&Error> for ErrorPayload {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind().code().to_owned(),
            message: error.message().to_owned(),
            retry_after_ms: error
                .retry_after()
                .map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
