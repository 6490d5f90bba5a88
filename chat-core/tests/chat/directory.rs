use crate::fixture::{Fixture, refusal, to};
use chat_core::{
    ErrorKind,
    chat::{FindUsers, NewGroupRequest, SendRequest},
    config::Directory,
    model::UserId,
};

fn everybody() -> FindUsers {
    FindUsers { limit: 100, ..FindUsers::default() }
}

#[tokio::test(start_paused = true)]
async fn an_open_directory_shows_everybody_to_everybody() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let ids = |users: Vec<chat_core::model::User>| users.into_iter().map(|user| user.id).collect::<Vec<_>>();
    assert_eq!(ids(f.chat.list_users(alice, everybody()).await.unwrap()), [bob, carol]);
    let two = FindUsers { limit: 1, after: Some(bob), ..FindUsers::default() };
    assert_eq!(ids(f.chat.list_users(alice, two).await.unwrap()), [carol]);
    assert_eq!(f.chat.find_user(alice, bob).await.unwrap().id, bob);
    let seen = f.chat.filter_visible(alice, &[carol, UserId::new(999), alice]).await.unwrap();
    assert_eq!(seen, [carol, alice]);
}

#[tokio::test(start_paused = true)]
async fn contacts_see_and_write_to_those_with_whom_they_share_a_conversation() {
    let f = Fixture::with_directory(Directory::Contacts).await;
    let [alice, bob, carol] = f.people().await;
    assert_eq!(
        refusal(f.chat.send(alice, SendRequest::text(to(bob), "hi")).await),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(refusal(f.chat.find_user(alice, bob).await), Some(ErrorKind::NotFound));
    assert_eq!(f.chat.find_user(alice, alice).await.unwrap().id, alice);
    f.group(alice, &[bob]).await;
    f.say(alice, to(bob), "hi").await;
    assert_eq!(f.chat.find_user(alice, bob).await.unwrap().id, bob);
    assert_eq!(f.chat.list_users(alice, everybody()).await.unwrap().len(), 1);
    assert_eq!(f.chat.filter_visible(alice, &[bob, carol]).await.unwrap(), [bob]);
    let group = NewGroupRequest { title: "x".to_owned(), member_ids: vec![bob, carol], key: None };
    assert_eq!(refusal(f.chat.create_group(alice, group).await), Some(ErrorKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn in_a_closed_directory_only_the_host_brings_people_together() {
    let f = Fixture::with_directory(Directory::Closed).await;
    let [alice, bob, carol] = f.people().await;
    assert!(f.chat.list_users(alice, everybody()).await.unwrap().is_empty());
    f.group(alice, &[bob, carol]).await;
    assert_eq!(refusal(f.chat.open_direct(alice, bob).await), Some(ErrorKind::NotFound));
    assert_eq!(
        refusal(f.chat.send(alice, SendRequest::text(to(bob), "hi")).await),
        Some(ErrorKind::NotFound)
    );
    let opened = f.chat.introduce(alice, bob).await.unwrap();
    let message = f.say(alice, to(bob), "hi").await;
    assert_eq!(message.conversation_id, opened.conversation.id);
    f.say(alice, to(alice), "to myself").await;
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_a_stranger_is_that_of_nobody() {
    let f = Fixture::with_directory(Directory::Contacts).await;
    let [alice, bob] = f.people().await;
    let stranger = f.chat.open_direct(alice, bob).await.unwrap_err();
    let nobody = f.chat.open_direct(alice, UserId::new(999)).await.unwrap_err();
    assert_eq!((stranger.kind(), stranger.message()), (nobody.kind(), nobody.message()));
}
