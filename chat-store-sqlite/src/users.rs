//! People.

use crate::{
    error::Result as SqlResult,
    row::{self, Columns, json_list, user_columns},
    store::SqliteStore,
};
use async_trait::async_trait;
use chat_core::{
    Error, Result,
    model::{Avatar, MediaId, NewUser, ProfileUpdate, Rev, Timestamp, User, UserId, UserQuery},
    store::{Ban, UserStore},
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use std::collections::HashMap;

#[async_trait]
impl UserStore for SqliteStore {
    async fn ensure_user(&self, user: NewUser) -> Result<User> {
        // Nearly every call finds the user as it is, and must not wait for the writer.
        let found = find_external(&mut *self.reader().await?, &user.external_id).await?;
        if let Some(found) = found.filter(|found| is_same(found, &user)) {
            return Ok(found);
        }
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let user = ensure(&mut tx, &user, self.changed_at()).await?;
        tx.commit().await?;
        Ok(user)
    }

    async fn load_users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        Ok(load_many(&mut *self.reader().await?, ids).await?)
    }

    async fn list_users(&self, query: UserQuery) -> Result<Vec<User>> {
        Ok(list(&mut *self.reader().await?, &query).await?)
    }

    async fn filter_contacts(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
        Ok(filter_contacts(&mut *self.reader().await?, user, others).await?)
    }

    async fn update_profile(&self, user: UserId, update: ProfileUpdate, now: Timestamp) -> Result<User> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let user = update_profile(&mut tx, user, update, now, self.changed_at()).await?;
        tx.commit().await?;
        Ok(user)
    }

    async fn touch_users(&self, seen: &[(UserId, Timestamp)]) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        touch(&mut tx, seen).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn set_banned(&self, user: UserId, banned: Ban, now: Timestamp) -> Result<User> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let mut changed = load(&mut tx, user).await?;
        changed.is_banned = banned == Ban::Banned;
        let user = save(&mut tx, changed, now, self.changed_at()).await?;
        tx.commit().await?;
        Ok(user)
    }

    async fn set_admin(&self, user: UserId, is_admin: bool, now: Timestamp) -> Result<User> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let mut changed = load(&mut tx, user).await?;
        changed.is_admin = is_admin;
        let user = save(&mut tx, changed, now, self.changed_at()).await?;
        tx.commit().await?;
        Ok(user)
    }
}

/// Folds a name for comparison without regard to case.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase()
}

fn is_same(user: &User, host: &NewUser) -> bool {
    user.display_name == host.display_name && user.avatar == host.avatar
}

fn avatar_columns(avatar: Option<&Avatar>) -> (Option<&str>, Option<i64>) {
    match avatar {
        Some(Avatar::Link(link)) => (Some(link), None),
        Some(Avatar::Media(id)) => (None, Some(id.get())),
        None => (None, None),
    }
}

fn read(row: &SqliteRow) -> SqlResult<User> {
    Ok(row::user(&mut Columns::new(row))?)
}

async fn find_external(connection: &mut SqliteConnection, external_id: &str) -> SqlResult<Option<User>> {
    let sql = concat!("SELECT ", user_columns!(), " FROM chat_user u WHERE u.external_id = ?1");
    sqlx::query(sql).bind(external_id).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// Loads a user; `not_found` if there is none.
pub(crate) async fn load(connection: &mut SqliteConnection, id: UserId) -> SqlResult<User> {
    let sql = concat!("SELECT ", user_columns!(), " FROM chat_user u WHERE u.id = ?1");
    match sqlx::query(sql).bind(id.get()).fetch_optional(connection).await? {
        Some(row) => read(&row),
        None => Err(Error::not_found("no such user").into()),
    }
}

async fn load_many(connection: &mut SqliteConnection, ids: &[UserId]) -> SqlResult<Vec<User>> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM chat_user u WHERE u.id IN (SELECT value FROM json_each(?1))"
    );
    sqlx::query(sql).bind(json_list(ids)).fetch_all(connection).await?.iter().map(read).collect()
}

