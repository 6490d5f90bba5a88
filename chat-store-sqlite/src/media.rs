//! The rows of uploaded files.

use crate::{
    error::Result as SqlResult,
    row::{self, Columns, Read, json_list, media_columns},
    store::SqliteStore,
    users,
};
use async_trait::async_trait;
use chat_core::{
    Result,
    model::{Media, MediaId, NewMedia, Timestamp, UserId},
    store::MediaCatalog,
};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

#[async_trait]
impl MediaCatalog for SqliteStore {
    async fn create_media(&self, media: NewMedia) -> Result<Media> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let media = create(&mut tx, &media).await?;
        tx.commit().await?;
        Ok(media)
    }

    async fn load_media(&self, ids: &[MediaId]) -> Result<Vec<Media>> {
        Ok(load_many(&mut *self.reader().await?, ids).await?)
    }

    async fn filter_visible_media(&self, reader: UserId, ids: &[MediaId]) -> Result<Vec<MediaId>> {
        Ok(filter_visible(&mut *self.reader().await?, reader, ids).await?)
    }

    async fn list_orphans(&self, before: Timestamp, limit: usize) -> Result<Vec<Media>> {
        Ok(list_orphans(&mut *self.reader().await?, before, limit).await?)
    }

    async fn delete_orphans(&self, ids: &[MediaId]) -> Result<Vec<MediaId>> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let deleted = delete_orphans(&mut tx, ids).await?;
        tx.commit().await?;
        Ok(deleted)
    }
}

fn read(row: &SqliteRow) -> SqlResult<Media> {
    Ok(row::media(&mut Columns::new(row))?)
}

fn read_ids(rows: &[SqliteRow]) -> SqlResult<Vec<MediaId>> {
    Ok(rows.iter().map(|row| Columns::new(row).number()).collect::<Read<_>>()?)
}

async fn create(connection: &mut SqliteConnection, new: &NewMedia) -> SqlResult<Media> {
    users::load(connection, new.owner_id).await?;
    let find =
        concat!("SELECT ", media_columns!(), " FROM chat_media f WHERE f.owner_id = ?1 AND f.key = ?2");
    let found = sqlx::query(find).bind(new.owner_id.get()).bind(new.key.as_deref());
    if let Some(row) = found.fetch_optional(&mut *connection).await? {
        return read(&row);
    }
    let insert = "INSERT INTO chat_media (owner_id, key, kind, mime, extension, name, size, width, height, path, sha256, \
                    created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let done = sqlx::query(insert)
        .bind(new.owner_id.get())
        .bind(new.key.as_deref())
        .bind(row::media_kind(new.kind))
        .bind(&new.mime)
        .bind(&new.extension)
        .bind(&new.name)
        .bind(i64::try_from(new.size).unwrap_or(i64::MAX))
        .bind(new.width)
        .bind(new.height)
        .bind(&new.path)
        .bind(&new.sha256[..])
        .bind(new.now.as_micros())
        .execute(&mut *connection)
        .await?;
    let load = concat!("SELECT ", media_columns!(), " FROM chat_media f WHERE f.id = ?1");
    read(&sqlx::query(load).bind(done.last_insert_rowid()).fetch_one(connection).await?)
}

async fn load_many(connection: &mut SqliteConnection, ids: &[MediaId]) -> SqlResult<Vec<Media>> {
    let sql = concat!(
        "SELECT ",
        media_columns!(),
        " FROM chat_media f WHERE f.id IN (SELECT value FROM json_each(?1))"
    );
    sqlx::query(sql).bind(json_list(ids)).fetch_all(connection).await?.iter().map(read).collect()
}

async fn filter_visible(
    connection: &mut SqliteConnection,
    reader: UserId,
    ids: &[MediaId],
) -> SqlResult<Vec<MediaId>> {
    let sql = "SELECT f.id FROM chat_media f WHERE f.id IN (SELECT value FROM json_each(?2)) AND ( \
                 f.owner_id = ?1 \
                 OR EXISTS (SELECT 1 FROM chat_user u WHERE u.avatar_media_id = f.id) \
                 OR EXISTS (SELECT 1 FROM chat_attachment a JOIN chat_message x ON x.id = a.message_id \
                      JOIN chat_member m ON m.conversation_id = x.conversation_id AND m.user_id = ?1 \
                      WHERE a.media_id = f.id AND m.left_rev IS NULL AND x.seq >= m.visible_from_seq))";
    let rows = sqlx::query(sql).bind(reader.get()).bind(json_list(ids)).fetch_all(connection).await?;
    read_ids(&rows)
}

/// Says of a file `f` that nothing uses it.
macro_rules! is_unused {
    () => {
        "NOT EXISTS (SELECT 1 FROM chat_attachment a WHERE a.media_id = f.id) \
         AND NOT EXISTS (SELECT 1 FROM chat_user u WHERE u.avatar_media_id = f.id)"
    };
}

async fn list_orphans(
    connection: &mut SqliteConnection,
    before: Timestamp,
    limit: usize,
) -> SqlResult<Vec<Media>> {
    let sql = concat!(
        "SELECT ",
        media_columns!(),
        " FROM chat_media f WHERE f.created_at < ?1 AND ",
        is_unused!(),
        " ORDER BY f.created_at LIMIT ?2"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(sql).bind(before.as_micros()).bind(limit).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

async fn delete_orphans(connection: &mut SqliteConnection, ids: &[MediaId]) -> SqlResult<Vec<MediaId>> {
    let sql = concat!(
        "DELETE FROM chat_media AS f WHERE f.id IN (SELECT value FROM json_each(?1)) AND ",
        is_unused!(),
        " RETURNING id"
    );
    read_ids(&sqlx::query(sql).bind(json_list(ids)).fetch_all(connection).await?)
}
