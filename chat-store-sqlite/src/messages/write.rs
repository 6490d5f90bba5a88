//! Writing a batch: the rows that every batch has in few statements, the rare ones in one more each.

use super::{
    apply::{Appended, Work},
    broadcast,
    load::Known,
};
use crate::error::Result as SqlResult;
use chat_core::model::{Message, Timestamp};
use serde_json::json;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};
use std::sync::{Arc, LazyLock};

/// Writes everything that the batch decided, with the commit counter; returns the counter.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    work: Work,
    changed_at: Timestamp,
) -> SqlResult<i64> {
    let Work { known, appended, changed, broadcasts, .. } = work;
    write_heads(connection, &known, changed_at).await?;
    for rows in appended.chunks(INSERT_SIZES[INSERT_SIZES.len() - 1]) {
        insert_messages(connection, rows).await?;
    }
    insert_attachments(connection, &appended).await?;
    for id in changed {
        write_change(connection, &known.messages[&id].message).await?;
    }
    write_cursors(connection, &known).await?;
    for new in broadcasts {
        broadcast::write(connection, new).await?;
    }
    Ok(known.commits + 1)
}

async fn write_heads(
    connection: &mut SqliteConnection,
    known: &Known,
    changed_at: Timestamp,
) -> SqlResult<()> {
    let sql = "UPDATE chat_meta SET commits = $1, last_message_id = $2; \
               UPDATE chat_conversation SET last_seq = h.value ->> 1, last_rev = h.value ->> 2, \
                 last_cursor = h.value ->> 3, updated_at = h.value ->> 4, changed_at = $4 \
               FROM json_each($3) h WHERE chat_conversation.id = h.value ->> 0";
    let heads = known.heads.iter().filter(|(_, head)| head.is_changed).map(|(id, head)| {
        json!([id, head.last_seq, head.last_rev, head.last_cursor, head.updated_at.as_micros()])
    });
    let heads = serde_json::Value::from_iter(heads).to_string();
    sqlx::query(sql)
        .bind(known.commits + 1)
        .bind(known.last_message_id)
        .bind(heads)
        .bind(changed_at.as_micros())
        .execute(connection)
        .await?;
    Ok(())
}

/// A statement takes its rows as parameters and skips those that are not given, so that a few statements of fixed
/// size, prepared once, serve every batch in one round trip.
const INSERT_SIZES: [usize; 4] = [1, 16, 64, 256];

/// The columns of a row of [`insert_sql`].
const INSERT_COLUMNS: usize = 12;

static INSERTS: LazyLock<[Arc<str>; INSERT_SIZES.len()]> = LazyLock::new(|| INSERT_SIZES.map(insert_sql));

fn insert_sql(rows: usize) -> Arc<str> {
    let row = format!("({})", ["?"; INSERT_COLUMNS].join(","));
    let rows = vec![row; rows].join(",");
    let sql = format!(
        "INSERT INTO chat_message (id, conversation_id, seq, created_rev, rev, sender_id, key, request_hash, content, \
           created_at, attachments, link, reply_to_id) \
         SELECT column1, column2, column3, column4, column4, column5, column6, column7, column8, column9, column10, \
           column11, column12 FROM (VALUES {rows}) WHERE column1 IS NOT NULL"
    );
    sql.into()
}

async fn insert_messages(connection: &mut SqliteConnection, rows: &[Appended]) -> SqlResult<()> {
    let size = INSERT_SIZES.partition_point(|&size| size < rows.len());
    let mut insert = sqlx::query(AssertSqlSafe(Arc::clone(&INSERTS[size])));
    for row in rows {
        insert = bind(insert, row);
    }
    insert.execute(connection).await?;
    Ok(())
}

fn bind<'q>(
    insert: Query<'q, Sqlite, SqliteArguments>,
    Appended { message, request_hash }: &'q Appended,
) -> Query<'q, Sqlite, SqliteArguments> {
    let attachments = i64::try_from(message.attachments.len()).unwrap_or(i64::MAX);
    insert
        .bind(message.id.get())
        .bind(message.conversation_id.get())
        .bind(message.seq.get())
        .bind(message.rev.get())
        .bind(message.sender_id.get())
        .bind(message.key.as_str())
        .bind(&request_hash.0[..])
        .bind(&*message.content)
        .bind(message.created_at.as_micros())
        .bind((attachments > 0).then_some(attachments))
        .bind(message.link.as_deref())
        .bind(message.reply_to.as_ref().map(|quote| quote.id.get()))
}

async fn insert_attachments(connection: &mut SqliteConnection, appended: &[Appended]) -> SqlResult<()> {
    let of = |Appended { message, .. }: &Appended| {
        let files = message.attachments.iter().enumerate();
        files.map(|(position, file)| json!([message.id, position, file.id])).collect::<Vec<_>>()
    };
    let rows: Vec<_> = appended.iter().flat_map(of).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO chat_attachment (message_id, position, media_id) \
               SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)";
    sqlx::query(sql).bind(serde_json::Value::from(rows).to_string()).execute(connection).await?;
    Ok(())
}

/// Writes an edited or deleted message. A tombstone gives up its files.
async fn write_change(connection: &mut SqliteConnection, message: &Message) -> SqlResult<()> {
    let sql = "UPDATE chat_message SET rev = ?2, content = ?3, link = ?4, edited_at = ?5, deleted_at = ?6, \
                 attachments = CASE WHEN ?6 IS NULL THEN attachments END WHERE id = ?1";
    sqlx::query(sql)
        .bind(message.id.get())
        .bind(message.rev.get())
        .bind(&*message.content)
        .bind(message.link.as_deref())
        .bind(message.edited_at.map(Timestamp::as_micros))
        .bind(message.deleted_at.map(Timestamp::as_micros))
        .execute(&mut *connection)
        .await?;
    if message.deleted_at.is_some() {
        let sql = "DELETE FROM chat_attachment WHERE message_id = ?1";
        sqlx::query(sql).bind(message.id.get()).execute(connection).await?;
    }
    Ok(())
}

async fn write_cursors(connection: &mut SqliteConnection, known: &Known) -> SqlResult<()> {
    let rows = known.standings.iter().filter_map(|(&(id, user), standing)| {
        let cursor = standing.moved_by?;
        Some(json!([id, user, standing.delivered_seq, standing.read_seq, cursor]))
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE chat_member SET delivered_seq = v.value ->> 2, read_seq = v.value ->> 3, \
                 cursor_rev = v.value ->> 4 FROM json_each(?1) v \
               WHERE conversation_id = v.value ->> 0 AND user_id = v.value ->> 1";
    sqlx::query(sql).bind(serde_json::Value::from(rows).to_string()).execute(connection).await?;
    Ok(())
}
