//! A store in memory that breaks one promise: around one of its methods, a fault changes what goes in or what comes out.

use async_trait::async_trait;
use chat_core::{
    Result,
    conformance::Stage,
    model::{
        Account, AuthSession, AuthSessionId, Broadcast, BroadcastId, BroadcastState, Change, ChangeQuery,
        ChangeSet, Committed, CommittedBroadcast, Conversation, ConversationEntry, ConversationId,
        ConversationPage, Epoch, Feed, GroupUpdate, Heads, Job, JobId, JobOutcome, Lockout, Media, MediaId,
        Member, MemberUpdate, MembersChanged, Message, MessageAnchor, MessageId, MessageKey, MessageSlice,
        NewAccount, NewAuthSession, NewGroup, NewMedia, NewUser, Opened, ProfileUpdate, Pulse, RefreshHash,
        RequestHash, Rev, Roster, Rotation, Seq, Timestamp, User, UserId, UserQuery,
    },
    store::{
        AccountStore, Ban, Capabilities, ChangeStore, CommitError, ConversationStore, JobStore, MediaCatalog,
        MemberStore, MessageStore, Store, UserStore, memory::MemoryStore,
    },
};
use std::{any::Any, fmt, time::Duration};

type Before = Box<dyn Fn(&MemoryStore, &mut dyn Any) + Send + Sync>;
type After = Box<dyn Fn(&MemoryStore, &dyn Any, &mut dyn Any) + Send + Sync>;

/// One thing that a store can get wrong.
pub(crate) struct Fault {
    /// What it gets wrong, in words.
    pub(crate) name: &'static str,
    /// All cases that must fail, the one that is named for it first.
    pub(crate) fails: &'static [&'static str],
    method: &'static str,
    before: Option<Before>,
    after: Option<After>,
}

impl Fault {
    /// Changes the arguments of a method, given as a tuple of owned values.
    pub(crate) fn before<A: 'static>(
        name: &'static str,
        fails: &'static [&'static str],
        method: &'static str,
        change: impl Fn(&MemoryStore, &mut A) + Send + Sync + 'static,
    ) -> Self {
        let before: Before = Box::new(move |store, arguments| {
            change(store, arguments.downcast_mut().expect("the method's arguments"));
        });
        Self { name, fails, method, before: Some(before), after: None }
    }

    /// Changes the result of a method, with its arguments at hand.
    pub(crate) fn after<A: 'static, R: 'static>(
        name: &'static str,
        fails: &'static [&'static str],
        method: &'static str,
        change: impl Fn(&MemoryStore, &A, &mut R) + Send + Sync + 'static,
    ) -> Self {
        let after: After = Box::new(move |store, arguments, result| {
            let arguments = arguments.downcast_ref().expect("the method's arguments");
            change(store, arguments, result.downcast_mut().expect("the method's result"));
        });
        Self { name, fails, method, before: None, after: Some(after) }
    }
}

/// A store with one fault.
pub(crate) struct WrongStore {
    inner: MemoryStore,
    fault: &'static Fault,
}

impl WrongStore {
    pub(crate) fn stage(fault: &'static Fault) -> Stage {
        Stage::new(Self { inner: MemoryStore::new(), fault }).rounds(20)
    }

    fn before<A: 'static>(&self, method: &str, mut arguments: A) -> A {
        if let Some(change) = self.fault.before.as_ref().filter(|_| self.fault.method == method) {
            change(&self.inner, &mut arguments);
        }
        arguments
    }

    fn after<A: 'static, R: 'static>(&self, method: &str, arguments: &A, mut result: R) -> R {
        if let Some(change) = self.fault.after.as_ref().filter(|_| self.fault.method == method) {
            change(&self.inner, arguments, &mut result);
        }
        result
    }
}

impl fmt::Debug for WrongStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WrongStore").field(&self.fault.name).finish()
    }
}

/// Says how an owned argument goes on: `by` value or as a `lent` reference.
macro_rules! pass {
    (by $argument:ident) => {
        $argument
    };
    (lent $argument:ident) => {
        &$argument
    };
}

macro_rules! delegate {
    ($($family:ident { $(fn $name:ident($($how:ident $argument:ident: $ty:ty),*) -> $result:ty;)* })*) => {$(
        #[async_trait]
        impl $family for WrongStore {
            $(async fn $name(&self, $($argument: $ty),*) -> $result {
                let arguments = self.before(stringify!($name), ($($argument.to_owned(),)*));
                let ($($argument,)*) = arguments.clone();
                let result = self.inner.$name($(pass!($how $argument)),*).await;
                self.after(stringify!($name), &arguments, result)
            })*
        }
    )*};
}

#[async_trait]
impl Store for WrongStore {
    fn capabilities(&self) -> Capabilities {
        self.after("capabilities", &(), self.inner.capabilities())
    }

    fn accounts(&self) -> Option<&dyn AccountStore> {
        Some(self)
    }

    async fn epoch(&self) -> Result<Epoch> {
        self.after("epoch", &(), self.inner.epoch().await)
    }

    async fn renew_epoch(&self) -> Result<Epoch> {
        self.after("renew_epoch", &(), self.inner.renew_epoch().await)
    }

    async fn ping(&self) -> Result<()> {
        self.after("ping", &(), self.inner.ping().await)
    }
}

