//! Direct conversations.

use super::{super::stage::refused, Stage};
use crate::{
    ErrorKind,
    model::{ConversationKind, Cursor, Rev, Role, Seq, UserId},
};
use futures_util::future::join_all;
use std::{collections::BTreeSet, sync::Arc};

pub(super) async fn a_pair_has_exactly_one_direct_conversation(stage: Stage) {
    let [one, other, third] = stage.people().await;
    let place = stage.direct(one, other).await;
    assert_eq!(stage.direct(one, other).await, place);
    assert_eq!(stage.direct(other, one).await, place, "whoever asks");
    assert_ne!(stage.direct(one, third).await, place);
    let conversation = stage.conversation(place, one).await;
    assert_eq!(conversation.kind, ConversationKind::Direct);
    assert_eq!(conversation.pair, Some((one.min(other), one.max(other))));
    assert_eq!((conversation.member_count, conversation.title), (2, None));
}

pub(super) async fn the_conversation_with_oneself_has_one_member(stage: Stage) {
    let me = stage.person().await;
    let rev = stage.user_rev(me).await;
    let place = stage.direct(me, me).await;
    assert_eq!(stage.direct(me, me).await, place);
    let conversation = stage.conversation(place, me).await;
    assert_eq!((conversation.member_count, conversation.pair), (1, Some((me, me))));
    assert_eq!(stage.store.load_roster(place).await.unwrap().members.len(), 1);
    assert_eq!(stage.user_rev(me).await, rev.next(), "one member, one number");
    assert_eq!(stage.send(place, me, "note").await.receiver_id, Some(me));
}

pub(super) async fn two_who_open_their_conversation_at_once_get_the_same(stage: Stage) {
    let [one, other] = stage.people().await;
    let now = stage.now();
    let calls = (0..16).map(|turn| {
        let (user, peer) = if turn % 2 == 0 { (one, other) } else { (other, one) };
        let store = Arc::clone(&stage.store);
        tokio::spawn(async move {
            store.open_directs(user, &[peer], now).await.unwrap().pop().expect("one answer").unwrap()
        })
    });
    let opened: Vec<_> = join_all(calls).await.into_iter().map(|opened| opened.unwrap()).collect();
    let ids: BTreeSet<_> = opened.iter().map(|opened| opened.conversation.id).collect();
    assert_eq!(ids.len(), 1, "one conversation: {ids:?}");
    assert_eq!(opened.iter().filter(|opened| opened.created).count(), 1, "one call made it");
    assert_eq!(stage.store.load_feed(one).await.unwrap().heads.len(), 1);
}

pub(super) async fn a_fresh_direct_conversation_has_rev_1_and_is_in_both_feeds(stage: Stage) {
    let [one, other] = stage.people().await;
    let revs = (stage.user_rev(one).await, stage.user_rev(other).await);
    let opened = stage.store.open_directs(one, &[other], stage.now()).await.unwrap().remove(0).unwrap();
    assert!(opened.created);
    let conversation = &opened.conversation;
    assert_eq!((conversation.last_rev, conversation.meta_rev), (Rev::new(1), Rev::new(1)));
    assert_eq!((conversation.last_seq, conversation.first_seq), (Seq::ZERO, Seq::new(1)));
    assert_eq!((conversation.last_cursor, conversation.reset_rev), (Cursor::ZERO, Rev::ZERO));
    assert_eq!(opened.members.len(), 2);
    for (user, rev) in [(one, revs.0), (other, revs.1)] {
        let row = stage.member(conversation.id, user).await;
        assert_eq!((row.rev, row.since_rev, row.left_rev), (Rev::ZERO, Rev::ZERO, None));
        assert_eq!((row.role, row.visible_from_seq), (Role::Member, Seq::new(1)));
        assert_eq!((row.delivered_seq, row.read_seq), (Seq::ZERO, Seq::ZERO));
        assert_eq!(row.user_rev, rev.next(), "the number stands in the row");
        assert_eq!(stage.user_rev(user).await, rev.next());
        assert!(opened.members.contains(&row));
    }
    let again = stage.store.open_directs(other, &[one], stage.now()).await.unwrap().remove(0).unwrap();
    assert!(!again.created);
    assert_eq!(again.conversation, opened.conversation, "finding it changes nothing");
    assert_eq!(stage.user_rev(one).await, revs.0.next());
}

pub(super) async fn an_unknown_peer_fails_in_its_own_place(stage: Stage) {
    let [me, one, other] = stage.people().await;
    let nobody = UserId::new(900_001);
    let mut opened = stage.store.open_directs(me, &[one, nobody, other], stage.now()).await.unwrap();
    assert_eq!(opened.len(), 3);
    let last = opened.pop().expect("three").unwrap().conversation;
    refused(opened.pop().expect("two"), ErrorKind::NotFound);
    let first = opened.pop().expect("one").unwrap().conversation;
    assert_eq!(first.pair, Some((me, one)), "in the order asked for");
    assert_eq!(last.pair, Some((me, other)));
    assert_eq!(stage.store.load_feed(me).await.unwrap().heads.len(), 2);
}

pub(super) async fn finding_direct_conversations_creates_none(stage: Stage) {
    let [me, known, stranger] = stage.people().await;
    let place = stage.direct(known, me).await;
    let found = stage.store.find_directs(me, &[stranger, known, me]).await.unwrap();
    assert_eq!(found, [None, Some(place), None]);
    assert_eq!(stage.store.load_feed(me).await.unwrap().heads.len(), 1);
}

pub(super) async fn a_membership_is_hidden_from_everybody_else(stage: Stage) {
    let [one, other, stranger] = stage.people().await;
    let place = stage.direct(one, other).await;
    let (conversation, row) = stage.store.load_membership(place, other).await.unwrap();
    assert_eq!((conversation.id, row.user_id, row.conversation_id), (place, other, place));
    refused(stage.store.load_membership(place, stranger).await, ErrorKind::NotFound);
    refused(stage.store.load_entry(place, stranger).await, ErrorKind::NotFound);
}
