//! Prints a database of the newest schema with a few rows in every table, as SQL. `tests/upgrade.rs` opens what this
//! printed for every version that was ever released:
//! `cargo run -p chat-store-sqlite --example baseline > chat-store-sqlite/tests/upgrade/0001.sql`.

use chat_core::{
    model::{
        Attachment, Avatar, Change, ConversationId, CursorFlush, CursorMove, DeleteMessage, EditMessage,
        Lockout, MediaKind, MessageId, MessageKey, NewAccount, NewAuthSession, NewBroadcast, NewGroup,
        NewJob, NewMedia, NewMessage, NewUser, ProfileUpdate, RequestHash, Seq, Timestamp, UserId,
    },
    store::{ConversationStore, MediaCatalog, MessageStore, Store, UserStore},
};
use chat_store_sqlite::SqliteStore;
use sqlx::{AssertSqlSafe, Row as _, SqlitePool, sqlite::SqliteConnectOptions};
use std::path::Path;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("chat.db");
    let store = SqliteStore::connect(&database.display().to_string()).await?;
    store.migrate().await?;
    fill(&store).await?;
    store.close().await?;
    dump(&database).await?;
    Ok(())
}

async fn fill(store: &SqliteStore) -> Result<(), Box<dyn std::error::Error>> {
    let (ada, ben) = (person(store, "ada").await?, person(store, "ben").await?);
    let accounts = store.accounts().ok_or("this store keeps accounts")?;
    let account = NewAccount {
        username: "Cleo".to_owned(),
        username_key: "cleo".to_owned(),
        password_hash: "$argon2id$not-a-hash".to_owned(),
        now: NOW,
    };
    let cleo = accounts.create_account(account).await?.id;
    let session = NewAuthSession {
        user_id: cleo,
        device_name: "phone".to_owned(),
        refresh: [3; 32],
        expires_at: Timestamp::from_micros(4_000_000_000_000_000),
        now: NOW,
    };
    accounts.create_session(session).await?;
    accounts.save_lockouts(&[("name:mallory".to_owned(), Lockout::default())]).await?;

    let photo = store.create_media(picture(ada)).await?.attachment;
    let avatar = ProfileUpdate { display_name: None, avatar: Some(Some(Avatar::Media(photo.id))) };
    store.update_profile(ada, avatar, NOW).await?;
    let direct = store.open_directs(ada, &[ben], NOW).await?.remove(0)?.conversation.id;
    let group = NewGroup {
        creator: ada,
        title: "Choir".to_owned(),
        members: vec![ben, cleo],
        key: Some("choir".to_owned()),
        now: NOW,
    };
    let group = store.create_group(group).await?.conversation.id;
    let mut quoting = message(direct, ben, "k2", "a reply");
    quoting.reply_to = Some(MessageId::new(1));
    let mut with_file = message(group, ada, "k3", "look");
    with_file.attachments = vec![photo];
    let batch = vec![
        Change::Append(message(direct, ada, "k1", "hello")),
        Change::Append(with_file),
        Change::Append(message(group, ben, "k4", "oops")),
    ];
    commit(store, batch).await?;
    let moved = CursorMove { user_id: ben, delivered_seq: Seq::new(1), read_seq: Seq::new(1) };
    let job =
        NewJob { kind: "broadcast".to_owned(), key: "k5".to_owned(), payload: "{}".to_owned(), due: NOW };
    let broadcast = NewBroadcast {
        sender_id: ada,
        key: MessageKey::from_client("k5")?,
        request_hash: RequestHash([5; 16]),
        receivers: vec![(ben, direct)],
        messages: Vec::new(),
        job: Some(job),
        now: NOW,
    };
    let batch = vec![
        Change::Append(quoting),
        Change::Edit(EditMessage {
            message_id: MessageId::new(1),
            actor: ada,
            content: "hello there".to_owned(),
            base_rev: None,
            now: NOW,
        }),
        Change::Delete(DeleteMessage { message_id: MessageId::new(3), actor: ben, now: NOW }),
        Change::Cursors(CursorFlush { conversation_id: direct, moves: vec![moved], now: NOW }),
        Change::Broadcast(Box::new(broadcast)),
    ];
    commit(store, batch).await
}

async fn commit(store: &SqliteStore, batch: Vec<Change>) -> Result<(), Box<dyn std::error::Error>> {
    for result in store.commit(batch).await? {
        result?;
    }
    Ok(())
}

async fn person(store: &SqliteStore, name: &str) -> chat_core::Result<UserId> {
    let (external_id, display_name) = (format!("host-{name}"), name.to_owned());
    let user = NewUser { external_id, display_name, avatar: None, now: NOW };
    Ok(store.ensure_user(user).await?.id)
}

fn picture(owner_id: UserId) -> NewMedia {
    NewMedia {
        owner_id,
        key: Some("photo".to_owned()),
        kind: MediaKind::Image,
        mime: "image/png".to_owned(),
        extension: "png".to_owned(),
        name: "sunset.png".to_owned(),
        size: 1_234,
        width: Some(40),
        height: Some(30),
        path: "ab/cd".to_owned(),
        sha256: [9; 32],
        now: NOW,
    }
}

fn message(conversation_id: ConversationId, sender_id: UserId, key: &str, text: &str) -> NewMessage {
    NewMessage {
        conversation_id,
        sender_id,
        key: MessageKey::from_stored(key),
        request_hash: RequestHash([1; 16]),
        content: text.to_owned(),
        attachments: Vec::<Attachment>::new(),
        link: None,
        reply_to: None,
        now: NOW,
    }
}

/// Prints the schema without what SQLite keeps for itself, then the rows, then the numbers already given.
async fn dump(database: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(database)).await?;
    let schema =
        "SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'sqlite_sequence'";
    println!("PRAGMA foreign_keys = OFF;");
    let mut tables = Vec::new();
    for row in sqlx::query(schema).fetch_all(&pool).await? {
        println!("{};", row.get::<String, _>("sql"));
        if row.get::<String, _>("type") == "table" {
            tables.push(row.get::<String, _>("name"));
        }
    }
    tables.push("sqlite_sequence".to_owned());
    for table in tables {
        let columns = format!(
            "SELECT group_concat('quote(' || name || ')', ' || '', '' || ') FROM pragma_table_info('{table}')"
        );
        let values: String = sqlx::query_scalar(AssertSqlSafe(columns)).fetch_one(&pool).await?;
        let rows = format!("SELECT 'INSERT INTO {table} VALUES (' || {values} || ');' FROM {table}");
        for row in sqlx::query_scalar::<_, String>(AssertSqlSafe(rows)).fetch_all(&pool).await? {
            println!("{row}");
        }
    }
    Ok(())
}
