//! The domain as plain data: no async, no storage, no wire format.
//!
//! What goes into a store derives serde's traits, so that a store may keep the calls themselves, as a journal does.

mod account;
mod broadcast;
mod change;
mod conversation;
mod id;
mod job;
mod media;
mod member;
mod message;
mod resume;
mod time;
mod user;

pub use account::{Account, AuthSession, Lockout, NewAccount, NewAuthSession, RefreshHash, Rotation};
pub use broadcast::{Broadcast, BroadcastState, NewBroadcast};
pub use change::{
    Change, Committed, CommittedBroadcast, CommittedMessage, CursorFlush, CursorMove, CursorsMoved,
    DeleteMessage, EditMessage, MovedCursor, Outcome,
};
pub use conversation::{
    Conversation, ConversationEntry, ConversationKind, ConversationPage, GroupUpdate, NewGroup, Opened,
};
pub use id::{
    AuthSessionId, BroadcastId, ConversationId, Cursor, Epoch, JobId, MAX_ID, MediaId, MessageId, Rev, Seq,
    UserId,
};
pub use job::{Job, JobOutcome, NewJob};
pub use media::{Attachment, Media, MediaKind, NewMedia};
pub use member::{Member, MemberChange, MemberUpdate, MembersChanged, Role, Roster, RosterEntry};
pub use message::{Message, MessageAnchor, MessageKey, MessageSlice, NewMessage, Quote, RequestHash};
pub use resume::{ChangeQuery, ChangeSet, Feed, Head, Heads, Pulse};
pub use time::Timestamp;
pub use user::{Avatar, NewUser, ProfileUpdate, User, UserQuery};
