//! What a client holds, and the rules by which frames change it: doubles are ignored, holes are noticed, resets are obeyed.
//!
//! A pure state machine. Whoever drives it sends what an [`Effect`] asks for and feeds the answers back.

use chat_core::{
    model::{ConversationId, Cursor, Epoch, Rev, Seq, UserId},
    protocol::{
        ConversationView, Cursors, FetchAck, Have, Hello, HelloAck, Live, MemberView, MessageView, Reset,
        ServerFrame, StatusChange,
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// A jump in `rev` may be two frames that changed places; a hole is believed after this.
const REORDER_WAIT: Duration = Duration::from_millis(300);

/// What the driver has to do or may tell.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// A conversation's row has this state.
    Conversation(Box<ConversationView>),
    /// Fetch the changes after `after`, not before `wait` is over.
    Fetch {
        /// Of which conversation.
        conversation_id: ConversationId,
        /// The present number.
        after: Rev,
        /// How long to wait for what may have changed places.
        wait: Duration,
    },
    /// The person is out of this conversation.
    Gone(ConversationId),
    /// A member's row has this state.
    Member(Box<MemberView>),
    /// A message has this state: it is shown for the first time, edited or deleted.
    Message(Box<MessageView>),
    /// Everything that was missed has been told.
    Ready,
    /// Somebody's cursors in a conversation moved.
    Receipt {
        /// Where.
        conversation_id: ConversationId,
        /// Whose.
        user_id: UserId,
        /// Delivered up to here.
        delivered: Seq,
        /// Read up to here.
        read: Seq,
    },
    /// What was known of this conversation, or of all, is void.
    Reset(Option<ConversationId>),
}

/// The numbers of one conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Everything up to here is applied.
    pub rev: Rev,
    /// Receipts up to here are applied.
    pub cursor: Cursor,
}

#[derive(Debug, Default)]
struct Conversation {
    known: Known,
    /// A jump means a hole only once the server has said that nothing is missing.
    is_live: bool,
    view: Option<ConversationView>,
    messages: BTreeMap<Seq, MessageView>,
    receipts: HashMap<UserId, (Seq, Seq)>,
    /// Frames beyond a hole, by number.
    held: BTreeMap<Rev, ServerFrame>,
}

/// A client's copy of its conversations.
#[derive(Debug)]
pub struct Replica {
    me: UserId,
    epoch: Option<Epoch>,
    user_rev: Rev,
    conversations: HashMap<ConversationId, Conversation>,
}

impl Replica {
    /// Starts with nothing known.
    #[must_use]
    pub fn new(me: UserId) -> Self {
        Self { me, epoch: None, user_rev: Rev::ZERO, conversations: HashMap::new() }
    }

    /// Returns what to say at the start of a connection.
    #[must_use]
    pub fn hello(&self, device_id: &str) -> Hello {
        let mut have: Vec<_> =
            self.conversations.iter().map(|(id, conversation)| self.have(*id, conversation)).collect();
        have.sort_unstable_by_key(|have| have.conversation_id);
        have.truncate(1_000);
        Hello {
            protocol: chat_core::protocol::VERSION,
            device_id: device_id.to_owned(),
            epoch: self.epoch.clone(),
            user_rev: self.epoch.as_ref().map(|_| self.user_rev),
            have,
        }
    }

    fn have(&self, id: ConversationId, conversation: &Conversation) -> Have {
        let own = conversation.receipts.get(&self.me);
        Have {
            conversation_id: id,
            rev: conversation.known.rev,
            cursor: Some(conversation.known.cursor),
            read_seq: own.map(|(_, read)| *read),
            delivered_seq: own.map(|(delivered, _)| *delivered),
        }
    }

    /// Notes the server's answer to `hello`.
    pub fn connected(&mut self, ack: &HelloAck) {
        self.epoch = Some(ack.epoch.clone());
    }

    /// Notes that the connection is gone: nothing is proven until the server says `live` again.
    pub fn disconnected(&mut self) {
        for conversation in self.conversations.values_mut() {
            conversation.is_live = false;
            conversation.held.clear();
        }
    }

