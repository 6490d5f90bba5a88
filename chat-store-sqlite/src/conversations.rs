//! Conversations.

use crate::{
    error::Result as SqlResult,
    members, messages, receipts,
    row::{self, Columns, conversation_columns, json_list, member_columns},
    store::SqliteStore,
    users,
};
use async_trait::async_trait;
use chat_core::{
    Error, Result,
    model::{
        Conversation, ConversationEntry, ConversationId, ConversationKind, ConversationPage, Cursor,
        GroupUpdate, Member, MembersChanged, NewGroup, Opened, Rev, Role, Seq, Timestamp, UserId,
    },
    store::ConversationStore,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use std::collections::HashMap;

#[async_trait]
impl ConversationStore for SqliteStore {
    async fn open_directs(
        &self,
        user: UserId,
        peers: &[UserId],
        now: Timestamp,
    ) -> Result<Vec<Result<Opened>>> {
        // Most are there already and must not wait for the writer.
        let mut snapshot = self.snapshot().await?;
        let found = find_directs(&mut snapshot, user, peers).await?;
        snapshot.rollback().await.map_err(crate::error::Failure::from)?;
        if peers.iter().all(|peer| found.contains_key(peer)) {
            return Ok(in_order(peers, &found));
        }
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let opened = open_directs(&mut tx, user, peers, now, self.changed_at()).await?;
        tx.commit().await?;
        Ok(in_order(peers, &opened))
    }

    async fn find_directs(&self, user: UserId, peers: &[UserId]) -> Result<Vec<Option<ConversationId>>> {
        Ok(find_direct_ids(&mut *self.reader().await?, user, peers).await?)
    }

    async fn create_group(&self, group: NewGroup) -> Result<Opened> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let opened = create_group(&mut tx, &group, self.changed_at()).await?;
        tx.commit().await?;
        Ok(opened)
    }

    async fn load_membership(&self, id: ConversationId, user: UserId) -> Result<(Conversation, Member)> {
        Ok(load_membership(&mut *self.reader().await?, id, user).await?)
    }

    async fn load_entry(&self, id: ConversationId, user: UserId) -> Result<ConversationEntry> {
        let mut snapshot = self.snapshot().await?;
        let membership = load_membership(&mut snapshot, id, user).await?;
        if !membership.1.is_active() {
            return Err(no_conversation());
        }
        let entries = complete(&mut snapshot, user, vec![membership]).await?;
        Ok(entries.into_iter().next().ok_or_else(no_conversation)?)
    }

    async fn list_conversations(
        &self,
        user: UserId,
        page: ConversationPage,
    ) -> Result<Vec<ConversationEntry>> {
        let mut snapshot = self.snapshot().await?;
        let memberships = list(&mut snapshot, user, page).await?;
        Ok(complete(&mut snapshot, user, memberships).await?)
    }

    async fn update_group(&self, update: GroupUpdate) -> Result<Conversation> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let conversation = rename(&mut tx, update, self.changed_at()).await?;
        tx.commit().await?;
        Ok(conversation)
    }

    async fn delete_group(
        &self,
        id: ConversationId,
        actor: UserId,
        now: Timestamp,
    ) -> Result<MembersChanged> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let changed = delete_group(&mut tx, id, actor, now, self.changed_at()).await?;
        tx.commit().await?;
        Ok(changed)
    }
}

/// What everybody outside is told.
pub(crate) fn no_conversation() -> Error {
    Error::not_found("no such conversation")
}

/// Members that an answer carries of a group.
const FIRST_MEMBERS: i64 = 100;

fn in_order(peers: &[UserId], opened: &HashMap<UserId, Opened>) -> Vec<Result<Opened>> {
    let found = |peer| opened.get(peer).cloned().ok_or_else(|| Error::not_found("no such user"));
    peers.iter().map(found).collect()
}

fn read_membership(row: &SqliteRow) -> SqlResult<(Conversation, Member)> {
    let mut columns = Columns::new(row);
    Ok((row::conversation(&mut columns)?, row::member(&mut columns)?))
}

