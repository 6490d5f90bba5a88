use crate::fixture::{Fixture, into, to};
use chat_core::{ErrorKind, chat::Mark, event::Event, protocol::ReceiptStatus};

#[tokio::test(start_paused = true)]
async fn events_tell_what_was_stored_in_order() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let mut events = f.chat.events();
    let group = f.group(alice, &[bob]).await;
    let message = f.say(alice, into(group), "hi").await;
    f.chat.edit_message(alice, message.id, "hello".to_owned(), None).await.unwrap();
    f.chat.mark(bob, Mark::Message(message.id), ReceiptStatus::Read).await.unwrap();
    f.chat.add_members(alice, group, vec![carol]).await.unwrap();
    f.chat.rename_group(alice, group, "renamed").await.unwrap();
    // The same name again changes nothing and is not told.
    f.chat.rename_group(alice, group, "renamed").await.unwrap();
    f.chat.delete_message(alice, message.id).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 7 {
        told.push(match &*events.next().await.unwrap().unwrap() {
            Event::ConversationChanged(_) => "conversation",
            Event::CursorsMoved(_) => "cursors",
            Event::MembersChanged(_) => "members",
            Event::MessageCreated(_) => "created",
            Event::MessageUpdated(_) => "updated",
            _ => "other",
        });
    }
    let expected = ["conversation", "created", "updated", "cursors", "members", "conversation", "updated"];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_of_events_is_told_what_it_missed() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let mut events = f.chat.events();
    for _ in 0..5_000 {
        f.say(alice, to(bob), "x").await;
    }
    let lag = events.next().await.unwrap().unwrap_err();
    assert_eq!((lag.kind(), lag.message()), (ErrorKind::Busy, "missed 905 events"));
    assert!(events.next().await.unwrap().is_ok());
}
