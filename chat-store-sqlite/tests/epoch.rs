//! The store takes a fresh epoch when its database went back, and only then.

#![expect(clippy::unwrap_used, reason = "a test fails where its stage cannot be set")]

use chat_core::{
    model::{Epoch, NewUser, Timestamp},
    store::{Store, UserStore},
};
use chat_store_sqlite::SqliteStore;
use std::path::{Path, PathBuf};

async fn open(database: &Path) -> SqliteStore {
    let store = SqliteStore::connect(&database.display().to_string()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn write(store: &SqliteStore, name: &str) {
    let user = NewUser {
        external_id: name.to_owned(),
        display_name: name.to_owned(),
        avatar: None,
        now: Timestamp::from_micros(1),
    };
    store.ensure_user(user).await.unwrap();
}

/// Runs a store once, writing `names`.
async fn run(database: &Path, names: &[&str]) -> Epoch {
    let store = open(database).await;
    for name in names {
        write(&store, name).await;
    }
    let epoch = store.epoch().await.unwrap();
    store.close().await.unwrap();
    epoch
}

fn copy_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-commits");
    path.into()
}

#[tokio::test]
async fn a_restart_keeps_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    let first = run(&database, &["ada", "ben"]).await;
    assert_eq!(run(&database, &["cleo"]).await, first);
}

#[tokio::test]
async fn an_older_database_put_back_takes_a_fresh_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let (database, backup) = (folder.path().join("chat.db"), folder.path().join("backup.db"));
    let first = run(&database, &["ada"]).await;
    std::fs::copy(&database, &backup).unwrap();
    assert_eq!(run(&database, &["ben"]).await, first);

    std::fs::copy(&backup, &database).unwrap();
    let second = run(&database, &[]).await;
    assert_ne!(second, first);
    assert_eq!(run(&database, &["cleo"]).await, second, "it went back only once");
}

#[tokio::test]
async fn a_database_without_its_counter_copy_takes_a_fresh_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    let first = run(&database, &["ada"]).await;
    std::fs::remove_file(copy_of(&database)).unwrap();
    assert_ne!(run(&database, &[]).await, first);
}

#[tokio::test]
async fn the_counter_copy_follows_the_commits() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    run(&database, &[]).await;
    let before: i64 = std::fs::read_to_string(copy_of(&database)).unwrap().trim().parse().unwrap();
    run(&database, &["ada", "ben", "cleo"]).await;
    let after: i64 = std::fs::read_to_string(copy_of(&database)).unwrap().trim().parse().unwrap();
    assert_eq!(after, before + 3);
}

#[tokio::test]
async fn a_renewed_epoch_is_another_one_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    let store = open(&database).await;
    let first = store.epoch().await.unwrap();
    let renewed = store.renew_epoch().await.unwrap();
    assert_ne!(renewed, first);
    store.close().await.unwrap();
    assert_eq!(run(&database, &[]).await, renewed);
}
