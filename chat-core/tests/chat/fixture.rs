//! A running chat with people in it.

use chat_core::{
    Chat, ChatBuilder, ErrorKind, Result,
    auth::Identity,
    chat::{NewGroupRequest, SendRequest, Target},
    clock::Clock,
    config::Directory,
    model::{ConversationId, MediaId, MediaKind, Message, NewAccount, NewMedia, Timestamp, UserId},
    store::{Store, memory::MemoryStore},
};
use std::sync::Arc;
use tokio::{task::JoinHandle, time::Instant};

/// A chat that runs until the fixture is dropped.
pub(crate) struct Fixture {
    pub(crate) chat: Chat,
    engine: JoinHandle<Result<()>>,
}

impl Fixture {
    /// Starts a chat in which everybody may write to everybody.
    pub(crate) async fn start() -> Self {
        Self::configured(|builder| builder).await
    }

    /// Starts a chat with a directory setting.
    pub(crate) async fn with_directory(directory: Directory) -> Self {
        Self::configured(|builder| builder.directory(directory)).await
    }

    /// Starts a chat as `configure` wants it.
    pub(crate) async fn configured(configure: impl FnOnce(ChatBuilder) -> ChatBuilder) -> Self {
        Self::on(Arc::new(MemoryStore::new()), configure).await
    }

    /// Starts one node of a chat on a store that outlives it.
    pub(crate) async fn on(
        store: Arc<dyn Store>,
        configure: impl FnOnce(ChatBuilder) -> ChatBuilder,
    ) -> Self {
        let builder = Chat::builder_arc(store).directory(Directory::Open).clock(PausedClock::start());
        let chat = configure(builder).build().unwrap();
        let engine = tokio::spawn(chat.run());
        chat.started().await;
        Self { chat, engine }
    }

    /// Ends the node where it stands, as a crash would.
    pub(crate) async fn kill(mut self) {
        self.engine.abort();
        assert!((&mut self.engine).await.unwrap_err().is_cancelled());
    }

    /// Adds a person.
    pub(crate) async fn person(&self, name: &str) -> UserId {
        self.chat.ensure_user(&Identity::external(name, name)).await.unwrap().id
    }

    /// Adds people called `person-0`, `person-1` …
    pub(crate) async fn people<const N: usize>(&self) -> [UserId; N] {
        let mut ids = [UserId::new(0); N];
        for (number, id) in ids.iter_mut().enumerate() {
            *id = self.person(&format!("person-{number}")).await;
        }
        ids
    }

    /// Founds a group without asking the directory.
    pub(crate) async fn group(&self, owner: UserId, members: &[UserId]) -> ConversationId {
        let request = NewGroupRequest { title: "group".to_owned(), member_ids: members.to_vec(), key: None };
        self.chat.found_group(owner, request).await.unwrap().conversation.id
    }

    /// Sends a text.
    pub(crate) async fn say(&self, sender: UserId, target: Target, text: &str) -> Message {
        self.chat.send(sender, SendRequest::text(target, text)).await.unwrap().message
    }

    /// Adds a person with an account of the chat's own.
    pub(crate) async fn account(&self, name: &str) -> UserId {
        let account = NewAccount {
            username: name.to_owned(),
            username_key: name.to_owned(),
            password_hash: String::new(),
            now: self.chat.now(),
        };
        let accounts = self.chat.store().accounts().unwrap();
        accounts.create_account(account).await.unwrap().id
    }

    /// Uploads a picture, as far as the store sees it.
    pub(crate) async fn picture(&self, owner: UserId) -> MediaId {
        self.media(owner, MediaKind::Image).await
    }

    /// Uploads a file of some kind, as far as the store sees it.
    pub(crate) async fn media(&self, owner: UserId, kind: MediaKind) -> MediaId {
        let media = NewMedia {
            owner_id: owner,
            key: None,
            kind,
            mime: "image/png".to_owned(),
            extension: "png".to_owned(),
            name: "picture.png".to_owned(),
            size: 3,
            width: Some(1),
            height: Some(1),
            path: "picture".to_owned(),
            sha256: [0; 32],
            now: self.chat.now(),
        };
        self.chat.store().create_media(media).await.unwrap().attachment.id
    }

    /// Returns a picture's address.
    pub(crate) async fn address(&self, picture: MediaId) -> String {
        let media = self.chat.store().load_media(&[picture]).await.unwrap();
        self.chat.present_attachment(&media[0].attachment).url
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.chat.shutdown();
    }
}

/// A time of day that stands still and jumps with tokio's paused clock, the same for all nodes of a test.
#[derive(Debug)]
pub(crate) struct PausedClock(Instant);

impl PausedClock {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(self.0.elapsed())
    }
}

/// Returns with what an action was refused.
pub(crate) fn refusal<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// Names a person as a target.
pub(crate) fn to(person: UserId) -> Target {
    Target::Person(person)
}

/// Names a conversation as a target.
pub(crate) fn into(conversation: ConversationId) -> Target {
    Target::Conversation(conversation)
}
