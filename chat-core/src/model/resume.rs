//! What a returning client needs: where everything stands, and what changed since it last looked.

use super::{
    Conversation, ConversationId, ConversationKind, Cursor, Member, Message, Rev, Seq, Timestamp, User,
    UserId,
};

/// The state of one conversation that a person is or was in, in the one query that a hello costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its sort.
    pub kind: ConversationKind,
    /// Its oldest message.
    pub first_seq: Seq,
    /// Its newest message.
    pub last_seq: Seq,
    /// Its newest shared change.
    pub last_rev: Rev,
    /// Its newest flush of receipts.
    pub last_cursor: Cursor,
    /// Its last bulk change: whoever knows less starts afresh.
    pub reset_rev: Rev,
    /// When something last happened.
    pub updated_at: Timestamp,
    /// The number of the reader's join.
    pub since_rev: Rev,
    /// The number of the reader's leave, while out.
    pub left_rev: Option<Rev>,
    /// The number of the membership's last change in the reader's own feed.
    pub user_rev: Rev,
    /// The reader's own delivered cursor.
    pub delivered_seq: Seq,
    /// The reader's own read cursor.
    pub read_seq: Seq,
}

/// Everything of one person in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The person.
    pub user: User,
    /// All memberships, also the ended ones, newest activity first.
    pub heads: Vec<Head>,
}

/// Which changes of a conversation to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeQuery {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// For whom: `visible_from_seq` and membership are this person's.
    pub user_id: UserId,
    /// Only rows with a higher `rev`.
    pub after_rev: Rev,
    /// Only members whose cursors moved in a later flush; `None` for none.
    pub after_cursor: Option<Cursor>,
    /// At most so many rows, lowest `rev` first.
    pub limit: usize,
}

/// The changed rows of a conversation and its head, from one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// The conversation as it is.
    pub conversation: Conversation,
    /// The reader's own row.
    pub me: Member,
    /// Messages with `rev` above `after_rev` that the reader may see.
    pub messages: Vec<Message>,
    /// Member rows with `rev` above `after_rev`, also of those who left.
    pub members: Vec<Member>,
    /// Rows whose cursors moved in a later flush than `after_cursor`.
    pub cursors: Vec<Member>,
    /// Whether the limit cut the rows off; then everything up to and including the highest `rev` given is complete.
    pub has_more: bool,
}

impl ChangeSet {
    /// Returns the highest `rev` up to which the answer is complete.
    #[must_use]
    pub fn to_rev(&self) -> Rev {
        if !self.has_more {
            return self.conversation.last_rev;
        }
        let messages = self.messages.iter().map(|message| message.rev);
        let members = self.members.iter().map(|member| member.rev);
        messages.chain(members).max().unwrap_or_default()
    }
}

/// Where one conversation stands, for the repair loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its newest shared change.
    pub last_rev: Rev,
    /// Its count of membership changes.
    pub member_rev: Rev,
    /// Its newest flush of receipts.
    pub last_cursor: Cursor,
    /// Its newest message.
    pub last_seq: Seq,
}

/// What changed lately in the whole store, for the repair loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    /// Conversations, in rising id.
    pub conversations: Vec<Pulse>,
    /// Users whose own feed moved, with its number.
    pub users: Vec<(UserId, Rev)>,
    /// The moment up to which the answer is complete; ask from here (with overlap) the next time.
    pub as_of: Timestamp,
}
