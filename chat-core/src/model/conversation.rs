//! A conversation and the numbers that order everything in it.

use super::{ConversationId, Cursor, Member, Message, Rev, Role, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What sort of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Exactly one per pair of people; the one with oneself has one member.
    Direct,
    /// Any number of people with roles and a title.
    Group,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its sort.
    pub kind: ConversationKind,
    /// The pair of a direct conversation, smaller id first; equal ids for the one with oneself.
    pub pair: Option<(UserId, UserId)>,
    /// The name of a group.
    pub title: Option<String>,
    /// The number of the newest message.
    pub last_seq: Seq,
    /// The number of the newest shared change.
    pub last_rev: Rev,
    /// The number of the newest flush of receipts.
    pub last_cursor: Cursor,
    /// The number of the oldest message that is still there; 1 unless a bulk change removed some.
    pub first_seq: Seq,
    /// The number of the last bulk change; whoever knows less starts afresh.
    pub reset_rev: Rev,
    /// The number of the last change of this row itself: creation, title.
    pub meta_rev: Rev,
    /// Counts changes of membership and role.
    pub member_rev: Rev,
    /// How many people are in it.
    pub member_count: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a message or change last came.
    pub updated_at: Timestamp,
}

impl Conversation {
    /// Returns to whom a message of `sender` goes in a direct conversation.
    #[must_use]
    pub fn receiver(&self, sender: UserId) -> Option<UserId> {
        self.pair.map(|(low, high)| if low == sender { high } else { low })
    }
}

/// A group to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGroup {
    /// Who creates it and becomes its owner.
    pub creator: UserId,
    /// Its name.
    pub title: String,
    /// The other first members, without the creator and without doubles.
    pub members: Vec<UserId>,
    /// A key of the creator's under which a retry gets the first result.
    pub key: Option<String>,
    /// The moment to stamp.
    pub now: Timestamp,
}

/// The answer to creating or opening a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The conversation.
    pub conversation: Conversation,
    /// The members' rows, at most the first hundred.
    pub members: Vec<Member>,
    /// Whether this call made it.
    pub created: bool,
}

/// A change of a group's row by one of its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupUpdate {
    /// Which group.
    pub conversation_id: ConversationId,
    /// Who asks; must be owner or administrator when the transaction looks.
    pub actor: UserId,
    /// The new name.
    pub title: String,
    /// The moment to stamp.
    pub now: Timestamp,
}

/// A place in somebody's list of conversations: newest activity first, then higher id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationPage {
    /// Only what comes after this place.
    pub after: Option<(Timestamp, ConversationId)>,
    /// At most so many.
    pub limit: usize,
}

/// A conversation as one of its members sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationEntry {
    /// The conversation.
    pub conversation: Conversation,
    /// The reader's own row.
    pub me: Member,
    /// Unread messages, capped at 1,000.
    pub unread: u32,
    /// The newest message that the reader may see.
    pub last_message: Option<Message>,
    /// For a direct conversation all rows; for a group at most the first hundred.
    pub members: Vec<Member>,
}

impl ConversationEntry {
    /// Returns the reader's role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.me.role
    }
}
