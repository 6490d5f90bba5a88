//! The JSON objects of people, conversations, members and messages: the same in frames, acks and HTTP answers.
//!
//! How an attachment or picture is addressed is decided by whoever builds a view: it hands in a function.

use crate::model::{
    Attachment, Avatar, BroadcastId, BroadcastState, Conversation, ConversationId, ConversationKind, Cursor,
    MediaId, MediaKind, Member, Message, MessageId, Quote, Rev, Role, Seq, Timestamp, User, UserId,
};
use serde::{Deserialize, Serialize};

/// How present somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    /// Connected, but idle.
    Away,
    /// Not connected, or appears so.
    Offline,
    /// Connected.
    Online,
    /// Cannot be told at present.
    Unknown,
}

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    /// Stored.
    Sent,
    /// On a device of every other member.
    Delivered,
    /// Read by every other member.
    Read,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttachmentView {
    /// Its id.
    pub id: MediaId,
    /// Its sort.
    pub kind: MediaKind,
    /// Its type.
    pub mime: String,
    /// The uploader's name for it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Where to load it, for one to seven days.
    pub url: String,
}

impl AttachmentView {
    /// Shows a file under this address.
    #[must_use]
    pub fn new(attachment: &Attachment, url: String) -> Self {
        Self {
            id: attachment.id,
            kind: attachment.kind,
            mime: attachment.mime.clone(),
            name: attachment.name.clone(),
            size: attachment.size,
            width: attachment.width,
            height: attachment.height,
            url,
        }
    }
}

/// The message that another one answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuoteView {
    /// Its id.
    pub id: MessageId,
    /// Its place.
    pub seq: Seq,
    /// Who wrote it; absent when unavailable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<UserId>,
    /// The beginning of its text.
    pub content: String,
    /// `true` when it was deleted or the reader may not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<bool>,
}

impl QuoteView {
    /// Shows a quote to a reader who sees messages from `visible_from` on.
    #[must_use]
    pub fn new(quote: &Quote, visible_from: Seq) -> Self {
        if quote.deleted || quote.seq < visible_from {
            return Self {
                id: quote.id,
                seq: quote.seq,
                sender_id: None,
                content: String::new(),
                unavailable: Some(true),
            };
        }
        Self {
            id: quote.id,
            seq: quote.seq,
            sender_id: Some(quote.sender_id),
            content: quote.content.clone(),
            unavailable: None,
        }
    }
}

/// The one message object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageView {
    /// Its id.
    pub id: MessageId,
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// The number of its last change.
    pub rev: Rev,
    /// The number of the change that created it.
    pub created_rev: Rev,
    /// Who wrote it.
    pub sender_id: UserId,
    /// To whom, in a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver_id: Option<UserId>,
    /// The text; empty in a tombstone.
    pub content: String,
    /// The address of the first file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    /// The files.
    #[serde(default)]
    pub attachments: Vec<AttachmentView>,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<QuoteView>,
    /// How far it got.
    pub status: ReceiptStatus,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its text last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// When it was deleted for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// The sender's key, to the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// For whom a [`MessageView`] is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// Whether it is the sender, who alone is told `client_id`.
    pub is_sender: bool,
    /// Quotes of older messages are not shown.
    pub visible_from: Seq,
}

impl MessageView {
    /// Shows a message; `address` gives the address of a file.
    pub fn new(
        message: &Message,
        status: ReceiptStatus,
        reader: Reader,
        address: impl Fn(&Attachment) -> String,
    ) -> Self {
        let attachments: Vec<_> =
            message.attachments.iter().map(|file| AttachmentView::new(file, address(file))).collect();
        let updated_at = message.deleted_at.max(message.edited_at).unwrap_or(message.created_at);
        let client_id = message.key.client_id().filter(|_| reader.is_sender).map(ToOwned::to_owned);
        Self {
            id: message.id,
            conversation_id: message.conversation_id,
            seq: message.seq,
            rev: message.rev,
            created_rev: message.created_rev,
            sender_id: message.sender_id,
            receiver_id: message.receiver_id,
            content: message.content.clone(),
            media_url: attachments.first().map(|file| file.url.clone()).or_else(|| message.link.clone()),
            attachments,
            reply_to: message.reply_to.as_ref().map(|quote| QuoteView::new(quote, reader.visible_from)),
            status,
            created_at: message.created_at,
            updated_at,
            edited_at: message.edited_at,
            deleted_at: message.deleted_at,
            client_id,
        }
    }
}

/// A person in a list of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonView {
    /// The person's id.
    pub id: UserId,
    /// The name to sign in with, or the shown one.
    pub username: String,
    /// The shown name.
    pub display_name: String,
    /// Where the picture is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

