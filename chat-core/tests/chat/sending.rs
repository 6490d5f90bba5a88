use crate::fixture::{Fixture, into, refusal, to};
use chat_core::{
    ErrorKind,
    chat::{SendRequest, Target},
    model::{ConversationId, MessageAnchor, MessageId, Outcome, Seq, UserId},
    store::Ban,
};

#[tokio::test(start_paused = true)]
async fn the_first_message_opens_the_conversation_and_later_ones_follow_it() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let first = f.say(alice, to(bob), "hello").await;
    let second = f.say(bob, to(alice), "hi").await;
    assert_eq!(first.conversation_id, second.conversation_id);
    assert_eq!((first.seq, second.seq), (Seq::new(1), Seq::new(2)));
    assert_eq!((first.receiver_id, second.receiver_id), (Some(bob), Some(alice)));
}

#[tokio::test(start_paused = true)]
async fn sends_of_one_person_are_numbered_in_the_order_of_submission() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let mut pending = Vec::new();
    for number in 0..100 {
        let request = SendRequest::text(to(bob), number.to_string());
        pending.push(f.chat.submit_send(alice, request).await.unwrap());
    }
    for (number, pending) in pending.into_iter().enumerate() {
        let message = pending.finish().await.unwrap().message;
        assert_eq!((message.seq, message.content), (Seq::new(number as i64 + 1), number.to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_to_oneself_is_one_message() {
    let f = Fixture::start().await;
    let [alice] = f.people().await;
    let message = f.say(alice, to(alice), "note").await;
    let slice =
        f.chat.list_messages(alice, message.conversation_id, MessageAnchor::Latest, 10).await.unwrap();
    assert_eq!(slice.messages, [message]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_first_message_opens_nothing() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let mut refused = vec![
        (SendRequest::text(to(bob), " \u{200b}\n"), ErrorKind::Invalid),
        (SendRequest::text(to(bob), "a".repeat(16_385)), ErrorKind::TooLarge),
        (SendRequest::text(to(bob), "a").with_client_id(""), ErrorKind::Invalid),
        (SendRequest::text(to(bob), "a").with_client_id("x".repeat(65)), ErrorKind::Invalid),
        (SendRequest::text(to(bob), "a").with_client_id("\u{1}"), ErrorKind::Invalid),
    ];
    for url in ["javascript:alert(1)", "https://elsewhere.example/a.png", "/uploads/x.1.y/1/original/a.png"] {
        let mut request = SendRequest::text(to(bob), "a");
        request.media_url = Some(url.to_owned());
        refused.push((request, ErrorKind::Invalid));
    }
    let mut answer = SendRequest::text(to(bob), "a");
    answer.reply_to = Some(f.say(alice, to(alice), "note").await.id);
    refused.push((answer, ErrorKind::NotFound));
    let mut foreign_file = SendRequest::text(to(bob), "a");
    foreign_file.attachments = vec![f.picture(bob).await];
    refused.push((foreign_file, ErrorKind::NotFound));
    for (request, kind) in refused {
        assert_eq!(refusal(f.chat.send(alice, request.clone()).await), Some(kind), "{request:?}");
    }
    assert_eq!(f.chat.find_direct(alice, bob).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_one_may_not_see_does_not_exist() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let message = f.say(alice, to(bob), "secret").await;
    let hidden =
        f.chat.send(carol, SendRequest::text(into(message.conversation_id), "hi")).await.unwrap_err();
    let absent =
        f.chat.send(carol, SendRequest::text(into(ConversationId::new(999)), "hi")).await.unwrap_err();
    assert_eq!(hidden.kind(), ErrorKind::NotFound);
    assert_eq!((hidden.kind(), hidden.message()), (absent.kind(), absent.message()));
    let nobody = SendRequest::text(to(UserId::new(999)), "hi");
    assert_eq!(refusal(f.chat.send(alice, nobody).await), Some(ErrorKind::NotFound));
    let mut quoting = SendRequest::text(to(carol), "look");
    quoting.reply_to = Some(message.id);
    assert_eq!(refusal(f.chat.send(bob, quoting).await), Some(ErrorKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn a_retry_gets_the_first_result_and_another_body_is_a_conflict() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let request = SendRequest::text(to(bob), "once").with_client_id("k1");
    let first = f.chat.send(alice, request.clone()).await.unwrap();
    let again = f.chat.send(alice, request.clone()).await.unwrap();
    assert_eq!((first.outcome, again.outcome), (Outcome::Applied, Outcome::Repeated));
    assert_eq!(first.message, again.message);
    // The same conversation by its id is the same request.
    let by_id = SendRequest { target: into(first.message.conversation_id), ..request.clone() };
    assert_eq!(f.chat.send(alice, by_id).await.unwrap().message.id, first.message.id);
    let other = SendRequest { text: "twice".to_owned(), ..request.clone() };
    assert_eq!(refusal(f.chat.send(alice, other).await), Some(ErrorKind::Conflict));
    // The key is the sender's own.
    assert_eq!(
        f.chat.send(bob, SendRequest { target: to(alice), ..request }).await.unwrap().outcome,
        Outcome::Applied
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_of_somebody_who_was_removed_still_gets_the_first_result() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let group = f.group(alice, &[bob]).await;
    let request = SendRequest::text(into(group), "mine").with_client_id("k1");
    let first = f.chat.send(bob, request.clone()).await.unwrap();
    f.chat.remove_member(alice, group, bob).await.unwrap();
    let again = f.chat.send(bob, request.clone()).await.unwrap();
    assert_eq!((again.outcome, again.message.id), (Outcome::Repeated, first.message.id));
    let fresh = request.with_client_id("k2");
    assert_eq!(refusal(f.chat.send(bob, fresh).await), Some(ErrorKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn a_picture_is_sent_by_its_address_or_its_id() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let picture = f.picture(alice).await;
    let mut by_address = SendRequest::text(to(bob), "");
    by_address.media_url = Some(f.address(picture).await);
    let sent = f.chat.send(alice, by_address.clone()).await.unwrap().message;
    assert_eq!(sent.attachments.iter().map(|file| file.id).collect::<Vec<_>>(), [picture]);
    // Bob sees it now and may pass it on; Carol does not.
    let passed_on = SendRequest { target: to(carol), ..by_address.clone() };
    assert_eq!(
        refusal(f.chat.send(carol, SendRequest { target: to(bob), ..by_address }).await),
        Some(ErrorKind::NotFound)
    );
    f.chat.send(bob, passed_on).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_foreign_link_is_taken_only_where_the_operator_allows_it() {
    let f = Fixture::configured(|builder| builder.foreign_links(true)).await;
    let [alice, bob] = f.people().await;
    let mut request = SendRequest::text(to(bob), "");
    for bad in ["javascript:alert(1)", "http://", "https:///x", "https://a b/", "data:image/png,x"] {
        request.media_url = Some(bad.to_owned());
        assert_eq!(refusal(f.chat.send(alice, request.clone()).await), Some(ErrorKind::Invalid), "{bad}");
    }
    request.media_url = Some("https://elsewhere.example/a.png".to_owned());
    let sent = f.chat.send(alice, request).await.unwrap().message;
    assert_eq!(sent.link.as_deref(), Some("https://elsewhere.example/a.png"));
}

#[tokio::test(start_paused = true)]
async fn a_banned_sender_is_refused_and_nothing_is_stored() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let message = f.say(alice, to(bob), "before").await;
    f.chat.set_banned(alice, Ban::Banned).await.unwrap();
    let after = SendRequest::text(to(bob), "after");
    assert_eq!(refusal(f.chat.send(alice, after.clone()).await), Some(ErrorKind::Forbidden));
    let slice = f.chat.list_messages(bob, message.conversation_id, MessageAnchor::Latest, 10).await.unwrap();
    assert_eq!(slice.messages.len(), 1);
    f.chat.set_banned(alice, Ban::Admitted).await.unwrap();
    f.chat.send(alice, after).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_carries_what_it_answers() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let question = f.say(alice, to(bob), "when?").await;
    let mut request = SendRequest::text(to(alice), "now");
    request.reply_to = Some(question.id);
    let answer = f.chat.send(bob, request.clone()).await.unwrap().message;
    assert_eq!(
        answer.reply_to.map(|quote| (quote.id, quote.content)),
        Some((question.id, "when?".to_owned()))
    );
    request.reply_to = Some(MessageId::new(12_345));
    assert_eq!(refusal(f.chat.send(bob, request).await), Some(ErrorKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn too_many_files_are_too_large() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let mut request = SendRequest::text(Target::Person(bob), "");
    for _ in 0..11 {
        request.attachments.push(f.picture(alice).await);
    }
    assert_eq!(refusal(f.chat.send(alice, request.clone()).await), Some(ErrorKind::TooLarge));
    request.attachments.pop();
    assert_eq!(f.chat.send(alice, request).await.unwrap().message.attachments.len(), 10);
}
