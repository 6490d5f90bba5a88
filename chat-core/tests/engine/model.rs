//! A client that follows the protocol to the letter and keeps what it learns, as a phone would keep it in its database.
//!
//! It checks as it goes (no hole once live, nothing twice, nothing going back) and can be compared with the store in the end.
//! What a real client would read over HTTP it reads through the use cases of the node that it is connected to.

mod conversation;
mod outbox;

use super::cluster::Cluster;
use chat_core::{
    Chat,
    model::{ConversationId, MessageAnchor, Seq, UserId},
    protocol::CloseCode,
    realtime::{Outbox, Outgoing, Session, Wire},
};
pub(crate) use conversation::Conversation;
use conversation::Step;
use futures_util::FutureExt;
use outbox::Draft;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// How long a hole may stay before the client asks for what is in it.
const PATIENCE: Duration = Duration::from_millis(300);

/// How long an answer may take before the client tries again.
const ANSWER: Duration = Duration::from_secs(10);

/// One running client of one person.
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) user: UserId,
    // Kept over reconnects.
    epoch: Option<String>,
    user_rev: Option<i64>,
    pub(crate) conversations: BTreeMap<i64, Conversation>,
    drafts: Vec<Draft>,
    next_draft: u64,
    // Of one connection.
    link: Option<Link>,
    looked_at: Instant,
    /// Counted to see that tests test something.
    pub(crate) counts: BTreeMap<String, usize>,
}

/// An open connection.
struct Link {
    node: usize,
    chat: Chat,
    session: Session,
    outbox: Outbox,
    is_ready: bool,
    said_hello_at: Instant,
    listed: BTreeSet<i64>,
    next_id: u64,
    asked: BTreeMap<u64, (Asked, Instant)>,
}

/// What an answer is awaited for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Hello,
    Fetch(i64, i64),
    Send(String),
    Other,
}

