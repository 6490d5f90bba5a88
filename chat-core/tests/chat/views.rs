use crate::fixture::{Fixture, into, to};
use chat_core::{
    chat::{Mark, SendRequest},
    protocol::{PresenceStatus, ReceiptStatus},
};

#[tokio::test(start_paused = true)]
async fn a_conversation_is_shown_with_its_members_and_the_readers_own_row() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let message = f.say(alice, to(bob), "hi").await;
    let entry = f.chat.load_conversation(bob, message.conversation_id).await.unwrap();
    let view = f.chat.present_entry(&entry).await.unwrap();
    assert_eq!(view.unread, Some(1));
    assert_eq!(view.last_message.unwrap().content, "hi");
    assert_eq!(view.me.unwrap().read_seq.get(), 0);
    let mut names: Vec<_> =
        view.members.unwrap().into_iter().map(|member| member.user.display_name).collect();
    names.sort();
    assert_eq!(names, ["person-0", "person-1"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_sender_is_told_its_key() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let request = SendRequest::text(to(bob), "hi").with_client_id("k1");
    let sent = f.chat.send(alice, request.clone()).await.unwrap();
    let ack = f.chat.present_send(alice, &sent).await.unwrap();
    assert_eq!((ack.message.client_id.as_deref(), ack.duplicate), (Some("k1"), false));
    let other = f.chat.present_message(bob, &sent.message).await.unwrap();
    assert_eq!(other.client_id, None);
    f.chat.mark(bob, Mark::Message(sent.message.id), ReceiptStatus::Read).await.unwrap();
    let again = f.chat.send(alice, request).await.unwrap();
    let ack = f.chat.present_send(alice, &again).await.unwrap();
    assert_eq!((ack.message.status, ack.duplicate), (ReceiptStatus::Read, true));
}

#[tokio::test(start_paused = true)]
async fn a_quote_from_before_ones_time_is_unavailable() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let id = f.group(alice, &[bob]).await;
    let old = f.say(alice, into(id), "old secret").await;
    f.chat.add_members(alice, id, vec![carol]).await.unwrap();
    let mut request = SendRequest::text(into(id), "about that");
    request.reply_to = Some(old.id);
    let answer = f.chat.send(bob, request).await.unwrap().message;
    let seen = f.chat.present_message(carol, &answer).await.unwrap().reply_to.unwrap();
    assert_eq!((seen.content.as_str(), seen.unavailable), ("", Some(true)));
    let seen = f.chat.present_message(alice, &answer).await.unwrap().reply_to.unwrap();
    assert_eq!((seen.content.as_str(), seen.unavailable), ("old secret", None));
}

#[tokio::test(start_paused = true)]
async fn what_is_ones_own_is_shown_to_oneself_only() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let user = f.chat.find_user(alice, alice).await.unwrap();
    let own = f.chat.present_user(alice, &user).await.unwrap();
    let others = f.chat.present_user(bob, &user).await.unwrap();
    assert_eq!((own.user_rev, own.is_admin), (Some(user.user_rev), Some(false)));
    assert_eq!((others.user_rev, others.is_admin), (None, None));
    assert_eq!(others.status, PresenceStatus::Offline);
}

#[tokio::test(start_paused = true)]
async fn an_opened_conversation_is_shown_to_whoever_opened_it() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let opened = f.chat.open_direct(alice, bob).await.unwrap();
    let view = f.chat.present_opened(alice, &opened).await.unwrap();
    assert_eq!((view.unread, view.members.map(|members| members.len())), (Some(0), Some(2)));
    f.say(alice, to(bob), "hi").await;
    let again = f.chat.open_direct(bob, alice).await.unwrap();
    assert!(!again.created);
    let view = f.chat.present_opened(bob, &again).await.unwrap();
    assert_eq!(view.unread, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_picture_ends_in_its_extension() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let mut request = SendRequest::text(to(bob), "");
    request.attachments = vec![f.picture(alice).await];
    let message = f.chat.send(alice, request).await.unwrap().message;
    let view = f.chat.present_message(bob, &message).await.unwrap();
    assert_eq!(view.media_url.as_deref(), view.attachments.first().map(|file| file.url.as_str()));
    assert!(view.media_url.unwrap().ends_with(".png"));
}
