//! Storing messages.

use super::{
    super::stage::{message_of, refused},
    Stage,
};
use crate::{
    ErrorKind,
    model::{Change, MediaId, MessageAnchor, Outcome, Rev, Seq},
    store::Ban,
};
use futures_util::future::join_all;
use std::{collections::BTreeMap, sync::Arc};

pub(super) async fn a_message_takes_one_seq_and_one_rev_and_moves_no_cursor(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let (mine, theirs) = (stage.member(place, one).await, stage.member(place, other).await);
    let feeds = (stage.user_rev(one).await, stage.user_rev(other).await);
    let new = stage.keyed(place, one, "k1", "hello");
    let done = stage.append(new.clone()).await.unwrap();
    assert_eq!(done.outcome, Outcome::Applied);
    let message = done.message;
    assert_eq!((message.seq, message.rev, message.created_rev), (Seq::new(1), Rev::new(2), Rev::new(2)));
    assert_eq!((message.conversation_id, message.sender_id), (place, one));
    assert_eq!(message.receiver_id, Some(other));
    assert_eq!((message.content.as_str(), message.key.client_id()), ("hello", Some("k1")));
    assert_eq!((message.created_at, message.edited_at, message.deleted_at), (new.now, None, None));
    let second = stage.send(place, other, "and you").await;
    assert_eq!((second.seq, second.rev), (Seq::new(2), Rev::new(3)));
    assert!(second.id > message.id);
    let conversation = stage.conversation(place, one).await;
    assert_eq!((conversation.last_seq, conversation.last_rev), (second.seq, second.rev));
    assert_eq!(done.member_rev, conversation.member_rev);
    assert_eq!(conversation.updated_at, second.created_at);
    assert_eq!((stage.member(place, one).await, stage.member(place, other).await), (mine, theirs));
    assert_eq!((stage.user_rev(one).await, stage.user_rev(other).await), feeds);
    assert_eq!(
        stage.store.load_message(message.id, other).await.unwrap(),
        message,
        "what was told is what is kept"
    );
}

pub(super) async fn appends_at_once_are_numbered_without_holes(stage: Stage) {
    let [one, other] = stage.people().await;
    let (place, group) = (stage.direct(one, other).await, stage.group(one, &[other]).await);
    let calls = (0..16).map(|turn| {
        let sender = if turn % 2 == 0 { one } else { other };
        let places = if turn % 3 == 0 { [group, place] } else { [place, group] };
        let batch = (0..10).flat_map(|_| places.map(|id| Change::Append(stage.draft(id, sender, "x"))));
        let (store, batch) = (Arc::clone(&stage.store), batch.collect::<Vec<_>>());
        tokio::spawn(async move { store.commit(batch).await.unwrap() })
    });
    let mut numbers = BTreeMap::<_, Vec<(i64, i64)>>::new();
    for results in join_all(calls).await {
        let messages = results.unwrap().into_iter().map(|result| message_of(result.unwrap()).message);
        let mut last = BTreeMap::new();
        for message in messages {
            let numbers = numbers.entry(message.conversation_id).or_default();
            numbers.push((message.seq.get(), message.rev.get()));
            assert!(
                last.insert(message.conversation_id, message.seq) < Some(message.seq),
                "in the batch's order"
            );
        }
    }
    for id in [place, group] {
        let mut numbers = numbers.remove(&id).unwrap_or_default();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq((1..=160).map(|seq| (seq, seq + 1))), "1, 2, 3 … in both counters");
        assert_eq!(stage.conversation(id, one).await.last_seq, Seq::new(160));
    }
}

pub(super) async fn only_members_write(stage: Stage) {
    let [owner, former, stranger] = stage.people().await;
    let group = stage.group(owner, &[former]).await;
    stage.send(group, former, "while inside").await;
    stage.remove(group, owner, former).await;
    let before = stage.conversation(group, owner).await;
    refused(stage.append(stage.draft(group, stranger, "let me in")).await, ErrorKind::NotFound);
    refused(stage.append(stage.draft(group, former, "one more")).await, ErrorKind::NotFound);
    assert_eq!(stage.conversation(group, owner).await, before);
}

