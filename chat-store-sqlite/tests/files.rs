//! What an operator meets: files that are missing, foreign, full, locked, read-only, or from another version.

#![expect(clippy::unwrap_used, reason = "a test fails where its stage cannot be set")]

use chat_core::{
    Error, ErrorKind, Result,
    model::{
        Change, Committed, ConversationId, MessageAnchor, MessageKey, NewMessage, NewUser, RequestHash, Seq,
        Timestamp, UserId,
    },
    store::{CommitError, CommitFailure, ConversationStore, MessageStore, Store, UserStore},
};
use chat_store_sqlite::{SqliteConfig, SqliteStore};
use sqlx::{
    Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use std::{error::Error as _, path::Path, time::Duration};

fn url(database: &Path) -> String {
    format!("sqlite://{}", database.display())
}

async fn open(database: &Path) -> SqliteStore {
    let store = SqliteStore::connect(&url(database)).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn connect_error(url: &str) -> Error {
    SqliteStore::connect(url).await.expect_err("the file cannot be used")
}

fn new_user(name: &str) -> NewUser {
    let (external_id, display_name) = (name.to_owned(), name.to_owned());
    NewUser { external_id, display_name, avatar: None, now: Timestamp::from_micros(1) }
}

async fn direct(store: &SqliteStore) -> (UserId, ConversationId) {
    let ada = store.ensure_user(new_user("ada")).await.unwrap().id;
    let ben = store.ensure_user(new_user("ben")).await.unwrap().id;
    let opened = store.open_directs(ada, &[ben], Timestamp::from_micros(1)).await.unwrap().remove(0).unwrap();
    (ada, opened.conversation.id)
}

fn append((sender_id, conversation_id): (UserId, ConversationId), n: usize) -> Change {
    Change::Append(NewMessage {
        conversation_id,
        sender_id,
        key: MessageKey::from_client(&format!("key-{n}")).unwrap(),
        request_hash: RequestHash([7; 16]),
        content: "x".repeat(2_000),
        attachments: Vec::new(),
        link: None,
        reply_to: None,
        now: Timestamp::from_micros(1),
    })
}

async fn send(
    store: &SqliteStore,
    place: (UserId, ConversationId),
    numbers: std::ops::Range<usize>,
) -> Result<Vec<Seq>, CommitError> {
    let results = store.commit(numbers.map(|n| append(place, n)).collect()).await?;
    let seq = |result: Result<Committed>| match result.unwrap() {
        Committed::Message(done) => done.message.seq,
        other => panic!("an append was answered with {other:?}"),
    };
    Ok(results.into_iter().map(seq).collect())
}

async fn sql(database: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(database).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_missing_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let error = connect_error(&url(&folder.path().join("nowhere/chat.db"))).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "database file cannot be opened; does its folder exist?");
    assert!(!folder.path().join("nowhere").exists());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    let text = "this is a diary, not a database. ".repeat(100);
    std::fs::write(&database, &text).unwrap();
    let error = connect_error(&url(&database)).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "file is not a SQLite database");
    assert_eq!(std::fs::read_to_string(&database).unwrap(), text);
}

#[tokio::test]
async fn an_error_keeps_the_engine_s_own_as_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let error = connect_error(&url(&folder.path().join("nowhere/chat.db"))).await;
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    assert!(causes.any(|cause| cause.to_string().contains("unable to open database file")));
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    for url in ["sqlite::memory:", "sqlite://chat.db?mode=memory"] {
        assert_eq!(connect_error(url).await.kind(), ErrorKind::Invalid);
    }
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    assert_eq!(SqliteStore::new(pool).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_database_without_tables_asks_for_the_migration() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::connect(&url(&folder.path().join("chat.db"))).await.unwrap();
    let error = store.epoch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("run the migration first"), "{error}");
    store.migrate().await.unwrap();
    store.epoch().await.unwrap();
}

#[tokio::test]
async fn a_later_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    open(&database).await.close().await.unwrap();
    let later = "INSERT INTO chat_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', true, x'00', 0)";
    sql(&database, later).await;
    let error = connect_error(&url(&database)).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("version 9999") && error.message().contains("newer program"), "{error}");
}

#[tokio::test]
async fn a_migration_with_another_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    open(&database).await.close().await.unwrap();
    sql(&database, "UPDATE chat_migrations SET checksum = x'00' WHERE version = 1").await;
    let store = SqliteStore::connect(&url(&database)).await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("migration 1"), "{error}");
}

