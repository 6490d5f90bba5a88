//! Membership.

use crate::{
    conversations::{self, no_conversation},
    error::Result as SqlResult,
    row::{self, Columns, json_list, member_columns},
    store::SqliteStore,
    users,
};
use async_trait::async_trait;
use chat_core::{
    Error, Result,
    model::{
        Conversation, ConversationId, Cursor, Member, MemberChange, MemberUpdate, MembersChanged, Rev, Role,
        Roster, RosterEntry, Seq, Timestamp, UserId,
    },
    store::MemberStore,
};
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use std::collections::HashMap;

#[async_trait]
impl MemberStore for SqliteStore {
    async fn update_members(&self, update: MemberUpdate) -> Result<MembersChanged> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let changed = self::update(&mut tx, update, self.changed_at()).await?;
        tx.commit().await?;
        Ok(changed)
    }

    async fn load_members(&self, id: ConversationId, users: &[UserId]) -> Result<Vec<Member>> {
        let mut rows = load_rows(&mut *self.reader().await?, id, users).await?;
        rows.retain(Member::is_active);
        Ok(rows)
    }

    async fn list_members(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        Ok(list(&mut *self.reader().await?, id, after, limit).await?)
    }

    async fn load_roster(&self, id: ConversationId) -> Result<Roster> {
        let mut snapshot = self.snapshot().await?;
        Ok(load_roster(&mut snapshot, id).await?)
    }
}

fn no_member() -> Error {
    Error::not_found("no such member")
}

fn read(row: &SqliteRow) -> SqlResult<Member> {
    Ok(row::member(&mut Columns::new(row))?)
}

/// A row as the first members of a conversation get it.
fn first(conversation: &Conversation, user_id: UserId, role: Role) -> Member {
    Member {
        conversation_id: conversation.id,
        user_id,
        role,
        rev: Rev::ZERO,
        since_rev: Rev::ZERO,
        visible_from_seq: Seq::new(1),
        delivered_seq: Seq::ZERO,
        read_seq: Seq::ZERO,
        cursor_rev: Cursor::ZERO,
        left_rev: None,
        user_rev: Rev::ZERO,
        joined_at: conversation.created_at,
        left_at: None,
    }
}

/// Writes the first members of a conversation, which take one `user_rev` each and no `rev`; in rising user id.
pub(crate) async fn create_first(
    connection: &mut SqliteConnection,
    conversation: &Conversation,
    people: &[(UserId, Role)],
    changed_at: Timestamp,
) -> SqlResult<Vec<Member>> {
    let ids: Vec<_> = people.iter().map(|&(id, _)| id).collect();
    let revs = users::take_user_revs(connection, &ids, changed_at).await?;
    let mut members: Vec<_> = people.iter().map(|&(id, role)| first(conversation, id, role)).collect();
    for member in &mut members {
        member.user_rev = revs.get(&member.user_id).copied().unwrap_or_default();
    }
    members.sort_unstable_by_key(|member| member.user_id);
    save(connection, &members).await?;
    Ok(members)
}

/// Writes whole rows, whether they were there or not.
async fn save(connection: &mut SqliteConnection, members: &[Member]) -> SqlResult<()> {
    let sql = "INSERT OR REPLACE INTO chat_member (conversation_id, user_id, role, rev, since_rev, visible_from_seq, \
                 delivered_seq, read_seq, cursor_rev, left_rev, user_rev, joined_at, left_at) \
               SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
                 value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12 FROM json_each(?1)";
    let rows: Vec<_> = members.iter().map(to_json).collect();
    sqlx::query(sql).bind(serde_json::Value::from(rows).to_string()).execute(connection).await?;
    Ok(())
}

fn to_json(member: &Member) -> serde_json::Value {
    serde_json::json!([
        member.conversation_id,
        member.user_id,
        row::role(member.role),
        member.rev,
        member.since_rev,
        member.visible_from_seq,
        member.delivered_seq,
        member.read_seq,
        member.cursor_rev,
        member.left_rev,
        member.user_rev,
        member.joined_at.as_micros(),
        member.left_at.map(Timestamp::as_micros),
    ])
}

/// Loads rows by person, also of those who left.
async fn load_rows(
    connection: &mut SqliteConnection,
    id: ConversationId,
    users: &[UserId],
) -> SqlResult<Vec<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM chat_member m WHERE m.conversation_id = ?1 \
          AND m.user_id IN (SELECT value FROM json_each(?2)) ORDER BY m.user_id"
    );
    let rows = sqlx::query(sql).bind(id.get()).bind(json_list(users)).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

async fn list(
    connection: &mut SqliteConnection,
    id: ConversationId,
    after: Option<UserId>,
    limit: usize,
) -> SqlResult<Vec<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM chat_member m WHERE m.conversation_id = ?1 AND m.user_id > ?2 AND m.left_rev IS NULL \
          ORDER BY m.user_id LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(sql).bind(id.get()).bind(after.map_or(0, UserId::get)).bind(limit);
    rows.fetch_all(connection).await?.iter().map(read).collect()
}