async fn find_direct_ids(
    connection: &mut SqliteConnection,
    user: UserId,
    peers: &[UserId],
) -> SqlResult<Vec<Option<ConversationId>>> {
    let sql = "SELECT value, c.id FROM json_each(?2) CROSS JOIN chat_conversation c \
                 ON c.low_user_id = min(?1, value) AND c.high_user_id = max(?1, value)";
    let rows = sqlx::query(sql).bind(user.get()).bind(json_list(peers)).fetch_all(connection).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::new(row);
        found.insert(columns.number::<UserId>()?, columns.number()?);
    }
    Ok(peers.iter().map(|peer| found.get(peer).copied()).collect())
}

async fn find_directs(
    connection: &mut SqliteConnection,
    user: UserId,
    peers: &[UserId],
) -> SqlResult<HashMap<UserId, Opened>> {
    let sql = concat!(
        "SELECT value, ",
        conversation_columns!(),
        " FROM json_each(?2) CROSS JOIN chat_conversation c \
          ON c.low_user_id = min(?1, value) AND c.high_user_id = max(?1, value)"
    );
    let rows = sqlx::query(sql).bind(user.get()).bind(json_list(peers)).fetch_all(&mut *connection).await?;
    let mut opened = HashMap::with_capacity(rows.len());
    for row in rows {
        let mut columns = Columns::new(&row);
        let peer = columns.number::<UserId>()?;
        let conversation = row::conversation(&mut columns)?;
        opened.insert(peer, Opened { conversation, members: Vec::new(), created: false });
    }
    let ids: Vec<_> = opened.values().map(|opened| opened.conversation.id).collect();
    let mut members = members::list_first(connection, &ids, FIRST_MEMBERS).await?;
    for found in opened.values_mut() {
        found.members = members.remove(&found.conversation.id).unwrap_or_default();
    }
    Ok(opened)
}

async fn open_directs(
    connection: &mut SqliteConnection,
    user: UserId,
    peers: &[UserId],
    now: Timestamp,
    changed_at: Timestamp,
) -> SqlResult<HashMap<UserId, Opened>> {
    let mut opened = find_directs(connection, user, peers).await?;
    let mut wanted: Vec<_> = peers.iter().copied().filter(|peer| !opened.contains_key(peer)).collect();
    wanted.push(user);
    let existing = users::filter_existing(connection, &wanted).await?;
    if !existing.contains(&user) {
        return Err(Error::not_found("no such user").into());
    }
    for &peer in peers {
        if existing.contains(&peer) && !opened.contains_key(&peer) {
            opened.insert(peer, create_direct(connection, user, peer, now, changed_at).await?);
        }
    }
    Ok(opened)
}

async fn create_direct(
    connection: &mut SqliteConnection,
    user: UserId,
    peer: UserId,
    now: Timestamp,
    changed_at: Timestamp,
) -> SqlResult<Opened> {
    let pair = (user.min(peer), user.max(peer));
    let people: &[UserId] = if user == peer { &[user] } else { &[pair.0, pair.1] };
    let mut conversation = fresh(ConversationKind::Direct, people.len(), now);
    conversation.pair = Some(pair);
    insert(connection, &mut conversation, None, changed_at).await?;
    let roles: Vec<_> = people.iter().map(|&person| (person, Role::Member)).collect();
    let members = members::create_first(connection, &conversation, &roles, changed_at).await?;
    Ok(Opened { conversation, members, created: true })
}