#[tokio::test]
async fn a_failing_migration_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    sql(&database, "CREATE TABLE chat_media (mine TEXT)").await;
    let store = SqliteStore::connect(&url(&database)).await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let options = SqliteConnectOptions::new().filename(&database);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let tables = sqlx::query_scalar::<_, String>("SELECT group_concat(name) FROM sqlite_schema");
    assert_eq!(tables.fetch_one(&mut connection).await.unwrap(), "chat_media");
}

#[tokio::test]
async fn two_that_migrate_at_once_both_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    let one = SqliteStore::connect(&url(&database)).await.unwrap();
    let other = SqliteStore::connect(&url(&database)).await.unwrap();
    let (first, second) = tokio::join!(one.migrate(), other.migrate());
    first.unwrap();
    second.unwrap();
    assert_eq!(one.epoch().await.unwrap(), other.epoch().await.unwrap());
}

#[tokio::test]
async fn a_read_only_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    open(&database).await.close().await.unwrap();
    let error = connect_error(&format!("{}?mode=ro", url(&database))).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "database is read-only");
}

#[tokio::test]
async fn a_lock_of_another_process_is_said_after_the_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    open(&database).await.close().await.unwrap();
    let mut config = SqliteConfig::new(url(&database));
    config.busy_timeout = Duration::from_millis(50);
    let store = SqliteStore::connect_with(config).await.unwrap();

    let options = SqliteConnectOptions::new().filename(&database);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.ensure_user(new_user("ada")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "database is locked by another process");
    store.ping().await.unwrap();

    lock.rollback().await.unwrap();
    store.ensure_user(new_user("ada")).await.unwrap();
}

/// Opens a store whose database cannot grow beyond a few pages, which is what a full disk looks like to SQLite.
async fn open_full(database: &Path) -> SqliteStore {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("max_page_count", "120");
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let store = SqliteStore::new(pool).await.unwrap();
    store.migrate().await.unwrap();
    store
}

#[tokio::test]
async fn a_full_disk_refuses_whole_batches_and_leaves_no_hole() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    let store = open_full(&database).await;
    let place = direct(&store).await;
    let mut stored = 0;
    let failed = loop {
        match send(&store, place, stored..stored + 10).await {
            Ok(numbers) => {
                stored += 10;
                assert_eq!(numbers.last(), Some(&Seq::new(stored as i64)));
            }
            Err(failed) => break failed,
        }
    };
    assert!(stored > 0);
    assert_eq!(failed.failure, CommitFailure::NotCommitted);
    assert_eq!(failed.error.kind(), ErrorKind::Unavailable);
    assert_eq!(failed.error.message(), "disk or database is full");
    // It goes on refusing in the same way, and reading goes on.
    assert!(send(&store, place, stored..stored + 10).await.is_err());
    let (id, limit) = (place.1, 10);
    let page = store.list_messages(id, MessageAnchor::Latest, Seq::new(1), limit).await.unwrap();
    assert_eq!(page.messages.last().unwrap().seq, Seq::new(stored as i64));
    drop(store);

    let store = open(&database).await;
    let numbers = send(&store, place, stored..stored + 10).await.unwrap();
    assert_eq!(numbers.first(), Some(&Seq::new(stored as i64 + 1)));
}

#[tokio::test]
async fn a_host_keeps_its_tables_and_migrations() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("app.db");
    let options = SqliteConnectOptions::new().filename(&database).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let own = "CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE TABLE _sqlx_migrations (version BIGINT)";
    sqlx::raw_sql(own).execute(&pool).await.unwrap();
    let store = SqliteStore::new(pool.clone()).await.unwrap();
    store.migrate().await.unwrap();
    direct(&store).await;

    let names = sqlx::query_scalar::<_, String>(
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'chat_%' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    );
    assert_eq!(names.fetch_all(&pool).await.unwrap(), ["_sqlx_migrations", "users"]);
    for (pragma, default) in [("PRAGMA synchronous", 2), ("PRAGMA query_only", 0)] {
        let value = sqlx::query_scalar::<_, i64>(pragma).fetch_one(&pool).await.unwrap();
        assert_eq!(value, default, "{pragma} of the host's connections");
    }
}