/// Lists the first `limit` active members of each conversation, in rising user id.
pub(crate) async fn list_first(
    connection: &mut SqliteConnection,
    ids: &[ConversationId],
    limit: i64,
) -> SqlResult<HashMap<ConversationId, Vec<Member>>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM json_each(?1) JOIN chat_member m ON m.conversation_id = value \
          WHERE m.left_rev IS NULL AND m.user_id <= coalesce(( \
            SELECT n.user_id FROM chat_member n WHERE n.conversation_id = value AND n.left_rev IS NULL \
            ORDER BY n.user_id LIMIT 1 OFFSET ?2 - 1), 9223372036854775807)"
    );
    let rows = sqlx::query(sql).bind(json_list(ids)).bind(limit).fetch_all(connection).await?;
    let mut members: HashMap<_, Vec<Member>> = HashMap::with_capacity(ids.len());
    for row in &rows {
        let member = read(row)?;
        members.entry(member.conversation_id).or_default().push(member);
    }
    for list in members.values_mut() {
        list.sort_unstable_by_key(|member| member.user_id);
    }
    Ok(members)
}

async fn load_roster(connection: &mut SqliteConnection, id: ConversationId) -> SqlResult<Roster> {
    let head = "SELECT kind, low_user_id, high_user_id, member_rev, last_rev, last_cursor \
                FROM chat_conversation WHERE id = ?1";
    let head = sqlx::query(head).bind(id.get()).fetch_optional(&mut *connection).await?;
    let head = head.ok_or_else(no_conversation)?;
    let mut columns = Columns::new(&head);
    let mut roster = Roster {
        kind: row::read_conversation_kind(&mut columns)?,
        pair: row::pair(&mut columns)?,
        member_rev: columns.number()?,
        last_rev: columns.number()?,
        last_cursor: columns.number()?,
        members: Vec::new(),
    };
    let sql = "SELECT user_id, visible_from_seq, since_rev FROM chat_member \
               WHERE conversation_id = ?1 AND left_rev IS NULL ORDER BY user_id";
    for row in sqlx::query(sql).bind(id.get()).fetch_all(connection).await? {
        let mut columns = Columns::new(&row);
        roster.members.push(RosterEntry {
            user_id: columns.number()?,
            visible_from_seq: columns.number()?,
            since_rev: columns.number()?,
        });
    }
    Ok(roster)
}

/// A change of membership in the making: rows change first, numbers are given when all is allowed.
struct Draft {
    conversation: Conversation,
    now: Timestamp,
    changed: Vec<Member>,
}

impl Draft {
    fn new(conversation: Conversation, now: Timestamp) -> Self {
        Self { conversation, now, changed: Vec::new() }
    }

    fn take_rev(&mut self) -> Rev {
        self.conversation.last_rev = self.conversation.last_rev.next();
        self.conversation.member_rev = self.conversation.member_rev.next();
        self.conversation.last_rev
    }

    fn join(&mut self, user: UserId, old: Option<&Member>) {
        let rev = self.take_rev();
        self.conversation.member_count += 1;
        let head = self.conversation.last_seq;
        let mut member = first(&self.conversation, user, Role::Member);
        // The number of a flush never goes back, also not for somebody who comes back.
        member.cursor_rev = old.map_or(Cursor::ZERO, |old| old.cursor_rev);
        member.rev = rev;
        member.since_rev = rev;
        member.visible_from_seq = head.next();
        member.delivered_seq = head;
        member.read_seq = head;
        member.joined_at = self.now;
        self.changed.push(member);
    }

    fn leave(&mut self, mut member: Member) {
        let rev = self.take_rev();
        self.conversation.member_count = self.conversation.member_count.saturating_sub(1);
        member.rev = rev;
        member.left_rev = Some(rev);
        member.left_at = Some(self.now);
        self.changed.push(member);
    }

    fn set_role(&mut self, mut member: Member, role: Role) {
        member.rev = self.take_rev();
        member.role = role;
        self.changed.push(member);
    }

    /// Writes what changed. Joining and leaving concern the person's own feed as well.
    async fn save(
        mut self,
        connection: &mut SqliteConnection,
        feeds: &[UserId],
        changed_at: Timestamp,
    ) -> SqlResult<MembersChanged> {
        if self.changed.is_empty() {
            return Ok(MembersChanged { conversation: self.conversation, members: Vec::new() });
        }
        let revs = users::take_user_revs(connection, feeds, changed_at).await?;
        for member in &mut self.changed {
            member.user_rev = revs.get(&member.user_id).copied().unwrap_or(member.user_rev);
        }
        self.conversation.updated_at = self.conversation.updated_at.max(self.now);
        save(connection, &self.changed).await?;
        conversations::save(connection, &self.conversation, changed_at).await?;
        Ok(MembersChanged { conversation: self.conversation, members: self.changed })
    }
}

