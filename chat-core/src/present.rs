//! From model to wire: builds the JSON views for one reader, the same for frames, acks and HTTP answers.
//!
//! Decides nothing: whoever calls has been authorised. Reads people, pictures and receipt cursors in batches.

use crate::{
    Chat, Result,
    model::{
        Attachment, CommittedBroadcast, Conversation, ConversationEntry, Member, Message, Opened, Rev, User,
        UserId,
    },
    protocol::{
        AttachmentView, BroadcastAck, ConversationView, MemberView, MessageView, Reader, ReceiptStatus,
        SendAck, UserView,
    },
};

impl Chat {
    /// Shows people to a reader, with their presence.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn present_users(&self, reader: UserId, users: &[User]) -> Result<Vec<UserView>> {
        let _ = (reader, users);
        todo!()
    }

    /// Shows one person to a reader, with the presence.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_user(&self, reader: UserId, user: &User) -> Result<UserView> {
        let _ = (reader, user);
        todo!()
    }

    /// Shows rows of members.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_members(&self, members: &[Member]) -> Result<Vec<MemberView>> {
        let _ = members;
        todo!()
    }

    /// Shows conversations to one of their members each: own row, unread count, newest message.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_entries(&self, entries: &[ConversationEntry]) -> Result<Vec<ConversationView>> {
        let _ = entries;
        todo!()
    }

    /// Shows one conversation to one of its members.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_entry(&self, entry: &ConversationEntry) -> Result<ConversationView> {
        let _ = entry;
        todo!()
    }

    /// Shows a conversation that was just opened or founded.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_opened(&self, reader: UserId, opened: &Opened) -> Result<ConversationView> {
        let _ = (reader, opened);
        todo!()
    }

    /// Shows what all members share of a conversation; with the members of a direct one.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_shared(&self, conversation: &Conversation) -> Result<ConversationView> {
        let _ = conversation;
        todo!()
    }

    /// Shows messages to a reader, each with its present status.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_messages(&self, reader: UserId, messages: &[Message]) -> Result<Vec<MessageView>> {
        let _ = (reader, messages);
        todo!()
    }

    /// Shows one message to a reader with its present status.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_message(&self, reader: UserId, message: &Message) -> Result<MessageView> {
        let _ = (reader, message);
        todo!()
    }

    /// Shows a message whose status is known: reads nothing.
    #[must_use]
    pub fn present_message_as(
        &self,
        message: &Message,
        status: ReceiptStatus,
        reader: Reader,
    ) -> MessageView {
        let _ = (message, status, reader);
        todo!()
    }

    /// Shows the answer to a send; a fresh message is `sent` and costs no read.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users), for a repeated one.
    pub async fn present_send(
        &self,
        sender: UserId,
        committed: &crate::model::CommittedMessage,
    ) -> Result<SendAck> {
        let _ = (sender, committed);
        todo!()
    }

    /// Shows the answer to a broadcast.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users), for a repeated one.
    pub async fn present_broadcast(
        &self,
        sender: UserId,
        committed: &CommittedBroadcast,
    ) -> Result<BroadcastAck> {
        let _ = (sender, committed);
        todo!()
    }

    /// Shows a file under a fresh address.
    #[must_use]
    pub fn present_attachment(&self, attachment: &Attachment) -> AttachmentView {
        let _ = attachment;
        todo!()
    }
}

/// Derives a message's status from the cursors of those who are to receive it.
pub(crate) fn status_of<'a>(
    message: &Message,
    others: impl IntoIterator<Item = &'a Member>,
) -> ReceiptStatus {
    let _ = (message, others.into_iter().count(), Rev::ZERO);
    todo!()
}
