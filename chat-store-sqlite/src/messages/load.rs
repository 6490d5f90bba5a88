//! What a batch needs to know, read under the write lock in one round trip to the connection's thread.

use super::broadcast;
use crate::{
    error::Result as SqlResult,
    row::{self, Columns, Read, json_list, message_columns},
};
use chat_core::model::{
    Change, ConversationId, ConversationKind, Cursor, MediaId, Message, MessageId, MessageKey, RequestHash,
    Rev, Role, Seq, Timestamp, UserId,
};
use serde_json::json;
use sqlx::SqliteConnection;
use std::collections::{HashMap, HashSet};

/// A conversation's numbers, as the batch moves them.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) kind: ConversationKind,
    pub(super) pair: Option<(UserId, UserId)>,
    pub(super) last_seq: Seq,
    pub(super) last_rev: Rev,
    pub(super) last_cursor: Cursor,
    pub(super) member_rev: Rev,
    pub(super) updated_at: Timestamp,
    pub(super) is_changed: bool,
}

/// What one person may do in one conversation, and where the cursors are.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) role: Role,
    pub(super) visible_from_seq: Seq,
    pub(super) delivered_seq: Seq,
    pub(super) read_seq: Seq,
    pub(super) is_active: bool,
    /// The flush of this batch that moved the cursors.
    pub(super) moved_by: Option<Cursor>,
}

/// Everything that the changes of a batch look at.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) commits: i64,
    pub(super) last_message_id: i64,
    pub(super) last_broadcast_id: i64,
    pub(super) heads: HashMap<ConversationId, Head>,
    pub(super) standings: HashMap<(ConversationId, UserId), Standing>,
    pub(super) banned: HashSet<UserId>,
    pub(super) keys: HashMap<(UserId, MessageKey), MessageId>,
    pub(super) messages: HashMap<MessageId, Stored>,
    pub(super) media: HashSet<MediaId>,
    pub(super) broadcasts: HashMap<(UserId, MessageKey), broadcast::Stored>,
}

/// A message with the digest of the request that made it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) message: Message,
    pub(super) request_hash: RequestHash,
    /// The count of membership changes of its conversation.
    pub(super) member_rev: Rev,
}

/// The ids and keys that a batch names.
#[derive(Debug, Default)]
struct Wanted {
    keys: Vec<(UserId, MessageKey)>,
    conversations: Vec<ConversationId>,
    standings: Vec<(ConversationId, UserId)>,
    writers: Vec<UserId>,
    messages: Vec<MessageId>,
    actors: Vec<(MessageId, UserId)>,
    media: Vec<MediaId>,
    broadcasts: Vec<(UserId, MessageKey)>,
}

impl Wanted {
    fn of(batch: &[Change]) -> Self {
        let mut wanted = Self::default();
        for change in batch {
            match change {
                Change::Append(new) => wanted.append(new),
                Change::Broadcast(new) => {
                    wanted.writers.push(new.sender_id);
                    wanted.broadcasts.push((new.sender_id, new.key.clone()));
                    new.messages.iter().for_each(|message| wanted.append(message));
                }
                Change::Cursors(flush) => {
                    let people = flush.moves.iter().map(|moved| moved.user_id);
                    wanted.standings.extend(people.map(|user| (flush.conversation_id, user)));
                    wanted.conversations.push(flush.conversation_id);
                }
                Change::Delete(delete) => wanted.actors.push((delete.message_id, delete.actor)),
                Change::Edit(edit) => wanted.actors.push((edit.message_id, edit.actor)),
                // A kind of change that this crate does not know yet is refused when it is applied.
                _ => {}
            }
        }
        wanted.messages.extend(wanted.actors.iter().map(|&(message, _)| message));
        wanted.writers.extend(wanted.actors.iter().map(|&(_, actor)| actor));
        wanted.conversations.extend(wanted.standings.iter().map(|&(id, _)| id));
        sort_once(&mut wanted.standings);
        sort_once(&mut wanted.conversations);
        sort_once(&mut wanted.writers);
        wanted
    }

    fn append(&mut self, new: &chat_core::model::NewMessage) {
        self.keys.push((new.sender_id, new.key.clone()));
        self.standings.push((new.conversation_id, new.sender_id));
        self.writers.push(new.sender_id);
        self.messages.extend(new.reply_to);
        self.media.extend(new.media_ids());
    }
}

fn sort_once<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

/// The numbers of conversations `c`, as one list.
macro_rules! head_list {
    () => {
        "SELECT 2, json_group_array(json_array(c.id, c.kind, c.low_user_id, c.high_user_id, c.last_seq, c.last_rev, \
         c.last_cursor, c.member_rev, c.updated_at))"
    };
}

/// Reads an item of [`head_list`].
type HeadItem =
    (ConversationId, ConversationKind, Option<UserId>, Option<UserId>, Seq, Rev, Cursor, Rev, i64);

/// The rows of members `m`, as one list.
macro_rules! standing_list {
    () => {
        "SELECT 3, json_group_array(json_array(m.conversation_id, m.user_id, m.role, m.visible_from_seq, \
         m.delivered_seq, m.read_seq, m.left_rev))"
    };
}

/// Reads an item of [`standing_list`].
type StandingItem = (ConversationId, UserId, Role, Seq, Seq, Seq, Option<Rev>);

