//! Password accounts, signed-in sessions and lock-outs.

use crate::{
    error::{Failure, Result as SqlResult, is_unique},
    row::{self, Columns, Read, json_list, session_columns, user_columns},
    store::SqliteStore,
    users,
};
use async_trait::async_trait;
use chat_core::{
    Error, Result,
    model::{
        Account, AuthSession, AuthSessionId, Lockout, NewAccount, NewAuthSession, RefreshHash, Rotation,
        Timestamp, User, UserId,
    },
    store::AccountStore,
};
use serde_json::json;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use std::{collections::HashMap, time::Duration};

#[async_trait]
impl AccountStore for SqliteStore {
    async fn create_account(&self, account: NewAccount) -> Result<User> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let user = create(&mut tx, &account, self.changed_at()).await?;
        tx.commit().await?;
        Ok(user)
    }

    async fn find_account(&self, username_key: &str) -> Result<Option<Account>> {
        Ok(find_by_name(&mut *self.reader().await?, username_key).await?)
    }

    async fn find_account_of(&self, user: UserId) -> Result<Option<Account>> {
        Ok(find_of(&mut *self.reader().await?, user).await?)
    }

    async fn set_password(
        &self,
        user: UserId,
        password_hash: &str,
        keep: Option<AuthSessionId>,
        now: Timestamp,
    ) -> Result<Vec<AuthSessionId>> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let revoked = set_password(&mut tx, user, password_hash, keep, now).await?;
        tx.commit().await?;
        Ok(revoked)
    }

    async fn rehash_password(&self, user: UserId, old: &str, new: &str) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        rehash(&mut tx, user, old, new).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn create_session(&self, session: NewAuthSession) -> Result<AuthSession> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let session = create_session(&mut tx, session).await?;
        tx.commit().await?;
        Ok(session)
    }

    async fn find_session(&self, id: AuthSessionId) -> Result<Option<AuthSession>> {
        Ok(find_session(&mut *self.reader().await?, id).await?)
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<AuthSession>> {
        Ok(list_sessions(&mut *self.reader().await?, user, now).await?)
    }

    async fn rotate_session(
        &self,
        old: RefreshHash,
        new: RefreshHash,
        now: Timestamp,
        grace: Duration,
        expires_at: Timestamp,
    ) -> Result<Rotation> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let rotation = rotate(&mut tx, Tokens { old, new, grace }, now, expires_at).await?;
        tx.commit().await?;
        Ok(rotation)
    }

    async fn revoke_session(&self, user: UserId, id: AuthSessionId, now: Timestamp) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        revoke(&mut tx, user, id, now).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn filter_ended(
        &self,
        ids: &[AuthSessionId],
        users: &[UserId],
        now: Timestamp,
    ) -> Result<(Vec<AuthSessionId>, Vec<UserId>)> {
        let mut snapshot = self.snapshot().await?;
        Ok((list_ended(&mut snapshot, ids, now).await?, list_banned(&mut snapshot, users).await?))
    }

    async fn load_lockouts(&self, keys: &[String]) -> Result<Vec<Lockout>> {
        Ok(load_lockouts(&mut *self.reader().await?, keys).await?)
    }

    async fn save_lockouts(&self, lockouts: &[(String, Lockout)]) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        save_lockouts(&mut tx, lockouts).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn clear_lockouts(&self, keys: &[String]) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let sql = "DELETE FROM chat_lockout WHERE key IN (SELECT value FROM json_each(?1))";
        let delete = sqlx::query(sql).bind(json!(keys).to_string());
        delete.execute(&mut *tx).await.map_err(Failure::Sql)?;
        tx.commit().await?;
        Ok(())
    }
}

async fn create(
    connection: &mut SqliteConnection,
    new: &NewAccount,
    changed_at: Timestamp,
) -> SqlResult<User> {
    let sql = "INSERT INTO chat_user (username, username_key, display_name, display_key, created_at, updated_at, \
                 changed_at) VALUES (?1, ?2, ?1, ?3, ?4, ?4, ?5)";
    let insert = sqlx::query(sql)
        .bind(&new.username)
        .bind(&new.username_key)
        .bind(users::fold(&new.username))
        .bind(new.now.as_micros())
        .bind(changed_at.as_micros());
    let id = match insert.execute(&mut *connection).await {
        Ok(done) => done.last_insert_rowid(),
        Err(error) if is_unique(&error) => {
            return Err(Error::conflict("username is taken").with_source(error).into());
        }
        Err(error) => return Err(error.into()),
    };
    let sql = "INSERT INTO chat_account (user_id, password_hash) VALUES (?1, ?2)";
    sqlx::query(sql).bind(id).bind(&new.password_hash).execute(&mut *connection).await?;
    users::load(connection, UserId::new(id)).await
}

fn read_account(row: &SqliteRow) -> SqlResult<Account> {
    let mut columns = Columns::new(row);
    Ok(Account { password_hash: columns.next()?, user: row::user(&mut columns)? })
}

