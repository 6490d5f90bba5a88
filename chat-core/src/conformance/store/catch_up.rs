//! Reading the changes of a conversation.

use super::{
    super::stage::{query, refused},
    Stage,
};
use crate::{
    ErrorKind,
    model::{ChangeQuery, ChangeSet, Cursor, GroupUpdate, MemberChange, Rev, Role, Seq},
};
use std::{collections::BTreeMap, sync::Arc};

/// Returns the revs of an answer's rows, which are given in rising order of each sort.
fn revs(changes: &ChangeSet) -> Vec<i64> {
    assert!(changes.messages.is_sorted_by_key(|message| message.rev));
    assert!(changes.members.is_sorted_by_key(|member| member.rev));
    let messages = changes.messages.iter().map(|message| message.rev.get());
    let mut revs: Vec<_> = messages.chain(changes.members.iter().map(|member| member.rev.get())).collect();
    revs.sort_unstable();
    revs
}

pub(super) async fn every_durable_change_is_found_by_its_rev(stage: Stage) {
    let [owner, one, fresh] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let message = stage.send(group, one, "helo").await;
    let known = async |after: Rev| {
        let changes = stage.changes(group, owner, after).await;
        assert_eq!(changes.to_rev(), changes.conversation.last_rev);
        changes
    };
    let created = known(Rev::new(1)).await;
    assert_eq!(created.messages, std::slice::from_ref(&message));
    let edited = stage.edit(message.id, one, "hello").await.unwrap().message;
    assert_eq!(known(message.rev).await.messages, std::slice::from_ref(&edited));
    let joined = stage.add(group, owner, fresh).await;
    assert_eq!(known(edited.rev).await.members, std::slice::from_ref(&joined));
    let change = MemberChange::SetRole(fresh, Role::Admin);
    let promoted = stage.change_members(group, owner, change).await.unwrap().members;
    assert_eq!(known(joined.rev).await.members, promoted);
    let deleted = stage.delete(message.id, one).await.unwrap().message;
    assert_eq!(known(promoted[0].rev).await.messages, std::slice::from_ref(&deleted));
    let left = stage.remove(group, fresh, fresh).await.members;
    assert_eq!(known(deleted.rev).await.members, left, "also of those who left");
    let update =
        GroupUpdate { conversation_id: group, actor: owner, title: "New".to_owned(), now: stage.now() };
    stage.store.update_group(update).await.unwrap();
    let renamed = known(left[0].rev).await;
    assert_eq!((revs(&renamed).len(), renamed.conversation.meta_rev), (0, left[0].rev.next()));
    let all = known(Rev::ZERO).await;
    assert_eq!(revs(&all), [deleted.rev.get(), left[0].rev.get()], "each row once, with its last change");
    assert_eq!(all.me, stage.member(group, owner).await);
}

pub(super) async fn pages_of_changes_lose_and_double_nothing(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let mut messages = Vec::new();
    for turn in 0..6 {
        messages.push(stage.send(group, owner, "x").await);
        let fresh = stage.person().await;
        stage.add(group, owner, fresh).await;
        if turn % 2 == 0 {
            stage.edit(messages[turn / 2].id, owner, &format!("edit {turn}")).await.unwrap();
        }
    }
    let whole = revs(&stage.changes(group, one, Rev::ZERO).await);
    assert_eq!(whole.len(), 12);
    for limit in [1, 2, 5, 11, 12, 13] {
        let (mut known, mut seen) = (Rev::ZERO, Vec::new());
        loop {
            let query = ChangeQuery { limit, ..query(group, one, known) };
            let page = stage.store.read_changes(query).await.unwrap();
            let revs = revs(&page);
            assert!(revs.len() <= limit, "at most {limit}");
            assert!(!page.has_more || revs.len() == limit, "a page that is cut is full");
            known = page.to_rev();
            seen.extend(revs);
            if !page.has_more {
                assert_eq!(known, page.conversation.last_rev);
                break;
            }
            assert_eq!(seen.last().copied(), Some(known.get()));
        }
        assert_eq!(seen, whole, "in pages of {limit}");
    }
}

