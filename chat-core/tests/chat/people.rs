use crate::fixture::{Fixture, refusal};
use chat_core::{
    ErrorKind,
    auth::Identity,
    chat::ProfileChange,
    model::{Avatar, MediaKind, UserId},
    store::Ban,
};

#[tokio::test(start_paused = true)]
async fn a_host_user_is_created_once_and_follows_the_host() {
    let f = Fixture::start().await;
    let first = f.chat.ensure_user(&Identity::external("7", "Ann")).await.unwrap();
    let again = f.chat.ensure_user(&Identity::external("7", "Ann")).await.unwrap();
    assert_eq!(first, again);
    let renamed = Identity::external("7", "A\u{202e}nna").with_avatar("https://host.example/a.png");
    let renamed = f.chat.ensure_user(&renamed).await.unwrap();
    assert_eq!((renamed.id, renamed.display_name.as_str()), (first.id, "Anna"));
    assert_eq!(renamed.avatar, Some(Avatar::Link("https://host.example/a.png".to_owned())));
    let script = Identity::external("7", "Anna").with_avatar("javascript:alert(1)");
    assert_eq!(f.chat.ensure_user(&script).await.unwrap().avatar, None);
    assert_eq!(f.chat.ensure_user(&Identity::external("8", "\n")).await.unwrap().display_name, "8");
    let nameless = Identity::external("", "x");
    assert_eq!(refusal(f.chat.ensure_user(&nameless).await), Some(ErrorKind::Invalid));
}

#[tokio::test(start_paused = true)]
async fn a_vanished_user_is_unauthenticated_and_a_banned_one_forbidden() {
    let f = Fixture::start().await;
    let gone = Identity::user(UserId::new(999), "x");
    assert_eq!(refusal(f.chat.ensure_user(&gone).await), Some(ErrorKind::Unauthenticated));
    let alice = f.person("alice").await;
    f.chat.set_banned(alice, Ban::Banned).await.unwrap();
    for identity in [Identity::user(alice, "x"), Identity::external("alice", "alice")] {
        assert_eq!(refusal(f.chat.ensure_user(&identity).await), Some(ErrorKind::Forbidden));
    }
    assert_eq!(refusal(f.chat.authenticate("any").await), Some(ErrorKind::Unauthenticated));
}

#[tokio::test(start_paused = true)]
async fn a_host_keeps_the_profiles_of_its_users() {
    let f = Fixture::start().await;
    let alice = f.person("alice").await;
    let change = ProfileChange { display_name: Some("Queen".to_owned()), avatar: None };
    assert_eq!(refusal(f.chat.update_profile(alice, change).await), Some(ErrorKind::Forbidden));
}

#[tokio::test(start_paused = true)]
async fn a_profile_takes_only_clean_names_and_pictures_in_sight() {
    let f = Fixture::start().await;
    let alice = f.account("alice").await;
    let bob = f.account("bob").await;
    let name = |name: &str| ProfileChange { display_name: Some(name.to_owned()), avatar: None };
    for bad in ["", "\u{200b}", "a\u{202e}", &"x".repeat(101)] {
        assert_eq!(
            refusal(f.chat.update_profile(alice, name(bad)).await),
            Some(ErrorKind::Invalid),
            "{bad:?}"
        );
    }
    let renamed = f.chat.update_profile(alice, name("<b>Alice</b>")).await.unwrap();
    assert_eq!(renamed.display_name, "<b>Alice</b>");
    let again = f.chat.update_profile(alice, name("<b>Alice</b>")).await.unwrap();
    assert_eq!(again.user_rev, renamed.user_rev);
    let avatar = |id| ProfileChange { display_name: None, avatar: Some(Some(id)) };
    let foreign = f.picture(bob).await;
    assert_eq!(refusal(f.chat.update_profile(alice, avatar(foreign)).await), Some(ErrorKind::NotFound));
    let own = f.picture(alice).await;
    assert_eq!(f.chat.update_profile(alice, avatar(own)).await.unwrap().avatar, Some(Avatar::Media(own)));
    let seen = f.chat.find_user(bob, alice).await.unwrap();
    assert!(f.chat.present_user(bob, &seen).await.unwrap().person.avatar_url.is_some());
    let document = f.media(alice, MediaKind::Document).await;
    assert_eq!(refusal(f.chat.update_profile(alice, avatar(document)).await), Some(ErrorKind::Invalid));
}
