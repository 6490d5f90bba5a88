//! Reading what changed.

use crate::{
    conversations,
    error::Result as SqlResult,
    messages,
    row::{self, Columns, Read, member_columns, message_columns},
    store::SqliteStore,
    users,
};
use async_trait::async_trait;
use chat_core::{
    Result,
    model::{
        ChangeQuery, ChangeSet, Conversation, ConversationId, Feed, Head, Heads, Member, Message, Pulse, Rev,
        Timestamp, UserId,
    },
    store::ChangeStore,
};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

#[async_trait]
impl ChangeStore for SqliteStore {
    async fn load_feed(&self, user: UserId) -> Result<Feed> {
        let mut snapshot = self.snapshot().await?;
        let heads = list_own_heads(&mut snapshot, user).await?;
        Ok(Feed { user: users::load(&mut snapshot, user).await?, heads })
    }

    async fn list_feed(&self, user: UserId, after: Rev, limit: usize) -> Result<Vec<Member>> {
        Ok(list_feed(&mut *self.reader().await?, user, after, limit).await?)
    }

    async fn read_changes(&self, query: ChangeQuery) -> Result<ChangeSet> {
        let mut snapshot = self.snapshot().await?;
        Ok(read_changes(&mut snapshot, query).await?)
    }

    async fn list_changed(&self, since: Timestamp) -> Result<Heads> {
        // Taken before the snapshot: what commits in between is told again the next time.
        let as_of = self.changed_at();
        let mut snapshot = self.snapshot().await?;
        let (conversations, users) = list_changed(&mut snapshot, since).await?;
        Ok(Heads { conversations, users, as_of })
    }

    async fn list_heads(&self, after: Option<ConversationId>, limit: usize) -> Result<Vec<Pulse>> {
        Ok(list_heads(&mut *self.reader().await?, after, limit).await?)
    }
}

async fn list_own_heads(connection: &mut SqliteConnection, user: UserId) -> SqlResult<Vec<Head>> {
    let sql = "SELECT c.id, c.kind, c.first_seq, c.last_seq, c.last_rev, c.last_cursor, c.reset_rev, c.updated_at, \
                 m.since_rev, m.left_rev, m.user_rev, m.delivered_seq, m.read_seq \
               FROM chat_member m JOIN chat_conversation c ON c.id = m.conversation_id \
               WHERE m.user_id = ?1 ORDER BY c.updated_at DESC, c.id DESC";
    let rows = sqlx::query(sql).bind(user.get()).fetch_all(connection).await?;
    Ok(rows.iter().map(read_head).collect::<Read<_>>()?)
}

fn read_head(row: &SqliteRow) -> Read<Head> {
    let mut columns = Columns::new(row);
    Ok(Head {
        conversation_id: columns.number()?,
        kind: row::read_conversation_kind(&mut columns)?,
        first_seq: columns.number()?,
        last_seq: columns.number()?,
        last_rev: columns.number()?,
        last_cursor: columns.number()?,
        reset_rev: columns.number()?,
        updated_at: columns.time()?,
        since_rev: columns.number()?,
        left_rev: columns.opt_number()?,
        user_rev: columns.number()?,
        delivered_seq: columns.number()?,
        read_seq: columns.number()?,
    })
}

fn read_member(row: &SqliteRow) -> SqlResult<Member> {
    Ok(row::member(&mut Columns::new(row))?)
}

async fn list_feed(
    connection: &mut SqliteConnection,
    user: UserId,
    after: Rev,
    limit: usize,
) -> SqlResult<Vec<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM chat_member m WHERE m.user_id = ?1 AND m.user_rev > ?2 ORDER BY m.user_rev LIMIT ?3"
    );
    let rows = sqlx::query(sql).bind(user.get()).bind(after.get()).bind(row_limit(limit));
    rows.fetch_all(connection).await?.iter().map(read_member).collect()
}

fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

async fn read_changes(connection: &mut SqliteConnection, query: ChangeQuery) -> SqlResult<ChangeSet> {
    let membership = conversations::load_membership(connection, query.conversation_id, query.user_id);
    let (conversation, me) = membership.await?;
    let (mut messages, mut members, mut cursors) = (Vec::new(), Vec::new(), Vec::new());
    if me.is_active() && conversation.last_rev > query.after_rev {
        messages = list_messages(connection, &conversation, &me, &query).await?;
        // Every rev stands in exactly one row: when each has shown up in a message, no member took one.
        if i64::try_from(messages.len()).is_ok_and(|found| found < span(&conversation, &query)) {
            members = list_members(connection, &query).await?;
        }
    }
    if me.is_active()
        && let Some(after) = query.after_cursor.filter(|&after| conversation.last_cursor > after)
    {
        cursors = list_cursors(connection, query.conversation_id, after.get()).await?;
    }
    let has_more = cut(&mut messages, &mut members, query.limit);
    Ok(ChangeSet { conversation, me, messages, members, cursors, has_more })
}

/// Returns how many revs were taken since.
fn span(conversation: &Conversation, query: &ChangeQuery) -> i64 {
    conversation.last_rev.get() - query.after_rev.get()
}

