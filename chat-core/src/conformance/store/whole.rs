//! The store as a whole: its epoch, its errors, and what is left of it after it was closed.

use super::{
    super::stage::{query, refused},
    Stage,
};
use crate::{
    ErrorKind,
    model::{
        BroadcastId, ConversationId, Cursor, CursorFlush, JobId, JobOutcome, MessageId, Rev, Seq, UserId,
    },
    model::{Change, MemberChange, ProfileUpdate},
    store::Ban,
};

pub(super) async fn an_epoch_lasts_until_it_is_renewed(stage: Stage) {
    let first = stage.store.epoch().await.unwrap();
    assert!(!first.as_str().is_empty());
    stage.person().await;
    assert_eq!(stage.store.epoch().await.unwrap(), first);
    let second = stage.store.renew_epoch().await.unwrap();
    assert_ne!(second, first, "a renewed epoch is another one");
    assert_eq!(stage.store.epoch().await.unwrap(), second);
    assert_ne!(stage.store.renew_epoch().await.unwrap(), second);
}

pub(super) async fn a_store_in_order_answers_a_ping(stage: Stage) {
    stage.store.ping().await.unwrap();
}

pub(super) async fn unknown_ids_are_not_found(stage: Stage) {
    let store = &stage.store;
    let [me, peer] = stage.people().await;
    let mine = stage.direct(me, peer).await;
    let (nobody, nowhere) = (UserId::new(900_001), ConversationId::new(900_002));
    let kind = ErrorKind::NotFound;
    refused(store.update_profile(nobody, ProfileUpdate::default(), stage.now()).await, kind);
    refused(store.set_banned(nobody, Ban::Banned, stage.now()).await, kind);
    refused(store.set_admin(nobody, true, stage.now()).await, kind);
    refused(store.load_feed(nobody).await, kind);
    refused(store.open_directs(nobody, &[me], stage.now()).await, kind);
    refused(store.load_membership(nowhere, me).await, kind);
    refused(store.load_entry(nowhere, me).await, kind);
    refused(store.load_roster(nowhere).await, kind);
    refused(store.read_changes(query(nowhere, me, Rev::ZERO)).await, kind);
    refused(store.delete_group(nowhere, me, stage.now()).await, kind);
    refused(stage.change_members(nowhere, me, MemberChange::Add(vec![peer])).await, kind);
    refused(store.load_message(MessageId::new(900_003), me).await, kind);
    refused(stage.append(stage.draft(nowhere, me, "hello")).await, kind);
    refused(stage.append(stage.draft(mine, nobody, "hello")).await, kind);
    refused(stage.edit(MessageId::new(900_003), me, "hello").await, kind);
    refused(stage.delete(MessageId::new(900_003), me).await, kind);
    let flush = CursorFlush { conversation_id: nowhere, moves: Vec::new(), now: stage.now() };
    refused(stage.commit(vec![Change::Cursors(flush)]).await.pop().expect("one result"), kind);
    refused(store.load_broadcast(BroadcastId::new(900_004), me).await, kind);
    refused(store.settle_receivers(BroadcastId::new(900_004), &[]).await, kind);
    refused(store.settle_job(JobId::new(900_005), 1, JobOutcome::Done).await, kind);
    assert_eq!(stage.conversation(mine, me).await.last_seq, Seq::ZERO, "none of it wrote anything");
}

pub(super) async fn lists_and_filters_leave_unknown_ids_out(stage: Stage) {
    let store = &stage.store;
    let me = stage.person().await;
    let (nobody, nowhere) = (UserId::new(900_001), ConversationId::new(900_002));
    let known: Vec<_> = store.load_users(&[nobody, me]).await.unwrap().iter().map(|user| user.id).collect();
    assert_eq!(known, [me]);
    assert!(store.filter_contacts(me, &[nobody]).await.unwrap().is_empty());
    assert_eq!(store.find_directs(me, &[nobody]).await.unwrap(), [None]);
    assert!(store.load_members(nowhere, &[me]).await.unwrap().is_empty());
    assert!(store.list_members(nowhere, None, 10).await.unwrap().is_empty());
    assert!(store.count_unread(me, &[nowhere]).await.unwrap().is_empty());
    assert!(store.list_feed(nobody, Rev::ZERO, 10).await.unwrap().is_empty());
    assert!(store.load_media(&[crate::model::MediaId::new(900_006)]).await.unwrap().is_empty());
    store.touch_users(&[(nobody, stage.now()), (me, stage.now())]).await.unwrap();
    assert!(stage.load_user(me).await.last_seen.is_some(), "the known one was touched");
}

/// A store says whether it is durable; one that is shows what it acknowledged after it was closed and opened again.
pub(super) async fn a_durable_store_has_everything_after_it_was_opened_again(stage: Stage) {
    let capabilities = stage.store.capabilities();
    if !capabilities.durable {
        assert!(!stage.can_reopen(), "a store that can be opened again says that it is durable");
        return;
    }
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let kept = stage.send(place, one, "kept").await;
    let edited = stage.send(place, one, "first").await;
    let edited = stage.edit(edited.id, one, "second").await.unwrap().message;
    stage.flush(place, &[(other, 2, 1)]).await;
    let epoch = stage.store.epoch().await.unwrap();
    let before = stage.changes(place, other, Rev::ZERO).await;
    let feed = stage.store.load_feed(other).await.unwrap();

    let stage = stage.restart().await;
    assert_eq!(stage.store.epoch().await.unwrap(), epoch, "an orderly restart keeps the epoch");
    let after = stage.changes(place, other, Rev::ZERO).await;
    assert_eq!(after, before);
    assert_eq!(after.messages, [kept, edited]);
    assert_eq!(after.cursors.len(), 1);
    assert_eq!(after.conversation.last_cursor, Cursor::new(1));
    assert_eq!(stage.store.load_feed(other).await.unwrap(), feed);
    let next = stage.send(place, other, "next").await;
    assert_eq!((next.seq, next.rev), (Seq::new(3), after.conversation.last_rev.next()), "numbers go on");
}

/// A store says whether several processes may use it; one that is shared shows each what the other wrote.
pub(super) async fn a_shared_store_shows_each_process_what_the_other_wrote(stage: Stage) {
    if !stage.store.capabilities().shared {
        // One process alone: there is no second one that anything could be shown to.
        return;
    }
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let second = stage.open_again().await;
    let written = stage.send(place, one, "from here").await;
    assert_eq!(second.load_message(written.id, other).await.unwrap(), written);
    let answer = stage.draft(place, other, "from there");
    second.commit(vec![Change::Append(answer)]).await.unwrap().pop().expect("one result").unwrap();
    assert_eq!(stage.conversation(place, one).await.last_seq, Seq::new(2));
}
