//! What the suite cannot know of: the file itself.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use chat_core::{
    ErrorKind,
    model::{Avatar, NewUser, ProfileUpdate, Timestamp},
    store::{Store, UserStore},
};
use custom_store::JournalStore;
use std::{io::Write, path::Path};

async fn see(store: &JournalStore, name: &str) -> chat_core::model::User {
    let (external_id, display_name) = (name.to_owned(), name.to_owned());
    let new = NewUser { external_id, display_name, avatar: None, now: Timestamp::from_micros(1) };
    store.ensure_user(new).await.unwrap()
}

async fn reopened(path: &Path) -> Vec<String> {
    let store = JournalStore::open(path).unwrap();
    let query = chat_core::model::UserQuery { prefix: None, contacts_of: None, after: None, limit: 10 };
    let users = store.list_users(query).await.unwrap();
    users.into_iter().map(|user| user.display_name).collect()
}

#[tokio::test]
async fn a_line_that_was_cut_off_is_dropped_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.jsonl");
    let store = JournalStore::open(&path).unwrap();
    see(&store, "Ada").await;
    drop(store);
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(br#"{"ensure_user":{"user":{"exter"#).unwrap();
    assert_eq!(reopened(&path).await, ["Ada"]);
    let store = JournalStore::open(&path).unwrap();
    see(&store, "Bob").await;
    drop(store);
    assert_eq!(reopened(&path).await, ["Ada", "Bob"], "what comes behind it is on a line of its own");
}

#[tokio::test]
async fn a_damaged_line_is_told_and_not_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.jsonl");
    drop(JournalStore::open(&path).unwrap());
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"nonsense\":{}}\n").unwrap();
    let error = JournalStore::open(&path).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Internal, "line 2 of the journal is damaged"));
}

#[tokio::test]
async fn a_journal_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.jsonl");
    let store = JournalStore::open(&path).unwrap();
    assert_eq!(JournalStore::open(&path).unwrap_err().kind(), ErrorKind::Unavailable);
    store.ping().await.unwrap();
    drop(store);
    JournalStore::open(&path).unwrap();
}

#[tokio::test]
async fn a_renewed_epoch_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.jsonl");
    let store = JournalStore::open(&path).unwrap();
    let epoch = store.renew_epoch().await.unwrap();
    drop(store);
    assert_eq!(JournalStore::open(&path).unwrap().epoch().await.unwrap(), epoch);
}

#[tokio::test]
async fn a_picture_that_was_taken_away_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.jsonl");
    let store = JournalStore::open(&path).unwrap();
    let (external_id, display_name) = ("1".to_owned(), "Ada".to_owned());
    let avatar = Some(Avatar::Link("https://example.org/ada.png".to_owned()));
    let now = Timestamp::from_micros(1);
    let ada = store.ensure_user(NewUser { external_id, display_name, avatar, now }).await.unwrap();
    let update = ProfileUpdate { display_name: None, avatar: Some(None) };
    let ada = store.update_profile(ada.id, update, now).await.unwrap();
    assert_eq!(ada.avatar, None);
    drop(store);
    let users = JournalStore::open(&path).unwrap().load_users(&[ada.id]).await.unwrap();
    assert_eq!(users, [ada], "to take away and to leave alone are written differently");
}
