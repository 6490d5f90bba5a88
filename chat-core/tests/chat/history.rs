use crate::fixture::{Fixture, into, refusal, to};
use chat_core::{
    ErrorKind,
    chat::PageRequest,
    model::{Message, MessageAnchor, Seq, UserId},
};

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_with_a_peer_count_from_the_newest() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    for number in 1..=5 {
        f.say(alice, to(bob), &number.to_string()).await;
    }
    let page = |page, size| f.chat.page_peer_messages(bob, alice, PageRequest { page, size });
    assert_eq!(texts(&page(1, 2).await.unwrap().messages), ["5", "4"]);
    assert_eq!(texts(&page(3, 2).await.unwrap().messages), ["1"]);
    for far in [4, u64::MAX] {
        let past = page(far, 2).await.unwrap();
        assert_eq!((past.messages.len(), past.total), (0, 5));
    }
    assert_eq!(texts(&f.chat.list_peer_messages(alice, bob, 3).await.unwrap()), ["3", "4", "5"]);
}

#[tokio::test(start_paused = true)]
async fn looking_at_an_empty_history_opens_no_conversation() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    assert!(f.chat.list_peer_messages(alice, bob, 10).await.unwrap().is_empty());
    f.chat.set_typing(alice, to(bob), true).await.unwrap();
    assert_eq!(f.chat.find_direct(alice, bob).await.unwrap(), None);
    let nobody = UserId::new(999);
    assert_eq!(refusal(f.chat.list_peer_messages(alice, nobody, 10).await), Some(ErrorKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn the_history_over_all_peers_leaves_groups_out() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    f.say(alice, to(bob), "one").await;
    f.say(carol, to(alice), "two").await;
    f.say(bob, to(carol), "not mine").await;
    let group = f.group(alice, &[bob]).await;
    f.say(alice, into(group), "in a group").await;
    let history = f.chat.page_direct_history(alice, PageRequest { page: 1, size: 10 }).await.unwrap();
    assert_eq!((texts(&history.messages), history.total), (vec!["two", "one"], 2));
    let second = f.chat.page_direct_history(alice, PageRequest { page: 2, size: 1 }).await.unwrap();
    assert_eq!(texts(&second.messages), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_cut_to_the_limit() {
    let f = Fixture::configured(|builder| {
        builder.limits(chat_core::config::Limits { page: 3, ..Default::default() })
    })
    .await;
    let [alice, bob] = f.people().await;
    let mut last = f.say(alice, to(bob), "0").await;
    for number in 1..5 {
        last = f.say(alice, to(bob), &number.to_string()).await;
    }
    let id = last.conversation_id;
    let latest = f.chat.list_messages(bob, id, MessageAnchor::Latest, 1_000).await.unwrap();
    assert_eq!((texts(&latest.messages), latest.has_more_before), (vec!["2", "3", "4"], true));
    let after = f.chat.list_messages(bob, id, MessageAnchor::After(Seq::new(1)), 0).await.unwrap();
    assert_eq!(texts(&after.messages), ["1"]);
}
