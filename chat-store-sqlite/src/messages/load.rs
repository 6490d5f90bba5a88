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
    standings: Vec<(ConversationId, UserId)>,
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
                    wanted.broadcasts.push((new.sender_id, new.key.clone()));
                    new.messages.iter().for_each(|message| wanted.append(message));
                }
                Change::Cursors(flush) => {
                    let people = flush.moves.iter().map(|moved| moved.user_id);
                    wanted.standings.extend(people.map(|user| (flush.conversation_id, user)));
                    // The conversation's own row is found with any person, also with one who is nobody.
                    wanted.standings.push((flush.conversation_id, UserId::new(0)));
                }
                Change::Delete(delete) => wanted.actors.push((delete.message_id, delete.actor)),
                Change::Edit(edit) => wanted.actors.push((edit.message_id, edit.actor)),
                // A kind of change that this crate does not know yet is refused when it is applied.
                _ => {}
            }
        }
        wanted.messages.extend(wanted.actors.iter().map(|&(message, _)| message));
        wanted.standings.sort_unstable();
        wanted.standings.dedup();
        wanted
    }

    fn append(&mut self, new: &chat_core::model::NewMessage) {
        self.keys.push((new.sender_id, new.key.clone()));
        self.standings.push((new.conversation_id, new.sender_id));
        self.messages.extend(new.reply_to);
        self.media.extend(new.media_ids());
    }
}

/// The columns of a conversation `c` and of the row `m` and user `u` of one person `p.value ->> 1`.
macro_rules! standing_columns {
    () => {
        "SELECT 2, c.id, c.kind, c.low_user_id, c.high_user_id, c.last_seq, c.last_rev, c.last_cursor, \
         c.member_rev, c.updated_at, p.value ->> 1, coalesce(u.is_banned, 0), m.user_id IS NOT NULL, m.role, \
         m.visible_from_seq, m.delivered_seq, m.read_seq, m.left_rev IS NULL"
    };
}
/// What is read for every batch. Rows are told apart by their first column. A list that is empty costs a statement
/// that finds nothing, which is cheaper than a round trip of its own. The driver counts unnamed parameters through all
/// statements of a script, so they have names here.
const LOAD: &str = concat!(
    "SELECT 0, commits, last_message_id FROM chat_meta; ",
    "SELECT 1, c.member_rev, x.request_hash, ",
    message_columns!(),
    " FROM json_each($1) p CROSS JOIN chat_message x ON x.sender_id = p.value ->> 0 AND x.key = p.value ->> 1 \
      JOIN chat_conversation c ON c.id = x.conversation_id LEFT JOIN chat_message q ON q.id = x.reply_to_id; ",
    "SELECT 1, c.member_rev, x.request_hash, ",
    message_columns!(),
    " FROM json_each($3) p CROSS JOIN chat_message x ON x.id = p.value \
      JOIN chat_conversation c ON c.id = x.conversation_id LEFT JOIN chat_message q ON q.id = x.reply_to_id; ",
    standing_columns!(),
    " FROM json_each($2) p CROSS JOIN chat_conversation c ON c.id = p.value ->> 0 \
      LEFT JOIN chat_member m ON m.conversation_id = c.id AND m.user_id = p.value ->> 1 \
      LEFT JOIN chat_user u ON u.id = p.value ->> 1; ",
    standing_columns!(),
    " FROM json_each($4) p CROSS JOIN chat_message x ON x.id = p.value ->> 0 \
      JOIN chat_conversation c ON c.id = x.conversation_id \
      LEFT JOIN chat_member m ON m.conversation_id = c.id AND m.user_id = p.value ->> 1 \
      LEFT JOIN chat_user u ON u.id = p.value ->> 1",
);

/// Reads what the batch needs.
pub(super) async fn load(connection: &mut SqliteConnection, batch: &[Change]) -> SqlResult<Known> {
    let wanted = Wanted::of(batch);
    let mut known = Known::default();
    let rows = sqlx::query(LOAD)
        .bind(key_list(&wanted.keys))
        .bind(json!(wanted.standings).to_string())
        .bind(json_list(&wanted.messages))
        .bind(json!(wanted.actors).to_string())
        .fetch_all(&mut *connection)
        .await?;
    for row in &rows {
        let mut columns = Columns::new(row);
        match columns.next::<i64>()? {
            0 => (known.commits, known.last_message_id) = (columns.next()?, columns.next()?),
            1 => known.take_message(&mut columns)?,
            _ => known.take_standing(&mut columns)?,
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

    fn take_standing(&mut self, columns: &mut Columns<'_>) -> Read<()> {
        let id = columns.number::<ConversationId>()?;
        let head = Head {
            kind: row::read_conversation_kind(columns)?,
            pair: row::pair(columns)?,
            last_seq: columns.number()?,
            last_rev: columns.number()?,
            last_cursor: columns.number()?,
            member_rev: columns.number()?,
            updated_at: columns.time()?,
            is_changed: false,
        };
        self.heads.entry(id).or_insert(head);
        let user = UserId::new(columns.next()?);
        if columns.next::<bool>()? {
            self.banned.insert(user);
        }
        if columns.next::<bool>()? {
            let standing = Standing {
                role: row::read_member_role(columns)?,
                visible_from_seq: columns.number()?,
                delivered_seq: columns.number()?,
                read_seq: columns.number()?,
                is_active: columns.next()?,
                moved_by: None,
            };
            self.standings.insert((id, user), standing);
        }
        Ok(())
    }
}

/// Writes keys as the JSON list of pairs that the statements take.
fn key_list(keys: &[(UserId, MessageKey)]) -> String {
    json!(keys).to_string()
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
