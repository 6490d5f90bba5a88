//! A store in memory that fails on command.

use crate::{
    Error, ErrorKind, Result,
    model::{
        Broadcast, BroadcastId, BroadcastState, Change, ChangeQuery, ChangeSet, Committed,
        CommittedBroadcast, Conversation, ConversationEntry, ConversationId, ConversationPage, Epoch, Feed,
        GroupUpdate, Heads, Job, JobId, JobOutcome, Media, MediaId, Member, MemberUpdate, MembersChanged,
        Message, MessageAnchor, MessageId, MessageKey, MessageSlice, NewGroup, NewMedia, NewUser, Opened,
        ProfileUpdate, Pulse, RequestHash, Rev, Roster, Seq, Timestamp, User, UserId, UserQuery,
    },
    store::{
        AccountStore, Ban, Capabilities, ChangeStore, CommitError, CommitFailure, ConversationStore,
        JobStore, MediaCatalog, MemberStore, MessageStore, Store, UserStore, memory::MemoryStore,
    },
};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is stored, for now.
    Away,
    /// It is stored, and the answer is lost.
    AnswerLost,
    /// It is not stored, and whether it was is not told.
    VanishedBefore,
}

/// The store.
#[derive(Debug)]
pub(crate) struct FlakyStore {
    pub(crate) inner: MemoryStore,
    faults: Mutex<VecDeque<Fault>>,
    /// A batch with such a text in it is refused for good.
    poison: Mutex<Option<String>>,
    /// The sizes of the batches that were asked for.
    pub(crate) batches: Mutex<Vec<usize>>,
    /// How often changes of a conversation were read.
    pub(crate) reads: AtomicUsize,
    /// Lets commits through.
    gate: Semaphore,
}

impl Default for FlakyStore {
    fn default() -> Self {
        Self {
            inner: MemoryStore::new(),
            faults: Mutex::default(),
            poison: Mutex::default(),
            batches: Mutex::default(),
            reads: AtomicUsize::new(0),
            gate: Semaphore::new(1),
        }
    }
}

impl FlakyStore {
    /// Lets the next commits fail.
    pub(crate) fn fail(&self, faults: &[Fault]) {
        self.faults.lock().extend(faults);
    }

    /// Refuses every batch in which this text stands.
    pub(crate) fn refuse(&self, text: &str) {
        *self.poison.lock() = Some(text.to_owned());
    }

    /// Holds commits back until the result is dropped.
    pub(crate) async fn stall(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.gate.acquire().await.unwrap()
    }

    fn is_poisoned(&self, batch: &[Change]) -> bool {
        let poison = self.poison.lock();
        batch.iter().any(|change| match change {
            Change::Append(message) => poison.as_ref() == Some(&message.content),
            _ => false,
        })
    }
}

fn failure(failure: CommitFailure, kind: ErrorKind) -> CommitError {
    CommitError { failure, error: Error::new(kind, "as commanded") }
}

