//! Password accounts and lock-outs.

use super::{super::stage::refused, Stage};
use crate::{
    ErrorKind,
    model::{Lockout, NewAccount, User, UserId},
};
use futures_util::future::join_all;
use std::{collections::BTreeSet, sync::Arc};

pub(super) fn new_account(stage: &Stage, name: &str) -> NewAccount {
    NewAccount {
        username: name.to_owned(),
        username_key: name.to_lowercase(),
        password_hash: format!("hash of {name}"),
        now: stage.now(),
    }
}

pub(super) async fn register(stage: &Stage, name: &str) -> User {
    stage.accounts().create_account(new_account(stage, name)).await.unwrap()
}

async fn hash_of(stage: &Stage, user: UserId) -> String {
    stage.accounts().find_account_of(user).await.unwrap().expect("the account exists").password_hash
}

pub(super) async fn an_account_is_found_by_name_and_by_user(stage: Stage) {
    let ada = register(&stage, "Ada").await;
    assert_eq!((ada.username.as_deref(), ada.display_name.as_str()), (Some("Ada"), "Ada"));
    assert_eq!(ada.external_id, None);
    let found = stage.accounts().find_account("ada").await.unwrap().expect("by the name's key");
    assert_eq!((&found.user, found.password_hash.as_str()), (&ada, "hash of Ada"));
    assert_eq!(stage.accounts().find_account_of(ada.id).await.unwrap(), Some(found));
    assert_eq!(stage.load_user(ada.id).await, ada);
    assert!(stage.accounts().find_account("bob").await.unwrap().is_none());
    let host = stage.person().await;
    assert!(stage.accounts().find_account_of(host).await.unwrap().is_none(), "a host's user has no account");
}

pub(super) async fn a_name_that_is_taken_is_a_conflict(stage: Stage) {
    let ada = register(&stage, "Ada").await;
    let mut other = new_account(&stage, "ADA");
    other.password_hash = "another".to_owned();
    refused(stage.accounts().create_account(other).await, ErrorKind::Conflict);
    assert_eq!(hash_of(&stage, ada.id).await, "hash of Ada");
    assert_eq!(stage.load_user(ada.id).await, ada);
}

pub(super) async fn a_name_asked_for_at_once_goes_to_one(stage: Stage) {
    let calls = (0..16).map(|_| {
        let (store, account) = (Arc::clone(&stage.store), new_account(&stage, "Ada"));
        tokio::spawn(async move { store.accounts().expect("has accounts").create_account(account).await })
    });
    let results: Vec<_> = join_all(calls).await.into_iter().map(|result| result.unwrap()).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(crate::Result::err) {
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
}

pub(super) async fn a_rehash_replaces_only_the_hash_it_saw(stage: Stage) {
    let ada = register(&stage, "Ada").await;
    stage.accounts().rehash_password(ada.id, "some other hash", "stale").await.unwrap();
    assert_eq!(hash_of(&stage, ada.id).await, "hash of Ada");
    stage.accounts().rehash_password(ada.id, "hash of Ada", "stronger").await.unwrap();
    assert_eq!(hash_of(&stage, ada.id).await, "stronger");
}

pub(super) async fn failures_are_counted_by_key_until_they_are_forgotten(stage: Stage) {
    let accounts = stage.accounts();
    let keys = ["user:ada", "address:192.0.2.1"].map(str::to_owned);
    let load = async || accounts.load_lockouts(&keys).await.unwrap();
    assert_eq!(load().await, [Lockout::default(); 2], "nothing yet");
    let (soon, later) = (stage.now(), stage.now());
    let lock = |locked_until| Lockout { failures: 99, locked_until };
    accounts
        .save_lockouts(&[(keys[0].clone(), lock(None)), (keys[1].clone(), lock(Some(later)))])
        .await
        .unwrap();
    accounts.save_lockouts(&[(keys[1].clone(), lock(Some(soon)))]).await.unwrap();
    let expected =
        [Lockout { failures: 1, locked_until: None }, Lockout { failures: 2, locked_until: Some(later) }];
    assert_eq!(load().await, expected, "one more each, and the end never moves back");
    accounts.clear_lockouts(&keys[1..]).await.unwrap();
    assert_eq!(load().await, [expected[0], Lockout::default()]);
}

pub(super) async fn failures_at_once_are_all_counted(stage: Stage) {
    let key = "user:ada".to_owned();
    let calls = (0..20).map(|_| {
        let (store, failure) = (Arc::clone(&stage.store), [(key.clone(), Lockout::default())]);
        tokio::spawn(
            async move { store.accounts().expect("has accounts").save_lockouts(&failure).await.unwrap() },
        )
    });
    let counted: BTreeSet<_> = join_all(calls).await.into_iter().map(|done| done.is_ok()).collect();
    assert_eq!(counted, BTreeSet::from([true]));
    assert_eq!(stage.accounts().load_lockouts(&[key]).await.unwrap()[0].failures, 20);
}