/// Reads the messages that changed, one more than asked for.
///
/// Each message takes one rev, so those that were created since are among the last so many of the conversation. The
/// others are in an index of changed rows.
async fn list_messages(
    connection: &mut SqliteConnection,
    conversation: &Conversation,
    me: &Member,
    query: &ChangeQuery,
) -> SqlResult<Vec<Message>> {
    let created = concat!(
        "SELECT ",
        message_columns!(),
        " FROM ",
        message_columns!(from),
        " WHERE x.conversation_id = ?1 AND x.seq >= ?2 AND x.created_rev > ?3 AND x.rev = x.created_rev \
          ORDER BY x.seq LIMIT ?4"
    );
    let first = me.visible_from_seq.get().max(conversation.last_seq.get() - span(conversation, query) + 1);
    let limit = row_limit(query.limit).saturating_add(1);
    let rows = sqlx::query(created).bind(query.conversation_id.get()).bind(first).bind(query.after_rev.get());
    let rows = rows.bind(limit).fetch_all(&mut *connection).await?;
    let mut found: Vec<_> = rows.iter().map(messages::read).collect::<SqlResult<_>>()?;
    let changed = concat!(
        "SELECT ",
        message_columns!(),
        " FROM ",
        message_columns!(from),
        " WHERE x.conversation_id = ?1 AND x.seq >= ?2 AND x.rev > ?3 AND x.rev > x.created_rev \
          ORDER BY x.rev LIMIT ?4"
    );
    if i64::try_from(found.len()).is_ok_and(|found| found < span(conversation, query)) {
        let first = me.visible_from_seq.get();
        let rows = sqlx::query(changed).bind(query.conversation_id.get()).bind(first);
        let rows = rows.bind(query.after_rev.get()).bind(limit).fetch_all(connection).await?;
        found.extend(rows.iter().map(messages::read).collect::<SqlResult<Vec<_>>>()?);
    }
    found.sort_unstable_by_key(|message| message.rev);
    Ok(found)
}

async fn list_members(connection: &mut SqliteConnection, query: &ChangeQuery) -> SqlResult<Vec<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM chat_member m WHERE m.conversation_id = ?1 AND m.rev > ?2 AND m.rev > 0 ORDER BY m.rev LIMIT ?3"
    );
    let rows = sqlx::query(sql).bind(query.conversation_id.get()).bind(query.after_rev.get());
    let rows = rows.bind(row_limit(query.limit).saturating_add(1)).fetch_all(connection).await?;
    rows.iter().map(read_member).collect()
}

async fn list_cursors(
    connection: &mut SqliteConnection,
    id: ConversationId,
    after: i64,
) -> SqlResult<Vec<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM chat_member m WHERE m.conversation_id = ?1 AND m.cursor_rev > ?2 AND m.cursor_rev > 0 \
          AND m.left_rev IS NULL"
    );
    let rows = sqlx::query(sql).bind(id.get()).bind(after).fetch_all(connection).await?;
    rows.iter().map(read_member).collect()
}

/// Keeps the rows of the lowest revs, `limit` of both sorts together; says whether any were cut off.
fn cut(messages: &mut Vec<Message>, members: &mut Vec<Member>, limit: usize) -> bool {
    if messages.len() + members.len() <= limit {
        return false;
    }
    let mut revs: Vec<_> = messages.iter().map(|message| message.rev).collect();
    revs.extend(members.iter().map(|member| member.rev));
    revs.sort_unstable();
    let first_out = revs[limit];
    messages.retain(|message| message.rev < first_out);
    members.retain(|member| member.rev < first_out);
    true
}

/// The columns of [`read_pulse`].
macro_rules! pulse_columns {
    () => {
        "id, last_rev, member_rev, last_cursor, last_seq"
    };
}

fn read_pulse(row: &SqliteRow) -> Read<Pulse> {
    let mut columns = Columns::new(row);
    Ok(Pulse {
        conversation_id: columns.number()?,
        last_rev: columns.number()?,
        member_rev: columns.number()?,
        last_cursor: columns.number()?,
        last_seq: columns.number()?,
    })
}

async fn list_changed(
    connection: &mut SqliteConnection,
    since: Timestamp,
) -> SqlResult<(Vec<Pulse>, Vec<(UserId, Rev)>)> {
    let sql = concat!("SELECT ", pulse_columns!(), " FROM chat_conversation WHERE changed_at >= ?1");
    let rows = sqlx::query(sql).bind(since.as_micros()).fetch_all(&mut *connection).await?;
    let mut pulses: Vec<_> = rows.iter().map(read_pulse).collect::<Read<_>>()?;
    pulses.sort_unstable_by_key(|pulse| pulse.conversation_id);
    let sql = "SELECT id, user_rev FROM chat_user WHERE changed_at >= ?1";
    let mut users = Vec::new();
    for row in sqlx::query(sql).bind(since.as_micros()).fetch_all(connection).await? {
        let mut columns = Columns::new(&row);
        users.push((columns.number()?, columns.number()?));
    }
    Ok((pulses, users))
}

async fn list_heads(
    connection: &mut SqliteConnection,
    after: Option<ConversationId>,
    limit: usize,
) -> SqlResult<Vec<Pulse>> {
    let sql =
        concat!("SELECT ", pulse_columns!(), " FROM chat_conversation WHERE id > ?1 ORDER BY id LIMIT ?2");
    let rows = sqlx::query(sql).bind(after.map_or(0, ConversationId::get)).bind(row_limit(limit));
    Ok(rows.fetch_all(connection).await?.iter().map(read_pulse).collect::<Read<_>>()?)
}
