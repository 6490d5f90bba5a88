//! The answer to `hello`: everything that a returning client missed, without a seam between what is read and what is live.
//!
//! Per conversation: events are held back, head and missed rows are read in one snapshot and sent, what came meanwhile
//! follows, `live` closes it. The reader sets the pace: a row is written when the outbox is below half. All answers run in
//! their connection's worker; how many of them read at a time is bounded for the whole node.

mod changes;
mod plan;

pub(super) use changes::release_fetched;

use super::{
    connection::{Connection, Stage},
    hub::Subscription,
};
use crate::{
    Error, Result,
    bus::{Hint, Topic},
    model::{ConversationEntry, ConversationId, ConversationPage, Feed, Head, Rev},
    protocol::{
        CloseCode, Cursors, FrameId, Gone, Hello, HelloAck, MemberCursor, Ready, Reset, ServerFrame, VERSION,
        encode,
    },
};
use ahash::AHashSet;
use plan::{FeedItem, Listed, Plan, ResetPoint};
use std::sync::Arc;

/// Rows of one read.
const PAGE: usize = 100;

/// Changes of one conversation that are told one by one; beyond them it is reset.
const CHANGES: usize = 500;

/// Changes that one `hello` is told; conversations beyond them are fetched.
const CHANGES_IN_ALL: usize = 2_000;

/// Conversations that a `hello` may list.
const LISTED: usize = 1_000;

/// Checks what can be checked without reading anything.
pub(super) fn check(hello: &Hello) -> Result<()> {
    if hello.protocol != VERSION {
        return Err(Error::invalid(format!("protocol must be {VERSION}")));
    }
    let characters = hello.device_id.chars().count();
    if !(1..=64).contains(&characters) {
        return Err(Error::invalid("device_id must have 1 to 64 characters"));
    }
    if hello.have.len() > LISTED {
        return Err(Error::too_large(format!("have lists at most {LISTED} conversations")));
    }
    Ok(())
}

/// Answers a `hello`. One that cannot be answered ends the connection, since the client could not tell what it missed.
pub(super) async fn answer(connection: Arc<Connection>, id: Option<FrameId>, hello: Hello) {
    connection.opening_ended().await;
    let mut resume = Resume { connection: &connection, rest: CHANGES_IN_ALL };
    resume.begin(&hello.device_id).await;
    match resume.run(id.as_ref(), &hello).await {
        Ok(()) => {
            connection.set_stage(Stage::Greeted);
            connection.endpoint.end_resume();
        }
        Err(error) => {
            tracing::warn!(%error, connection = connection.endpoint.id, "hello could not be answered");
            connection.refuse(id.as_ref(), &error);
            connection.close(CloseCode::Drain);
        }
    }
}

/// One answer on its way.
struct Resume<'a> {
    connection: &'a Arc<Connection>,
    /// Changes that may still be told.
    rest: usize,
}

