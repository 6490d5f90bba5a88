//! What the pump calls: taking in what happened, and the steps of turns.

use super::{
    Hub,
    channel::Channel,
    receipts::Landmark,
    turn::{Accepted, Item, Step},
};
use crate::{
    Chat,
    model::{ConversationId, Cursor, CursorsMoved, Message, Pulse, Rev, Roster, UserId},
    protocol::ReceiptStatus,
};
use bytes::Bytes;
use std::sync::atomic::Ordering;

impl Hub {
    /// Takes one thing to tell; says whether a turn has to be driven for it.
    pub(in crate::realtime) fn accept(
        &self,
        chat: &Chat,
        conversation: ConversationId,
        item: Item,
        member_rev: Rev,
    ) -> bool {
        let mut channels = self.channels.lock(&conversation);
        let channel = channels
            .entry(conversation)
            .or_insert_with(|| Channel::at(conversation, Rev::ZERO, Cursor::ZERO));
        if channel.listeners.is_empty() && channel.turn.is_none() {
            drop(channels);
            let has_newcomer = self.has_newcomer(&item);
            channels = self.channels.lock(&conversation);
            let Some(channel) = channels.get_mut(&conversation) else { return false };
            let starts = has_newcomer && channel.adopt();
            return channel.accept(chat, item, member_rev) == Accepted::Start || starts;
        }
        let accepted = channel.accept(chat, item, member_rev);
        self.note(conversation, channel);
        accepted == Accepted::Start
    }

    /// Says whether a conversation that nobody listens to concerns somebody here: it was created, or they came into it, since their
    /// session looked.
    fn has_newcomer(&self, item: &Item) -> bool {
        match item {
            Item::Message(message) => message
                .receiver_id
                .is_some_and(|receiver| self.is_live(receiver) || self.is_live(message.sender_id)),
            Item::Member(member) => member.is_active() && self.is_live(member.user_id),
            Item::Conversation(_) | Item::Cursors(_) | Item::Typing { .. } => false,
        }
    }

    /// Says whether a person has a connection that does not read by itself what it missed.
    fn is_live(&self, user: UserId) -> bool {
        let users = self.users.lock(&user);
        users.get(&user).is_some_and(|local| {
            local.endpoints.iter().any(|endpoint| !(endpoint.is_v2() && endpoint.is_resuming()))
        })
    }

    /// Lets a person's connections listen to a conversation that they have come into; says whether a turn has to be driven.
    pub(in crate::realtime) fn adopt(&self, conversation: ConversationId) -> bool {
        let mut channels = self.channels.lock(&conversation);
        channels
            .entry(conversation)
            .or_insert_with(|| Channel::at(conversation, Rev::ZERO, Cursor::ZERO))
            .adopt()
    }

    /// Says whether a conversation has listeners and is behind the store.
    pub(in crate::realtime) fn is_behind(&self, pulse: &Pulse) -> bool {
        let channels = self.channels.lock(&pulse.conversation_id);
        channels.get(&pulse.conversation_id).is_some_and(|channel| channel.is_behind(pulse))
    }

    /// Aims a conversation at where the store stands; says whether a turn has to be driven.
    pub(in crate::realtime) fn compare(&self, pulse: &Pulse) -> bool {
        let mut channels = self.channels.lock(&pulse.conversation_id);
        channels.get_mut(&pulse.conversation_id).is_some_and(|channel| channel.compare(pulse))
    }

    /// Says what the running turn of a conversation has to do next, and ends it when that is nothing.
    pub(in crate::realtime) fn next_step(&self, conversation: ConversationId) -> Step {
        let mut channels = self.channels.lock(&conversation);
        channels.get_mut(&conversation).map_or(Step::Done, Channel::next_step)
    }

    /// Gives the running turn of a conversation up.
    pub(in crate::realtime) fn abandon_turn(&self, conversation: ConversationId) {
        self.with(conversation, Channel::abandon_turn);
    }

    /// Lets the running turn read again who is in its conversation.
    pub(in crate::realtime) fn forget_members(&self, conversation: ConversationId) {
        self.with(conversation, Channel::forget_members);
    }

    /// Takes in who is in a conversation.
    pub(in crate::realtime) fn set_roster(&self, conversation: ConversationId, roster: Roster) {
        let here: Vec<_> =
            roster.members.iter().flat_map(|member| self.endpoints_of(member.user_id)).collect();
        let mut channels = self.channels.lock(&conversation);
        let Some(channel) = channels.get_mut(&conversation) else { return };
        let removed = channel.set_roster(roster, self.fanout_limit, &here);
        drop(channels);
        for endpoint in removed {
            endpoint.subscribed.lock().retain(|id| *id != conversation);
        }
    }

    /// Tells a message in a turn. Clients that know everything up to `known` get it as received if it was created later.
    pub(in crate::realtime) fn tell_message(
        &self,
        chat: &Chat,
        message: &Message,
        status: ReceiptStatus,
        known: Rev,
    ) {
        self.with(message.conversation_id, |channel| {
            channel.step_before(message.rev);
            channel.tell_message(chat, message, status, known);
        });
    }

    /// Tells a durable event in a turn.
    pub(in crate::realtime) fn tell_event(&self, conversation: ConversationId, rev: Rev, frame: &Bytes) {
        self.with(conversation, |channel| {
            channel.step_before(rev);
            channel.tell_event(rev, frame);
        });
    }

    /// Moves everybody over numbers that no row carries any more.
    pub(in crate::realtime) fn step_to(&self, conversation: ConversationId, rev: Rev) {
        self.with(conversation, |channel| channel.step_to(rev));
    }

    /// Lets clients fetch what is too much to be told.
    pub(in crate::realtime) fn tell_dirty(&self, conversation: ConversationId, rev: Rev, cursor: Cursor) {
        self.with(conversation, |channel| channel.tell_dirty(rev, cursor));
    }

    /// Tells of a flush of receipts.
    pub(in crate::realtime) fn tell_receipts(&self, flush: &CursorsMoved, landmarks: &[Landmark]) {
        self.with(flush.conversation_id, |channel| channel.tell_receipts(flush, landmarks));
    }

    /// Tells of receipts that were missed.
    pub(in crate::realtime) fn tell_list(&self, flush: &CursorsMoved, landmarks: &[Landmark]) {
        self.with(flush.conversation_id, |channel| channel.tell_list(flush, landmarks));
    }

    /// Tells that somebody types.
    pub(in crate::realtime) fn tell_typing(
        &self,
        conversation: ConversationId,
        user: UserId,
        is_typing: bool,
    ) {
        self.with(conversation, |channel| channel.tell_typing(user, is_typing));
    }

    /// Says whether somebody listens to a conversation over a classic connection.
    pub(in crate::realtime) fn has_classic(&self, conversation: ConversationId) -> bool {
        self.with(conversation, |channel| channel.has_classic()).unwrap_or_default()
    }

    fn with<T>(&self, conversation: ConversationId, act: impl FnOnce(&mut Channel) -> T) -> Option<T> {
        let mut channels = self.channels.lock(&conversation);
        let channel = channels.get_mut(&conversation)?;
        let result = act(channel);
        self.note(conversation, channel);
        Some(result)
    }

    fn note(&self, conversation: ConversationId, channel: &mut Channel) {
        self.told.fetch_add(channel.take_told(), Ordering::Relaxed);
        if channel.owes_dirty() {
            self.owing.lock().insert(conversation);
        }
    }
}
