//! Messages: reading them, and the one method that writes them.

mod apply;
mod broadcast;
mod commit;
mod load;
mod write;

pub(crate) use broadcast::find as find_broadcast;

use crate::{
    conversations::no_conversation,
    error::{Failure, Result as SqlResult},
    receipts,
    row::{self, Columns, json_list, message_columns},
    store::SqliteStore,
};
use async_trait::async_trait;
use chat_core::{
    Error, Result,
    model::{
        Change, Committed, ConversationId, Message, MessageAnchor, MessageId, MessageKey, MessageSlice,
        RequestHash, Seq, UserId,
    },
    store::{CommitError, MessageStore},
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use std::collections::HashMap;

#[async_trait]
impl MessageStore for SqliteStore {
    async fn commit(&self, batch: Vec<Change>) -> Result<Vec<Result<Committed>>, CommitError> {
        commit::commit(self, batch).await
    }

    async fn find_message_by_key(
        &self,
        sender: UserId,
        key: &MessageKey,
    ) -> Result<Option<(Message, RequestHash)>> {
        Ok(find_by_key(&mut *self.reader().await?, sender, key).await?)
    }

    async fn load_message(&self, id: MessageId, reader: UserId) -> Result<Message> {
        Ok(load_visible(&mut *self.reader().await?, id, reader).await?)
    }

    async fn list_messages(
        &self,
        id: ConversationId,
        anchor: MessageAnchor,
        visible_from: Seq,
        limit: usize,
    ) -> Result<MessageSlice> {
        Ok(list(&mut *self.reader().await?, id, anchor, visible_from, limit).await?)
    }

    async fn list_direct_history(
        &self,
        user: UserId,
        offset: u64,
        limit: usize,
    ) -> Result<(u64, Vec<Message>)> {
        let mut snapshot = self.snapshot().await?;
        Ok(list_direct_history(&mut snapshot, user, offset, limit).await?)
    }

    async fn count_unread(&self, user: UserId, ids: &[ConversationId]) -> Result<Vec<(ConversationId, u32)>> {
        Ok(receipts::count_unread(&mut *self.reader().await?, user, ids).await?)
    }
}

/// What is said of a message that is not there or that the reader may not know of.
pub(crate) fn no_message() -> Error {
    Error::not_found("no such message")
}

/// Reads [`message_columns`].
pub(crate) fn read(row: &SqliteRow) -> SqlResult<Message> {
    Ok(row::message(&mut Columns::new(row))?)
}

async fn find_by_key(
    connection: &mut SqliteConnection,
    sender: UserId,
    key: &MessageKey,
) -> SqlResult<Option<(Message, RequestHash)>> {
    let sql = concat!(
        "SELECT x.request_hash, ",
        message_columns!(),
        " FROM ",
        message_columns!(from),
        " WHERE x.sender_id = ?1 AND x.key = ?2"
    );
    let found = sqlx::query(sql).bind(sender.get()).bind(key.as_str()).fetch_optional(connection).await?;
    let Some(row) = found else { return Ok(None) };
    let mut columns = Columns::new(&row);
    let hash = row::request_hash(&mut columns)?;
    Ok(Some((row::message(&mut columns)?, hash)))
}

async fn load_visible(
    connection: &mut SqliteConnection,
    id: MessageId,
    reader: UserId,
) -> SqlResult<Message> {
    let sql = concat!(
        "SELECT ",
        message_columns!(),
        " FROM ",
        message_columns!(from),
        " JOIN chat_member m ON m.conversation_id = x.conversation_id AND m.user_id = ?2 \
          WHERE x.id = ?1 AND m.left_rev IS NULL AND x.seq >= m.visible_from_seq"
    );
    match sqlx::query(sql).bind(id.get()).bind(reader.get()).fetch_optional(connection).await? {
        Some(row) => read(&row),
        None => Err(no_message().into()),
    }
}

/// Loads the newest message of each conversation that the reader may see.
pub(crate) async fn load_newest(
    connection: &mut SqliteConnection,
    reader: UserId,
    ids: &[ConversationId],
) -> SqlResult<HashMap<ConversationId, Message>> {
    let sql = concat!(
        "SELECT ",
        message_columns!(),
        " FROM json_each(?2) JOIN chat_member m ON m.conversation_id = value AND m.user_id = ?1 \
          JOIN chat_conversation c ON c.id = value \
          JOIN chat_message x ON x.conversation_id = value AND x.seq = c.last_seq \
          LEFT JOIN chat_message q ON q.id = x.reply_to_id \
          WHERE x.seq >= m.visible_from_seq"
    );
    let rows = sqlx::query(sql).bind(reader.get()).bind(json_list(ids)).fetch_all(connection).await?;
    rows.iter().map(|row| read(row).map(|message| (message.conversation_id, message))).collect()
}

/// Reads a page by key: the cost is that of its rows, at any depth.
async fn list(
    connection: &mut SqliteConnection,
    id: ConversationId,
    anchor: MessageAnchor,
    visible_from: Seq,
    limit: usize,
) -> SqlResult<MessageSlice> {
    let (from, to, backwards) = bounds(anchor, visible_from, limit);
    let sql = if backwards {
        concat!(
            "SELECT c.first_seq, c.last_seq, ",
            message_columns!(),
            " FROM ",
            message_columns!(from),
            " WHERE x.conversation_id = ?1 AND x.seq >= ?2 AND x.seq <= ?3 ORDER BY x.seq DESC LIMIT ?4"
        )
    } else {
        concat!(
            "SELECT c.first_seq, c.last_seq, ",
            message_columns!(),
            " FROM ",
            message_columns!(from),
            " WHERE x.conversation_id = ?1 AND x.seq >= ?2 AND x.seq <= ?3 ORDER BY x.seq LIMIT ?4"
        )
    };
    let limit = to_i64(limit);
    let rows = sqlx::query(sql).bind(id.get()).bind(from).bind(to).bind(limit).fetch_all(&mut *connection);
    let rows = rows.await?;
    let mut ends = None;
    let mut messages = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::new(row);
        ends = Some((columns.number()?, columns.number()?));
        messages.push(row::message(&mut columns)?);
    }
    if backwards {
        messages.reverse();
    }
    let ends = match ends {
        Some(ends) => ends,
        None => load_ends(connection, id).await?,
    };
    Ok(slice(messages, (from, to), visible_from, ends))
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns the first and last `seq` to look at, and whether to begin at the end.
fn bounds(anchor: MessageAnchor, visible_from: Seq, limit: usize) -> (i64, i64, bool) {
    let least = visible_from.get();
    match anchor {
        MessageAnchor::After(seq) => (least.max(seq.get().saturating_add(1)), i64::MAX, false),
        MessageAnchor::Around(seq) => {
            let (half, limit) = (to_i64(limit / 2), to_i64(limit));
            let place = seq.get().max(least);
            let last = place.saturating_add(limit - half - 1);
            (least.max(place.saturating_sub(half)), last, false)
        }
        MessageAnchor::Before(seq) => (least, seq.get().saturating_sub(1), true),
        MessageAnchor::Latest => (least, i64::MAX, true),
    }
}

async fn load_ends(connection: &mut SqliteConnection, id: ConversationId) -> SqlResult<(Seq, Seq)> {
    let sql = "SELECT first_seq, last_seq FROM chat_conversation WHERE id = ?1";
    let row = sqlx::query(sql).bind(id.get()).fetch_optional(connection).await?;
    let row = row.ok_or_else(|| Failure::Refused(no_conversation()))?;
    Ok((Seq::new(row.try_get(0)?), Seq::new(row.try_get(1)?)))
}

/// Says what lies on both sides of a page. `seq` has no holes between the ends, so that no row is looked up for it.
fn slice(
    messages: Vec<Message>,
    (from, to): (i64, i64),
    visible_from: Seq,
    (first, last): (Seq, Seq),
) -> MessageSlice {
    let oldest = visible_from.max(first);
    let lowest = messages.first().map_or(from.min(last.get() + 1), |message| message.seq.get());
    let highest = messages.last().map_or(to, |message| message.seq.get());
    MessageSlice {
        has_more_before: lowest > oldest.get(),
        has_more_after: highest < last.get() && last >= oldest,
        messages,
    }
}

async fn list_direct_history(
    connection: &mut SqliteConnection,
    user: UserId,
    offset: u64,
    limit: usize,
) -> SqlResult<(u64, Vec<Message>)> {
    let sql = "SELECT coalesce(sum(max(0, c.last_seq + 1 - max(c.first_seq, m.visible_from_seq))), 0) \
               FROM chat_member m JOIN chat_conversation c ON c.id = m.conversation_id \
               WHERE m.user_id = ?1 AND c.kind = 'direct'";
    let total = sqlx::query_scalar::<_, i64>(sql).bind(user.get()).fetch_one(&mut *connection).await?;
    // Ids and `seq` rise together, so the newest `offset + limit` of all are among as many of each conversation.
    let sql = concat!(
        "SELECT ",
        message_columns!(),
        " FROM (SELECT k.id FROM chat_member m JOIN chat_conversation h ON h.id = m.conversation_id \
                JOIN chat_message k ON k.conversation_id = h.id \
                  AND k.seq > h.last_seq - ?2 - ?3 AND k.seq >= m.visible_from_seq \
                WHERE m.user_id = ?1 AND h.kind = 'direct' ORDER BY k.id DESC LIMIT ?3 OFFSET ?2) p \
          JOIN chat_message x ON x.id = p.id JOIN chat_conversation c ON c.id = x.conversation_id \
          LEFT JOIN chat_message q ON q.id = x.reply_to_id ORDER BY x.id DESC"
    );
    // Beyond 2^53 there is nothing, and the sums above stay in range.
    let offset = i64::try_from(offset).unwrap_or(chat_core::model::MAX_ID).min(chat_core::model::MAX_ID);
    let limit = i64::try_from(limit).unwrap_or(chat_core::model::MAX_ID).min(chat_core::model::MAX_ID);
    let rows = sqlx::query(sql).bind(user.get()).bind(offset).bind(limit).fetch_all(connection).await?;
    Ok((u64::try_from(total).unwrap_or(0), rows.iter().map(read).collect::<SqlResult<_>>()?))
}
