//! Frames from clients.

use super::PresenceStatus;
use crate::{
    Error, Result,
    model::{ConversationId, Cursor, Epoch, MediaId, MessageId, Rev, Seq, UserId},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A frame from a client, by its `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum ClientFrame {
    /// Sends one text to many people as direct messages.
    BroadcastMessage(BroadcastMessage),
    /// Stops the preference for a conversation.
    CloseConversation(ConversationRef),
    /// Of the classic page; accepted and ignored.
    ConversationClosed,
    /// Of the classic page; accepted and ignored.
    ConversationOpened(OpenedPeer),
    /// Deletes a message for all.
    DeleteMessage(DeleteMessage),
    /// Replaces a message's text.
    EditMessage(EditMessage),
    /// Reads missed changes of one conversation.
    Fetch(Fetch),
    /// Asks who is online.
    GetOnlineUsers,
    /// Starts or resumes protocol 2.
    Hello(Hello),
    /// Moves the delivered cursor.
    MessageDelivered(CursorTarget),
    /// Moves the read cursor.
    MessageRead(CursorTarget),
    /// Says which conversation is looked at.
    OpenConversation(ConversationRef),
    /// Prolongs the connection with a fresh token.
    Refresh(Refresh),
    /// Sends a message.
    SendMessage(SendMessage),
    /// Chooses how present one appears.
    SetStatus(SetStatus),
    /// Tells that one types, or stopped.
    Typing(Typing),
    /// Of the classic page: moves a cursor to a message.
    UpdateStatus(UpdateStatus),
    /// Replaces the set of people whose presence is told.
    WatchPresence(WatchPresence),
}

impl ClientFrame {
    /// Reads the payload of a frame of this type.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for an unknown type or a payload of another shape.
    pub fn parse(kind: &str, payload: &str) -> Result<Self> {
        Ok(match kind {
            "broadcast_message" => Self::BroadcastMessage(read(payload)?),
            "close_conversation" => Self::CloseConversation(read(payload)?),
            "conversation_closed" => Self::ConversationClosed,
            "conversation_opened" => Self::ConversationOpened(read(payload)?),
            "delete_message" => Self::DeleteMessage(read(payload)?),
            "edit_message" => Self::EditMessage(read(payload)?),
            "fetch" => Self::Fetch(read(payload)?),
            "get_online_users" => Self::GetOnlineUsers,
            "hello" => Self::Hello(read(payload)?),
            "message_delivered" => Self::MessageDelivered(read(payload)?),
            "message_read" => Self::MessageRead(read(payload)?),
            "open_conversation" => Self::OpenConversation(read(payload)?),
            "refresh" => Self::Refresh(read(payload)?),
            "send_message" => Self::SendMessage(read(payload)?),
            "set_status" => Self::SetStatus(read(payload)?),
            "typing" => Self::Typing(read(payload)?),
            "update_status" => Self::UpdateStatus(read(payload)?),
            "watch_presence" => Self::WatchPresence(read(payload)?),
            _ => return Err(Error::invalid("unknown frame type")),
        })
    }
}

fn read<T: DeserializeOwned>(payload: &str) -> Result<T> {
    serde_json::from_str(payload)
        .map_err(|error| Error::invalid(format!("payload: {error}")).with_source(error))
}

macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }
    )*};
}

payloads! {
    /// Payload of `broadcast_message`.
    BroadcastMessage {
        /// Receivers; doubles are dropped.
        receiver_ids: Vec<UserId>,
        /// The text.
        message: String,
        /// One of our own media addresses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_url: Option<String>,
        /// The key for retries of the whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
    }

    /// Payload that names a conversation.
    ConversationRef {
        /// Which.
        conversation_id: ConversationId,
    }

    /// Payload of `message_delivered` and `message_read`: a conversation and a place, or a message.
    CursorTarget {
        /// Which conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation_id: Option<ConversationId>,
        /// Up to where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        /// Up to this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
    }

    /// Payload of `delete_message`.
    DeleteMessage {
        /// Which.
        message_id: MessageId,
    }

    /// Payload of `edit_message`.
    EditMessage {
        /// Which.
        message_id: MessageId,
        /// The new text.
        message: String,
        /// Refuse unless the message is at this revision.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base_rev: Option<Rev>,
    }

    /// Payload of `fetch`.
    Fetch {
        /// Which conversation.
        conversation_id: ConversationId,
        /// Only later changes.
        after_rev: Rev,
        /// At most so many; default 100, cap 500.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    }

    /// What a client already has of a conversation.
    Have {
        /// Which.
        conversation_id: ConversationId,
        /// It knows everything up to here.
        rev: Rev,
        /// It knows receipts up to here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<Cursor>,
        /// Its own read cursor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read_seq: Option<Seq>,
        /// Its own delivered cursor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivered_seq: Option<Seq>,
    }

    /// Payload of `hello`.
    Hello {
        /// 2.
        protocol: u32,
        /// One running client: a tab, a process. 1–64 characters.
        device_id: String,
        /// The store's incarnation that the numbers belong to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<Epoch>,
        /// The last number of the own feed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_rev: Option<Rev>,
        /// At most 1,000, the open conversation first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        have: Vec<Have>,
    }

    /// Payload of the classic `conversation_opened`.
    OpenedPeer {
        /// The other person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_id: Option<serde_json::Value>,
    }

    /// Payload of `refresh`.
    Refresh {
        /// A fresh token of the same person.
        token: String,
    }

    /// Payload of `send_message`: to a person or into a conversation.
    SendMessage {
        /// The person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<UserId>,
        /// The conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation_id: Option<ConversationId>,
        /// The text; may be empty with a file.
        #[serde(default)]
        message: String,
        /// One of our own media addresses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_url: Option<String>,
        /// Files.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<MediaId>,
        /// The answered message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<MessageId>,
        /// The key for retries: 1–64 printable ASCII characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
    }

    /// Payload of `set_status`.
    SetStatus {
        /// `online`, `away` or `offline` (appear so).
        status: PresenceStatus,
    }

    /// Payload of `typing`: to a person or in a conversation.
    Typing {
        /// The person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<UserId>,
        /// The conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation_id: Option<ConversationId>,
        /// Types, or stopped.
        is_typing: bool,
    }

    /// Payload of the classic `update_status`.
    UpdateStatus {
        /// Up to this message.
        message_id: MessageId,
        /// `delivered` or `read`.
        status: super::ReceiptStatus,
    }

    /// Payload of `watch_presence`.
    WatchPresence {
        /// At most 500; replaces the set.
        user_ids: Vec<UserId>,
    }
}