/// What is read for every batch. Rows are told apart by their first column. A list that is empty costs a statement
/// that finds nothing, which is cheaper than a round trip of its own; and what is found in every batch comes as one row
/// each, because every row is handed from thread to thread. The driver counts unnamed parameters through all statements
/// of a script, so they have names here.
const LOAD: &str = concat!(
    "SELECT 0, commits, last_message_id FROM chat_meta; ",
    "SELECT 1, c.member_rev, x.request_hash, ",
    message_columns!(),
    " FROM json_each($1) p CROSS JOIN chat_message x ON x.sender_id = p.value ->> 0 AND x.key = p.value ->> 1 \
      JOIN chat_conversation c ON c.id = x.conversation_id LEFT JOIN chat_message q ON q.id = x.reply_to_id; ",
    "SELECT 1, c.member_rev, x.request_hash, ",
    message_columns!(),
    " FROM json_each($2) p CROSS JOIN chat_message x ON x.id = p.value \
      JOIN chat_conversation c ON c.id = x.conversation_id LEFT JOIN chat_message q ON q.id = x.reply_to_id; ",
    head_list!(),
    " FROM json_each($3) p CROSS JOIN chat_conversation c ON c.id = p.value; ",
    head_list!(),
    " FROM json_each($4) p CROSS JOIN chat_message x ON x.id = p.value ->> 0 \
      JOIN chat_conversation c ON c.id = x.conversation_id; ",
    standing_list!(),
    " FROM json_each($5) p CROSS JOIN chat_member m ON m.conversation_id = p.value ->> 0 \
      AND m.user_id = p.value ->> 1; ",
    standing_list!(),
    " FROM json_each($4) p CROSS JOIN chat_message x ON x.id = p.value ->> 0 \
      JOIN chat_member m ON m.conversation_id = x.conversation_id AND m.user_id = p.value ->> 1; ",
    "SELECT 4, json_group_array(u.id) FROM json_each($6) p CROSS JOIN chat_user u ON u.id = p.value WHERE u.is_banned",
);

/// Reads what the batch needs.
pub(super) async fn load(connection: &mut SqliteConnection, batch: &[Change]) -> SqlResult<Known> {
    let wanted = Wanted::of(batch);
    let mut known = Known::default();
    let rows = sqlx::query(LOAD)
        .bind(json!(wanted.keys).to_string())
        .bind(json_list(&wanted.messages))
        .bind(json_list(&wanted.conversations))
        .bind(json!(wanted.actors).to_string())
        .bind(json!(wanted.standings).to_string())
        .bind(json_list(&wanted.writers))
        .fetch_all(&mut *connection)
        .await?;
    for row in &rows {
        let mut columns = Columns::new(row);
        match columns.next::<i64>()? {
            0 => (known.commits, known.last_message_id) = (columns.next()?, columns.next()?),
            1 => known.take_message(&mut columns)?,
            2 => known.take_heads(&columns.list::<HeadItem>()?),
            3 => known.take_standings(columns.list::<StandingItem>()?),
            _ => known.banned.extend(columns.list::<UserId>()?),
        }
    }
    if !wanted.media.is_empty() {
        known.media = load_media(connection, &wanted.media).await?;
    }
    if !wanted.broadcasts.is_empty() {
        broadcast::load(connection, &wanted.broadcasts, &mut known).await?;
    }
    Ok(known)
}

impl Known {
    fn take_message(&mut self, columns: &mut Columns<'_>) -> Read<()> {
        let member_rev = columns.number()?;
        let request_hash = row::request_hash(columns)?;
        let message = row::message(columns)?;
        self.keys.insert((message.sender_id, message.key.clone()), message.id);
        self.messages.insert(message.id, Stored { message, request_hash, member_rev });
        Ok(())
    }

    fn take_heads(&mut self, items: &[HeadItem]) {
        for &(id, kind, low, high, last_seq, last_rev, last_cursor, member_rev, updated_at) in items {
            let head = Head {
                kind,
                pair: low.zip(high),
                last_seq,
                last_rev,
                last_cursor,
                member_rev,
                updated_at: Timestamp::from_micros(updated_at),
                is_changed: false,
            };
            self.heads.insert(id, head);
        }
    }

    fn take_standings(&mut self, items: Vec<StandingItem>) {
        for (id, user, role, visible_from_seq, delivered_seq, read_seq, left_rev) in items {
            let is_active = left_rev.is_none();
            let standing =
                Standing { role, visible_from_seq, delivered_seq, read_seq, is_active, moved_by: None };
            self.standings.insert((id, user), standing);
        }
    }
}

async fn load_media(connection: &mut SqliteConnection, ids: &[MediaId]) -> SqlResult<HashSet<MediaId>> {
    let sql = "SELECT id FROM chat_media WHERE id IN (SELECT value FROM json_each(?1))";
    let rows = sqlx::query(sql).bind(json_list(ids)).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| Columns::new(row).number()).collect::<Read<_>>()?)
}

/// Loads messages of one sender by key, in the order of the keys; those that are not there are left out.
pub(super) async fn load_by_keys(
    connection: &mut SqliteConnection,
    sender: UserId,
    keys: &[MessageKey],
) -> SqlResult<Vec<(Message, Rev)>> {
    let sql = concat!(
        "SELECT c.member_rev, ",
        message_columns!(),
        " FROM json_each(?2) p CROSS JOIN chat_message x ON x.sender_id = ?1 AND x.key = p.value \
          JOIN chat_conversation c ON c.id = x.conversation_id LEFT JOIN chat_message q ON q.id = x.reply_to_id"
    );
    let rows =
        sqlx::query(sql).bind(sender.get()).bind(json!(keys).to_string()).fetch_all(connection).await?;
    let mut messages = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::new(row);
        let member_rev = columns.number()?;
        messages.push((row::message(&mut columns)?, member_rev));
    }
    Ok(messages)
}
