//! Broadcasts inside a batch: stored with all of their messages, or with the job that sends them.

use super::{
    apply::{Check, Work},
    load::{Known, load_by_keys},
};
use crate::{
    error::Result as SqlResult,
    row::{self, Columns, broadcast_columns},
};
use chat_core::{
    Error, Result,
    model::{
        Broadcast, BroadcastId, BroadcastState, CommittedBroadcast, CommittedMessage, ConversationId,
        MessageKey, NewBroadcast, NewJob, Outcome, RequestHash, UserId,
    },
};
use serde_json::json;
use sqlx::SqliteConnection;
use std::collections::HashSet;

/// A broadcast that is known by its key.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) broadcast: Broadcast,
    pub(super) request_hash: RequestHash,
    pub(super) messages: Vec<CommittedMessage>,
}

/// A broadcast to be inserted.
#[derive(Debug)]
pub(super) struct Appended {
    pub(super) broadcast: Broadcast,
    pub(super) key: MessageKey,
    pub(super) request_hash: RequestHash,
    pub(super) receivers: Vec<(UserId, ConversationId)>,
    pub(super) with_messages: bool,
    pub(super) job: Option<NewJob>,
}

/// Returns the key of the message of a broadcast that goes to this receiver in the same transaction.
fn item_key(key: &MessageKey, receiver: UserId) -> MessageKey {
    MessageKey::from_server(&format!("b{}:{receiver}", key.as_str()))
}

/// Reads what the broadcasts of a batch need beside their messages.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    wanted: &[(UserId, MessageKey)],
    known: &mut Known,
) -> SqlResult<()> {
    known.last_broadcast_id = sqlx::query_scalar(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'chat_broadcast'), 0)",
    )
    .fetch_one(&mut *connection)
    .await?;
    for (sender, key) in wanted {
        if let Some(stored) = find_by_key(connection, *sender, key).await? {
            known.broadcasts.insert((*sender, key.clone()), stored);
        }
    }
    Ok(())
}

/// Finds a broadcast by its sender's key, with the messages that were part of its transaction and the digest.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    sender: UserId,
    key: &MessageKey,
) -> SqlResult<Option<(CommittedBroadcast, RequestHash)>> {
    let found = find_by_key(connection, sender, key).await?;
    Ok(found.map(|Stored { broadcast, request_hash, messages }| {
        (CommittedBroadcast { broadcast, messages, outcome: Outcome::Repeated }, request_hash)
    }))
}

async fn find_by_key(
    connection: &mut SqliteConnection,
    sender: UserId,
    key: &MessageKey,
) -> SqlResult<Option<Stored>> {
    let sql = concat!(
        "SELECT b.request_hash, b.with_messages, ",
        broadcast_columns!(),
        " FROM chat_broadcast b WHERE b.sender_id = ?1 AND b.key = ?2"
    );
    let found = sqlx::query(sql).bind(sender.get()).bind(key.as_str()).fetch_optional(&mut *connection);
    let Some(row) = found.await? else { return Ok(None) };
    let mut columns = Columns::new(&row);
    let request_hash = row::request_hash(&mut columns)?;
    let with_messages = columns.next::<bool>()?;
    let broadcast = row::broadcast(&mut columns)?;
    let mut messages = Vec::new();
    if with_messages {
        let sql = "SELECT user_id FROM chat_broadcast_receiver WHERE broadcast_id = ?1 ORDER BY position";
        let rows = sqlx::query(sql).bind(broadcast.id.get()).fetch_all(&mut *connection).await?;
        let keys = rows.iter().map(|row| Columns::new(row).number().map(|user| item_key(key, user)));
        let items = load_by_keys(connection, sender, &keys.collect::<row::Read<Vec<_>>>()?).await?;
        messages.extend(items.into_iter().map(|(message, member_rev)| CommittedMessage {
            message,
            outcome: Outcome::Repeated,
            member_rev,
        }));
    }
    Ok(Some(Stored { broadcast, request_hash, messages }))
}