delegate! {
    UserStore {
        fn ensure_user(by user: NewUser) -> Result<User>;
        fn load_users(lent ids: &[UserId]) -> Result<Vec<User>>;
        fn list_users(by query: UserQuery) -> Result<Vec<User>>;
        fn filter_contacts(by user: UserId, lent others: &[UserId]) -> Result<Vec<UserId>>;
        fn update_profile(by user: UserId, by update: ProfileUpdate, by now: Timestamp) -> Result<User>;
        fn touch_users(lent seen: &[(UserId, Timestamp)]) -> Result<()>;
        fn set_banned(by user: UserId, by banned: Ban, by now: Timestamp) -> Result<User>;
        fn set_admin(by user: UserId, by is_admin: bool, by now: Timestamp) -> Result<User>;
    }
    ConversationStore {
        fn open_directs(by user: UserId, lent peers: &[UserId], by now: Timestamp) -> Result<Vec<Result<Opened>>>;
        fn find_directs(by user: UserId, lent peers: &[UserId]) -> Result<Vec<Option<ConversationId>>>;
        fn create_group(by group: NewGroup) -> Result<Opened>;
        fn load_membership(by id: ConversationId, by user: UserId) -> Result<(Conversation, Member)>;
        fn load_entry(by id: ConversationId, by user: UserId) -> Result<ConversationEntry>;
        fn list_conversations(by user: UserId, by page: ConversationPage) -> Result<Vec<ConversationEntry>>;
        fn update_group(by update: GroupUpdate) -> Result<Conversation>;
        fn delete_group(by id: ConversationId, by actor: UserId, by now: Timestamp) -> Result<MembersChanged>;
    }
    MemberStore {
        fn update_members(by update: MemberUpdate) -> Result<MembersChanged>;
        fn load_members(by id: ConversationId, lent users: &[UserId]) -> Result<Vec<Member>>;
        fn list_members(by id: ConversationId, by after: Option<UserId>, by limit: usize) -> Result<Vec<Member>>;
        fn load_roster(by id: ConversationId) -> Result<Roster>;
    }
    MessageStore {
        fn commit(by batch: Vec<Change>) -> Result<Vec<Result<Committed>>, CommitError>;
        fn find_message_by_key(by sender: UserId, lent key: &MessageKey) -> Result<Option<(Message, RequestHash)>>;
        fn load_message(by id: MessageId, by reader: UserId) -> Result<Message>;
        fn list_messages(by id: ConversationId, by anchor: MessageAnchor, by visible_from: Seq, by limit: usize) -> Result<MessageSlice>;
        fn list_direct_history(by user: UserId, by offset: u64, by limit: usize) -> Result<(u64, Vec<Message>)>;
        fn count_unread(by user: UserId, lent ids: &[ConversationId]) -> Result<Vec<(ConversationId, u32)>>;
    }
    ChangeStore {
        fn load_feed(by user: UserId) -> Result<Feed>;
        fn list_feed(by user: UserId, by after: Rev, by limit: usize) -> Result<Vec<Member>>;
        fn read_changes(by query: ChangeQuery) -> Result<ChangeSet>;
        fn list_changed(by since: Timestamp) -> Result<Heads>;
        fn list_heads(by after: Option<ConversationId>, by limit: usize) -> Result<Vec<Pulse>>;
    }
    MediaCatalog {
        fn create_media(by media: NewMedia) -> Result<Media>;
        fn load_media(lent ids: &[MediaId]) -> Result<Vec<Media>>;
        fn filter_visible_media(by reader: UserId, lent ids: &[MediaId]) -> Result<Vec<MediaId>>;
        fn list_orphans(by before: Timestamp, by limit: usize) -> Result<Vec<Media>>;
        fn delete_orphans(lent ids: &[MediaId]) -> Result<Vec<MediaId>>;
    }
    JobStore {
        fn claim_jobs(lent kind: &str, by now: Timestamp, by until: Timestamp, by limit: usize) -> Result<Vec<Job>>;
        fn settle_job(by id: JobId, by fence: i64, by outcome: JobOutcome) -> Result<()>;
        fn load_broadcast(by id: BroadcastId, by sender: UserId) -> Result<Broadcast>;
        fn find_broadcast_by_key(by sender: UserId, lent key: &MessageKey) -> Result<Option<(CommittedBroadcast, RequestHash)>>;
        fn list_pending_receivers(by id: BroadcastId, by limit: usize) -> Result<Vec<(UserId, ConversationId)>>;
        fn settle_receivers(by id: BroadcastId, lent settled: &[(UserId, bool)]) -> Result<Broadcast>;
        fn set_broadcast_state(by id: BroadcastId, by sender: UserId, by state: BroadcastState) -> Result<Broadcast>;
    }
    AccountStore {
        fn create_account(by account: NewAccount) -> Result<User>;
        fn find_account(lent username_key: &str) -> Result<Option<Account>>;
        fn find_account_of(by user: UserId) -> Result<Option<Account>>;
        fn set_password(by user: UserId, lent password_hash: &str, by keep: Option<AuthSessionId>, by now: Timestamp) -> Result<Vec<AuthSessionId>>;
        fn rehash_password(by user: UserId, lent old: &str, lent new: &str) -> Result<()>;
        fn create_session(by session: NewAuthSession) -> Result<AuthSession>;
        fn find_session(by id: AuthSessionId) -> Result<Option<AuthSession>>;
        fn list_sessions(by user: UserId, by now: Timestamp) -> Result<Vec<AuthSession>>;
        fn rotate_session(by old: RefreshHash, by new: RefreshHash, by now: Timestamp, by grace: Duration, by expires_at: Timestamp) -> Result<Rotation>;
        fn revoke_session(by user: UserId, by id: AuthSessionId, by now: Timestamp) -> Result<()>;
        fn filter_ended(lent ids: &[AuthSessionId], lent users: &[UserId], by now: Timestamp) -> Result<(Vec<AuthSessionId>, Vec<UserId>)>;
        fn load_lockouts(lent keys: &[String]) -> Result<Vec<Lockout>>;
        fn save_lockouts(lent lockouts: &[(String, Lockout)]) -> Result<()>;
        fn clear_lockouts(lent keys: &[String]) -> Result<()>;
    }
}
