//! A client on an endpoint of its own: the smallest session, and the rules that every client follows.

use crate::{
    Chat,
    model::{ChangeQuery, ConversationId, ConversationKind, Head, Rev, UserId},
    protocol::CloseCode,
    realtime::{
        Outbox, Outgoing,
        endpoint::Endpoint,
        hub::Subscription,
        outbox::{Dialect, outbox},
    },
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What a client knows of one conversation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) rev: i64,
    /// Texts by `seq`.
    pub(crate) texts: BTreeMap<i64, String>,
    /// What came too early.
    ahead: BTreeMap<i64, Value>,
}

/// A connection and what its client made of the frames.
pub(crate) struct Client {
    chat: Chat,
    user: UserId,
    pub(crate) endpoint: Arc<Endpoint>,
    outbox: Outbox,
    pub(crate) frames: Vec<Value>,
    pub(crate) pings: usize,
    pub(crate) closed: Option<CloseCode>,
    pub(crate) known: BTreeMap<ConversationId, Known>,
    /// How often it had to ask for what was missing.
    pub(crate) fetches: usize,
}

impl Client {
    /// Connects, and listens to all conversations of the person from where they stand.
    pub(crate) async fn join(chat: &Chat, user: UserId, dialect: Dialect) -> Self {
        let (sender, outbox) = outbox(chat.pacing().outbox_bytes, dialect);
        let hub = &chat.inner.hub;
        let is_v2 = dialect == Dialect::V2;
        let endpoint = Arc::new(Endpoint::new(hub.next_id(), user, None, sender, is_v2));
        endpoint.begin_resume();
        hub.attach(&endpoint);
        let feed = chat.inner.store.load_feed(user).await.unwrap();
        hub.set_feed(user, feed.user.user_rev);
        let is_told =
            |head: &&Head| head.left_rev.is_none() && (is_v2 || head.kind == ConversationKind::Direct);
        let heads: Vec<_> = feed.heads.iter().filter(is_told).collect();
        let subscriptions: Vec<_> = heads
            .iter()
            .map(|head| Subscription {
                conversation_id: head.conversation_id,
                last_rev: head.last_rev,
                last_cursor: head.last_cursor,
                since_rev: head.since_rev,
            })
            .collect();
        assert!(
            hub.subscribe(&endpoint, &subscriptions).is_empty(),
            "nothing happens meanwhile in these tests"
        );
        let mut client = Self {
            chat: chat.clone(),
            user,
            endpoint,
            outbox,
            frames: Vec::new(),
            pings: 0,
            closed: None,
            known: BTreeMap::new(),
            fetches: 0,
        };
        for head in heads {
            hub.release(&client.endpoint, head.conversation_id, head.last_rev, None);
            client.known.insert(head.conversation_id, Known { rev: head.last_rev.get(), ..Known::default() });
        }
        client.endpoint.end_resume();
        client
    }

    /// Takes what comes until nothing has come for `quiet`.
    pub(crate) async fn settle(&mut self, quiet: Duration) {
        let mut batch = Vec::new();
        while let Ok(count) = tokio::time::timeout(quiet, self.outbox.recv_many(&mut batch)).await {
            if count == 0 {
                return;
            }
            for item in batch.drain(..) {
                match item {
                    Outgoing::Frame(frame) => self.take(serde_json::from_slice(&frame).unwrap()).await,
                    Outgoing::Ping => self.pings += 1,
                    Outgoing::Close(code) => self.closed = Some(code),
                }
            }
        }
        self.mend().await;
    }

    /// Returns the frames of a type, and forgets them.
    pub(crate) fn take_frames(&mut self, kind: &str) -> Vec<Value> {
        let (taken, kept) =
            std::mem::take(&mut self.frames).into_iter().partition(|frame| frame["type"] == kind);
        self.frames = kept;
        taken
    }

    /// Returns the texts of a conversation in order.
    pub(crate) fn texts(&self, id: ConversationId) -> Vec<&str> {
        self.known
            .get(&id)
            .map(|known| known.texts.values().map(String::as_str).collect())
            .unwrap_or_default()
    }

    async fn take(&mut self, frame: Value) {
        let payload = &frame["payload"];
        let kind = frame["type"].as_str().unwrap_or_default().to_owned();
        let id = payload["conversation_id"].as_i64().or(payload["id"].as_i64()).map(ConversationId::new);
        if let Some(id) = id {
            match kind.as_str() {
                "dirty" => self.fetch(id).await,
                "live" => {
                    let known = self.known.entry(id).or_default();
                    if known.rev >= payload["from"].as_i64().unwrap() {
                        known.rev = known.rev.max(payload["rev"].as_i64().unwrap());
                    }
                    self.advance(id);
                }
                "receive_message" | "message_updated" | "member_changed" => self.apply(id, &frame),
                // Made for one reader it comes with the feed; the shared one is an event.
                "conversation_changed" if payload["me"].is_null() => self.apply(id, &frame),
                _ => {}
            }
        }
        self.frames.push(frame);
    }

    fn apply(&mut self, id: ConversationId, frame: &Value) {
        let known = self.known.entry(id).or_default();
        let rev = frame["payload"]["rev"].as_i64().unwrap();
        if rev > known.rev {
            known.ahead.insert(rev, frame.clone());
        }
        self.advance(id);
    }

    fn advance(&mut self, id: ConversationId) {
        let known = self.known.entry(id).or_default();
        known.ahead.retain(|rev, _| *rev > known.rev);
        while let Some(frame) = known.ahead.remove(&(known.rev + 1)) {
            known.rev += 1;
            if let Some(seq) = frame["payload"]["seq"].as_i64() {
                known.texts.insert(seq, frame["payload"]["content"].as_str().unwrap().to_owned());
            }
        }
    }

    /// Asks for what is missing, as a client does when a hole does not close by itself.
    async fn mend(&mut self) {
        let holes: Vec<_> =
            self.known.iter().filter(|(_, known)| !known.ahead.is_empty()).map(|(id, _)| *id).collect();
        for id in holes {
            self.fetch(id).await;
        }
    }

    async fn fetch(&mut self, id: ConversationId) {
        self.fetches += 1;
        let known = self.known.entry(id).or_default();
        let query = ChangeQuery {
            conversation_id: id,
            user_id: self.user,
            after_rev: Rev::new(known.rev),
            after_cursor: None,
            limit: 10_000,
        };
        let changes = self.chat.inner.store.read_changes(query).await.unwrap();
        for message in &changes.messages {
            known.texts.insert(message.seq.get(), message.content.clone());
        }
        known.rev = changes.to_rev().get();
        self.advance(id);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.chat.inner.hub.detach(&self.endpoint);
    }
}