/// A use case has looked at the membership before; the transaction has the last word.
pub(super) async fn a_removal_between_check_and_commit_wins(stage: Stage) {
    let [owner, one] = stage.people().await;
    for round in 0..50 {
        let group = stage.group(owner, &[one]).await;
        stage.member(group, one).await;
        let remove = async {
            let removed = stage.remove(group, owner, one).await;
            removed.members[0].rev
        };
        let (removed, sent) = if round % 2 == 0 {
            tokio::join!(remove, stage.append(stage.draft(group, one, "still here?")))
        } else {
            let (sent, removed) = tokio::join!(stage.append(stage.draft(group, one, "still here?")), remove);
            (removed, sent)
        };
        match sent {
            Ok(sent) => assert!(sent.message.rev < removed, "stored after its sender had left"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
        let revs = stage.conversation(group, owner).await.last_rev.get();
        assert_eq!(revs, if removed == Rev::new(2) { 2 } else { 3 }, "what is refused takes no number");
    }
}

pub(super) async fn a_banned_person_does_not_write(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let message = stage.send(place, one, "before").await;
    stage.store.set_banned(one, Ban::Banned, stage.now()).await.unwrap();
    let before = stage.conversation(place, other).await;
    refused(stage.append(stage.draft(place, one, "after")).await, ErrorKind::Forbidden);
    refused(stage.edit(message.id, one, "changed").await, ErrorKind::Forbidden);
    refused(stage.delete(message.id, one).await, ErrorKind::Forbidden);
    assert_eq!(stage.conversation(place, other).await, before);
    let elsewhere = stage.group(other, &[]).await;
    refused(stage.append(stage.draft(elsewhere, one, "hello")).await, ErrorKind::NotFound);
    stage.store.set_banned(one, Ban::Admitted, stage.now()).await.unwrap();
    stage.send(place, one, "back").await;
}

pub(super) async fn a_reply_answers_what_its_sender_can_see(stage: Stage) {
    let [owner, late] = stage.people().await;
    let group = stage.group(owner, &[]).await;
    let hidden = stage.send(group, owner, "before").await;
    stage.add(group, owner, late).await;
    let shown = stage.send(group, owner, "after").await;
    let elsewhere = stage.direct(owner, late).await;
    let other = stage.send(elsewhere, owner, "elsewhere").await;
    let before = stage.conversation(group, owner).await;
    let reply = |to| {
        let mut draft = stage.draft(group, late, "indeed");
        draft.reply_to = Some(to);
        draft
    };
    refused(stage.append(reply(hidden.id)).await, ErrorKind::NotFound);
    refused(stage.append(reply(other.id)).await, ErrorKind::NotFound);
    refused(stage.append(reply(crate::model::MessageId::new(900_001))).await, ErrorKind::NotFound);
    assert_eq!(stage.conversation(group, owner).await, before);
    let quote = stage.append(reply(shown.id)).await.unwrap().message.reply_to.expect("a quote");
    assert_eq!((quote.id, quote.seq, quote.sender_id), (shown.id, shown.seq, owner));
    assert_eq!((quote.content.as_str(), quote.deleted), ("after", false));
}

pub(super) async fn a_quote_shows_the_message_as_it_is_now(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let long = "ä".repeat(300);
    let quoted = stage.send(place, one, &long).await;
    let mut draft = stage.draft(place, other, "yes");
    draft.reply_to = Some(quoted.id);
    let reply = stage.append(draft).await.unwrap().message;
    let quote = async || stage.store.load_message(reply.id, one).await.unwrap().reply_to.expect("a quote");
    assert_eq!(quote().await.content, "ä".repeat(200), "at most 200 characters");
    stage.edit(quoted.id, one, "shorter").await.unwrap();
    assert_eq!(quote().await.content, "shorter");
    stage.delete(quoted.id, one).await.unwrap();
    assert_eq!((quote().await.content.as_str(), quote().await.deleted), ("", true));
    assert_eq!(stage.store.load_message(reply.id, one).await.unwrap().rev, reply.rev);
}

pub(super) async fn attachments_keep_their_order_and_must_exist(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let (first, second) = (stage.upload(one).await.attachment, stage.upload(one).await.attachment);
    let mut draft = stage.draft(place, one, "");
    draft.attachments = vec![second.clone(), first.clone()];
    draft.link = Some("https://example.org/a.png".to_owned());
    let sent = stage.append(draft).await.unwrap().message;
    assert_eq!(sent.attachments, [second, first.clone()]);
    assert_eq!(sent.link.as_deref(), Some("https://example.org/a.png"));
    assert_eq!(stage.store.load_message(sent.id, other).await.unwrap(), sent);
    let mut lost = first;
    lost.id = MediaId::new(900_001);
    let mut draft = stage.draft(place, one, "gone");
    draft.attachments = vec![lost];
    refused(stage.append(draft).await, ErrorKind::NotFound);
    assert_eq!(stage.conversation(place, one).await.last_seq, sent.seq);
}

pub(super) async fn every_text_comes_back_as_it_went_in(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let largest = "€".repeat(16_384);
    let texts = [
        "",
        " \t\n",
        "e\u{301} is not é",
        "👩‍👩‍👧‍👦 \u{202e}שלום\u{200b}",
        "'; DROP TABLE chat_message; --",
        "{\"json\": [null, \"\\u0000\"]}",
        "nul \0 inside",
        &largest,
    ];
    let batch = texts.map(|text| Change::Append(stage.draft(place, one, text)));
    for result in stage.commit(batch.into()).await {
        result.unwrap();
    }
    let page = stage.store.list_messages(place, MessageAnchor::Latest, Seq::new(1), 50).await.unwrap();
    let kept: Vec<_> = page.messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(kept, texts);
}

pub(super) async fn a_message_is_read_only_by_those_who_may_see_it(stage: Stage) {
    let [owner, one, stranger] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let first = stage.send(group, owner, "first").await;
    assert_eq!(stage.store.load_message(first.id, one).await.unwrap(), first);
    refused(stage.store.load_message(first.id, stranger).await, ErrorKind::NotFound);
    stage.remove(group, owner, one).await;
    refused(stage.store.load_message(first.id, one).await, ErrorKind::NotFound);
    stage.add(group, owner, one).await;
    refused(stage.store.load_message(first.id, one).await, ErrorKind::NotFound);
    let second = stage.send(group, owner, "second").await;
    assert_eq!(stage.store.load_message(second.id, one).await.unwrap(), second);
}