async fn update(
    connection: &mut SqliteConnection,
    update: MemberUpdate,
    changed_at: Timestamp,
) -> SqlResult<MembersChanged> {
    let (conversation, me) =
        conversations::load_group(connection, update.conversation_id, update.actor).await?;
    let draft = Draft::new(conversation, update.now);
    match update.change {
        MemberChange::Add(users) => {
            add(connection, draft, &me, &users, update.member_limit, changed_at).await
        }
        MemberChange::Remove(user) => remove(connection, draft, me, user, changed_at).await,
        MemberChange::SetRole(user, role) => set_role(connection, draft, me, user, role, changed_at).await,
    }
}

async fn add(
    connection: &mut SqliteConnection,
    mut draft: Draft,
    me: &Member,
    users: &[UserId],
    limit: u32,
    changed_at: Timestamp,
) -> SqlResult<MembersChanged> {
    if me.role < Role::Admin {
        return Err(Error::forbidden("only owners and administrators may add people").into());
    }
    let present = load_rows(connection, draft.conversation.id, users).await?;
    let is_in = |user| present.iter().any(|member| member.user_id == user && member.is_active());
    let mut joining: Vec<_> = users.iter().copied().filter(|&user| !is_in(user)).collect();
    joining.sort_unstable();
    joining.dedup();
    if users::filter_existing(connection, &joining).await?.len() < joining.len() {
        return Err(Error::not_found("no such user").into());
    }
    for &user in &joining {
        draft.join(user, present.iter().find(|member| member.user_id == user));
    }
    if !joining.is_empty() && draft.conversation.member_count > limit {
        return Err(Error::too_large(format!("a group has at most {limit} members")).into());
    }
    draft.save(connection, &joining, changed_at).await
}

async fn remove(
    connection: &mut SqliteConnection,
    mut draft: Draft,
    me: Member,
    user: UserId,
    changed_at: Timestamp,
) -> SqlResult<MembersChanged> {
    let is_me = user == me.user_id;
    if !is_me && me.role < Role::Admin {
        return Err(Error::forbidden("only owners and administrators may remove people").into());
    }
    let target = if is_me {
        me
    } else {
        let row = load_rows(connection, draft.conversation.id, &[user]).await?.pop();
        let target = row.ok_or_else(no_member)?;
        if !target.is_active() {
            return draft.save(connection, &[], changed_at).await;
        }
        if target.role >= me.role {
            return Err(Error::forbidden("only a member of lower role can be removed").into());
        }
        target
    };
    let was_owner = target.role == Role::Owner;
    draft.leave(target);
    if was_owner && let Some(heir) = find_heir(connection, &draft, user).await? {
        draft.set_role(heir, Role::Owner);
    }
    draft.save(connection, &[user], changed_at).await
}

/// Finds who takes over from an owner: the longest-standing administrator, else member.
async fn find_heir(
    connection: &mut SqliteConnection,
    draft: &Draft,
    owner: UserId,
) -> SqlResult<Option<Member>> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        " FROM chat_member m WHERE m.conversation_id = ?1 AND m.left_rev IS NULL AND m.user_id <> ?2 \
          ORDER BY m.role = 'admin' DESC, m.since_rev, m.user_id LIMIT 1"
    );
    let row = sqlx::query(sql).bind(draft.conversation.id.get()).bind(owner.get());
    row.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

async fn set_role(
    connection: &mut SqliteConnection,
    mut draft: Draft,
    me: Member,
    user: UserId,
    role: Role,
    changed_at: Timestamp,
) -> SqlResult<MembersChanged> {
    if me.role < Role::Owner {
        return Err(Error::forbidden("only the owner may set roles").into());
    }
    let row = load_rows(connection, draft.conversation.id, &[user]).await?.pop();
    let target = row.filter(Member::is_active).ok_or_else(no_member)?;
    if target.role != role {
        if target.user_id == me.user_id {
            return Err(Error::invalid("an owner hands over by making somebody else the owner").into());
        }
        draft.set_role(target, role);
        if role == Role::Owner {
            draft.set_role(me, Role::Admin);
        }
    }
    draft.save(connection, &[], changed_at).await
}

/// Makes everybody leave.
pub(crate) async fn remove_all(
    connection: &mut SqliteConnection,
    conversation: Conversation,
    people: &[UserId],
    now: Timestamp,
    changed_at: Timestamp,
) -> SqlResult<MembersChanged> {
    let mut draft = Draft::new(conversation, now);
    for member in load_rows(connection, draft.conversation.id, people).await? {
        draft.leave(member);
    }
    draft.save(connection, people, changed_at).await
}
