//! People.

use super::{super::stage::refused, Stage};
use crate::{
    ErrorKind,
    model::{Avatar, MediaId, NewUser, ProfileUpdate, Timestamp, UserId, UserQuery},
    store::Ban,
};
use futures_util::future::join_all;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

pub(super) async fn the_same_external_id_is_the_same_user(stage: Stage) {
    let ada = stage.ensure("host-1", "Ada").await;
    assert_eq!(ada.external_id.as_deref(), Some("host-1"));
    assert_eq!((ada.display_name.as_str(), ada.username.as_deref()), ("Ada", None));
    assert_eq!(stage.ensure("host-1", "Ada").await, ada, "seeing somebody again writes nothing");
    assert_ne!(stage.ensure("host-2", "Ada").await.id, ada.id, "names are no identity");
    assert_eq!(stage.load_user(ada.id).await, ada);
}

pub(super) async fn two_first_sights_at_once_make_one_user(stage: Stage) {
    let now = stage.now();
    let ensure = |store: Arc<dyn crate::store::Store>| async move {
        let (external_id, display_name) = ("host-1".to_owned(), "Ada".to_owned());
        store.ensure_user(NewUser { external_id, display_name, avatar: None, now }).await.unwrap().id
    };
    let calls: Vec<_> = (0..16).map(|_| tokio::spawn(ensure(Arc::clone(&stage.store)))).collect();
    let ids: BTreeSet<_> = join_all(calls).await.into_iter().map(|id| id.unwrap()).collect();
    assert_eq!(ids.len(), 1, "one person: {ids:?}");
}

pub(super) async fn what_the_host_tells_anew_takes_a_user_rev(stage: Stage) {
    let before = stage.ensure("host-1", "Ada").await;
    let after = stage.ensure("host-1", "Ada L.").await;
    assert_eq!((after.id, after.user_rev), (before.id, before.user_rev.next()));
    assert_eq!(after.display_name, "Ada L.");
    let avatar = Some(Avatar::Link("https://example.org/ada.png".to_owned()));
    let (external_id, display_name) = ("host-1".to_owned(), "Ada L.".to_owned());
    let new = NewUser { external_id, display_name, avatar: avatar.clone(), now: stage.now() };
    let pictured = stage.store.ensure_user(new).await.unwrap();
    assert_eq!((pictured.user_rev, &pictured.avatar), (after.user_rev.next(), &avatar));
    assert_eq!(stage.load_user(before.id).await, pictured);
    assert_eq!(
        stage.ensure("host-1", "Ada L.").await.avatar,
        None,
        "no picture removes the one that was there"
    );
}

pub(super) async fn a_profile_change_takes_one_user_rev_and_nothing_none(stage: Stage) {
    let before = stage.ensure("host-1", "Ada").await;
    let renamed = ProfileUpdate { display_name: Some("Lady Ada".to_owned()), avatar: None };
    let after = stage.store.update_profile(before.id, renamed.clone(), stage.now()).await.unwrap();
    assert_eq!((after.user_rev, after.display_name.as_str()), (before.user_rev.next(), "Lady Ada"));
    let again = stage.store.update_profile(before.id, renamed, stage.now()).await.unwrap();
    assert_eq!(again, after, "the same once more changes nothing");
    assert_eq!(stage.load_user(before.id).await, after);
}

pub(super) async fn a_profile_picture_is_a_file_that_exists(stage: Stage) {
    let ada = stage.person().await;
    let lost = ProfileUpdate { display_name: None, avatar: Some(Some(Avatar::Media(MediaId::new(900_001)))) };
    let before = stage.load_user(ada).await;
    refused(stage.store.update_profile(ada, lost, stage.now()).await, ErrorKind::NotFound);
    assert_eq!(stage.load_user(ada).await, before);
    let picture = Some(Avatar::Media(stage.upload(ada).await.attachment.id));
    let found = ProfileUpdate { display_name: None, avatar: Some(picture.clone()) };
    assert_eq!(stage.store.update_profile(ada, found, stage.now()).await.unwrap().avatar, picture);
    let none = ProfileUpdate { display_name: None, avatar: Some(None) };
    assert_eq!(stage.store.update_profile(ada, none, stage.now()).await.unwrap().avatar, None);
}

