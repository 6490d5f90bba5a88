//! From rows to the model: column lists and the functions that read them, in the same order.

use chat_core::model::{
    Attachment, AuthSession, Avatar, Broadcast, BroadcastState, Conversation, ConversationKind, Media,
    MediaKind, Member, Message, MessageKey, Quote, RequestHash, Role, Timestamp, User, UserId,
};
use serde::de::DeserializeOwned;
use sqlx::{Decode, Row as _, Sqlite, Type, sqlite::SqliteRow};
use std::fmt::Display;

/// A result whose error says which value could not be read.
pub(crate) type Read<T> = Result<T, sqlx::Error>;

/// Reads the columns of a row from left to right.
pub(crate) struct Columns<'r> {
    row: &'r SqliteRow,
    at: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r SqliteRow) -> Self {
        Self { row, at: 0 }
    }

    /// Reads the next column as it is.
    pub(crate) fn next<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Read<T> {
        let value = self.row.try_get(self.at)?;
        self.at += 1;
        Ok(value)
    }

    /// Reads an id or a counter.
    pub(crate) fn number<T: TryFrom<i64, Error: Display>>(&mut self) -> Read<T> {
        let raw = self.next::<i64>()?;
        self.convert(T::try_from(raw))
    }

    /// Reads an id or a counter that may be absent.
    pub(crate) fn opt_number<T: TryFrom<i64, Error: Display>>(&mut self) -> Read<Option<T>> {
        let raw = self.next::<Option<i64>>()?;
        raw.map(|raw| self.convert(T::try_from(raw))).transpose()
    }

    pub(crate) fn time(&mut self) -> Read<Timestamp> {
        Ok(Timestamp::from_micros(self.next()?))
    }

    pub(crate) fn opt_time(&mut self) -> Read<Option<Timestamp>> {
        Ok(self.next::<Option<i64>>()?.map(Timestamp::from_micros))
    }

    /// Reads bytes of a fixed length.
    pub(crate) fn bytes<const N: usize>(&mut self) -> Read<[u8; N]> {
        let bytes = self.next::<&[u8]>()?;
        self.convert(bytes.try_into())
    }

    /// Reads a JSON list.
    pub(crate) fn list<T: DeserializeOwned>(&mut self) -> Read<Vec<T>> {
        let list = self.next::<&str>()?;
        self.convert(serde_json::from_str(list))
    }

    /// Reads one of a few words.
    fn word<T>(&mut self, parse: fn(&str) -> Option<T>) -> Read<T> {
        let word = self.next::<&str>()?;
        self.convert(parse(word).ok_or("unknown word"))
    }

    fn convert<T, E: Display>(&self, value: Result<T, E>) -> Read<T> {
        value.map_err(|error| sqlx::Error::ColumnDecode {
            index: (self.at - 1).to_string(),
            source: error.to_string().into(),
        })
    }
}

/// Writes ids as the JSON list that `json_each` takes.
pub(crate) fn json_list<T: Copy + Into<i64>>(ids: &[T]) -> String {
    let mut list = String::with_capacity(2 + ids.len() * 8);
    list.push('[');
    for (index, &id) in ids.iter().enumerate() {
        if index > 0 {
            list.push(',');
        }
        list.push_str(&id.into().to_string());
    }
    list.push(']');
    list
}

/// Gives every enum of the model its word in the database, both ways.
macro_rules! words {
    ($($read:ident $write:ident: $type:ident { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        pub(crate) const fn $write(value: $type) -> &'static str {
            match value { $($type::$variant => $word),* }
        }

        fn $read(word: &str) -> Option<$type> {
            match word { $($word => Some($type::$variant),)* _ => None }
        }
    )*};
}

words! {
    read_broadcast_state broadcast_state: BroadcastState {
        Cancelled = "cancelled", Done = "done", Running = "running",
    }
    read_kind kind: ConversationKind { Direct = "direct", Group = "group" }
    read_media_kind media_kind: MediaKind {
        Audio = "audio", Document = "document", Image = "image", Text = "text", Video = "video",
    }
    read_role role: Role { Member = "member", Admin = "admin", Owner = "owner" }
}