macro_rules! delegate {
    ($store:ident { $(fn $name:ident($($arg:ident: $kind:ty),*) -> $result:ty;)* }) => {
        #[async_trait]
        impl $store for FlakyStore {
            $(async fn $name(&self, $($arg: $kind),*) -> $result {
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

delegate! { UserStore {
    fn ensure_user(user: NewUser) -> Result<User>;
    fn load_users(ids: &[UserId]) -> Result<Vec<User>>;
    fn list_users(query: UserQuery) -> Result<Vec<User>>;
    fn filter_contacts(user: UserId, others: &[UserId]) -> Result<Vec<UserId>>;
    fn update_profile(user: UserId, update: ProfileUpdate, now: Timestamp) -> Result<User>;
    fn touch_users(seen: &[(UserId, Timestamp)]) -> Result<()>;
    fn set_banned(user: UserId, banned: Ban, now: Timestamp) -> Result<User>;
    fn set_admin(user: UserId, is_admin: bool, now: Timestamp) -> Result<User>;
} }

delegate! { ConversationStore {
    fn open_directs(user: UserId, peers: &[UserId], now: Timestamp) -> Result<Vec<Result<Opened>>>;
    fn find_directs(user: UserId, peers: &[UserId]) -> Result<Vec<Option<ConversationId>>>;
    fn create_group(group: NewGroup) -> Result<Opened>;
    fn load_membership(id: ConversationId, user: UserId) -> Result<(Conversation, Member)>;
    fn load_entry(id: ConversationId, user: UserId) -> Result<ConversationEntry>;
    fn list_conversations(user: UserId, page: ConversationPage) -> Result<Vec<ConversationEntry>>;
    fn update_group(update: GroupUpdate) -> Result<Conversation>;
    fn delete_group(id: ConversationId, actor: UserId, now: Timestamp) -> Result<MembersChanged>;
} }

delegate! { MemberStore {
    fn update_members(update: MemberUpdate) -> Result<MembersChanged>;
    fn load_members(id: ConversationId, users: &[UserId]) -> Result<Vec<Member>>;
    fn list_members(id: ConversationId, after: Option<UserId>, limit: usize) -> Result<Vec<Member>>;
    fn load_roster(id: ConversationId) -> Result<Roster>;
} }

#[async_trait]
impl MessageStore for FlakyStore {
    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Committed>>, CommitError> {
        self.batches.lock().push(batch.len());
        drop(self.gate.acquire().await.unwrap());
        if self.is_poisoned(&batch) {
            return Err(failure(CommitFailure::NotCommitted, ErrorKind::Conflict));
        }
        let fault = self.faults.lock().pop_front();
        match fault {
            None => self.inner.commit(batch).await,
            Some(Fault::Away) => Err(failure(CommitFailure::NotCommitted, ErrorKind::Unavailable)),
            Some(Fault::AnswerLost) => {
                self.inner.commit(batch).await?;
                Err(failure(CommitFailure::Unknown, ErrorKind::Unavailable))
            }
            Some(Fault::VanishedBefore) => Err(failure(CommitFailure::Unknown, ErrorKind::Unavailable)),
        }
    }

    async fn find_message_by_key(
        &self,
        sender: UserId,
        key: &MessageKey,
    ) -> Result<Option<(Message, RequestHash)>> {
        self.inner.find_message_by_key(sender, key).await
    }

    async fn load_message(&self, id: MessageId, reader: UserId) -> Result<Message> {
        self.inner.load_message(id, reader).await
    }

    async fn list_messages(
        &self,
        id: ConversationId,
        anchor: MessageAnchor,
        visible_from: Seq,
        limit: usize,
    ) -> Result<MessageSlice> {
        self.inner.list_messages(id, anchor, visible_from, limit).await
    }

    async fn list_direct_history(
        &self,
        user: UserId,
        offset: u64,
        limit: usize,
    ) -> Result<(u64, Vec<Message>)> {
        self.inner.list_direct_history(user, offset, limit).await
    }

    async fn count_unread(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<(ConversationId, u32)>> {
        self.inner.count_unread(user, ids).await
    }
}

#[async_trait]
impl ChangeStore for FlakyStore {
    async fn load_feed(&self, user: UserId) -> Result<Feed> {
        self.inner.load_feed(user).await
    }

    async fn list_feed(&self, user: UserId, after: Rev, limit: usize) -> Result<Vec<Member>> {
        self.inner.list_feed(user, after, limit).await
    }

    async fn read_changes(&self, query: ChangeQuery) -> Result<ChangeSet> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.read_changes(query).await
    }

    async fn list_changed(&self, since: Timestamp) -> Result<Heads> {
        self.inner.list_changed(since).await
    }

    async fn list_heads(&self, after: Option<ConversationId>, limit: usize) -> Result<Vec<Pulse>> {
        self.inner.list_heads(after, limit).await
    }
}

delegate! { MediaCatalog {
    fn create_media(media: NewMedia) -> Result<Media>;
    fn load_media(ids: &[MediaId]) -> Result<Vec<Media>>;
    fn filter_visible_media(reader: UserId, ids: &[MediaId]) -> Result<Vec<MediaId>>;
    fn list_orphans(before: Timestamp, limit: usize) -> Result<Vec<Media>>;
    fn delete_orphans(ids: &[MediaId]) -> Result<Vec<MediaId>>;
} }

delegate! { JobStore {
    fn claim_jobs(kind: &str, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>>;
    fn settle_job(id: JobId, fence: i64, outcome: JobOutcome) -> Result<()>;
    fn load_broadcast(id: BroadcastId, sender: UserId) -> Result<Broadcast>;
    fn find_broadcast_by_key(sender: UserId, key: &MessageKey) -> Result<Option<(CommittedBroadcast, RequestHash)>>;
    fn list_pending_receivers(id: BroadcastId, limit: usize) -> Result<Vec<(UserId, ConversationId)>>;
    fn settle_receivers(id: BroadcastId, settled: &[(UserId, bool)]) -> Result<Broadcast>;
    fn set_broadcast_state(id: BroadcastId, sender: UserId, state: BroadcastState) -> Result<Broadcast>;
} }

#[async_trait]
impl Store for FlakyStore {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn accounts(&self) -> Option<&dyn AccountStore> {
        self.inner.accounts()
    }

    async fn epoch(&self) -> Result<Epoch> {
        self.inner.epoch().await
    }

    async fn renew_epoch(&self) -> Result<Epoch> {
        self.inner.renew_epoch().await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }
}
