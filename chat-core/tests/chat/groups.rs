use crate::fixture::{Fixture, into, refusal};
use chat_core::{
    ErrorKind,
    chat::{NewGroupRequest, SendRequest},
    config::Limits,
    model::{ConversationId, ConversationPage, MessageAnchor, Role, Seq},
};

fn group(title: &str, members: &[chat_core::model::UserId]) -> NewGroupRequest {
    NewGroupRequest { title: title.to_owned(), member_ids: members.to_vec(), key: None }
}

#[tokio::test(start_paused = true)]
async fn a_group_is_founded_once_under_its_key() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let request = NewGroupRequest { key: Some("k".to_owned()), ..group(" Team ", &[bob, carol, bob, alice]) };
    let first = f.chat.create_group(alice, request.clone()).await.unwrap();
    let again = f.chat.create_group(alice, request).await.unwrap();
    assert_eq!((first.created, again.created), (true, false));
    assert_eq!(first.conversation.id, again.conversation.id);
    assert_eq!(first.conversation.title.as_deref(), Some("Team"));
    assert_eq!(first.conversation.member_count, 3);
}

#[tokio::test(start_paused = true)]
async fn a_bad_title_or_too_many_members_found_nothing() {
    let f =
        Fixture::configured(|builder| builder.limits(Limits { group_members: 2, ..Limits::default() })).await;
    let [alice, bob, carol] = f.people().await;
    for title in ["", " ", "a\u{202e}b", &"x".repeat(101)] {
        assert_eq!(refusal(f.chat.create_group(alice, group(title, &[bob])).await), Some(ErrorKind::Invalid));
    }
    let crowd = f.chat.create_group(alice, group("x", &[bob, carol])).await;
    assert_eq!(refusal(crowd), Some(ErrorKind::TooLarge));
    let page = ConversationPage { after: None, limit: 10 };
    assert!(f.chat.list_conversations(alice, page).await.unwrap().entries.is_empty());
    let full = f.chat.create_group(alice, group("x", &[bob])).await.unwrap().conversation.id;
    assert_eq!(refusal(f.chat.add_members(alice, full, vec![carol]).await), Some(ErrorKind::TooLarge));
}

#[tokio::test(start_paused = true)]
async fn rights_follow_the_role() {
    let f = Fixture::start().await;
    let [alice, bob, carol, dave] = f.people().await;
    let id = f.group(alice, &[bob, carol]).await;
    assert_eq!(refusal(f.chat.rename_group(bob, id, "mine").await), Some(ErrorKind::Forbidden));
    assert_eq!(refusal(f.chat.add_members(bob, id, vec![dave]).await), Some(ErrorKind::Forbidden));
    assert_eq!(refusal(f.chat.remove_member(bob, id, carol).await), Some(ErrorKind::Forbidden));
    assert_eq!(refusal(f.chat.set_role(bob, id, bob, Role::Owner).await), Some(ErrorKind::Forbidden));
    assert_eq!(refusal(f.chat.delete_group(bob, id).await), Some(ErrorKind::Forbidden));
    f.chat.set_role(alice, id, bob, Role::Admin).await.unwrap();
    f.chat.rename_group(bob, id, "ours").await.unwrap();
    f.chat.add_members(bob, id, vec![dave]).await.unwrap();
    f.chat.remove_member(bob, id, carol).await.unwrap();
    assert_eq!(refusal(f.chat.remove_member(bob, id, alice).await), Some(ErrorKind::Forbidden));
    assert_eq!(refusal(f.chat.add_members(alice, id, Vec::new()).await), Some(ErrorKind::Invalid));
}

#[tokio::test(start_paused = true)]
async fn a_group_does_not_exist_for_outsiders() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let id = f.group(alice, &[bob]).await;
    let not_found = Some(ErrorKind::NotFound);
    for id in [id, ConversationId::new(999)] {
        assert_eq!(refusal(f.chat.load_conversation(carol, id).await), not_found);
        assert_eq!(refusal(f.chat.rename_group(carol, id, "x").await), not_found);
        assert_eq!(refusal(f.chat.delete_group(carol, id).await), not_found);
        assert_eq!(refusal(f.chat.list_members(carol, id, None, 10).await), not_found);
        assert_eq!(refusal(f.chat.add_members(carol, id, vec![carol]).await), not_found);
        assert_eq!(refusal(f.chat.remove_member(carol, id, carol).await), not_found);
        assert_eq!(refusal(f.chat.set_role(carol, id, carol, Role::Owner).await), not_found);
        assert_eq!(refusal(f.chat.list_messages(carol, id, MessageAnchor::Latest, 10).await), not_found);
        assert_eq!(refusal(f.chat.set_typing(carol, into(id), true).await), not_found);
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_conversation_is_no_group() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let id = f.chat.open_direct(alice, bob).await.unwrap().conversation.id;
    let invalid = Some(ErrorKind::Invalid);
    assert_eq!(refusal(f.chat.rename_group(alice, id, "x").await), invalid);
    assert_eq!(refusal(f.chat.delete_group(alice, id).await), invalid);
    assert_eq!(refusal(f.chat.add_members(alice, id, vec![carol]).await), invalid);
    assert_eq!(refusal(f.chat.remove_member(alice, id, bob).await), invalid);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_is_out_at_once_and_whoever_joins_sees_what_follows() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let id = f.group(alice, &[bob]).await;
    f.say(alice, into(id), "before").await;
    // Bob's place is in the cache now, and must not outlive the membership.
    f.say(bob, into(id), "here").await;
    f.chat.remove_member(bob, id, bob).await.unwrap();
    assert_eq!(
        refusal(f.chat.send(bob, SendRequest::text(into(id), "still?")).await),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(
        refusal(f.chat.list_messages(bob, id, MessageAnchor::Latest, 10).await),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(refusal(f.chat.load_conversation(bob, id).await), Some(ErrorKind::NotFound));
    f.chat.add_members(alice, id, vec![carol]).await.unwrap();
    f.say(alice, into(id), "after").await;
    let seen = f.chat.list_messages(carol, id, MessageAnchor::Latest, 10).await.unwrap().messages;
    assert_eq!(seen.iter().map(|message| message.seq).collect::<Vec<_>>(), [Seq::new(3)]);
}

#[tokio::test(start_paused = true)]
async fn an_ended_group_is_gone_for_all() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let id = f.group(alice, &[bob]).await;
    f.say(bob, into(id), "hi").await;
    f.chat.delete_group(alice, id).await.unwrap();
    for person in [alice, bob] {
        assert_eq!(refusal(f.chat.load_conversation(person, id).await), Some(ErrorKind::NotFound));
        assert_eq!(
            refusal(f.chat.send(person, SendRequest::text(into(id), "x")).await),
            Some(ErrorKind::NotFound)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn conversations_are_listed_by_activity_in_pages() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(f.group(alice, &[bob]).await);
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
    }
    f.say(bob, into(ids[0]), "wake up").await;
    let first = f.chat.list_conversations(alice, ConversationPage { after: None, limit: 2 }).await.unwrap();
    let listed: Vec<_> = first.entries.iter().map(|entry| entry.conversation.id).collect();
    assert_eq!((listed.as_slice(), first.has_more), ([ids[0], ids[2]].as_slice(), true));
    assert_eq!(first.entries[0].unread, 1);
    let last = &first.entries[1].conversation;
    let after = Some((last.updated_at, last.id));
    let second = f.chat.list_conversations(alice, ConversationPage { after, limit: 2 }).await.unwrap();
    assert_eq!(
        (second.entries[0].conversation.id, second.entries.len(), second.has_more),
        (ids[1], 1, false)
    );
}