impl Client {
    pub(crate) fn new(name: String, user: UserId) -> Self {
        Self {
            name,
            user,
            epoch: None,
            user_rev: None,
            conversations: BTreeMap::new(),
            drafts: Vec::new(),
            next_draft: 0,
            link: None,
            looked_at: Instant::now(),
            counts: BTreeMap::new(),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    pub(crate) fn node(&self) -> Option<usize> {
        self.link.as_ref().map(|link| link.node)
    }

    /// Drops the connection without a word, as a lost network does.
    pub(crate) fn disconnect(&mut self) {
        self.link = None;
        for conversation in self.conversations.values_mut() {
            conversation.lost_connection();
        }
    }

    /// Connects and says `hello` with everything at hand.
    pub(crate) async fn connect(&mut self, cluster: &Cluster, node: usize) {
        self.disconnect();
        let Ok((session, outbox)) = cluster.connect(node, self.user, Wire::V2).await else { return };
        self.link = Some(Link {
            node,
            chat: cluster.chat(node).clone(),
            session,
            outbox,
            is_ready: false,
            said_hello_at: Instant::now(),
            listed: self.conversations.keys().copied().collect(),
            next_id: 0,
            asked: BTreeMap::new(),
        });
        let have: Vec<Value> =
            self.conversations.iter().map(|(id, conversation)| conversation.have(*id)).collect();
        let mut hello = json!({"protocol": 2, "device_id": self.name, "have": have});
        if let (Some(epoch), Some(user_rev)) = (&self.epoch, self.user_rev) {
            hello["epoch"] = json!(epoch);
            hello["user_rev"] = json!(user_rev);
        }
        self.ask("hello", hello, Asked::Hello).await;
    }

    async fn ask(&mut self, kind: &str, payload: Value, asked: Asked) {
        let Some(link) = &mut self.link else { return };
        link.next_id += 1;
        link.asked.insert(link.next_id, (asked, Instant::now()));
        let frame = json!({"type": kind, "id": link.next_id, "payload": payload});
        if std::env::var_os("CHAT_TRACE").is_some() {
            println!("{} {:?} > {frame}", self.name, Instant::now());
        }
        link.session.handle(&frame.to_string()).await;
    }

    /// Says something that needs no answer.
    pub(crate) async fn do_now(&mut self, kind: &str, payload: Value) {
        self.ask(kind, payload, Asked::Other).await;
    }

    /// Takes in all that has come, and asks for what is missing.
    pub(crate) async fn pump(&mut self) {
        loop {
            let mut batch = Vec::new();
            let Some(link) = &mut self.link else { return };
            let taken = link.outbox.recv_many(&mut batch).now_or_never();
            for item in batch {
                match item {
                    Outgoing::Frame(frame) => self.take(serde_json::from_slice(&frame).unwrap()).await,
                    Outgoing::Ping => {
                        if let Some(link) = &self.link {
                            link.session.pong().await;
                        }
                    }
                    Outgoing::Close(code) => return self.closed(code),
                }
            }
            match taken {
                None => break,
                Some(0) => return self.disconnect(),
                Some(_) => {}
            }
        }
        self.mend().await;
        self.resend().await;
        let looked_away = self.looked_at.elapsed() > PATIENCE * 4;
        self.looked_at = Instant::now();
        for (id, conversation) in &mut self.conversations {
            if looked_away {
                conversation.looked_away();
            }
            conversation.check_places(&self.name, *id);
        }
    }

    fn closed(&mut self, code: CloseCode) {
        *self.counts.entry(format!("closed {code:?}")).or_default() += 1;
        assert!(code.reconnects(), "{}: closed with {code:?}", self.name);
        self.disconnect();
    }

    async fn take(&mut self, frame: Value) {
        if std::env::var_os("CHAT_TRACE").is_some() {
            println!("{} {:?} < {frame}", self.name, Instant::now());
        }
        let kind = frame["type"].as_str().unwrap().to_owned();
        *self.counts.entry(kind.clone()).or_default() += 1;
        let payload = frame["payload"].clone();
        match kind.as_str() {
            "ack" | "error" => self.answered(&frame, kind == "ack", payload).await,
            "ready" => self.ready(&payload),
            "reset" if payload["conversation_id"].is_null() => {
                // The list is void: what was in it and is not told again below is gone.
                let listed = self.link.as_ref().map(|link| link.listed.clone()).unwrap_or_default();
                self.conversations.retain(|id, _| listed.contains(id));
                self.user_rev = payload["user_rev"].as_i64();
            }
            "reset" => self.reset(payload["conversation_id"].as_i64().unwrap(), &payload).await,
            "gone" => {
                self.conversations.remove(&payload["conversation_id"].as_i64().unwrap());
                self.heard_of_feed(&payload["user_rev"]);
            }
            "conversation_changed" if !payload["me"].is_null() => self.told(&payload).await,
            "dirty" => {
                let id = payload["conversation_id"].as_i64().unwrap();
                let known = self.conversations.entry(id).or_default().known;
                if payload["rev"].as_i64().unwrap() > known {
                    self.fetch(id).await;
                }
            }
            "user_changed" => self.heard_of_feed(&payload["user_rev"]),
            "goodbye" | "typing" | "user_status" | "broadcast_progress" => {}
            _ => self.event(&kind, &frame).await,
        }
    }

    fn ready(&mut self, payload: &Value) {
        let Some(link) = &mut self.link else { return };
        link.is_ready = true;
        self.user_rev = payload["user_rev"].as_i64();
        for id in &link.listed {
            if let Some(conversation) = self.conversations.get_mut(id) {
                conversation.listed_is_ready(&self.name, *id);
            }
        }
    }

    /// Only `ready` settles the feed of a resume; afterwards every change counts by itself.
    fn heard_of_feed(&mut self, user_rev: &Value) {
        let is_ready = self.link.as_ref().is_some_and(|link| link.is_ready);
        if let (true, Some(rev)) = (is_ready, user_rev.as_i64()) {
            self.user_rev = self.user_rev.max(Some(rev));
        }
    }

    async fn event(&mut self, kind: &str, frame: &Value) {
        let payload = &frame["payload"];
        let id = match kind {
            "conversation_changed" => payload["id"].as_i64(),
            _ => payload["conversation_id"].as_i64(),
        };
        let id = id.unwrap_or_else(|| panic!("{kind} without a conversation: {frame}"));
        let is_ready = self.link.as_ref().is_some_and(|link| link.is_ready);
        let is_known = self.conversations.contains_key(&id);
        let conversation = self.conversations.entry(id).or_default();
        if !is_known && is_ready {
            // Of one that was created or joined later every number counts, from the first on.
            conversation.is_live = true;
        }
        conversation.event(&self.name, id, kind, frame);
        if kind == "live" && !is_known {
            self.load(id).await;
        }
    }

    /// Takes in a conversation as the list shows it.
    async fn told(&mut self, payload: &Value) {
        self.heard_of_feed(&payload["me"]["user_rev"]);
        let id = payload["id"].as_i64().unwrap();
        let is_first = !self.conversations.contains_key(&id);
        let conversation = self.conversations.entry(id).or_default();
        conversation.told(payload);
        if is_first || conversation.needs_history {
            conversation.cursor = payload["last_cursor"].as_i64().unwrap();
            self.load(id).await;
        }
    }

    async fn reset(&mut self, id: i64, payload: &Value) {
        let conversation = self.conversations.entry(id).or_default();
        conversation.reset(payload);
        self.load(id).await;
    }

    /// Reads the conversation as it is over the routes that a client uses when the person looks at it.
    async fn load(&mut self, id: i64) {
        let Some(link) = &self.link else { return };
        let (chat, user, number) = (link.chat.clone(), self.user, ConversationId::new(id));
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        conversation.needs_history = true;
        let Ok(entry) = chat.load_conversation(user, number).await else { return };
        let view = serde_json::to_value(chat.present_entry(&entry).await.unwrap()).unwrap();
        conversation.told(&view);
        let Ok(members) = chat.list_members(user, number, None, 200).await else { return };
        for view in chat.present_members(&members).await.unwrap() {
            conversation.member(&serde_json::to_value(view).unwrap());
        }
        let mut before = Seq::new(i64::from(i32::MAX));
        loop {
            let page = chat.list_messages(user, number, MessageAnchor::Before(before), 50).await;
            let Ok(page) = page else { return };
            for view in chat.present_messages(user, &page.messages).await.unwrap() {
                conversation.message(&self.name, &serde_json::to_value(view).unwrap());
            }
            match page.messages.first() {
                Some(first) if page.has_more_before => before = first.seq,
                _ => break,
            }
        }
        conversation.needs_history = false;
    }

    async fn fetch(&mut self, id: i64) {
        let Some(link) = &self.link else { return };
        if link.asked.values().any(|(asked, _)| matches!(asked, Asked::Fetch(other, _) if *other == id)) {
            return;
        }
        *self.counts.entry("fetches".to_owned()).or_default() += 1;
        let after = self.conversations.get(&id).map_or(0, |conversation| conversation.known);
        let payload = json!({"conversation_id": id, "after_rev": after, "limit": 20});
        self.ask("fetch", payload, Asked::Fetch(id, after)).await;
    }

    /// Asks for what is in holes that do not close by themselves.
    async fn mend(&mut self) {
        let holes: Vec<i64> = self
            .conversations
            .iter()
            .filter(|(_, conversation)| conversation.has_hole_for(PATIENCE))
            .map(|(id, _)| *id)
            .collect();
        for id in holes {
            self.fetch(id).await;
        }
        let unread: Vec<i64> =
            self.conversations.iter().filter(|(_, known)| known.needs_history).map(|(id, _)| *id).collect();
        for id in unread {
            self.load(id).await;
        }
        // A server that does not answer is as good as gone.
        let is_stuck = self.link.as_ref().is_some_and(|link| {
            let late = link.asked.values().any(|(_, since)| since.elapsed() > ANSWER);
            late || (!link.is_ready && link.said_hello_at.elapsed() > ANSWER)
        });
        if is_stuck {
            *self.counts.entry("stuck".to_owned()).or_default() += 1;
            self.disconnect();
        }
    }

    async fn answered(&mut self, frame: &Value, is_ack: bool, payload: Value) {
        let Some(link) = &mut self.link else { return };
        let Some(id) = frame["id"].as_u64() else {
            panic!("{}: refused a frame that asked for no answer: {frame}", self.name);
        };
        let (asked, _) = link.asked.remove(&id).unwrap_or_else(|| panic!("answered twice: {frame}"));
        match asked {
            Asked::Hello if is_ack => {
                let epoch = payload["epoch"].as_str().unwrap().to_owned();
                if self.epoch.replace(epoch.clone()).is_some_and(|known| known != epoch) {
                    for conversation in self.conversations.values_mut() {
                        conversation.is_void = true;
                    }
                }
            }
            Asked::Hello | Asked::Other => {}
            Asked::Fetch(id, after) if is_ack => self.fetched(id, after, &payload).await,
            Asked::Fetch(id, _) if payload["code"] == "not_found" => {
                self.conversations.remove(&id);
            }
            Asked::Fetch(..) => {}
            Asked::Send(client_id) => self.sent(&client_id, is_ack, &payload),
        }
    }

    async fn fetched(&mut self, id: i64, after: i64, payload: &Value) {
        if payload["reset"] == true {
            return self.reset(id, payload).await;
        }
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        for event in payload["events"].as_array().unwrap() {
            conversation.step(&self.name, id, event["type"].as_str().unwrap(), event, Step::Range);
        }
        let to = payload["to_rev"].as_i64().unwrap();
        conversation.proved(after, to);
        if payload["has_more"] == true {
            self.fetch(id).await;
        } else {
            conversation.is_live = true;
            conversation.catch_up(&self.name, id);
        }
    }
}