/// A conversation as its creation leaves it: one change, kept in `meta_rev`.
fn fresh(kind: ConversationKind, people: usize, now: Timestamp) -> Conversation {
    Conversation {
        id: ConversationId::new(0),
        kind,
        pair: None,
        title: None,
        last_seq: Seq::ZERO,
        last_rev: Rev::new(1),
        last_cursor: Cursor::ZERO,
        first_seq: Seq::new(1),
        reset_rev: Rev::ZERO,
        meta_rev: Rev::new(1),
        member_rev: Rev::ZERO,
        member_count: u32::try_from(people).unwrap_or(u32::MAX),
        created_at: now,
        updated_at: now,
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    conversation: &mut Conversation,
    key: Option<(UserId, &str)>,
    changed_at: Timestamp,
) -> SqlResult<()> {
    let sql = "INSERT INTO chat_conversation (kind, low_user_id, high_user_id, title, last_rev, meta_rev, \
                 member_count, creator_id, create_key, created_at, updated_at, changed_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11)";
    let done = sqlx::query(sql)
        .bind(row::kind(conversation.kind))
        .bind(conversation.pair.map(|(low, _)| low.get()))
        .bind(conversation.pair.map(|(_, high)| high.get()))
        .bind(conversation.title.as_deref())
        .bind(conversation.last_rev.get())
        .bind(conversation.meta_rev.get())
        .bind(conversation.member_count)
        .bind(key.map(|(creator, _)| creator.get()))
        .bind(key.map(|(_, key)| key))
        .bind(conversation.created_at.as_micros())
        .bind(changed_at.as_micros())
        .execute(connection)
        .await?;
    conversation.id = ConversationId::new(done.last_insert_rowid());
    Ok(())
}

async fn create_group(
    connection: &mut SqliteConnection,
    group: &NewGroup,
    changed_at: Timestamp,
) -> SqlResult<Opened> {
    if let Some(key) = &group.key
        && let Some(found) = find_group_by_key(connection, group.creator, key).await?
    {
        return Ok(found);
    }
    let mut people = vec![(group.creator, Role::Owner)];
    people.extend(group.members.iter().filter(|&&id| id != group.creator).map(|&id| (id, Role::Member)));
    let ids: Vec<_> = people.iter().map(|&(id, _)| id).collect();
    if users::filter_existing(connection, &ids).await?.len() < ids.len() {
        return Err(Error::not_found("no such user").into());
    }
    let mut conversation = fresh(ConversationKind::Group, people.len(), group.now);
    conversation.title = Some(group.title.clone());
    let key = group.key.as_deref().map(|key| (group.creator, key));
    insert(connection, &mut conversation, key, changed_at).await?;
    let mut members = members::create_first(connection, &conversation, &people, changed_at).await?;
    members.truncate(usize::try_from(FIRST_MEMBERS).unwrap_or(usize::MAX));
    Ok(Opened { conversation, members, created: true })
}

async fn find_group_by_key(
    connection: &mut SqliteConnection,
    creator: UserId,
    key: &str,
) -> SqlResult<Option<Opened>> {
    let sql = concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM chat_conversation c WHERE c.creator_id = ?1 AND c.create_key = ?2"
    );
    let found = sqlx::query(sql).bind(creator.get()).bind(key).fetch_optional(&mut *connection).await?;
    let Some(row) = found else { return Ok(None) };
    let conversation = row::conversation(&mut Columns::new(&row))?;
    let mut members = members::list_first(connection, &[conversation.id], FIRST_MEMBERS).await?;
    let members = members.remove(&conversation.id).unwrap_or_default();
    Ok(Some(Opened { conversation, members, created: false }))
}

/// Loads a conversation with one person's row; `not_found` for whoever was never in it.
pub(crate) async fn load_membership(
    connection: &mut SqliteConnection,
    id: ConversationId,
    user: UserId,
) -> SqlResult<(Conversation, Member)> {
    let sql = concat!(
        "SELECT ",
        conversation_columns!(),
        ", ",
        member_columns!(),
        " FROM chat_member m JOIN chat_conversation c ON c.id = m.conversation_id \
          WHERE m.conversation_id = ?1 AND m.user_id = ?2"
    );
    match sqlx::query(sql).bind(id.get()).bind(user.get()).fetch_optional(connection).await? {
        Some(row) => read_membership(&row),
        None => Err(no_conversation().into()),
    }
}

/// Lists a page of memberships. Only the keys of all memberships are sorted; the rows of the page are read after.
async fn list(
    connection: &mut SqliteConnection,
    user: UserId,
    page: ConversationPage,
) -> SqlResult<Vec<(Conversation, Member)>> {
    let sql = concat!(
        "SELECT ",
        conversation_columns!(),
        ", ",
        member_columns!(),
        " FROM (SELECT k.id, k.updated_at FROM chat_member s JOIN chat_conversation k ON k.id = s.conversation_id \
                WHERE s.user_id = ?1 AND s.left_rev IS NULL AND (k.updated_at, k.id) < (?2, ?3) \
                ORDER BY k.updated_at DESC, k.id DESC LIMIT ?4) p \
          JOIN chat_conversation c ON c.id = p.id \
          JOIN chat_member m ON m.conversation_id = p.id AND m.user_id = ?1 \
          ORDER BY p.updated_at DESC, p.id DESC"
    );
    let (time, id) = page.after.map_or((i64::MAX, i64::MAX), |(time, id)| (time.as_micros(), id.get()));
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(sql).bind(user.get()).bind(time).bind(id).bind(limit);
    rows.fetch_all(connection).await?.iter().map(read_membership).collect()
}

