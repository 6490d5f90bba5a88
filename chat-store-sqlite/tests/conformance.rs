//! The published suite of the port.

#![expect(clippy::unwrap_used, reason = "a test fails where its stage cannot be set")]

use chat_core::conformance::Stage;
use chat_store_sqlite::SqliteStore;
use std::path::PathBuf;

async fn open(database: PathBuf) -> SqliteStore {
    let store = SqliteStore::connect(&database.display().to_string()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

chat_core::store_conformance!(async || {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    // Two connections that race are slow in debug builds with a sync per commit; the order is what counts.
    Stage::new(open(database.clone()).await)
        .reopened_by(move || open(database.clone()))
        .keeping(folder)
        .rounds(200)
});
