//! Membership: who is in a conversation, since when, with which rights and cursors.

use super::{Conversation, ConversationId, ConversationKind, Cursor, Rev, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What a member may do. The order is that of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also adds and removes members and renames.
    Admin,
    /// Also appoints administrators and deletes the group. Exactly one while anybody is in it.
    Owner,
}

/// One person's row in one conversation; it stays when the person leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The person.
    pub user_id: UserId,
    /// The rights.
    pub role: Role,
    /// The conversation's number of this row's last shared change; 0 for the first members.
    pub rev: Rev,
    /// The number of the join: whoever knows less of the conversation starts afresh.
    pub since_rev: Rev,
    /// Older messages are not shown to this person.
    pub visible_from_seq: Seq,
    /// A device of this person has everything up to here.
    pub delivered_seq: Seq,
    /// This person has read everything up to here; never above `delivered_seq`.
    pub read_seq: Seq,
    /// The number of the flush that last moved this row's cursors.
    pub cursor_rev: Cursor,
    /// The number of the leave, while the person is out.
    pub left_rev: Option<Rev>,
    /// The number of this row's last change in the person's own feed: joined, left, settings.
    pub user_rev: Rev,
    /// When the person came in.
    pub joined_at: Timestamp,
    /// When the person left, while out.
    pub left_at: Option<Timestamp>,
}

impl Member {
    /// Says whether the person is in the conversation.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.left_rev.is_none()
    }
}

/// What one member wants done to the membership; every rule is checked again inside the transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberUpdate {
    /// The group.
    pub conversation_id: ConversationId,
    /// Who asks.
    pub actor: UserId,
    /// What.
    pub change: MemberChange,
    /// The most members that the group may have afterwards.
    pub member_limit: u32,
    /// The moment to stamp.
    pub now: Timestamp,
}

/// A change of membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberChange {
    /// Brings people in (owner or administrator). Each takes one rev; who is in already is left as is.
    Add(Vec<UserId>),
    /// Removes a person: oneself, or somebody of lower role. An owner who leaves hands over to the longest-standing
    /// administrator, else member.
    Remove(UserId),
    /// Sets a role (owner only). `Owner` hands over: the actor becomes administrator.
    SetRole(UserId, Role),
}

/// The answer to a change of membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembersChanged {
    /// The conversation after the change.
    pub conversation: Conversation,
    /// The rows that changed, in rising `rev`; empty when nothing did.
    pub members: Vec<Member>,
}

/// Who is in a conversation, as the fan-out needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The conversation's sort.
    pub kind: ConversationKind,
    /// The pair of a direct conversation.
    pub pair: Option<(UserId, UserId)>,
    /// The count of membership changes that this list reflects.
    pub member_rev: Rev,
    /// The conversation's newest shared change at the same moment.
    pub last_rev: Rev,
    /// The conversation's newest flush of receipts at the same moment.
    pub last_cursor: Cursor,
    /// The active members, in rising user id.
    pub members: Vec<RosterEntry>,
}

/// One active member in a [`Roster`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RosterEntry {
    /// The person.
    pub user_id: UserId,
    /// Older messages are not shown to this person.
    pub visible_from_seq: Seq,
    /// The number of the join.
    pub since_rev: Rev,
}