pub(super) async fn last_seen_never_goes_back_and_takes_no_number(stage: Stage) {
    let ada = stage.person().await;
    let (rev, later) = (stage.user_rev(ada).await, stage.now().plus(Duration::from_secs(60)));
    let touch = async |moment: Timestamp| stage.store.touch_users(&[(ada, moment)]).await.unwrap();
    touch(later).await;
    touch(later.minus(Duration::from_secs(30))).await;
    let user = stage.load_user(ada).await;
    assert_eq!((user.last_seen, user.user_rev), (Some(later), rev));
}

pub(super) async fn a_ban_and_its_end_take_a_user_rev_each(stage: Stage) {
    let before = stage.ensure("host-1", "Ada").await;
    let ban = async |ban: Ban| stage.store.set_banned(before.id, ban, stage.now()).await.unwrap();
    assert!(!before.is_banned);
    let banned = ban(Ban::Banned).await;
    assert_eq!((banned.is_banned, banned.user_rev), (true, before.user_rev.next()));
    assert_eq!(ban(Ban::Banned).await.user_rev, banned.user_rev, "banned already");
    let admitted = ban(Ban::Admitted).await;
    assert_eq!((admitted.is_banned, admitted.user_rev), (false, banned.user_rev.next()));
    assert_eq!(stage.load_user(before.id).await, admitted);
}

pub(super) async fn making_an_administrator_takes_a_user_rev(stage: Stage) {
    let before = stage.ensure("host-1", "Ada").await;
    assert!(!before.is_admin);
    let after = stage.store.set_admin(before.id, true, stage.now()).await.unwrap();
    assert_eq!((after.is_admin, after.user_rev), (true, before.user_rev.next()));
    let again = stage.store.set_admin(before.id, true, stage.now()).await.unwrap();
    assert_eq!(again.user_rev, after.user_rev);
    assert!(!stage.store.set_admin(before.id, false, stage.now()).await.unwrap().is_admin);
}

pub(super) async fn users_are_listed_by_prefix_in_pages(stage: Stage) {
    let mut ids = Vec::new();
    for (external_id, name) in [("1", "Änne"), ("2", "änders"), ("3", "Bo_b"), ("4", "Bo%b"), ("5", "boXb")]
    {
        ids.push(stage.ensure(external_id, name).await.id);
    }
    let list = async |prefix: Option<&str>, after: Option<UserId>, limit: usize| {
        let query = UserQuery { prefix: prefix.map(str::to_owned), contacts_of: None, after, limit };
        let users = stage.store.list_users(query).await.unwrap();
        users.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, 10).await, ids, "all, in rising id");
    assert_eq!(list(None, None, 2).await, ids[..2]);
    assert_eq!(list(None, Some(ids[1]), 2).await, ids[2..4]);
    assert!(list(None, Some(ids[4]), 2).await.is_empty());
    assert_eq!(list(Some("ÄN"), None, 10).await, ids[..2], "without regard to case, beyond ASCII too");
    assert_eq!(list(Some("bo_"), None, 10).await, [ids[2]], "an underscore is itself");
    assert_eq!(list(Some("bo%"), None, 10).await, [ids[3]], "a percent sign is itself");
    assert!(list(Some("o"), None, 10).await.is_empty(), "a prefix, not a part");
}

pub(super) async fn contacts_are_those_in_a_common_conversation_now(stage: Stage) {
    let [me, friend, colleague, former, stranger] = stage.people().await;
    stage.direct(me, friend).await;
    stage.direct(me, me).await;
    let group = stage.group(me, &[colleague, former]).await;
    stage.direct(friend, stranger).await;
    stage.remove(group, me, former).await;
    let mut found =
        stage.store.filter_contacts(me, &[stranger, former, colleague, friend, me]).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [friend, colleague]);
    let query = UserQuery { prefix: None, contacts_of: Some(me), after: None, limit: 10 };
    let listed: Vec<_> = stage.store.list_users(query).await.unwrap().iter().map(|user| user.id).collect();
    assert_eq!(listed, [friend, colleague], "the list says the same");
}