async fn find_by_name(connection: &mut SqliteConnection, key: &str) -> SqlResult<Option<Account>> {
    let sql = concat!(
        "SELECT a.password_hash, ",
        user_columns!(),
        " FROM chat_user u JOIN chat_account a ON a.user_id = u.id WHERE u.username_key = ?1"
    );
    sqlx::query(sql).bind(key).fetch_optional(connection).await?.as_ref().map(read_account).transpose()
}

async fn find_of(connection: &mut SqliteConnection, user: UserId) -> SqlResult<Option<Account>> {
    let sql = concat!(
        "SELECT a.password_hash, ",
        user_columns!(),
        " FROM chat_user u JOIN chat_account a ON a.user_id = u.id WHERE u.id = ?1"
    );
    sqlx::query(sql).bind(user.get()).fetch_optional(connection).await?.as_ref().map(read_account).transpose()
}

async fn set_password(
    connection: &mut SqliteConnection,
    user: UserId,
    password_hash: &str,
    keep: Option<AuthSessionId>,
    now: Timestamp,
) -> SqlResult<Vec<AuthSessionId>> {
    let sql = "UPDATE chat_account SET password_hash = ?2 WHERE user_id = ?1";
    let done = sqlx::query(sql).bind(user.get()).bind(password_hash).execute(&mut *connection).await?;
    if done.rows_affected() == 0 {
        return Err(Error::not_found("no such account").into());
    }
    let sql = "UPDATE chat_session SET revoked_at = ?3 WHERE user_id = ?1 AND revoked_at IS NULL AND id <> ?2 \
               RETURNING id";
    let keep = keep.map_or(0, AuthSessionId::get);
    let revoked = sqlx::query(sql).bind(user.get()).bind(keep).bind(now.as_micros());
    let rows = revoked.fetch_all(connection).await?;
    Ok(rows.iter().map(|row| Columns::new(row).number()).collect::<Read<_>>()?)
}

async fn rehash(connection: &mut SqliteConnection, user: UserId, old: &str, new: &str) -> SqlResult<()> {
    let sql = "UPDATE chat_account SET password_hash = ?3 WHERE user_id = ?1 AND password_hash = ?2";
    sqlx::query(sql).bind(user.get()).bind(old).bind(new).execute(connection).await?;
    Ok(())
}

fn read_session(row: &SqliteRow) -> SqlResult<AuthSession> {
    Ok(row::session(&mut Columns::new(row))?)
}

async fn create_session(connection: &mut SqliteConnection, new: NewAuthSession) -> SqlResult<AuthSession> {
    users::load(connection, new.user_id).await?;
    let sql = "INSERT INTO chat_session (user_id, device_name, created_at, last_used_at, expires_at) \
               VALUES (?1, ?2, ?3, ?3, ?4)";
    let done = sqlx::query(sql)
        .bind(new.user_id.get())
        .bind(&new.device_name)
        .bind(new.now.as_micros())
        .bind(new.expires_at.as_micros())
        .execute(&mut *connection)
        .await?;
    let id = AuthSessionId::new(done.last_insert_rowid());
    insert_token(connection, id, new.refresh, new.expires_at).await?;
    Ok(AuthSession {
        id,
        user_id: new.user_id,
        device_name: new.device_name,
        created_at: new.now,
        last_used_at: new.now,
        expires_at: new.expires_at,
        revoked_at: None,
    })
}

async fn insert_token(
    connection: &mut SqliteConnection,
    session: AuthSessionId,
    hash: RefreshHash,
    expires_at: Timestamp,
) -> SqlResult<()> {
    let sql = "INSERT INTO chat_refresh_token (hash, session_id, expires_at) VALUES (?1, ?2, ?3)";
    let insert = sqlx::query(sql).bind(&hash[..]).bind(session.get()).bind(expires_at.as_micros());
    insert.execute(connection).await?;
    Ok(())
}

async fn find_session(
    connection: &mut SqliteConnection,
    id: AuthSessionId,
) -> SqlResult<Option<AuthSession>> {
    let sql = concat!("SELECT ", session_columns!(), " FROM chat_session s WHERE s.id = ?1");
    sqlx::query(sql).bind(id.get()).fetch_optional(connection).await?.as_ref().map(read_session).transpose()
}

async fn list_sessions(
    connection: &mut SqliteConnection,
    user: UserId,
    now: Timestamp,
) -> SqlResult<Vec<AuthSession>> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        " FROM chat_session s WHERE s.user_id = ?1 AND s.revoked_at IS NULL AND s.expires_at > ?2 \
          ORDER BY s.last_used_at DESC, s.id DESC"
    );
    let rows = sqlx::query(sql).bind(user.get()).bind(now.as_micros()).fetch_all(connection).await?;
    rows.iter().map(read_session).collect()
}

/// The refresh token that is shown, its successor, and how long after it a repeat is innocent.
struct Tokens {
    old: RefreshHash,
    new: RefreshHash,
    grace: Duration,
}

