//! A store with the shorthands that the cases are written in.

use crate::{
    Error, Result,
    model::{
        Change, ChangeQuery, ChangeSet, Committed, CommittedMessage, Conversation, ConversationId, Cursor,
        CursorFlush, CursorMove, CursorsMoved, DeleteMessage, EditMessage, Media, MediaKind, Member,
        MemberChange, MemberUpdate, MembersChanged, Message, MessageId, MessageKey, NewGroup, NewMedia,
        NewMessage, NewUser, RequestHash, Rev, Seq, Timestamp, User, UserId,
    },
    store::{AccountStore, Store},
};
use futures_util::future::BoxFuture;
use std::{
    any::Any,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// The moment at which every case begins; each use of the clock is a millisecond later.
const START: i64 = 1_700_000_000_000_000;

/// How often a case repeats what two connections do at once.
const ROUNDS: usize = 1_000;

type Reopen = Box<dyn Fn() -> BoxFuture<'static, Arc<dyn Store>> + Send + Sync>;

/// A fresh store for one case, with what must live as long as it.
pub struct Stage {
    pub(super) store: Arc<dyn Store>,
    reopen: Option<Reopen>,
    rounds: usize,
    ticks: AtomicI64,
    guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Stage {
    /// Takes a fresh and empty store.
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Self { store: Arc::new(store), reopen: None, rounds: ROUNDS, ticks: AtomicI64::new(0), guard: None }
    }

    /// Keeps something until the case is over, for example a temporary folder.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }

    /// Says how the same storage is opened once more. A store that is
    /// [`durable`](crate::store::Capabilities::durable) or [`shared`](crate::store::Capabilities::shared) must tell:
    /// a case opens it again after the first one is dropped, or beside it.
    #[must_use]
    pub fn reopened_by<F, S>(mut self, open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = S> + Send + 'static,
        S: Store,
    {
        self.reopen = Some(Box::new(move || {
            let opening = open();
            Box::pin(async move { Arc::new(opening.await) as Arc<dyn Store> })
        }));
        self
    }

    /// Repeats what two connections do at once so often; 1,000 times unless told.
    #[must_use]
    pub const fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("store", &self.store).finish_non_exhaustive()
    }
}

impl<S: Store> From<S> for Stage {
    fn from(store: S) -> Self {
        Self::new(store)
    }
}

impl<S: Store, G: Any + Send + Sync> From<(S, G)> for Stage {
    fn from((store, guard): (S, G)) -> Self {
        Self::new(store).keeping(guard)
    }
}

/// What the cases use.
impl Stage {
    pub(super) const fn repeat(&self) -> usize {
        self.rounds
    }

    pub(super) const fn can_reopen(&self) -> bool {
        self.reopen.is_some()
    }

    /// Opens the same storage once more, beside what is open.
    pub(super) async fn open_again(&self) -> Arc<dyn Store> {
        let open = self.reopen.as_ref();
        open.expect("a store that is durable or shared says in its stage how it is opened again")().await
    }

    /// Closes the store and opens its storage again.
    pub(super) async fn restart(mut self) -> Self {
        let placeholder: Arc<dyn Store> = Arc::new(crate::store::memory::MemoryStore::new());
        drop(std::mem::replace(&mut self.store, placeholder));
        self.store = self.open_again().await;
        self
    }

    /// Returns a moment later than all before.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_micros(START + 1_000 * (1 + self.ticks.fetch_add(1, Ordering::Relaxed)))
    }

    /// Returns a text that this case has not seen.
    pub(super) fn unique(&self) -> String {
        format!("n{}", self.ticks.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn accounts(&self) -> &dyn AccountStore {
        self.store.accounts().expect("a store without accounts is declared with `without accounts`")
    }

    pub(super) async fn person(&self) -> UserId {
        let name = self.unique();
        self.ensure(&name, &name).await.id
    }

    pub(super) async fn people<const N: usize>(&self) -> [UserId; N] {
        let mut people = [UserId::new(0); N];
        for person in &mut people {
            *person = self.person().await;
        }
        people
    }

    pub(super) async fn ensure(&self, external_id: &str, display_name: &str) -> User {
        let (external_id, display_name) = (external_id.to_owned(), display_name.to_owned());
        let new = NewUser { external_id, display_name, avatar: None, now: self.now() };
        self.store.ensure_user(new).await.unwrap()
    }

    pub(super) async fn load_user(&self, id: UserId) -> User {
        self.store.load_users(&[id]).await.unwrap().pop().expect("the user exists")
    }

    pub(super) async fn user_rev(&self, id: UserId) -> Rev {
        self.load_user(id).await.user_rev
    }

    pub(super) async fn direct(&self, one: UserId, other: UserId) -> ConversationId {
        let mut opened = self.store.open_directs(one, &[other], self.now()).await.unwrap();
        opened.pop().expect("one answer per peer").unwrap().conversation.id
    }

    pub(super) async fn group(&self, owner: UserId, others: &[UserId]) -> ConversationId {
        self.store.create_group(self.new_group(owner, others)).await.unwrap().conversation.id
    }

    pub(super) fn new_group(&self, creator: UserId, others: &[UserId]) -> NewGroup {
        NewGroup { creator, title: "Choir".to_owned(), members: others.to_vec(), key: None, now: self.now() }
    }

    pub(super) async fn conversation(&self, id: ConversationId, user: UserId) -> Conversation {
        self.store.load_membership(id, user).await.unwrap().0
    }

    pub(super) async fn member(&self, id: ConversationId, user: UserId) -> Member {
        self.store.load_membership(id, user).await.unwrap().1
    }

    pub(super) async fn change_members(
        &self,
        id: ConversationId,
        actor: UserId,
        change: MemberChange,
    ) -> Result<MembersChanged> {
        let update =
            MemberUpdate { conversation_id: id, actor, change, member_limit: 1_000, now: self.now() };
        self.store.update_members(update).await
    }

    pub(super) async fn add(&self, id: ConversationId, actor: UserId, user: UserId) -> Member {
        let change = MemberChange::Add(vec![user]);
        let mut changed = self.change_members(id, actor, change).await.unwrap();
        changed.members.pop().expect("somebody joined")
    }

    pub(super) async fn remove(&self, id: ConversationId, actor: UserId, user: UserId) -> MembersChanged {
        self.change_members(id, actor, MemberChange::Remove(user)).await.unwrap()
    }

    /// Makes a message with a key of its own.
    pub(super) fn draft(&self, id: ConversationId, sender: UserId, text: &str) -> NewMessage {
        self.keyed(id, sender, &self.unique(), text)
    }

    pub(super) fn keyed(&self, id: ConversationId, sender: UserId, key: &str, text: &str) -> NewMessage {
        NewMessage {
            conversation_id: id,
            sender_id: sender,
            key: MessageKey::from_client(key).unwrap(),
            request_hash: digest(id, text),
            content: text.to_owned(),
            attachments: Vec::new(),
            link: None,
            reply_to: None,
            now: self.now(),
        }
    }

    pub(super) async fn commit(&self, batch: Vec<Change>) -> Vec<Result<Committed>> {
        let length = batch.len();
        let results = self.store.commit(batch).await.unwrap();
        assert_eq!(results.len(), length, "one result per change of the batch");
        results
    }

    pub(super) async fn commit_message(&self, change: Change) -> Result<CommittedMessage> {
        self.commit(vec![change]).await.pop().expect("one result").map(message_of)
    }

    pub(super) async fn append(&self, new: NewMessage) -> Result<CommittedMessage> {
        self.commit_message(Change::Append(new)).await
    }

    pub(super) async fn send(&self, id: ConversationId, sender: UserId, text: &str) -> Message {
        self.append(self.draft(id, sender, text)).await.unwrap().message
    }

    pub(super) async fn send_many(&self, id: ConversationId, sender: UserId, count: usize) {
        for first in (0..count).step_by(500) {
            let batch = (first..count.min(first + 500)).map(|_| Change::Append(self.draft(id, sender, "x")));
            for result in self.commit(batch.collect()).await {
                result.unwrap();
            }
        }
    }

    pub(super) async fn edit(&self, id: MessageId, actor: UserId, text: &str) -> Result<CommittedMessage> {
        self.commit_message(Change::Edit(self.new_edit(id, actor, text))).await
    }

    pub(super) fn new_edit(&self, message_id: MessageId, actor: UserId, text: &str) -> EditMessage {
        EditMessage { message_id, actor, content: text.to_owned(), base_rev: None, now: self.now() }
    }

    pub(super) async fn delete(&self, message_id: MessageId, actor: UserId) -> Result<CommittedMessage> {
        let delete = DeleteMessage { message_id, actor, now: self.now() };
        self.commit_message(Change::Delete(delete)).await
    }

    /// Flushes cursors given as person, delivered, read.
    pub(super) async fn flush(&self, id: ConversationId, moves: &[(UserId, i64, i64)]) -> CursorsMoved {
        let moves = moves.iter().map(|&(user_id, delivered, read)| CursorMove {
            user_id,
            delivered_seq: Seq::new(delivered),
            read_seq: Seq::new(read),
        });
        let flush = CursorFlush { conversation_id: id, moves: moves.collect(), now: self.now() };
        match self.commit(vec![Change::Cursors(flush)]).await.pop().expect("one result").unwrap() {
            Committed::Cursors(moved) => moved,
            other => panic!("a flush of cursors was answered with {other:?}"),
        }
    }

    pub(super) async fn changes(&self, id: ConversationId, user: UserId, after: Rev) -> ChangeSet {
        self.store.read_changes(query(id, user, after)).await.unwrap()
    }

    pub(super) async fn upload(&self, owner: UserId) -> Media {
        self.store.create_media(self.new_media(owner, None)).await.unwrap()
    }

    pub(super) fn new_media(&self, owner: UserId, key: Option<&str>) -> NewMedia {
        NewMedia {
            owner_id: owner,
            key: key.map(str::to_owned),
            kind: MediaKind::Image,
            mime: "image/png".to_owned(),
            extension: "png".to_owned(),
            name: "sunset.png".to_owned(),
            size: 1_234,
            width: Some(40),
            height: Some(30),
            path: format!("files/{}", self.unique()),
            sha256: [7; 32],
            now: self.now(),
        }
    }
}

/// Asks for all changes above a number, with cursors from the beginning.
pub(super) const fn query(id: ConversationId, user: UserId, after: Rev) -> ChangeQuery {
    ChangeQuery {
        conversation_id: id,
        user_id: user,
        after_rev: after,
        after_cursor: Some(Cursor::ZERO),
        limit: 500,
    }
}

/// Makes a digest that differs with the conversation and the text, as a use case's does.
pub(super) fn digest(id: ConversationId, text: &str) -> RequestHash {
    let hash = text.bytes().fold(id.get().unsigned_abs() ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    RequestHash((u128::from(hash) << 64 | u128::from(!hash)).to_be_bytes())
}

#[track_caller]
pub(super) fn message_of(committed: Committed) -> CommittedMessage {
    match committed {
        Committed::Message(message) => *message,
        other => panic!("a change of a message was answered with {other:?}"),
    }
}

/// Asserts that something was refused, and how.
#[track_caller]
pub(super) fn refused<T: fmt::Debug>(result: Result<T>, kind: crate::ErrorKind) -> Error {
    let error = result.expect_err("it should have been refused");
    assert_eq!(error.kind(), kind, "refused with another code: {error}");
    error
}