    /// Applies a frame.
    pub fn apply(&mut self, frame: ServerFrame) -> Vec<Effect> {
        let mut effects = Vec::new();
        match frame {
            ServerFrame::Cursors(cursors) => self.catch_up_cursors(&cursors, &mut effects),
            ServerFrame::Dirty(dirty) => {
                let conversation = self.conversations.entry(dirty.conversation_id).or_default();
                if dirty.rev > conversation.known.rev {
                    effects.push(fetch(dirty.conversation_id, conversation.known.rev, Duration::ZERO));
                }
            }
            ServerFrame::Gone(gone) => {
                self.conversations.remove(&gone.conversation_id);
                self.advance_feed(gone.user_rev);
                effects.push(Effect::Gone(gone.conversation_id));
            }
            ServerFrame::Live(live) => self.live(&live, &mut effects),
            ServerFrame::Ready(ready) => {
                self.user_rev = self.user_rev.max(ready.user_rev);
                effects.push(Effect::Ready);
            }
            ServerFrame::Reset(reset) => self.reset(&reset, &mut effects),
            ServerFrame::StatusChange(change) => self.receipt(&change, &mut effects),
            ServerFrame::UserChanged(user) => self.advance_feed(user.user_rev),
            ServerFrame::ConversationChanged(view) if view.me.is_some() => self.listed(*view, &mut effects),
            frame => {
                if let Some((id, rev)) = place(&frame) {
                    self.step(id, rev, frame, &mut effects);
                }
            }
        }
        effects
    }

    /// Applies the answer to a fetch after `after`.
    pub fn fetched(&mut self, id: ConversationId, after: Rev, answer: FetchAck) -> Vec<Effect> {
        let mut effects = Vec::new();
        if answer.reset == Some(true) {
            let FetchAck { rev, cursor, first_seq, last_seq, .. } = answer;
            let reset = Reset { conversation_id: Some(id), rev, cursor, first_seq, last_seq, user_rev: None };
            self.reset(&reset, &mut effects);
            return effects;
        }
        for frame in answer.events {
            match place(&frame) {
                Some((_, rev)) => self.upsert(id, rev, frame, &mut effects),
                None => effects.extend(self.apply(frame)),
            }
        }
        let conversation = self.conversations.entry(id).or_default();
        if let Some(to) = answer.to_rev
            && conversation.known.rev >= after
        {
            conversation.known.rev = conversation.known.rev.max(to);
        }
        if answer.has_more {
            effects.push(fetch(id, conversation.known.rev, Duration::ZERO));
        } else {
            conversation.is_live = true;
            self.release(id, &mut effects);
        }
        effects
    }

    /// A change that is to be applied by step.
    fn step(&mut self, id: ConversationId, rev: Rev, frame: ServerFrame, effects: &mut Vec<Effect>) {
        let conversation = self.conversations.entry(id).or_default();
        if conversation.is_live && rev > conversation.known.rev.next() {
            if conversation.held.is_empty() {
                effects.push(fetch(id, conversation.known.rev, REORDER_WAIT));
            }
            conversation.held.insert(rev, frame);
            return;
        }
        self.upsert(id, rev, frame, effects);
        self.release(id, effects);
    }

    /// Applies what waited beyond a hole, as far as it now joins.
    fn release(&mut self, id: ConversationId, effects: &mut Vec<Effect>) {
        while let Some(conversation) = self.conversations.get_mut(&id) {
            let Some(entry) = conversation.held.first_entry() else { return };
            if *entry.key() > conversation.known.rev.next() {
                return;
            }
            let (rev, frame) = entry.remove_entry();
            self.upsert(id, rev, frame, effects);
        }
    }

    /// Applies a whole state, unless its number says that it is known.
    fn upsert(&mut self, id: ConversationId, rev: Rev, frame: ServerFrame, effects: &mut Vec<Effect>) {
        let conversation = self.conversations.entry(id).or_default();
        if rev <= conversation.known.rev {
            return;
        }
        conversation.known.rev = rev;
        match frame {
            ServerFrame::ReceiveMessage(message) | ServerFrame::MessageUpdated(message) => {
                conversation.messages.insert(message.seq, (*message).clone());
                effects.push(Effect::Message(message));
            }
            ServerFrame::MemberChanged(member) => effects.push(Effect::Member(member)),
            ServerFrame::ConversationChanged(view) => {
                conversation.view = Some((*view).clone());
                effects.push(Effect::Conversation(view));
            }
            _ => {}
        }
    }

    /// A row of the person's list, made for this reader: it takes no step of the conversation's numbers.
    fn listed(&mut self, view: ConversationView, effects: &mut Vec<Effect>) {
        let me = view.me.as_ref();
        self.advance_feed(me.map(|me| me.user_rev));
        let conversation = self.conversations.entry(view.id).or_default();
        if let Some(me) = me {
            let own = conversation.receipts.entry(self.me).or_default();
            *own = (own.0.max(me.delivered_seq), own.1.max(me.read_seq));
        }
        conversation.view = Some(view.clone());
        effects.push(Effect::Conversation(Box::new(view)));
    }