/// The columns of a user `u`.
macro_rules! user_columns {
    () => {
        "u.id, u.external_id, u.username, u.display_name, u.avatar_link, u.avatar_media_id, u.last_seen, \
         u.user_rev, u.is_admin, u.is_banned, u.created_at, u.updated_at"
    };
}

/// Reads [`user_columns`].
pub(crate) fn user(columns: &mut Columns<'_>) -> Read<User> {
    Ok(User {
        id: columns.number()?,
        external_id: columns.next()?,
        username: columns.next()?,
        display_name: columns.next()?,
        avatar: match (columns.next::<Option<String>>()?, columns.opt_number()?) {
            (_, Some(media)) => Some(Avatar::Media(media)),
            (link, None) => link.map(Avatar::Link),
        },
        last_seen: columns.opt_time()?,
        user_rev: columns.number()?,
        is_admin: columns.next()?,
        is_banned: columns.next()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

/// The columns of a conversation `c`.
macro_rules! conversation_columns {
    () => {
        "c.id, c.kind, c.low_user_id, c.high_user_id, c.title, c.last_seq, c.last_rev, c.last_cursor, c.first_seq, \
         c.reset_rev, c.meta_rev, c.member_rev, c.member_count, c.created_at, c.updated_at"
    };
}

/// Reads [`conversation_columns`].
pub(crate) fn conversation(columns: &mut Columns<'_>) -> Read<Conversation> {
    Ok(Conversation {
        id: columns.number()?,
        kind: columns.word(read_kind)?,
        pair: pair(columns)?,
        title: columns.next()?,
        last_seq: columns.number()?,
        last_rev: columns.number()?,
        last_cursor: columns.number()?,
        first_seq: columns.number()?,
        reset_rev: columns.number()?,
        meta_rev: columns.number()?,
        member_rev: columns.number()?,
        member_count: columns.number()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

/// Reads the sort of a conversation.
pub(crate) fn read_conversation_kind(columns: &mut Columns<'_>) -> Read<ConversationKind> {
    columns.word(read_kind)
}

/// Reads the two ids of a direct conversation's pair.
pub(crate) fn pair(columns: &mut Columns<'_>) -> Read<Option<(UserId, UserId)>> {
    Ok(columns.opt_number()?.zip(columns.opt_number()?))
}

/// The columns of a membership `m`.
macro_rules! member_columns {
    () => {
        "m.conversation_id, m.user_id, m.role, m.rev, m.since_rev, m.visible_from_seq, m.delivered_seq, m.read_seq, \
         m.cursor_rev, m.left_rev, m.user_rev, m.joined_at, m.left_at"
    };
}

/// Reads [`member_columns`].
pub(crate) fn member(columns: &mut Columns<'_>) -> Read<Member> {
    Ok(Member {
        conversation_id: columns.number()?,
        user_id: columns.number()?,
        role: columns.word(read_role)?,
        rev: columns.number()?,
        since_rev: columns.number()?,
        visible_from_seq: columns.number()?,
        delivered_seq: columns.number()?,
        read_seq: columns.number()?,
        cursor_rev: columns.number()?,
        left_rev: columns.opt_number()?,
        user_rev: columns.number()?,
        joined_at: columns.time()?,
        left_at: columns.opt_time()?,
    })
}

/// The columns of a message `x` and the tables that they come from: `c` is its conversation, `q` what it answers.
///
/// Files are looked up only in rows that say that they have some, inside the same statement, so that a page is one
/// snapshot without a transaction.
macro_rules! message_columns {
    () => {
        "x.id, x.conversation_id, x.seq, x.created_rev, x.rev, x.sender_id, x.key, x.content, x.link, x.created_at, \
         x.edited_at, x.deleted_at, c.low_user_id, c.high_user_id, \
         CASE WHEN x.attachments > 0 THEN (\
           SELECT json_group_array(json_object('id', f.id, 'kind', f.kind, 'mime', f.mime, 'extension', f.extension, \
             'name', f.name, 'size', f.size, 'width', f.width, 'height', f.height) ORDER BY a.position) \
           FROM chat_attachment a JOIN chat_media f ON f.id = a.media_id WHERE a.message_id = x.id) END, \
         q.id, q.seq, q.sender_id, substr(q.content, 1, 200), q.deleted_at"
    };
    (from) => {
        "chat_message x JOIN chat_conversation c ON c.id = x.conversation_id \
         LEFT JOIN chat_message q ON q.id = x.reply_to_id"
    };
}

/// Reads [`message_columns`].
pub(crate) fn message(columns: &mut Columns<'_>) -> Read<Message> {
    let mut message = Message {
        id: columns.number()?,
        conversation_id: columns.number()?,
        seq: columns.number()?,
        created_rev: columns.number()?,
        rev: columns.number()?,
        sender_id: columns.number()?,
        receiver_id: None,
        key: MessageKey::from_stored(columns.next()?),
        content: columns.next()?,
        attachments: Vec::new(),
        link: columns.next()?,
        reply_to: None,
        created_at: columns.time()?,
        edited_at: columns.opt_time()?,
        deleted_at: columns.opt_time()?,
    };
    message.receiver_id = pair(columns)?.map(|(low, high)| if low == message.sender_id { high } else { low });
    if let Some(list) = columns.next::<Option<&str>>()? {
        message.attachments = columns.convert(serde_json::from_str(list))?;
    }
    message.reply_to = quote(columns)?;
    Ok(message)
}

fn quote(columns: &mut Columns<'_>) -> Read<Option<Quote>> {
    let Some(id) = columns.opt_number()? else {
        columns.at += 4;
        return Ok(None);
    };
    Ok(Some(Quote {
        id,
        seq: columns.number()?,
        sender_id: columns.number()?,
        content: columns.next()?,
        deleted: columns.opt_time()?.is_some(),
    }))
}

/// Reads a request's digest.
pub(crate) fn request_hash(columns: &mut Columns<'_>) -> Read<RequestHash> {
    Ok(RequestHash(columns.bytes()?))
}

/// The columns of a file `f`.
macro_rules! media_columns {
    () => {
        "f.id, f.kind, f.mime, f.extension, f.name, f.size, f.width, f.height, f.owner_id, f.path, f.sha256, \
         f.created_at"
    };
}

/// Reads [`media_columns`].
pub(crate) fn media(columns: &mut Columns<'_>) -> Read<Media> {
    Ok(Media {
        attachment: Attachment {
            id: columns.number()?,
            kind: columns.word(read_media_kind)?,
            mime: columns.next()?,
            extension: columns.next()?,
            name: columns.next()?,
            size: columns.number()?,
            width: columns.opt_number()?,
            height: columns.opt_number()?,
        },
        owner_id: columns.number()?,
        path: columns.next()?,
        sha256: columns.bytes()?,
        created_at: columns.time()?,
    })
}

/// The columns of a broadcast `b`.
macro_rules! broadcast_columns {
    () => {
        "b.id, b.sender_id, b.state, b.total, b.done, b.failed, b.created_at"
    };
}

/// Reads [`broadcast_columns`].
pub(crate) fn broadcast(columns: &mut Columns<'_>) -> Read<Broadcast> {
    Ok(Broadcast {
        id: columns.number()?,
        sender_id: columns.number()?,
        state: columns.word(read_broadcast_state)?,
        total: columns.number()?,
        done: columns.number()?,
        failed: columns.number()?,
        created_at: columns.time()?,
    })
}

/// The columns of a signed-in session `s`.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.device_name, s.created_at, s.last_used_at, s.expires_at, s.revoked_at"
    };
}

/// Reads [`session_columns`].
pub(crate) fn session(columns: &mut Columns<'_>) -> Read<AuthSession> {
    Ok(AuthSession {
        id: columns.number()?,
        user_id: columns.number()?,
        device_name: columns.next()?,
        created_at: columns.time()?,
        last_used_at: columns.time()?,
        expires_at: columns.time()?,
        revoked_at: columns.opt_time()?,
    })
}

pub(crate) use {
    broadcast_columns, conversation_columns, media_columns, member_columns, message_columns, session_columns,
    user_columns,
};
