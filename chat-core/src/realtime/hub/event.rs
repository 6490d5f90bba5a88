//! The frames of one event, each written at most once however many connections get it.

use super::channel::Listener;
use crate::{
    Chat,
    model::{ConversationId, Message, Rev, Seq},
    protocol::{Live, Reader, ReceiptStatus, ServerFrame, encode},
};
use bytes::Bytes;

/// A message on its way to the listeners of its conversation.
pub(super) struct MessageEvent<'a> {
    chat: &'a Chat,
    message: &'a Message,
    status: ReceiptStatus,
    /// Clients that know everything up to here do not have the message yet if it was created later.
    known: Rev,
    step: LiveStep,
    plain: Option<Bytes>,
    own: Option<Bytes>,
    veiled: Option<Bytes>,
}

/// A `live` that moves a client over revs that it may not see, or that no row carries any more.
pub(super) struct LiveStep {
    conversation: ConversationId,
    from: Rev,
    to: Rev,
    frame: Option<Bytes>,
}

impl LiveStep {
    pub(super) const fn new(conversation: ConversationId, from: Rev, to: Rev) -> Self {
        Self { conversation, from, to, frame: None }
    }

    /// Gives it to a listener; a classic one has no numbers to move.
    pub(super) fn give(&mut self, listener: &Listener) {
        if listener.endpoint.is_v2() {
            let (conversation_id, from, rev) = (self.conversation, self.from, self.to);
            let frame = self
                .frame
                .get_or_insert_with(|| encode(&ServerFrame::Live(Live { conversation_id, from, rev })));
            listener.endpoint.outbox.event(conversation_id, rev, frame);
        }
    }
}

impl<'a> MessageEvent<'a> {
    pub(super) const fn new(chat: &'a Chat, message: &'a Message, status: ReceiptStatus, known: Rev) -> Self {
        let step = LiveStep::new(message.conversation_id, Rev::new(message.rev.get() - 1), message.rev);
        Self { chat, message, status, known, step, plain: None, own: None, veiled: None }
    }

    /// Gives the event to a listener in the variant that it may see; says whether the message itself was given.
    pub(super) fn give(&mut self, listener: &Listener) -> bool {
        let message = self.message;
        let endpoint = &listener.endpoint;
        let is_own = endpoint.user_id == message.sender_id;
        if message.seq < listener.visible_from {
            self.step.give(listener);
            return false;
        }
        let is_creation = message.created_rev > self.known;
        if !endpoint.is_v2() && (!is_creation || (is_own && message.key.is_broadcast_item())) {
            return false;
        }
        if is_own && message.key.is_broadcast_item() {
            // The sender of a large broadcast is told of its progress in place of thousands of echoes; what of it is looked at is
            // fetched.
            endpoint.outbox.dirty(message.conversation_id, message.rev);
            return false;
        }
        let frame = self.frame_for(listener, is_own);
        endpoint.outbox.event(message.conversation_id, message.rev, frame);
        if is_creation && !is_own && !endpoint.is_v2() {
            endpoint.ask_for_proof(message.conversation_id, message.seq);
        }
        true
    }

    fn frame_for(&mut self, listener: &Listener, is_own: bool) -> &Bytes {
        let message = self.message;
        let quote = message.reply_to.as_ref().filter(|quote| !quote.deleted);
        if quote.is_some_and(|quote| quote.seq < listener.visible_from) {
            if self.veiled.is_none() {
                let reader = Reader { is_sender: false, visible_from: listener.visible_from };
                self.veiled = Some(self.write(reader));
            }
            return self.veiled.as_ref().expect("was just written");
        }
        let reader = Reader { is_sender: is_own, visible_from: Seq::ZERO };
        let has_variant = is_own && message.key.client_id().is_some();
        if has_variant {
            if self.own.is_none() {
                self.own = Some(self.write(reader));
            }
            return self.own.as_ref().expect("was just written");
        }
        if self.plain.is_none() {
            self.plain = Some(self.write(Reader { is_sender: false, ..reader }));
        }
        self.plain.as_ref().expect("was just written")
    }

    fn write(&self, reader: Reader) -> Bytes {
        let view = Box::new(self.chat.present_message_as(self.message, self.status, reader));
        encode(&if self.message.created_rev > self.known {
            ServerFrame::ReceiveMessage(view)
        } else {
            ServerFrame::MessageUpdated(view)
        })
    }
}

/// Gives a frame of a durable event to a listener; classic ones know messages only.
pub(super) fn give_event(listener: &Listener, conversation: ConversationId, rev: Rev, frame: &Bytes) {
    if listener.endpoint.is_v2() {
        listener.endpoint.outbox.event(conversation, rev, frame);
    }
}