/// Adds what a list shows of each conversation.
async fn complete(
    connection: &mut SqliteConnection,
    user: UserId,
    memberships: Vec<(Conversation, Member)>,
) -> SqlResult<Vec<ConversationEntry>> {
    let ids: Vec<_> = memberships.iter().map(|(conversation, _)| conversation.id).collect();
    let unread: HashMap<_, _> = receipts::count_unread(connection, user, &ids).await?.into_iter().collect();
    let mut newest = messages::load_newest(connection, user, &ids).await?;
    let mut members = members::list_first(connection, &ids, FIRST_MEMBERS).await?;
    let complete = |(conversation, me): (Conversation, Member)| ConversationEntry {
        unread: unread.get(&conversation.id).copied().unwrap_or(0),
        last_message: newest.remove(&conversation.id),
        members: members.remove(&conversation.id).unwrap_or_default(),
        conversation,
        me,
    };
    Ok(memberships.into_iter().map(complete).collect())
}

/// Loads a group for a change by one of its active members; outsiders learn nothing.
pub(crate) async fn load_group(
    connection: &mut SqliteConnection,
    id: ConversationId,
    actor: UserId,
) -> SqlResult<(Conversation, Member)> {
    let (conversation, me) = load_membership(connection, id, actor).await?;
    if !me.is_active() {
        return Err(no_conversation().into());
    }
    if conversation.kind == ConversationKind::Direct {
        return Err(Error::invalid("a direct conversation cannot be changed").into());
    }
    Ok((conversation, me))
}

/// Writes back the counters and the title.
pub(crate) async fn save(
    connection: &mut SqliteConnection,
    conversation: &Conversation,
    changed_at: Timestamp,
) -> SqlResult<()> {
    let sql = "UPDATE chat_conversation SET title = ?2, last_rev = ?3, meta_rev = ?4, member_rev = ?5, \
                 member_count = ?6, updated_at = ?7, changed_at = ?8 WHERE id = ?1";
    sqlx::query(sql)
        .bind(conversation.id.get())
        .bind(conversation.title.as_deref())
        .bind(conversation.last_rev.get())
        .bind(conversation.meta_rev.get())
        .bind(conversation.member_rev.get())
        .bind(conversation.member_count)
        .bind(conversation.updated_at.as_micros())
        .bind(changed_at.as_micros())
        .execute(connection)
        .await?;
    Ok(())
}

async fn rename(
    connection: &mut SqliteConnection,
    update: GroupUpdate,
    changed_at: Timestamp,
) -> SqlResult<Conversation> {
    let (mut conversation, me) = load_group(connection, update.conversation_id, update.actor).await?;
    if me.role < Role::Admin {
        return Err(Error::forbidden("only owners and administrators may rename the group").into());
    }
    if conversation.title.as_deref() == Some(&*update.title) {
        return Ok(conversation);
    }
    conversation.title = Some(update.title);
    conversation.last_rev = conversation.last_rev.next();
    conversation.meta_rev = conversation.last_rev;
    conversation.updated_at = conversation.updated_at.max(update.now);
    save(connection, &conversation, changed_at).await?;
    Ok(conversation)
}

async fn delete_group(
    connection: &mut SqliteConnection,
    id: ConversationId,
    actor: UserId,
    now: Timestamp,
    changed_at: Timestamp,
) -> SqlResult<MembersChanged> {
    let (conversation, me) = load_group(connection, id, actor).await?;
    if me.role < Role::Owner {
        return Err(Error::forbidden("only the owner may delete the group").into());
    }
    let sql =
        "SELECT user_id FROM chat_member WHERE conversation_id = ?1 AND left_rev IS NULL ORDER BY user_id";
    let rows = sqlx::query(sql).bind(id.get()).fetch_all(&mut *connection).await?;
    let people: Vec<_> = rows.iter().map(|row| row.try_get(0).map(UserId::new)).collect::<Result<_, _>>()?;
    members::remove_all(connection, conversation, &people, now, changed_at).await
}
