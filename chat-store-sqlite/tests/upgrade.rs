//! Databases of every released schema open, migrate and keep what they hold. `upgrade/<version>.sql` is such a
//! database as text; `examples/baseline.rs` prints one of the newest version.

#![expect(clippy::unwrap_used, reason = "a test fails where its stage cannot be set")]

use chat_core::{
    model::{
        Change, Committed, ConversationPage, MessageAnchor, MessageId, MessageKey, NewMessage, Outcome,
        RequestHash, Seq, Timestamp, UserId,
    },
    store::{ConversationStore, MessageStore, Store, UserStore},
};
use chat_store_sqlite::SqliteStore;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::path::{Path, PathBuf};

/// Every released schema, oldest first.
const BASELINES: &[(i64, &str)] = &[(1, include_str!("upgrade/0001.sql"))];

async fn connect(database: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(database).create_if_missing(true).foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn restore(folder: &Path, (version, sql): (i64, &'static str)) -> PathBuf {
    let database = folder.join(format!("{version}.db"));
    let mut connection = connect(&database).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    database
}

async fn open(database: &Path) -> SqliteStore {
    let store = SqliteStore::connect(&database.display().to_string()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// The schema without blanks and quotes, in the order of names.
async fn schema(database: &Path) -> Vec<String> {
    let mut connection = connect(database).await;
    let sql =
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let rows = sqlx::query_scalar::<_, String>(sql).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn the_newest_schema_has_a_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("fresh.db");
    open(&fresh).await.close().await.unwrap();
    let newest = restore(folder.path(), BASELINES[BASELINES.len() - 1]).await;
    assert_eq!(schema(&newest).await, schema(&fresh).await, "print it with examples/baseline.rs");
}

#[tokio::test]
async fn every_older_schema_ends_as_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("fresh.db");
    open(&fresh).await.close().await.unwrap();
    for &baseline in BASELINES {
        let database = restore(folder.path(), baseline).await;
        open(&database).await.close().await.unwrap();
        assert_eq!(schema(&database).await, schema(&fresh).await, "from version {}", baseline.0);
    }
}

#[tokio::test]
async fn every_older_schema_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    for &baseline in BASELINES {
        let store = open(&restore(folder.path(), baseline).await).await;
        store.ping().await.unwrap();
        let (ada, ben) = (UserId::new(1), UserId::new(2));
        let names = store.load_users(&[ada, ben]).await.unwrap();
        assert_eq!(names.len(), 2);

        let page = ConversationPage { after: None, limit: 10 };
        let list = store.list_conversations(ada, page).await.unwrap();
        assert_eq!(list.len(), 2);
        let direct = list.iter().find(|entry| entry.conversation.pair.is_some()).unwrap();
        let id = direct.conversation.id;
        let slice = store.list_messages(id, MessageAnchor::Latest, Seq::new(1), 10).await.unwrap();
        let texts: Vec<_> = slice.messages.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(texts, ["hello there", "a reply"]);
        assert_eq!(slice.messages[1].reply_to.as_ref().unwrap().id, MessageId::new(1));

        let again = NewMessage {
            conversation_id: id,
            sender_id: ada,
            key: MessageKey::from_stored("k1"),
            request_hash: RequestHash([1; 16]),
            content: "hello".to_owned(),
            attachments: Vec::new(),
            link: None,
            reply_to: None,
            now: Timestamp::from_micros(1),
        };
        let next = NewMessage { key: MessageKey::from_stored("k9"), ..again.clone() };
        let results = store.commit(vec![Change::Append(again), Change::Append(next)]).await.unwrap();
        let outcomes: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        let [Committed::Message(repeated), Committed::Message(added)] = &outcomes[..] else { panic!() };
        assert_eq!((repeated.outcome, repeated.message.seq), (Outcome::Repeated, Seq::new(1)));
        assert_eq!((added.outcome, added.message.seq), (Outcome::Applied, Seq::new(3)));

        let cleo = store.accounts().unwrap().find_account("cleo").await.unwrap().unwrap();
        assert_eq!(
            store
                .accounts()
                .unwrap()
                .list_sessions(cleo.user.id, Timestamp::from_micros(1))
                .await
                .unwrap()
                .len(),
            1
        );
    }
}
