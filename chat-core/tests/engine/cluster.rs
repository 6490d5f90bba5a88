//! Several nodes in one process: chats on one store, joined by a bus that may lose hints, under a clock that follows tokio's.

use chat_core::{
    Chat, ChatBuilder, Result,
    auth::Identity,
    bus::{
        Bus,
        lossy::{Losses, LossyBus},
        memory::MemoryBus,
    },
    chat::{NewGroupRequest, SendRequest, Target},
    clock::Clock,
    config::Directory,
    model::{ConversationId, Message, Timestamp, UserId},
    realtime::{ConnInfo, Outbox, Session, Wire},
    store::{Store, memory::MemoryStore},
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};

/// A clock that stands still and moves on with tokio's.
#[derive(Debug)]
pub(crate) struct PausedClock {
    start: Instant,
}

impl PausedClock {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self { start: Instant::now() })
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(self.start.elapsed())
    }
}

/// A running chat.
pub(crate) struct Node {
    pub(crate) chat: Chat,
    run: JoinHandle<Result<()>>,
}

/// Nodes on one store.
pub(crate) struct Cluster {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) nodes: Vec<Node>,
    ring: MemoryBus,
    clock: Arc<PausedClock>,
    configure: fn(ChatBuilder) -> ChatBuilder,
    losses: Option<Losses>,
    started: u64,
    seed: u64,
}

impl Cluster {
    /// Starts `count` nodes on a bus without losses.
    pub(crate) async fn start(count: usize) -> Self {
        Self::configured(count, |builder| builder).await
    }

    /// Starts `count` nodes as `configure` wants them.
    pub(crate) async fn configured(count: usize, configure: fn(ChatBuilder) -> ChatBuilder) -> Self {
        Self::lossy(count, configure, None, 0).await
    }

    /// Starts `count` nodes on a bus that loses hints by a seed.
    pub(crate) async fn lossy(
        count: usize,
        configure: fn(ChatBuilder) -> ChatBuilder,
        losses: Option<Losses>,
        seed: u64,
    ) -> Self {
        let mut cluster = Self {
            store: Arc::new(MemoryStore::new()),
            nodes: Vec::new(),
            ring: MemoryBus::new(),
            clock: PausedClock::start(),
            configure,
            losses,
            started: 0,
            seed,
        };
        for _ in 0..count {
            cluster.add_node().await;
        }
        cluster
    }

    /// Starts one more node.
    pub(crate) async fn add_node(&mut self) {
        let node = self.make_node().await;
        self.nodes.push(node);
    }

    /// Ends a node where it stands, as a crash would, and starts another in its place.
    pub(crate) async fn replace_node(&mut self, index: usize) {
        let fresh = self.make_node().await;
        let old = std::mem::replace(&mut self.nodes[index], fresh);
        old.run.abort();
        assert!(old.run.await.unwrap_err().is_cancelled());
    }

    /// Ends a node in good order.
    pub(crate) async fn shut_down(&mut self, index: usize) {
        let node = self.nodes.remove(index);
        node.chat.shutdown();
        node.run.await.unwrap().unwrap();
    }

    pub(crate) fn chat(&self, node: usize) -> &Chat {
        &self.nodes[node].chat
    }

    async fn make_node(&mut self) -> Node {
        self.started += 1;
        let end = self.ring.attach();
        let bus: Arc<dyn Bus> = match self.losses {
            Some(losses) => Arc::new(LossyBus::new(end, self.seed ^ (self.started << 32), losses)),
            None => Arc::new(end),
        };
        let store: Arc<dyn Store> = Arc::clone(&self.store) as _;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let builder = Chat::builder_arc(store).bus(bus).clock(clock).directory(Directory::Open);
        let chat = (self.configure)(builder).build().unwrap();
        let run = tokio::spawn(chat.run());
        while chat.epoch().is_err() {
            tokio::task::yield_now().await;
        }
        Node { chat, run }
    }

    /// Makes a person.
    pub(crate) async fn person(&self, name: &str) -> UserId {
        self.chat(0).ensure_user(&Identity::external(name, name)).await.unwrap().id
    }

    /// Makes a group.
    pub(crate) async fn group(&self, owner: UserId, members: &[UserId]) -> ConversationId {
        let request = NewGroupRequest { title: "group".to_owned(), member_ids: members.to_vec(), key: None };
        self.chat(0).create_group(owner, request).await.unwrap().conversation.id
    }

    /// Sends a text into a conversation, over the first node.
    pub(crate) async fn say(&self, sender: UserId, id: ConversationId, text: &str) -> Message {
        let request = SendRequest::text(Target::Conversation(id), text);
        self.chat(0).send(sender, request).await.unwrap().message
    }

    /// Sends a text to a person, over the first node.
    pub(crate) async fn tell(&self, sender: UserId, receiver: UserId, text: &str) -> Message {
        let request = SendRequest::text(Target::Person(receiver), text);
        self.chat(0).send(sender, request).await.unwrap().message
    }

    /// Opens a connection of a person.
    pub(crate) async fn connect(&self, node: usize, user: UserId, wire: Wire) -> Result<(Session, Outbox)> {
        let info = ConnInfo { protocol: wire, ..ConnInfo::default() };
        self.chat(node).connect(Identity::user(user, "somebody"), info).await
    }
}

/// Lets everything that is due happen, and some time pass.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
