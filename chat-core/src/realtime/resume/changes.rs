//! The changes of one conversation after what a client knows: for `hello`, for `fetch` and for the HTTP route alike.

use super::{
    super::connection::Connection, CHANGES, Cursors, Gone, MemberCursor, PAGE, ResetPoint, Resume,
    ServerFrame,
};
use crate::{
    Chat, Error, Result,
    model::{ChangeQuery, ChangeSet, Conversation, ConversationId, Cursor, Rev, UserId},
    protocol::FetchAck,
};

/// Rows of a `fetch` that does not say how many.
const FETCHED: u32 = 100;

impl Resume<'_> {
    /// Sends what changed after `rev`, and `live` in the end; or `reset`, or `gone`.
    pub(super) async fn tell_changes(
        &mut self,
        conversation_id: ConversationId,
        rev: Rev,
        cursor: Option<Cursor>,
    ) -> Result<()> {
        let chat = &self.connection.chat;
        let user_id = self.connection.user_id();
        let mut after = rev;
        let mut told = 0;
        loop {
            // Who knows nothing of receipts but missed something else is told where they stand.
            let after_cursor = Some(cursor.unwrap_or_default());
            let query = ChangeQuery { conversation_id, user_id, after_rev: after, after_cursor, limit: PAGE };
            let set = chat.inner.read(chat.inner.store.read_changes(query)).await?;
            if !set.me.is_active() {
                let user_rev = Some(set.me.user_rev);
                self.send(ServerFrame::Gone(Gone { conversation_id, user_rev })).await;
                return Ok(());
            }
            let rows = set.messages.len() + set.members.len();
            if is_void(&set, rev) || (set.has_more && told + rows >= CHANGES) {
                self.reset(ResetPoint::from(&set.conversation)).await;
                return Ok(());
            }
            for (_, frame) in frames(chat, user_id, &set, after, rev).await? {
                self.send(frame).await;
            }
            told += rows;
            self.rest = self.rest.saturating_sub(rows);
            after = set.to_rev();
            if !set.has_more {
                if let Some(cursors) = cursors(&set) {
                    self.send(ServerFrame::Cursors(cursors)).await;
                }
                self.release(conversation_id, after, Some(rev));
                return Ok(());
            }
        }
    }
}

/// Says whether a client that knows `rev` has to start afresh.
fn is_void(set: &ChangeSet, rev: Rev) -> bool {
    rev < set.me.since_rev || rev < set.conversation.reset_rev || rev > set.conversation.last_rev
}

fn cursors(set: &ChangeSet) -> Option<Cursors> {
    let member = |row: &crate::model::Member| MemberCursor {
        user_id: row.user_id,
        delivered_seq: row.delivered_seq,
        read_seq: row.read_seq,
    };
    (!set.cursors.is_empty()).then(|| Cursors {
        conversation_id: set.conversation.id,
        cursor: set.conversation.last_cursor,
        members: set.cursors.iter().map(member).collect(),
    })
}

/// Shows the rows of a page above `after` in rising `rev`, to a reader who knew everything up to `known` at first.
async fn frames(
    chat: &Chat,
    reader: UserId,
    set: &ChangeSet,
    after: Rev,
    known: Rev,
) -> Result<Vec<(Rev, ServerFrame)>> {
    let mut frames = Vec::with_capacity(set.messages.len() + set.members.len() + 1);
    if !set.messages.is_empty() {
        for view in chat.present_messages(reader, &set.messages).await? {
            let rev = view.rev;
            let is_new = view.created_rev > known;
            let view = Box::new(view);
            let frame =
                if is_new { ServerFrame::ReceiveMessage(view) } else { ServerFrame::MessageUpdated(view) };
            frames.push((rev, frame));
        }
    }
    if !set.members.is_empty() {
        for view in chat.present_members(&set.members).await? {
            frames.push((view.rev, ServerFrame::MemberChanged(Box::new(view))));
        }
    }
    let meta = set.conversation.meta_rev;
    if meta > after && meta <= set.to_rev() {
        let view = chat.present_shared(&set.conversation).await?;
        frames.push((meta, ServerFrame::ConversationChanged(Box::new(view))));
    }
    frames.sort_by_key(|(rev, _)| *rev);
    Ok(frames)
}

impl From<&Conversation> for ResetPoint {
    fn from(conversation: &Conversation) -> Self {
        Self {
            conversation_id: conversation.id,
            rev: conversation.last_rev,
            cursor: conversation.last_cursor,
            first_seq: conversation.first_seq,
            last_seq: conversation.last_seq,
        }
    }
}

impl Chat {
    /// Reads what changed in a conversation of the actor's after `after_rev`: at most `limit` rows (default 100, cap 500), or
    /// `reset` where the client has to start afresh.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for outsiders, also for those who have left.
    pub async fn fetch_changes(
        &self,
        actor: UserId,
        conversation_id: ConversationId,
        after_rev: Rev,
        limit: Option<u32>,
    ) -> Result<FetchAck> {
        let limit = limit.unwrap_or(FETCHED).clamp(1, u32::try_from(CHANGES).unwrap_or(FETCHED));
        let limit = usize::try_from(limit).unwrap_or(PAGE);
        let query = ChangeQuery { conversation_id, user_id: actor, after_rev, after_cursor: None, limit };
        let set = self.inner.read(self.inner.store.read_changes(query)).await?;
        if !set.me.is_active() {
            return Err(Error::not_found("no such conversation"));
        }
        let conversation = &set.conversation;
        if is_void(&set, after_rev) {
            return Ok(FetchAck {
                reset: Some(true),
                rev: Some(conversation.last_rev),
                cursor: Some(conversation.last_cursor),
                first_seq: Some(conversation.first_seq),
                last_seq: Some(conversation.last_seq),
                ..FetchAck::default()
            });
        }
        let frames = frames(self, actor, &set, after_rev, after_rev).await?;
        Ok(FetchAck {
            events: frames.into_iter().map(|(_, frame)| frame).collect(),
            has_more: set.has_more,
            to_rev: Some(set.to_rev()),
            ..FetchAck::default()
        })
    }
}

/// Lets a conversation's events through that were told only as `dirty`, once the client has fetched all of it.
pub(in super::super) fn release_fetched(connection: &Connection, id: ConversationId, fetched: &FetchAck) {
    let snapshot = if fetched.has_more { None } else { fetched.to_rev.or(fetched.rev) };
    if let Some(snapshot) = snapshot {
        connection.chat.inner.hub.release(&connection.endpoint, id, snapshot, None);
    }
}