async fn ensure(connection: &mut SqliteConnection, host: &NewUser, changed_at: Timestamp) -> SqlResult<User> {
    // Somebody else may have written the same person since the look without the lock.
    if let Some(found) = find_external(connection, &host.external_id).await?
        && is_same(&found, host)
    {
        return Ok(found);
    }
    let (link, media) = avatar_columns(host.avatar.as_ref());
    let sql = "INSERT INTO chat_user AS u (external_id, display_name, display_key, avatar_link, avatar_media_id, \
           created_at, updated_at, changed_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) \
         ON CONFLICT (external_id) DO UPDATE SET display_name = ?2, display_key = ?3, avatar_link = ?4, \
           avatar_media_id = ?5, user_rev = u.user_rev + 1, updated_at = ?6, changed_at = ?7 \
         RETURNING id, external_id, username, display_name, avatar_link, avatar_media_id, last_seen, user_rev, \
           is_admin, is_banned, created_at, updated_at";
    let row = sqlx::query(sql)
        .bind(&host.external_id)
        .bind(&host.display_name)
        .bind(fold(&host.display_name))
        .bind(link)
        .bind(media)
        .bind(host.now.as_micros())
        .bind(changed_at.as_micros())
        .fetch_one(connection)
        .await?;
    read(&row)
}

async fn list(connection: &mut SqliteConnection, query: &UserQuery) -> SqlResult<Vec<User>> {
    // Each shape is a statement of its own, so that each has the plan that suits it.
    let after = query.after.map_or(0, UserId::get);
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let contacts = query.contacts_of.map(UserId::get);
    let prefix = query.prefix.as_deref().map(fold);
    let sql = match (&prefix, contacts) {
        (None, None) => {
            concat!("SELECT ", user_columns!(), " FROM chat_user u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2")
        }
        (Some(_), None) => concat!(
            "SELECT ",
            user_columns!(),
            " FROM chat_user u WHERE u.id IN ( \
                SELECT id FROM chat_user WHERE display_key >= ?4 AND display_key < ?5 \
                UNION SELECT id FROM chat_user WHERE username_key >= ?4 AND username_key < ?5) \
              AND u.id > ?1 ORDER BY u.id LIMIT ?2"
        ),
        (_, Some(_)) => concat!(
            "SELECT ",
            user_columns!(),
            " FROM chat_user u WHERE u.id IN ( \
                SELECT peer.user_id FROM chat_member me JOIN chat_member peer \
                  ON peer.conversation_id = me.conversation_id AND peer.left_rev IS NULL \
                WHERE me.user_id = ?3 AND me.left_rev IS NULL) \
              AND u.id > ?1 AND u.id <> ?3 \
              AND (?4 IS NULL OR u.display_key >= ?4 AND u.display_key < ?5 \
                OR u.username_key >= ?4 AND u.username_key < ?5) \
              ORDER BY u.id LIMIT ?2"
        ),
    };
    let end = prefix.as_deref().map(|prefix| format!("{prefix}{}", char::MAX));
    let rows = sqlx::query(sql).bind(after).bind(limit).bind(contacts).bind(prefix).bind(end);
    rows.fetch_all(connection).await?.iter().map(read).collect()
}

async fn filter_contacts(
    connection: &mut SqliteConnection,
    user: UserId,
    others: &[UserId],
) -> SqlResult<Vec<UserId>> {
    let sql = "SELECT value FROM json_each(?2) WHERE value <> ?1 AND EXISTS ( \
                 SELECT 1 FROM chat_member me JOIN chat_member peer \
                   ON peer.conversation_id = me.conversation_id AND peer.user_id = value \
                 WHERE me.user_id = ?1 AND me.left_rev IS NULL AND peer.left_rev IS NULL)";
    let rows = sqlx::query(sql).bind(user.get()).bind(json_list(others)).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| Columns::new(row).number()).collect::<Result<_, _>>()?)
}