    fn live(&mut self, live: &Live, effects: &mut Vec<Effect>) {
        let conversation = self.conversations.entry(live.conversation_id).or_default();
        if conversation.known.rev < live.from {
            effects.push(fetch(live.conversation_id, conversation.known.rev, Duration::ZERO));
            return;
        }
        conversation.known.rev = conversation.known.rev.max(live.rev);
        conversation.is_live = true;
        self.release(live.conversation_id, effects);
    }

    fn reset(&mut self, reset: &Reset, effects: &mut Vec<Effect>) {
        match reset.conversation_id {
            None => {
                self.conversations.clear();
                self.user_rev = reset.user_rev.unwrap_or_default();
            }
            Some(id) => {
                let known =
                    Known { rev: reset.rev.unwrap_or_default(), cursor: reset.cursor.unwrap_or_default() };
                self.conversations
                    .insert(id, Conversation { known, is_live: true, ..Conversation::default() });
            }
        }
        effects.push(Effect::Reset(reset.conversation_id));
    }

    fn catch_up_cursors(&mut self, cursors: &Cursors, effects: &mut Vec<Effect>) {
        let id = cursors.conversation_id;
        for member in &cursors.members {
            self.move_cursor(id, member.user_id, member.delivered_seq, member.read_seq, effects);
        }
        // Only this frame tells of a whole flush; `status_change` tells of one person in it.
        let known = &mut self.conversations.entry(id).or_default().known;
        known.cursor = known.cursor.max(cursors.cursor);
    }

    fn receipt(&mut self, change: &StatusChange, effects: &mut Vec<Effect>) {
        use chat_core::protocol::ReceiptStatus;
        let read = if change.status == ReceiptStatus::Read { change.seq } else { Seq::ZERO };
        self.move_cursor(change.conversation_id, change.user_id, change.seq, read, effects);
    }

    fn move_cursor(
        &mut self,
        id: ConversationId,
        user_id: UserId,
        delivered: Seq,
        read: Seq,
        effects: &mut Vec<Effect>,
    ) {
        let cursors = self.conversations.entry(id).or_default().receipts.entry(user_id).or_default();
        let moved = (cursors.0.max(delivered), cursors.1.max(read));
        if moved != *cursors {
            *cursors = moved;
            effects.push(Effect::Receipt { conversation_id: id, user_id, delivered: moved.0, read: moved.1 });
        }
    }

    fn advance_feed(&mut self, rev: Option<Rev>) {
        if rev == Some(self.user_rev.next()) {
            self.user_rev = self.user_rev.next();
        }
    }

    /// Returns the numbers of a conversation.
    #[must_use]
    pub fn known(&self, id: ConversationId) -> Option<Known> {
        self.conversations.get(&id).map(|conversation| conversation.known)
    }

    /// Returns the row of a conversation, where one was told.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Option<&ConversationView> {
        self.conversations.get(&id).and_then(|conversation| conversation.view.as_ref())
    }

    /// Lists the conversations that are held.
    pub fn conversations(&self) -> impl Iterator<Item = ConversationId> {
        self.conversations.keys().copied()
    }

    /// Lists the messages of a conversation in their order.
    pub fn messages(&self, id: ConversationId) -> impl Iterator<Item = &MessageView> {
        self.conversations.get(&id).into_iter().flat_map(|conversation| conversation.messages.values())
    }

    /// Adds messages that were read as a page; what is known more recently stays.
    pub fn add_page(&mut self, messages: Vec<MessageView>) {
        for message in messages {
            let held = &mut self.conversations.entry(message.conversation_id).or_default().messages;
            let is_newer = held.get(&message.seq).is_none_or(|known| known.rev < message.rev);
            if is_newer {
                held.insert(message.seq, message);
            }
        }
    }

    /// Returns somebody's cursors: delivered and read.
    #[must_use]
    pub fn receipts(&self, id: ConversationId, user: UserId) -> (Seq, Seq) {
        let conversation = self.conversations.get(&id);
        conversation.and_then(|conversation| conversation.receipts.get(&user)).copied().unwrap_or_default()
    }
}

const fn fetch(conversation_id: ConversationId, after: Rev, wait: Duration) -> Effect {
    Effect::Fetch { conversation_id, after, wait }
}

/// Returns where a durable change stands: its conversation and number.
fn place(frame: &ServerFrame) -> Option<(ConversationId, Rev)> {
    match frame {
        ServerFrame::ReceiveMessage(message) | ServerFrame::MessageUpdated(message) => {
            Some((message.conversation_id, message.rev))
        }
        ServerFrame::MemberChanged(member) => Some((member.conversation_id, member.rev)),
        ServerFrame::ConversationChanged(view) if view.me.is_none() => Some((view.id, view.rev)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
