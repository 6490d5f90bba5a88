//! Durable work and broadcasts.

use crate::{
    error::Result as SqlResult,
    messages,
    row::{self, Columns, broadcast_columns},
    store::SqliteStore,
};
use async_trait::async_trait;
use chat_core::{
    Error, Result,
    model::{
        Broadcast, BroadcastId, BroadcastState, CommittedBroadcast, ConversationId, Job, JobId, JobOutcome,
        MessageKey, RequestHash, Timestamp, UserId,
    },
    store::JobStore,
};
use serde_json::json;
use sqlx::{Row as _, SqliteConnection};

#[async_trait]
impl JobStore for SqliteStore {
    async fn claim_jobs(
        &self,
        kind: &str,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Job>> {
        // Asked every few seconds and mostly in vain: look without the lock first.
        if !is_any_due(&mut *self.reader().await?, kind, now).await? {
            return Ok(Vec::new());
        }
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let jobs = claim(&mut tx, kind, now, until, limit).await?;
        tx.commit().await?;
        Ok(jobs)
    }

    async fn settle_job(&self, id: JobId, fence: i64, outcome: JobOutcome) -> Result<()> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        settle(&mut tx, id, fence, outcome).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn load_broadcast(&self, id: BroadcastId, sender: UserId) -> Result<Broadcast> {
        Ok(load_broadcast_of(&mut *self.reader().await?, id, sender).await?)
    }

    async fn find_broadcast_by_key(
        &self,
        sender: UserId,
        key: &MessageKey,
    ) -> Result<Option<(CommittedBroadcast, RequestHash)>> {
        let mut snapshot = self.snapshot().await?;
        Ok(messages::find_broadcast(&mut snapshot, sender, key).await?)
    }

    async fn list_pending_receivers(
        &self,
        id: BroadcastId,
        limit: usize,
    ) -> Result<Vec<(UserId, ConversationId)>> {
        let mut snapshot = self.snapshot().await?;
        load_broadcast(&mut snapshot, id).await?;
        Ok(list_pending(&mut snapshot, id, limit).await?)
    }

    async fn settle_receivers(&self, id: BroadcastId, settled: &[(UserId, bool)]) -> Result<Broadcast> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let broadcast = settle_receivers(&mut tx, id, settled).await?;
        tx.commit().await?;
        Ok(broadcast)
    }

    async fn set_broadcast_state(
        &self,
        id: BroadcastId,
        sender: UserId,
        state: BroadcastState,
    ) -> Result<Broadcast> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let mut broadcast = load_broadcast_of(&mut tx, id, sender).await?;
        if broadcast.state == BroadcastState::Running {
            broadcast.state = state;
            save_broadcast(&mut tx, &broadcast).await?;
        }
        tx.commit().await?;
        Ok(broadcast)
    }
}

async fn is_any_due(connection: &mut SqliteConnection, kind: &str, now: Timestamp) -> SqlResult<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM chat_job WHERE kind = ?1 AND due <= ?2)";
    Ok(sqlx::query_scalar(sql).bind(kind).bind(now.as_micros()).fetch_one(connection).await?)
}

async fn claim(
    connection: &mut SqliteConnection,
    kind: &str,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
) -> SqlResult<Vec<Job>> {
    let list = "SELECT id, kind, key, payload, fence + 1, attempts + 1 FROM chat_job \
                WHERE kind = ?1 AND due <= ?2 ORDER BY due LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(list).bind(kind).bind(now.as_micros()).bind(limit);
    let mut jobs = Vec::new();
    for row in rows.fetch_all(&mut *connection).await? {
        let mut columns = Columns::new(&row);
        jobs.push(Job {
            id: columns.number()?,
            kind: columns.next()?,
            key: columns.next()?,
            payload: columns.next()?,
            fence: columns.next()?,
            attempts: columns.number()?,
        });
    }
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    let take = "UPDATE chat_job SET due = ?2, fence = fence + 1, attempts = attempts + 1 \
                WHERE id IN (SELECT value FROM json_each(?1))";
    sqlx::query(take).bind(row::json_list(&ids)).bind(until.as_micros()).execute(connection).await?;
    Ok(jobs)
}