async fn update_profile(
    connection: &mut SqliteConnection,
    id: UserId,
    update: ProfileUpdate,
    now: Timestamp,
    changed_at: Timestamp,
) -> SqlResult<User> {
    let mut user = load(connection, id).await?;
    if let Some(display_name) = update.display_name {
        user.display_name = display_name;
    }
    if let Some(avatar) = update.avatar {
        check_picture(connection, avatar.as_ref()).await?;
        user.avatar = avatar;
    }
    save(connection, user, now, changed_at).await
}

async fn check_picture(connection: &mut SqliteConnection, avatar: Option<&Avatar>) -> SqlResult<()> {
    let Some(Avatar::Media(id)) = avatar else { return Ok(()) };
    let found = sqlx::query("SELECT 1 FROM chat_media WHERE id = ?1").bind(MediaId::get(*id));
    match found.fetch_optional(connection).await? {
        Some(_) => Ok(()),
        None => Err(Error::not_found("no such file").into()),
    }
}

/// Writes the changed user with one `user_rev`; nothing if it is as stored.
async fn save(
    connection: &mut SqliteConnection,
    mut user: User,
    now: Timestamp,
    changed_at: Timestamp,
) -> SqlResult<User> {
    if user == load(connection, user.id).await? {
        return Ok(user);
    }
    user.user_rev = user.user_rev.next();
    user.updated_at = now;
    let (link, media) = avatar_columns(user.avatar.as_ref());
    let sql = "UPDATE chat_user SET display_name = ?2, display_key = ?3, avatar_link = ?4, avatar_media_id = ?5, \
                 is_admin = ?6, is_banned = ?7, user_rev = ?8, updated_at = ?9, changed_at = ?10 WHERE id = ?1";
    sqlx::query(sql)
        .bind(user.id.get())
        .bind(&user.display_name)
        .bind(fold(&user.display_name))
        .bind(link)
        .bind(media)
        .bind(user.is_admin)
        .bind(user.is_banned)
        .bind(user.user_rev.get())
        .bind(now.as_micros())
        .bind(changed_at.as_micros())
        .execute(connection)
        .await?;
    Ok(user)
}

async fn touch(connection: &mut SqliteConnection, seen: &[(UserId, Timestamp)]) -> SqlResult<()> {
    let pairs: Vec<_> = seen.iter().map(|(user, at)| (user.get(), at.as_micros())).collect();
    let sql = "UPDATE chat_user SET last_seen = seen.at \
               FROM (SELECT value ->> 0 AS id, max(value ->> 1) AS at FROM json_each(?1) GROUP BY 1) seen \
               WHERE chat_user.id = seen.id AND (last_seen IS NULL OR last_seen < seen.at)";
    sqlx::query(sql).bind(serde_json::json!(pairs).to_string()).execute(connection).await?;
    Ok(())
}

/// Takes one `user_rev` for each person; returns the new numbers.
pub(crate) async fn take_user_revs(
    connection: &mut SqliteConnection,
    users: &[UserId],
    changed_at: Timestamp,
) -> SqlResult<HashMap<UserId, Rev>> {
    let sql = "UPDATE chat_user SET user_rev = user_rev + 1, changed_at = ?2 \
               WHERE id IN (SELECT value FROM json_each(?1)) RETURNING id, user_rev";
    let rows = sqlx::query(sql).bind(json_list(users)).bind(changed_at.as_micros()).fetch_all(connection);
    let mut revs = HashMap::with_capacity(users.len());
    for row in rows.await? {
        let mut columns = Columns::new(&row);
        revs.insert(columns.number()?, columns.number()?);
    }
    Ok(revs)
}

/// Returns those of `users` who exist.
pub(crate) async fn filter_existing(
    connection: &mut SqliteConnection,
    users: &[UserId],
) -> SqlResult<Vec<UserId>> {
    let sql = "SELECT id FROM chat_user WHERE id IN (SELECT value FROM json_each(?1))";
    let rows = sqlx::query(sql).bind(json_list(users)).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| row.try_get(0).map(UserId::new)).collect::<Result<_, _>>()?)
}