impl Work {
    pub(super) fn broadcast(&mut self, new: NewBroadcast) -> Result<CommittedBroadcast> {
        let key = (new.sender_id, new.key.clone());
        if let Some(stored) = self.known.broadcasts.get(&key) {
            return stored.repeat(new.request_hash);
        }
        self.check_ban(new.sender_id)?;
        let mut replies = Vec::with_capacity(new.messages.len());
        let mut keys = HashSet::new();
        for item in &new.messages {
            match self.check_append(item)? {
                Check::Write { reply_to } if keys.insert(&item.key) => replies.push(reply_to),
                Check::Repeated(_) | Check::Write { .. } => {
                    return Err(Error::conflict("a message of the broadcast has a key that was used before"));
                }
            }
        }
        let with_messages = !new.messages.is_empty();
        let mut messages = Vec::with_capacity(new.messages.len());
        for (item, reply_to) in new.messages.into_iter().zip(replies) {
            messages.push(self.insert(item, reply_to)?);
        }
        self.known.last_broadcast_id += 1;
        let total = u32::try_from(new.receivers.len()).unwrap_or(u32::MAX);
        let (state, done) = match new.job {
            None => (BroadcastState::Done, total),
            Some(_) => (BroadcastState::Running, 0),
        };
        let broadcast = Broadcast {
            id: BroadcastId::new(self.known.last_broadcast_id),
            sender_id: new.sender_id,
            state,
            total,
            done,
            failed: 0,
            created_at: new.now,
        };
        self.broadcasts.push(Appended {
            broadcast: broadcast.clone(),
            key: new.key,
            request_hash: new.request_hash,
            receivers: new.receivers,
            with_messages,
            job: new.job,
        });
        let again =
            messages.iter().cloned().map(|done| CommittedMessage { outcome: Outcome::Repeated, ..done });
        let stored = Stored {
            broadcast: broadcast.clone(),
            request_hash: new.request_hash,
            messages: again.collect(),
        };
        self.known.broadcasts.insert(key, stored);
        Ok(CommittedBroadcast { broadcast, messages, outcome: Outcome::Applied })
    }
}

impl Stored {
    fn repeat(&self, hash: RequestHash) -> Result<CommittedBroadcast> {
        if self.request_hash != hash {
            return Err(Error::conflict("client_id was used for another broadcast"));
        }
        Ok(CommittedBroadcast {
            broadcast: self.broadcast.clone(),
            messages: self.messages.clone(),
            outcome: Outcome::Repeated,
        })
    }
}

/// Writes a broadcast with its receivers and its job.
pub(super) async fn write(connection: &mut SqliteConnection, new: Appended) -> SqlResult<()> {
    let broadcast = &new.broadcast;
    let sql = "INSERT INTO chat_broadcast (id, sender_id, key, request_hash, with_messages, state, total, done, failed, \
                 created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    sqlx::query(sql)
        .bind(broadcast.id.get())
        .bind(broadcast.sender_id.get())
        .bind(new.key.as_str())
        .bind(&new.request_hash.0[..])
        .bind(new.with_messages)
        .bind(row::broadcast_state(broadcast.state))
        .bind(broadcast.total)
        .bind(broadcast.done)
        .bind(broadcast.failed)
        .bind(broadcast.created_at.as_micros())
        .execute(&mut *connection)
        .await?;
    let sql = "INSERT INTO chat_broadcast_receiver (broadcast_id, position, user_id, conversation_id, state) \
               SELECT ?1, key, value ->> 0, value ->> 1, ?3 FROM json_each(?2)";
    let state = if new.job.is_some() { "pending" } else { "sent" };
    let receivers = json!(new.receivers).to_string();
    sqlx::query(sql).bind(broadcast.id.get()).bind(receivers).bind(state).execute(&mut *connection).await?;
    if let Some(job) = new.job {
        let sql =
            "INSERT INTO chat_job (kind, key, payload, due) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        let insert =
            sqlx::query(sql).bind(job.kind).bind(job.key).bind(job.payload).bind(job.due.as_micros());
        insert.execute(connection).await?;
    }
    Ok(())
}
