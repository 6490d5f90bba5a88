//! The port, method by method: one table that makes the calls which are journalled and the traits which journal them.
//!
//! `write` methods become a variant of [`Call`] and go through the journal; `read` methods ask the state. An argument is taken
//! `by` value, or `lent` and then kept as the type behind it.

use crate::JournalStore;
use async_trait::async_trait;
use chat_core::{
    Result,
    model::{
        Broadcast, BroadcastId, BroadcastState, Change, ChangeQuery, ChangeSet, Committed,
        CommittedBroadcast, Conversation, ConversationEntry, ConversationId, ConversationPage, Epoch, Feed,
        GroupUpdate, Heads, Job, JobId, JobOutcome, Media, MediaId, Member, MemberUpdate, MembersChanged,
        Message, MessageAnchor, MessageId, MessageKey, MessageSlice, NewGroup, NewMedia, NewUser, Opened,
        ProfileUpdate, Pulse, RequestHash, Rev, Roster, Seq, Timestamp, User, UserId, UserQuery,
    },
    store::{
        Ban, ChangeStore, CommitError, CommitFailure, ConversationStore, JobStore, MediaCatalog, MemberStore,
        MessageStore, UserStore, memory::MemoryStore,
    },
};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

macro_rules! pass {
    (by $argument:ident) => {
        $argument
    };
    (lent $argument:ident) => {
        &$argument
    };
}

/// The state in memory answers at the first poll: it waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the state in memory does not wait")
}

/// An error of the journal, as a method's own error type says it.
trait Failed {
    fn failed(error: chat_core::Error) -> Self;
}

impl Failed for chat_core::Error {
    fn failed(error: chat_core::Error) -> Self {
        error
    }
}

impl Failed for CommitError {
    /// The line may have reached the disk all the same.
    fn failed(error: chat_core::Error) -> Self {
        Self { failure: CommitFailure::Unknown, error }
    }
}

macro_rules! port {
    ($($family:ident {
        write { $($write:ident($($how:ident $argument:ident: $ty:ty as $kept:ty),*) -> $written:ty;)* }
        read { $($read:ident($($read_argument:ident: $read_ty:ty),*) -> $result:ty;)* }
    })*) => {
        /// A write as it stands in the journal.
        #[derive(Debug, Serialize, Deserialize)]
        #[expect(non_camel_case_types, reason = "named as the methods are")]
        pub(crate) enum Call {
            renew_epoch { fresh: Epoch },
            $($($write { $($argument: $kept),* },)*)*
        }

        impl Call {
            /// Applies a call again. What was refused then is refused again, and changes nothing.
            pub(crate) fn replay(self, state: &MemoryStore) {
                match self {
                    // The epoch is the store's own, not the state's.
                    Self::renew_epoch { .. } => {}
                    $($(Self::$write { $($argument),* } => drop(at_once(state.$write($(pass!($how $argument)),*))),)*)*
                }
            }
        }

        $(#[async_trait]
        impl $family for JournalStore {
            $(async fn $write(&self, $($argument: $ty),*) -> $written {
                let call = Call::$write { $($argument: $argument.to_owned()),* };
                let written = self.write(call, |inner, call| match call {
                    Call::$write { $($argument),* } => at_once(inner.state.$write($(pass!($how $argument)),*)),
                    _ => unreachable!("the call was made three lines above"),
                });
                written.await.unwrap_or_else(|error| Err(Failed::failed(error)))
            })*
            $(async fn $read(&self, $($read_argument: $read_ty),*) -> $result {
                self.inner.state.$read($($read_argument),*).await
            })*
        })*
    };
}

