use crate::fixture::{Fixture, into, refusal, to};
use chat_core::{
    ErrorKind,
    chat::SendRequest,
    model::{MessageId, Outcome},
};

#[tokio::test(start_paused = true)]
async fn a_sender_edits_and_an_unchanged_text_takes_no_number() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let message = f.say(alice, to(bob), "helo").await;
    let edited = f.chat.edit_message(alice, message.id, "hello".to_owned(), Some(message.rev)).await.unwrap();
    assert_eq!((edited.outcome, edited.message.content.as_str()), (Outcome::Applied, "hello"));
    assert!(edited.message.rev > message.rev && edited.message.edited_at.is_some());
    let again = f.chat.edit_message(alice, message.id, "hello".to_owned(), None).await.unwrap();
    assert_eq!((again.outcome, again.message.rev), (Outcome::Repeated, edited.message.rev));
    let stale = f.chat.edit_message(alice, message.id, "hallo".to_owned(), Some(message.rev)).await;
    assert_eq!(refusal(stale), Some(ErrorKind::Conflict));
}

#[tokio::test(start_paused = true)]
async fn only_its_sender_edits_a_message_and_outsiders_do_not_learn_of_it() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let message = f.say(alice, to(bob), "mine").await;
    let edit = |actor, text: &str| f.chat.edit_message(actor, message.id, text.to_owned(), None);
    assert_eq!(refusal(edit(bob, "yours").await), Some(ErrorKind::Forbidden));
    assert_eq!(refusal(edit(carol, "yours").await), Some(ErrorKind::NotFound));
    assert_eq!(refusal(edit(alice, " ").await), Some(ErrorKind::Invalid));
    assert_eq!(refusal(edit(alice, &"a".repeat(16_385)).await), Some(ErrorKind::TooLarge));
    let absent = f.chat.edit_message(alice, MessageId::new(999), "x".to_owned(), None).await;
    assert_eq!(refusal(absent), Some(ErrorKind::NotFound));
    assert_eq!(f.chat.load_message(alice, message.id).await.unwrap().content, "mine");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_message_is_a_tombstone_for_good() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let request = SendRequest::text(to(bob), "oops").with_client_id("k");
    let message = f.chat.send(alice, request.clone()).await.unwrap().message;
    assert_eq!(refusal(f.chat.delete_message(bob, message.id).await), Some(ErrorKind::Forbidden));
    assert_eq!(refusal(f.chat.delete_message(carol, message.id).await), Some(ErrorKind::NotFound));
    let tombstone = f.chat.delete_message(alice, message.id).await.unwrap().message;
    assert_eq!((tombstone.content.as_str(), tombstone.deleted_at.is_some()), ("", true));
    assert_eq!(f.chat.delete_message(alice, message.id).await.unwrap().outcome, Outcome::Repeated);
    let edit = f.chat.edit_message(alice, message.id, "back".to_owned(), None).await;
    assert_eq!(refusal(edit), Some(ErrorKind::Conflict));
    // A retry of the send gets the tombstone, not a second message.
    let retry = f.chat.send(alice, request).await.unwrap();
    assert_eq!((retry.outcome, retry.message), (Outcome::Repeated, tombstone));
}

#[tokio::test(start_paused = true)]
async fn an_owner_deletes_what_members_wrote() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let id = f.group(alice, &[bob, carol]).await;
    let message = f.say(bob, into(id), "spam").await;
    assert_eq!(refusal(f.chat.delete_message(carol, message.id).await), Some(ErrorKind::Forbidden));
    f.chat.delete_message(alice, message.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_caption_may_be_emptied_and_a_plain_text_may_not() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let mut request = SendRequest::text(to(bob), "look");
    request.attachments = vec![f.picture(alice).await];
    let picture = f.chat.send(alice, request).await.unwrap().message;
    let emptied = f.chat.edit_message(alice, picture.id, String::new(), None).await.unwrap().message;
    assert_eq!((emptied.content.as_str(), emptied.attachments.len()), ("", 1));
}