impl PersonView {
    /// Shows a person; `address` gives the address of an uploaded picture.
    pub fn new(user: &User, address: impl Fn(MediaId) -> Option<String>) -> Self {
        let avatar_url = match &user.avatar {
            Some(Avatar::Link(link)) => Some(link.clone()),
            Some(Avatar::Media(id)) => address(*id),
            None => None,
        };
        Self {
            id: user.id,
            username: user.handle().to_owned(),
            display_name: user.display_name.clone(),
            avatar_url,
        }
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserView {
    /// Id, names and picture.
    #[serde(flatten)]
    pub person: PersonView,
    /// How present the person is.
    pub status: PresenceStatus,
    /// When the person was last connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// When the chat first saw the person.
    pub created_at: Timestamp,
    /// When the profile last changed.
    pub updated_at: Timestamp,
    /// The own feed's head, to oneself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_rev: Option<Rev>,
    /// Whether one may use the operations of administrators, to oneself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_admin: Option<bool>,
}

/// A member's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberView {
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub user: PersonView,
    /// The rights.
    pub role: Role,
    /// The conversation's number of this row's last change.
    pub rev: Rev,
    /// When the person came in.
    pub joined_at: Timestamp,
    /// When the person left, while out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    /// Delivered up to here.
    pub delivered_seq: Seq,
    /// Read up to here.
    pub read_seq: Seq,
}

impl MemberView {
    /// Shows a member's row.
    #[must_use]
    pub const fn new(member: &Member, user: PersonView) -> Self {
        Self {
            conversation_id: member.conversation_id,
            user,
            role: member.role,
            rev: member.rev,
            joined_at: member.joined_at,
            left_at: member.left_at,
            delivered_seq: member.delivered_seq,
            read_seq: member.read_seq,
        }
    }
}

/// The reader's own row of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MeView {
    /// The rights.
    pub role: Role,
    /// The conversation's number of this row's last change.
    pub rev: Rev,
    /// The number of the join.
    pub since_rev: Rev,
    /// The number of this row's last change in the own feed.
    pub user_rev: Rev,
    /// Older messages are not shown.
    pub visible_from_seq: Seq,
    /// Delivered up to here.
    pub delivered_seq: Seq,
    /// Read up to here.
    pub read_seq: Seq,
    /// When one left, while out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
}

impl From<&Member> for MeView {
    fn from(member: &Member) -> Self {
        Self {
            role: member.role,
            rev: member.rev,
            since_rev: member.since_rev,
            user_rev: member.user_rev,
            visible_from_seq: member.visible_from_seq,
            delivered_seq: member.delivered_seq,
            read_seq: member.read_seq,
            left_at: member.left_at,
        }
    }
}

/// A conversation; the last three fields only where it is made for one reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversationView {
    /// Its id.
    pub id: ConversationId,
    /// Its sort.
    pub kind: ConversationKind,
    /// The name of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The number of the last change of this row.
    pub rev: Rev,
    /// The newest message.
    pub last_seq: Seq,
    /// The newest shared change.
    pub last_rev: Rev,
    /// The newest flush of receipts.
    pub last_cursor: Cursor,
    /// The oldest message that is still there.
    pub first_seq: Seq,
    /// Counts changes of membership.
    pub member_rev: Rev,
    /// How many people are in it.
    pub member_count: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When something last happened.
    pub updated_at: Timestamp,
    /// The members: of a direct conversation always, of a group of at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberView>>,
    /// The reader's own row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub me: Option<MeView>,
    /// Unread messages, capped at 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<u32>,
    /// The newest message that the reader may see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Box<MessageView>>,
}

impl ConversationView {
    /// Shows the shared part of a conversation.
    #[must_use]
    pub fn new(conversation: &Conversation, members: Option<Vec<MemberView>>) -> Self {
        Self {
            id: conversation.id,
            kind: conversation.kind,
            title: conversation.title.clone(),
            rev: conversation.meta_rev,
            last_seq: conversation.last_seq,
            last_rev: conversation.last_rev,
            last_cursor: conversation.last_cursor,
            first_seq: conversation.first_seq,
            member_rev: conversation.member_rev,
            member_count: conversation.member_count,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
            members,
            me: None,
            unread: None,
            last_message: None,
        }
    }
}

/// A broadcast of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BroadcastView {
    /// Its id.
    pub id: BroadcastId,
    /// How far it is.
    pub state: BroadcastState,
    /// Receivers in all.
    pub total: u32,
    /// Receivers who have their message.
    pub done: u32,
    /// Receivers for whom it could not be sent.
    pub failed: u32,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl From<&crate::model::Broadcast> for BroadcastView {
    fn from(broadcast: &crate::model::Broadcast) -> Self {
        Self {
            id: broadcast.id,
            state: broadcast.state,
            total: broadcast.total,
            done: broadcast.done,
            failed: broadcast.failed,
            created_at: broadcast.created_at,
        }
    }
}