async fn rotate(
    connection: &mut SqliteConnection,
    tokens: Tokens,
    now: Timestamp,
    expires_at: Timestamp,
) -> SqlResult<Rotation> {
    let sql = concat!(
        "SELECT t.replaced_at, ",
        session_columns!(),
        " FROM chat_refresh_token t JOIN chat_session s ON s.id = t.session_id \
          WHERE t.hash = ?1 AND s.revoked_at IS NULL AND s.expires_at > ?2"
    );
    let found = sqlx::query(sql).bind(&tokens.old[..]).bind(now.as_micros());
    let Some(row) = found.fetch_optional(&mut *connection).await? else { return Ok(Rotation::Unknown) };
    let mut columns = Columns::new(&row);
    let replaced_at = columns.opt_time()?;
    let mut session = row::session(&mut columns)?;
    match replaced_at {
        None => {
            session.last_used_at = now;
            session.expires_at = expires_at;
            replace_token(connection, &tokens, &session).await?;
            Ok(Rotation::Rotated(session))
        }
        Some(replaced_at) if now.since(replaced_at) <= tokens.grace => Ok(Rotation::Repeated(session)),
        Some(_) => {
            revoke(connection, session.user_id, session.id, now).await?;
            session.revoked_at = Some(now);
            Ok(Rotation::Replayed(session))
        }
    }
}

/// Puts the successor in force, and forgets tokens of this session that would have ended by now.
async fn replace_token(
    connection: &mut SqliteConnection,
    tokens: &Tokens,
    session: &AuthSession,
) -> SqlResult<()> {
    let now = session.last_used_at.as_micros();
    let sql = "UPDATE chat_refresh_token SET replaced_at = ?2 WHERE hash = ?1";
    sqlx::query(sql).bind(&tokens.old[..]).bind(now).execute(&mut *connection).await?;
    let sql = "DELETE FROM chat_refresh_token WHERE session_id = ?1 AND expires_at <= ?2";
    sqlx::query(sql).bind(session.id.get()).bind(now).execute(&mut *connection).await?;
    insert_token(connection, session.id, tokens.new, session.expires_at).await?;
    let sql = "UPDATE chat_session SET last_used_at = ?2, expires_at = ?3 WHERE id = ?1";
    let update = sqlx::query(sql).bind(session.id.get()).bind(now).bind(session.expires_at.as_micros());
    update.execute(connection).await?;
    Ok(())
}

async fn revoke(
    connection: &mut SqliteConnection,
    user: UserId,
    id: AuthSessionId,
    now: Timestamp,
) -> SqlResult<()> {
    let sql = "UPDATE chat_session SET revoked_at = coalesce(revoked_at, ?3) WHERE id = ?2 AND user_id = ?1";
    let done = sqlx::query(sql).bind(user.get()).bind(id.get()).bind(now.as_micros()).execute(connection);
    if done.await?.rows_affected() == 0 {
        return Err(Error::not_found("no such session").into());
    }
    Ok(())
}

async fn list_ended(
    connection: &mut SqliteConnection,
    ids: &[AuthSessionId],
    now: Timestamp,
) -> SqlResult<Vec<AuthSessionId>> {
    let sql = "SELECT value FROM json_each(?1) WHERE NOT EXISTS ( \
                 SELECT 1 FROM chat_session s WHERE s.id = value AND s.revoked_at IS NULL AND s.expires_at > ?2)";
    let rows = sqlx::query(sql).bind(json_list(ids)).bind(now.as_micros()).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| Columns::new(row).number()).collect::<Read<_>>()?)
}

async fn list_banned(connection: &mut SqliteConnection, users: &[UserId]) -> SqlResult<Vec<UserId>> {
    let sql = "SELECT id FROM chat_user WHERE is_banned AND id IN (SELECT value FROM json_each(?1))";
    let rows = sqlx::query(sql).bind(json_list(users)).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| Columns::new(row).number()).collect::<Read<_>>()?)
}

async fn load_lockouts(connection: &mut SqliteConnection, keys: &[String]) -> SqlResult<Vec<Lockout>> {
    let sql = "SELECT key, failures, locked_until FROM chat_lockout \
               WHERE key IN (SELECT value FROM json_each(?1))";
    let mut found = HashMap::new();
    for row in sqlx::query(sql).bind(json!(keys).to_string()).fetch_all(connection).await? {
        let mut columns = Columns::new(&row);
        let key: String = columns.next()?;
        found.insert(key, Lockout { failures: columns.number()?, locked_until: columns.opt_time()? });
    }
    Ok(keys.iter().map(|key| found.get(key).copied().unwrap_or_default()).collect())
}

async fn save_lockouts(connection: &mut SqliteConnection, lockouts: &[(String, Lockout)]) -> SqlResult<()> {
    let sql = "INSERT INTO chat_lockout (key, failures, locked_until) VALUES (?1, 1, ?2) \
               ON CONFLICT (key) DO UPDATE SET failures = failures + 1, \
                 locked_until = max(coalesce(locked_until, ?2), coalesce(?2, locked_until))";
    for (key, lockout) in lockouts {
        let until = lockout.locked_until.map(Timestamp::as_micros);
        sqlx::query(sql).bind(key).bind(until).execute(&mut *connection).await?;
    }
    Ok(())
}