port! {
    UserStore {
        write {
            ensure_user(by user: NewUser as NewUser) -> Result<User>;
            update_profile(by user: UserId as UserId, by update: ProfileUpdate as ProfileUpdate, by now: Timestamp as Timestamp) -> Result<User>;
            touch_users(lent seen: &[(UserId, Timestamp)] as Vec<(UserId, Timestamp)>) -> Result<()>;
            set_banned(by user: UserId as UserId, by banned: Ban as Ban, by now: Timestamp as Timestamp) -> Result<User>;
            set_admin(by user: UserId as UserId, by is_admin: bool as bool, by now: Timestamp as Timestamp) -> Result<User>;
        }
        read {
            load_users(ids: &[UserId]) -> Result<Vec<User>>;
            list_users(query: UserQuery) -> Result<Vec<User>>;
            filter_contacts(user: UserId, others: &[UserId]) -> Result<Vec<UserId>>;
        }
    }
    ConversationStore {
        write {
            open_directs(by user: UserId as UserId, lent peers: &[UserId] as Vec<UserId>, by now: Timestamp as Timestamp) -> Result<Vec<Result<Opened>>>;
            create_group(by group: NewGroup as NewGroup) -> Result<Opened>;
            update_group(by update: GroupUpdate as GroupUpdate) -> Result<Conversation>;
            delete_group(by id: ConversationId as ConversationId, by actor: UserId as UserId, by now: Timestamp as Timestamp) -> Result<MembersChanged>;
        }
        read {
            find_directs(user: UserId, peers: &[UserId]) -> Result<Vec<Option<ConversationId>>>;
            load_membership(id: ConversationId, user: UserId) -> Result<(Conversation, Member)>;
            load_entry(id: ConversationId, user: UserId) -> Result<ConversationEntry>;
            list_conversations(user: UserId, page: ConversationPage) -> Result<Vec<ConversationEntry>>;
        }
    }
    MemberStore {
        write {
            update_members(by update: MemberUpdate as MemberUpdate) -> Result<MembersChanged>;
        }
        read {
            load_members(id: ConversationId, users: &[UserId]) -> Result<Vec<Member>>;
            list_members(id: ConversationId, after: Option<UserId>, limit: usize) -> Result<Vec<Member>>;
            load_roster(id: ConversationId) -> Result<Roster>;
        }
    }
    MessageStore {
        write {
            commit(by batch: Vec<Change> as Vec<Change>) -> Result<Vec<Result<Committed>>, CommitError>;
        }
        read {
            find_message_by_key(sender: UserId, key: &MessageKey) -> Result<Option<(Message, RequestHash)>>;
            load_message(id: MessageId, reader: UserId) -> Result<Message>;
            list_messages(id: ConversationId, anchor: MessageAnchor, visible_from: Seq, limit: usize) -> Result<MessageSlice>;
            list_direct_history(user: UserId, offset: u64, limit: usize) -> Result<(u64, Vec<Message>)>;
            count_unread(user: UserId, ids: &[ConversationId]) -> Result<Vec<(ConversationId, u32)>>;
        }
    }
    ChangeStore {
        write {}
        read {
            load_feed(user: UserId) -> Result<Feed>;
            list_feed(user: UserId, after: Rev, limit: usize) -> Result<Vec<Member>>;
            read_changes(query: ChangeQuery) -> Result<ChangeSet>;
            list_changed(since: Timestamp) -> Result<Heads>;
            list_heads(after: Option<ConversationId>, limit: usize) -> Result<Vec<Pulse>>;
        }
    }
    MediaCatalog {
        write {
            create_media(by media: NewMedia as NewMedia) -> Result<Media>;
            delete_orphans(lent ids: &[MediaId] as Vec<MediaId>) -> Result<Vec<MediaId>>;
        }
        read {
            load_media(ids: &[MediaId]) -> Result<Vec<Media>>;
            filter_visible_media(reader: UserId, ids: &[MediaId]) -> Result<Vec<MediaId>>;
            list_orphans(before: Timestamp, limit: usize) -> Result<Vec<Media>>;
        }
    }
    JobStore {
        write {
            claim_jobs(lent kind: &str as String, by now: Timestamp as Timestamp, by until: Timestamp as Timestamp, by limit: usize as usize) -> Result<Vec<Job>>;
            settle_job(by id: JobId as JobId, by fence: i64 as i64, by outcome: JobOutcome as JobOutcome) -> Result<()>;
            settle_receivers(by id: BroadcastId as BroadcastId, lent settled: &[(UserId, bool)] as Vec<(UserId, bool)>) -> Result<Broadcast>;
            set_broadcast_state(by id: BroadcastId as BroadcastId, by sender: UserId as UserId, by state: BroadcastState as BroadcastState) -> Result<Broadcast>;
        }
        read {
            load_broadcast(id: BroadcastId, sender: UserId) -> Result<Broadcast>;
            find_broadcast_by_key(sender: UserId, key: &MessageKey) -> Result<Option<(CommittedBroadcast, RequestHash)>>;
            list_pending_receivers(id: BroadcastId, limit: usize) -> Result<Vec<(UserId, ConversationId)>>;
        }
    }
}
