//! From a commit to the bus and to the application. Everything here is a hint: a lost one is found by the repair loop.

use super::{Chat, Inner};
use crate::{
    Result,
    bus::{Envelope, Hint, Topic},
    event::Event,
    model::{
        Committed, CommittedMessage, Conversation, CursorsMoved, Member, MembersChanged, Opened, Outcome,
        User,
    },
};
use std::sync::Arc;

impl Chat {
    /// Tells the other nodes, the connections and the application of a message that the host stored in a transaction of its own,
    /// after that transaction has committed. A forgotten call is found by the repair loop.
    pub async fn announce(&self, committed: &CommittedMessage) {
        self.inner.announce_message(committed).await;
    }
}

impl Inner {
    /// Publishes what a change did and tells the application. The pipeline calls it in commit order.
    pub(crate) async fn announce(&self, committed: &Committed) {
        match committed {
            Committed::Broadcast(broadcast) => {
                for message in &broadcast.messages {
                    self.announce_message(message).await;
                }
            }
            Committed::Cursors(moved) => self.announce_cursors(moved).await,
            Committed::Message(message) => self.announce_message(message).await,
        }
    }

    async fn announce_message(&self, committed: &CommittedMessage) {
        if committed.outcome == Outcome::Repeated {
            return;
        }
        let message = Arc::new(committed.message.clone());
        self.events.tell(|| {
            let message = Arc::clone(&message);
            if message.rev == message.created_rev {
                Event::MessageCreated(message)
            } else {
                Event::MessageUpdated(message)
            }
        });
        let topic = Topic::of_conversation(message.conversation_id);
        self.publish(topic, Hint::Message { message, member_rev: committed.member_rev }).await;
    }

    async fn announce_cursors(&self, moved: &CursorsMoved) {
        if moved.moved.is_empty() {
            return;
        }
        let moved = Arc::new(moved.clone());
        self.events.tell(|| Event::CursorsMoved(Arc::clone(&moved)));
        self.publish(Topic::of_conversation(moved.conversation_id), Hint::Cursors(moved)).await;
    }

    /// Tells of a conversation that was just created: its row, and the feed of everybody in it.
    pub(crate) async fn announce_opened(&self, opened: &Opened) -> Result<()> {
        if !opened.created {
            return Ok(());
        }
        self.announce_conversation(&opened.conversation).await;
        let mut after = None;
        let mut members = opened.members.clone();
        loop {
            self.announce_feeds(&members).await;
            after = members.last().map(|member| member.user_id).max(after);
            if members.len() < OPENED_MEMBERS {
                return Ok(());
            }
            members = self.store.list_members(opened.conversation.id, after, OPENED_MEMBERS).await?;
        }
    }

    /// Tells of a conversation's row: title, creation, end.
    pub(crate) async fn announce_conversation(&self, conversation: &Conversation) {
        self.events.tell(|| Event::ConversationChanged(Arc::new(conversation.clone())));
        let hint = Hint::Conversation {
            conversation_id: conversation.id,
            rev: conversation.last_rev,
            member_rev: conversation.member_rev,
        };
        self.publish(Topic::of_conversation(conversation.id), hint).await;
    }

    /// Tells of rows of members, and those people's own feeds if they came or left.
    pub(crate) async fn announce_members(&self, changed: &MembersChanged) {
        if changed.members.is_empty() {
            return;
        }
        self.events.tell(|| Event::MembersChanged(changed.members.as_slice().into()));
        let hint = Hint::Members {
            conversation_id: changed.conversation.id,
            members: changed.members.clone(),
            member_rev: changed.conversation.member_rev,
        };
        self.publish(Topic::of_conversation(changed.conversation.id), hint).await;
        let came_or_left = |member: &&Member| member.rev == member.since_rev || !member.is_active();
        let members: Vec<_> = changed.members.iter().filter(came_or_left).cloned().collect();
        self.announce_feeds(&members).await;
    }

    async fn announce_feeds(&self, members: &[Member]) {
        for member in members {
            let hint = Hint::User { user_id: member.user_id, user_rev: member.user_rev };
            self.publish(Topic::of_user(member.user_id), hint).await;
        }
    }

    /// Tells a person's own sessions of their profile, and every node, since anybody anywhere may be looking at it.
    pub(crate) async fn announce_profile(&self, user: &User) {
        let own = Hint::User { user_id: user.id, user_rev: user.user_rev };
        self.publish(Topic::of_user(user.id), own).await;
        self.publish(Topic::ALL, Hint::Profile { user_id: user.id }).await;
    }

    /// Publishes one hint under this node's name; a bus that fails is logged and counted, never an error of the action.
    ///
    /// Before [`Chat::run`] has read the epoch nobody is connected here, and others find the change by repair.
    pub(crate) async fn publish(&self, topic: Topic, hint: Hint) {
        // The hint comes back through the bus only later, and what this node does next must not see the old state.
        self.caches.observe(&hint);
        let Some(epoch) = self.epoch.read().clone() else { return };
        let envelope = Arc::new(Envelope { epoch, node: self.node, hint });
        if let Err(error) = self.bus.publish(topic, envelope).await {
            metrics::counter!("chat_bus_failures_total").increment(1);
            tracing::warn!(%error, topic = topic.get(), "hint could not be published");
        }
    }
}

/// How many members' rows a store hands out with a conversation that it opened.
const OPENED_MEMBERS: usize = 100;