async fn settle(
    connection: &mut SqliteConnection,
    id: JobId,
    fence: i64,
    outcome: JobOutcome,
) -> SqlResult<()> {
    let present = sqlx::query("SELECT fence FROM chat_job WHERE id = ?1").bind(id.get());
    let present = present.fetch_optional(&mut *connection).await?;
    let present: i64 = present.ok_or_else(|| Error::not_found("no such job"))?.try_get(0)?;
    if present != fence {
        return Err(Error::conflict("the job was claimed by somebody else").into());
    }
    let write = match outcome {
        JobOutcome::Done => sqlx::query("DELETE FROM chat_job WHERE id = ?1").bind(id.get()),
        JobOutcome::Extend { payload, until } => {
            let sql = "UPDATE chat_job SET payload = ?2, due = ?3 WHERE id = ?1";
            sqlx::query(sql).bind(id.get()).bind(payload).bind(until.as_micros())
        }
        JobOutcome::Retry { due } => {
            sqlx::query("UPDATE chat_job SET due = ?2 WHERE id = ?1").bind(id.get()).bind(due.as_micros())
        }
    };
    write.execute(connection).await?;
    Ok(())
}

async fn load_broadcast(connection: &mut SqliteConnection, id: BroadcastId) -> SqlResult<Broadcast> {
    let sql = concat!("SELECT ", broadcast_columns!(), " FROM chat_broadcast b WHERE b.id = ?1");
    match sqlx::query(sql).bind(id.get()).fetch_optional(connection).await? {
        Some(row) => Ok(row::broadcast(&mut Columns::new(&row))?),
        None => Err(no_broadcast().into()),
    }
}

async fn load_broadcast_of(
    connection: &mut SqliteConnection,
    id: BroadcastId,
    sender: UserId,
) -> SqlResult<Broadcast> {
    let broadcast = load_broadcast(connection, id).await?;
    if broadcast.sender_id != sender {
        return Err(no_broadcast().into());
    }
    Ok(broadcast)
}

fn no_broadcast() -> Error {
    Error::not_found("no such broadcast")
}

async fn save_broadcast(connection: &mut SqliteConnection, broadcast: &Broadcast) -> SqlResult<()> {
    sqlx::query("UPDATE chat_broadcast SET state = ?2, done = ?3, failed = ?4 WHERE id = ?1")
        .bind(broadcast.id.get())
        .bind(row::broadcast_state(broadcast.state))
        .bind(broadcast.done)
        .bind(broadcast.failed)
        .execute(connection)
        .await?;
    Ok(())
}

async fn list_pending(
    connection: &mut SqliteConnection,
    id: BroadcastId,
    limit: usize,
) -> SqlResult<Vec<(UserId, ConversationId)>> {
    let sql = "SELECT user_id, conversation_id FROM chat_broadcast_receiver \
               WHERE broadcast_id = ?1 AND state = 'pending' ORDER BY position LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut receivers = Vec::new();
    for row in sqlx::query(sql).bind(id.get()).bind(limit).fetch_all(connection).await? {
        let mut columns = Columns::new(&row);
        receivers.push((columns.number()?, columns.number()?));
    }
    Ok(receivers)
}

async fn settle_receivers(
    connection: &mut SqliteConnection,
    id: BroadcastId,
    settled: &[(UserId, bool)],
) -> SqlResult<Broadcast> {
    let mut broadcast = load_broadcast(connection, id).await?;
    for (state, wanted, count) in
        [("sent", true, &mut broadcast.done), ("failed", false, &mut broadcast.failed)]
    {
        let users = settled.iter().filter(|(_, sent)| *sent == wanted).map(|(user, _)| user);
        let sql = "UPDATE chat_broadcast_receiver SET state = ?3 WHERE broadcast_id = ?1 AND state = 'pending' \
                     AND user_id IN (SELECT value FROM json_each(?2))";
        let users = json!(users.collect::<Vec<_>>()).to_string();
        let update = sqlx::query(sql).bind(id.get()).bind(users).bind(state);
        let moved = update.execute(&mut *connection).await?.rows_affected();
        *count += u32::try_from(moved).unwrap_or(u32::MAX);
    }
    let is_over = list_pending(connection, id, 1).await?.is_empty();
    if is_over && broadcast.state == BroadcastState::Running {
        broadcast.state = BroadcastState::Done;
    }
    save_broadcast(connection, &broadcast).await?;
    Ok(broadcast)
}