pub(super) async fn changes_before_the_join_are_left_out(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let before = stage.send(group, owner, "before").await;
    stage.remove(group, owner, one).await;
    let between = stage.send(group, owner, "between").await;
    let joined = stage.add(group, owner, one).await;
    let after = stage.send(group, owner, "after").await;
    let changes = stage.changes(group, one, Rev::ZERO).await;
    assert_eq!(changes.messages, std::slice::from_ref(&after));
    stage.edit(before.id, owner, "changed").await.unwrap();
    stage.delete(between.id, owner).await.unwrap();
    let changes = stage.changes(group, one, joined.rev).await;
    assert_eq!(changes.messages, [after], "a late change does not make an old message visible");
    assert!(!changes.has_more);
    assert_eq!(changes.to_rev(), stage.conversation(group, one).await.last_rev, "yet it is complete");
}

pub(super) async fn whoever_left_is_told_so_and_nothing_more(stage: Stage) {
    let [owner, one, stranger] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    stage.send(group, owner, "before").await;
    stage.remove(group, owner, one).await;
    stage.send(group, owner, "after").await;
    let changes = stage.changes(group, one, Rev::ZERO).await;
    assert!(changes.me.left_rev.is_some());
    assert_eq!((changes.messages.len(), changes.members.len(), changes.cursors.len()), (0, 0, 0));
    assert!(!changes.has_more);
    refused(stage.store.read_changes(query(group, stranger, Rev::ZERO)).await, ErrorKind::NotFound);
}

pub(super) async fn cursors_are_found_by_their_flush(stage: Stage) {
    let [owner, one, other] = stage.people().await;
    let group = stage.group(owner, &[one, other]).await;
    stage.send_many(group, owner, 3).await;
    let first = stage.flush(group, &[(one, 1, 1)]).await.cursor;
    let second = stage.flush(group, &[(other, 2, 1), (owner, 3, 3)]).await.cursor;
    let moved = async |after_cursor: Option<Cursor>| {
        let rev = stage.conversation(group, owner).await.last_rev;
        let query = ChangeQuery { after_cursor, limit: 1, ..query(group, owner, rev) };
        let changes = stage.store.read_changes(query).await.unwrap();
        assert!(!changes.has_more && changes.messages.is_empty(), "cursors do not count against the limit");
        assert_eq!(changes.conversation.last_cursor, second);
        let rows = changes.cursors.iter();
        rows.map(|row| (row.user_id, row.delivered_seq.get())).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(moved(Some(Cursor::ZERO)).await, BTreeMap::from([(owner, 3), (one, 1), (other, 2)]));
    assert_eq!(moved(Some(first)).await, BTreeMap::from([(owner, 3), (other, 2)]));
    assert!(moved(Some(second)).await.is_empty());
    assert!(moved(None).await.is_empty(), "not asked for");
    stage.remove(group, owner, other).await;
    assert_eq!(moved(Some(first)).await, BTreeMap::from([(owner, 3)]), "of those who are in it");
}

/// While others write, an answer shows one moment: its rows reach exactly to its head.
pub(super) async fn changes_and_their_head_are_one_snapshot(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let drafts: Vec<_> = (0..300).map(|_| stage.draft(place, one, "x")).collect();
    let store = Arc::clone(&stage.store);
    let writer = tokio::spawn(async move {
        for draft in drafts {
            store.commit(vec![crate::model::Change::Append(draft)]).await.unwrap();
        }
    });
    let mut known = Rev::new(1);
    while known < Rev::new(301) {
        let is_over = writer.is_finished();
        let changes = stage.changes(place, other, known).await;
        let revs = revs(&changes);
        if is_over && revs.is_empty() {
            break;
        }
        assert_eq!(changes.conversation.last_rev.get(), changes.conversation.last_seq.get() + 1);
        assert!(revs.iter().copied().eq(known.get() + 1..=changes.conversation.last_rev.get()));
        known = changes.to_rev();
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    assert_eq!(stage.conversation(place, one).await.last_seq, Seq::new(300));
}