impl Resume<'_> {
    /// Holds events back before anything is read, and makes the connection the only one of its device.
    async fn begin(&mut self, device_id: &str) {
        let connection = self.connection;
        let inner = &connection.chat.inner;
        connection.endpoint.begin_resume();
        if !connection.endpoint.is_v2() {
            connection.endpoint.upgrade();
            inner.presence.forget_classic(&connection.endpoint);
        }
        connection.attach();
        let since = inner.clock.now();
        inner.sessions.claim_device(connection, device_id, since);
        let user_id = connection.user_id();
        let hint = Hint::Device { user_id, device_id: device_id.into(), since };
        inner.publish(Topic::of_user(user_id), hint).await;
    }

    async fn run(&mut self, id: Option<&FrameId>, hello: &Hello) -> Result<()> {
        let connection = self.connection;
        let inner = &connection.chat.inner;
        let user = connection.user_id();
        let feed = inner.read(inner.store.load_feed(user)).await?;
        let epoch = inner.epoch()?;
        let mut plan = plan::plan(hello, &feed, &epoch);
        inner.hub.start_feed(user, feed.user.user_rev);
        let missed = self.subscribe(&feed);
        self.reread(&mut plan, &feed, hello, &missed);
        for (conversation, delivered, read) in &plan.moves {
            // The client learns of the move as everybody does: nobody waits for it here.
            drop(inner.cursors.advance(*conversation, user, *delivered, *read));
        }
        self.ack(id, &feed).await?;
        self.tell_feed(&plan, &feed).await?;
        for listed in &plan.listed {
            self.tell_listed(*listed, &missed).await?;
        }
        self.tell_further(&plan.further, hello.have.is_empty()).await?;
        for conversation in &plan.untold {
            connection.endpoint.outbox.withhold(*conversation);
        }
        for head in feed.heads.iter().filter(|head| missed.contains(&head.conversation_id)) {
            if plan.untold.contains(&head.conversation_id) {
                connection.endpoint.outbox.dirty(head.conversation_id, head.last_rev.next());
            }
        }
        let ready = Ready { user_rev: feed.user.user_rev, more: !plan.untold.is_empty() };
        self.send(ServerFrame::Ready(ready)).await;
        Ok(())
    }

    /// Lets the hub deliver from now on. Returns the conversations of which this node had fanned out more than the snapshot says:
    /// what came between was not held for this connection and has to be read.
    fn subscribe(&self, feed: &Feed) -> AHashSet<ConversationId> {
        let active = feed.heads.iter().filter(|head| head.left_rev.is_none());
        let subscriptions: Vec<_> = active.map(Subscription::from).collect();
        let connection = self.connection;
        let missed = connection.chat.inner.hub.subscribe(&connection.endpoint, &subscriptions);
        missed.into_iter().collect()
    }

    /// Has listed conversations read that looked unchanged in the snapshot and were not when the hub was asked.
    fn reread(&self, plan: &mut Plan, feed: &Feed, hello: &Hello, missed: &AHashSet<ConversationId>) {
        if missed.is_empty() {
            return;
        }
        let planned: AHashSet<_> = plan.listed.iter().map(Listed::conversation_id).collect();
        for have in &hello.have {
            let id = have.conversation_id;
            let Some(head) = feed.heads.iter().find(|head| head.conversation_id == id) else { continue };
            if missed.contains(&id) && !planned.contains(&id) {
                plan.listed.push(Listed::Changes {
                    conversation_id: id,
                    rev: have.rev,
                    cursor: have.cursor,
                    head: head.last_rev,
                });
            }
        }
    }

    async fn ack(&self, id: Option<&FrameId>, feed: &Feed) -> Result<()> {
        let chat = &self.connection.chat;
        let heartbeat = chat.pacing().heartbeat.as_millis();
        let ack = HelloAck {
            session_id: chat.inner.session_name(self.connection.endpoint.id),
            user: chat.present_user(feed.user.id, &feed.user).await?,
            epoch: chat.inner.epoch()?,
            limits: chat.limits().clone(),
            heartbeat_ms: u64::try_from(heartbeat).unwrap_or(u64::MAX),
            server_time: chat.inner.clock.now(),
            user_rev: feed.user.user_rev,
        };
        self.connection.ack(id, &ack);
        Ok(())
    }

    async fn tell_feed(&self, plan: &Plan, feed: &Feed) -> Result<()> {
        let chat = &self.connection.chat;
        if plan.reset_list {
            let reset = Reset { user_rev: Some(feed.user.user_rev), ..Reset::default() };
            self.send(ServerFrame::Reset(reset)).await;
        }
        if plan.profile {
            let user = chat.present_user(feed.user.id, &feed.user).await?;
            self.send(ServerFrame::UserChanged(Box::new(user))).await;
        }
        for item in &plan.feed {
            match *item {
                FeedItem::Gone(conversation_id, user_rev) => {
                    let user_rev = Some(user_rev);
                    self.send(ServerFrame::Gone(Gone { conversation_id, user_rev })).await;
                }
                FeedItem::Changed(id) => {
                    if let Some(entry) = self.entry(id).await? {
                        let view = chat.present_entry(&entry).await?;
                        self.send(ServerFrame::ConversationChanged(Box::new(view))).await;
                    }
                }
            }
        }
        Ok(())
    }

    async fn tell_listed(&mut self, listed: Listed, missed: &AHashSet<ConversationId>) -> Result<()> {
        match listed {
            Listed::Gone(conversation_id, user_rev) => {
                self.send(ServerFrame::Gone(Gone { conversation_id, user_rev })).await;
                Ok(())
            }
            Listed::Reset(point) if missed.contains(&point.conversation_id) => {
                let inner = &self.connection.chat.inner;
                let id = point.conversation_id;
                let load = inner.store.load_membership(id, self.connection.user_id());
                let (conversation, _) = inner.read(load).await?;
                self.reset(ResetPoint::from(&conversation)).await;
                Ok(())
            }
            Listed::Reset(point) => {
                self.reset(point).await;
                Ok(())
            }
            Listed::Changes { conversation_id, head, .. } if self.rest == 0 => {
                let outbox = &self.connection.endpoint.outbox;
                outbox.withhold(conversation_id);
                outbox.dirty(conversation_id, head);
                Ok(())
            }
            Listed::Changes { conversation_id, rev, cursor, .. } => {
                self.tell_changes(conversation_id, rev, cursor).await
            }
        }
    }

    async fn reset(&self, point: ResetPoint) {
        let reset = Reset {
            conversation_id: Some(point.conversation_id),
            rev: Some(point.rev),
            cursor: Some(point.cursor),
            first_seq: Some(point.first_seq),
            last_seq: Some(point.last_seq),
            user_rev: None,
        };
        self.send(ServerFrame::Reset(reset)).await;
        self.release(point.conversation_id, point.rev, None);
    }

    /// Tells conversations that the client does not list, each closed at its head. A client that lists none gets them in pages.
    async fn tell_further(&self, further: &[ConversationId], by_page: bool) -> Result<()> {
        if !by_page {
            for id in further {
                if let Some(entry) = self.entry(*id).await? {
                    self.tell_entries(&[entry]).await?;
                }
            }
            return Ok(());
        }
        let inner = &self.connection.chat.inner;
        let mut waiting: AHashSet<_> = further.iter().copied().collect();
        let mut after = None;
        while !waiting.is_empty() {
            let page = ConversationPage { after, limit: PAGE };
            let list = inner.store.list_conversations(self.connection.user_id(), page);
            let entries = inner.read(list).await?;
            let Some(last) = entries.last() else { break };
            after = Some((last.conversation.updated_at, last.conversation.id));
            let wanted: Vec<_> =
                entries.into_iter().filter(|entry| waiting.remove(&entry.conversation.id)).collect();
            self.tell_entries(&wanted).await?;
        }
        // Activity may have moved some ahead of the pages already read.
        for id in waiting {
            if let Some(entry) = self.entry(id).await? {
                self.tell_entries(&[entry]).await?;
            }
        }
        Ok(())
    }

    async fn tell_entries(&self, entries: &[ConversationEntry]) -> Result<()> {
        let views = self.connection.chat.present_entries(entries).await?;
        for (entry, view) in entries.iter().zip(views) {
            let conversation = &entry.conversation;
            self.send(ServerFrame::ConversationChanged(Box::new(view))).await;
            self.release(conversation.id, conversation.last_rev, Some(Rev::ZERO));
        }
        Ok(())
    }

    /// Loads a conversation as the list shows it; [`None`] once the person has left it.
    async fn entry(&self, id: ConversationId) -> Result<Option<ConversationEntry>> {
        let inner = &self.connection.chat.inner;
        match inner.read(inner.store.load_entry(id, self.connection.user_id())).await {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.kind() == crate::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn release(&self, conversation: ConversationId, snapshot: Rev, from: Option<Rev>) {
        let connection = self.connection;
        connection.chat.inner.hub.release(&connection.endpoint, conversation, snapshot, from);
    }

    /// Writes a frame once the outbox is below half. On a connection that is over it returns at once.
    async fn send(&self, frame: ServerFrame) {
        self.connection.endpoint.outbox.row(encode(&frame)).await;
    }
}

impl From<&Head> for Subscription {
    fn from(head: &Head) -> Self {
        Self {
            conversation_id: head.conversation_id,
            last_rev: head.last_rev,
            last_cursor: head.last_cursor,
            since_rev: head.since_rev,
        }
    }
}
