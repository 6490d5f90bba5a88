//! Views of conversations.

use super::status_of;
use crate::{
    Chat, Result,
    model::{Conversation, ConversationEntry, ConversationKind, Member, Opened, UserId},
    protocol::{ConversationView, MeView, MemberView, MessageView, Reader},
};
use std::collections::HashMap;

/// Groups of at most so many people are shown with their members.
const SHOWN_MEMBERS: u32 = 100;

impl Chat {
    /// Shows conversations to one of their members each: own row, unread count, newest message.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn present_entries(&self, entries: &[ConversationEntry]) -> Result<Vec<ConversationView>> {
        let rows: Vec<Member> = entries
            .iter()
            .flat_map(|entry| shown_members(&entry.conversation, &entry.members))
            .cloned()
            .collect();
        let mut members: HashMap<_, Vec<MemberView>> = HashMap::new();
        for view in self.present_members(&rows).await? {
            members.entry(view.conversation_id).or_default().push(view);
        }
        let mut views = Vec::with_capacity(entries.len());
        for entry in entries {
            let members = members.remove(&entry.conversation.id);
            let mut view = ConversationView::new(&entry.conversation, members);
            view.me = Some(MeView::from(&entry.me));
            view.unread = Some(entry.unread);
            view.last_message = self.present_last_message(entry).await?.map(Box::new);
            views.push(view);
        }
        Ok(views)
    }

    /// Shows one conversation to one of its members.
    ///
    /// # Errors
    /// As [`present_entries`](Self::present_entries).
    pub async fn present_entry(&self, entry: &ConversationEntry) -> Result<ConversationView> {
        let views = self.present_entries(std::slice::from_ref(entry)).await?;
        Ok(views.into_iter().next().expect("one entry gives one view"))
    }

    /// Shows a conversation that was just opened or founded to one of its members.
    ///
    /// # Errors
    /// As [`present_entries`](Self::present_entries).
    pub async fn present_opened(&self, reader: UserId, opened: &Opened) -> Result<ConversationView> {
        let id = opened.conversation.id;
        let own = opened.members.iter().find(|member| member.user_id == reader);
        let entry = match own {
            Some(me) if opened.created => ConversationEntry {
                conversation: opened.conversation.clone(),
                me: me.clone(),
                unread: 0,
                last_message: None,
                members: opened.members.clone(),
            },
            _ => self.inner.store.load_entry(id, reader).await?,
        };
        self.present_entry(&entry).await
    }

    /// Shows what all members share of a conversation; with the members of a direct one.
    ///
    /// # Errors
    /// As [`present_entries`](Self::present_entries).
    pub async fn present_shared(&self, conversation: &Conversation) -> Result<ConversationView> {
        let members = match conversation.kind {
            ConversationKind::Direct => {
                let rows = self.inner.store.list_members(conversation.id, None, 2).await?;
                Some(self.present_members(&rows).await?)
            }
            ConversationKind::Group => None,
        };
        Ok(ConversationView::new(conversation, members))
    }

    async fn present_last_message(&self, entry: &ConversationEntry) -> Result<Option<MessageView>> {
        let Some(message) = &entry.last_message else { return Ok(None) };
        let known = usize::try_from(entry.conversation.member_count) == Ok(entry.members.len());
        let status = if known {
            status_of(message, &entry.members)
        } else {
            status_of(message, &self.load_group_audience(entry.conversation.id).await?)
        };
        let is_sender = message.sender_id == entry.me.user_id;
        let reader = Reader { is_sender, visible_from: entry.me.visible_from_seq };
        Ok(Some(self.present_message_as(message, status, reader)))
    }
}

fn shown_members<'a>(conversation: &Conversation, members: &'a [Member]) -> &'a [Member] {
    if conversation.member_count <= SHOWN_MEMBERS { members } else { &[] }
}
