//! From model to wire: builds the JSON views for one reader, the same for frames, acks and HTTP answers.
//!
//! Decides nothing: whoever calls has been authorised. Reads people, pictures and receipt cursors in batches.

mod conversations;
mod people;

use crate::{
    Chat, ErrorKind, Result,
    model::{
        Attachment, CommittedBroadcast, CommittedMessage, ConversationId, Member, Message, Outcome, Seq,
        UserId,
    },
    protocol::{AttachmentView, BroadcastAck, MessageView, Reader, ReceiptStatus, SendAck},
};
use futures_util::future::try_join_all;
use std::collections::{BTreeSet, HashMap};

impl Chat {
    /// Shows messages to a reader, each with its present status.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn present_messages(&self, reader: UserId, messages: &[Message]) -> Result<Vec<MessageView>> {
        let audiences = self.load_audiences(messages).await?;
        let horizons = self.load_horizons(reader, messages).await?;
        let view = |message: &Message| {
            let status = status_of(message, &audiences[&message.conversation_id]);
            let visible_from = horizons.get(&message.conversation_id).copied().unwrap_or_default();
            let reader = Reader { is_sender: message.sender_id == reader, visible_from };
            self.present_message_as(message, status, reader)
        };
        Ok(messages.iter().map(view).collect())
    }

    /// Shows one message to a reader with its present status.
    ///
    /// # Errors
    /// As [`present_messages`](Self::present_messages).
    pub async fn present_message(&self, reader: UserId, message: &Message) -> Result<MessageView> {
        let views = self.present_messages(reader, std::slice::from_ref(message)).await?;
        Ok(views.into_iter().next().expect("one message gives one view"))
    }

    /// Shows a message whose status is known: reads nothing.
    #[must_use]
    pub fn present_message_as(
        &self,
        message: &Message,
        status: ReceiptStatus,
        reader: Reader,
    ) -> MessageView {
        MessageView::new(message, status, reader, |file| self.address(file))
    }

    /// Shows the answer to a send; a fresh message has no receipts yet and costs no read.
    ///
    /// # Errors
    /// As [`present_messages`](Self::present_messages), for a repeated one.
    pub async fn present_send(&self, sender: UserId, committed: &CommittedMessage) -> Result<SendAck> {
        let CommittedMessage { message, outcome, .. } = committed;
        Ok(match outcome {
            Outcome::Applied => SendAck { message: self.present_fresh(message), duplicate: false },
            Outcome::Repeated => {
                SendAck { message: self.present_message(sender, message).await?, duplicate: true }
            }
        })
    }

    /// Shows the answer to a broadcast.
    ///
    /// # Errors
    /// As [`present_messages`](Self::present_messages), for a repeated one.
    pub async fn present_broadcast(
        &self,
        sender: UserId,
        committed: &CommittedBroadcast,
    ) -> Result<BroadcastAck> {
        let broadcast_id = committed.broadcast.id;
        if committed.messages.is_empty() {
            return Ok(BroadcastAck {
                broadcast_id,
                messages: None,
                accepted: Some(committed.broadcast.total),
            });
        }
        let messages = committed.messages.iter().map(|committed| &committed.message);
        let views = match committed.outcome {
            Outcome::Applied => messages.map(|message| self.present_fresh(message)).collect(),
            Outcome::Repeated => {
                self.present_messages(sender, &messages.cloned().collect::<Vec<_>>()).await?
            }
        };
        Ok(BroadcastAck { broadcast_id, messages: Some(views), accepted: None })
    }

    /// Shows a file under a fresh address.
    #[must_use]
    pub fn present_attachment(&self, attachment: &Attachment) -> AttachmentView {
        AttachmentView::new(attachment, self.address(attachment))
    }

    /// Shows its sender a message that was stored just now; the store has made sure that the sender sees what it answers.
    fn present_fresh(&self, message: &Message) -> MessageView {
        let reader = Reader { is_sender: true, visible_from: Seq::ZERO };
        self.present_message_as(message, status_of(message, &[]), reader)
    }

    fn address(&self, attachment: &Attachment) -> String {
        self.inner.addresses.address(attachment, self.now())
    }

    /// Loads, for each conversation of these messages, the members whose cursors decide a status.
    async fn load_audiences(&self, messages: &[Message]) -> Result<HashMap<ConversationId, Vec<Member>>> {
        let mut audiences: HashMap<_, _> =
            messages.iter().map(|message| (message.conversation_id, message)).collect();
        let load = audiences.drain().map(|(id, message)| async move {
            let members = match message.receiver_id {
                Some(receiver) => self.inner.store.load_members(id, &[message.sender_id, receiver]).await?,
                None => self.load_group_audience(id).await?,
            };
            Ok::<_, crate::Error>((id, members))
        });
        Ok(try_join_all(load).await?.into_iter().collect())
    }

    /// Loads a group's members; nobody of a large one, where receipts are not told.
    pub(super) async fn load_group_audience(&self, id: ConversationId) -> Result<Vec<Member>> {
        let limit = self.inner.config.pacing.fanout_limit;
        let members = self.inner.store.list_members(id, None, limit + 1).await?;
        Ok(if members.len() > limit { Vec::new() } else { members })
    }

    /// Finds from where on the reader sees the conversations in which a message answers another one.
    async fn load_horizons(
        &self,
        reader: UserId,
        messages: &[Message],
    ) -> Result<HashMap<ConversationId, Seq>> {
        let quoting = messages.iter().filter(|message| message.reply_to.is_some());
        let mut horizons = HashMap::new();
        for id in quoting.map(|message| message.conversation_id).collect::<BTreeSet<_>>() {
            let visible_from = match self.inner.membership(id, reader).await {
                Ok(membership) => membership.visible_from_seq,
                // Whoever has left keeps what was shown, but is shown no quotes of it.
                Err(error) if error.kind() == ErrorKind::NotFound => Seq::new(i64::MAX),
                Err(error) => return Err(error),
            };
            horizons.insert(id, visible_from);
        }
        Ok(horizons)
    }
}

/// Derives a message's status from the cursors of those who are to receive it; the sender's own row is passed over.
pub(crate) fn status_of(message: &Message, members: &[Member]) -> ReceiptStatus {
    if message.receiver_id == Some(message.sender_id) {
        return ReceiptStatus::Read;
    }
    let reached = |member: &Member| match message.seq {
        seq if seq <= member.read_seq => ReceiptStatus::Read,
        seq if seq <= member.delivered_seq => ReceiptStatus::Delivered,
        _ => ReceiptStatus::Sent,
    };
    let others = members.iter().filter(|member| member.user_id != message.sender_id);
    others.map(reached).min().unwrap_or(ReceiptStatus::Sent)
}
