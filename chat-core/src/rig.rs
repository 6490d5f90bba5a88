//! What tests of the engine stand on: nodes on one store, a clock that follows tokio's, clients that keep the rules.

mod client;
mod store;

pub(crate) use client::Client;
pub(crate) use store::{Fault, FlakyStore};

use crate::{
    Chat,
    auth::Identity,
    bus::{Bus, memory::MemoryBus},
    chat::{NewGroupRequest, SendRequest, Target},
    clock::Clock,
    config::{Directory, Pacing},
    model::{CommittedMessage, ConversationId, Timestamp, UserId},
    store::Store,
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};

/// A clock that stands still with tokio's.
#[derive(Debug)]
struct RigClock(Instant);

impl Clock for RigClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(self.0.elapsed())
    }
}

/// A running chat.
pub(crate) struct Node {
    pub(crate) chat: Chat,
    pub(crate) run: JoinHandle<crate::Result<()>>,
}

impl Node {
    /// Starts a chat on this store and bus.
    pub(crate) async fn start(store: Arc<dyn Store>, bus: Arc<dyn Bus>) -> Self {
        Self::start_paced(store, bus, Pacing::default()).await
    }

    pub(crate) async fn start_paced(store: Arc<dyn Store>, bus: Arc<dyn Bus>, pacing: Pacing) -> Self {
        let chat = Chat::builder_arc(store)
            .bus(bus)
            .clock(Arc::new(RigClock(Instant::now())))
            .directory(Directory::Open)
            .pacing(pacing)
            .build()
            .unwrap();
        let run = tokio::spawn(chat.run());
        while chat.epoch().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { chat, run }
    }

    /// Starts a chat of one node on a store that fails on command.
    pub(crate) async fn single() -> (Self, Arc<FlakyStore>) {
        let store = Arc::new(FlakyStore::default());
        let node = Self::start(Arc::clone(&store) as Arc<dyn Store>, Arc::new(MemoryBus::new())).await;
        (node, store)
    }

    /// Makes a person.
    pub(crate) async fn person(&self, name: &str) -> UserId {
        self.chat.ensure_user(&Identity::external(name, name)).await.unwrap().id
    }

    /// Makes a group.
    pub(crate) async fn group(&self, owner: UserId, members: &[UserId]) -> ConversationId {
        let request = NewGroupRequest { title: "Group".to_owned(), member_ids: members.to_vec(), key: None };
        self.chat.create_group(owner, request).await.unwrap().conversation.id
    }

    /// Sends a text into a conversation.
    pub(crate) async fn say(&self, sender: UserId, id: ConversationId, text: &str) -> CommittedMessage {
        self.chat.send(sender, SendRequest::text(Target::Conversation(id), text)).await.unwrap()
    }
}
