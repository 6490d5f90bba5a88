//! Joining and leaving.

use super::{super::stage::refused, Stage};
use crate::{
    ErrorKind,
    model::{MemberChange, MemberUpdate, Role, Seq, UserId},
};
use futures_util::future::join_all;
use std::{collections::BTreeSet, sync::Arc};

pub(super) async fn a_join_takes_both_numbers_and_starts_at_the_head(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[]).await;
    stage.send_many(group, owner, 3).await;
    let (before, feed) = (stage.conversation(group, owner).await, stage.user_rev(one).await);
    let row = stage.add(group, owner, one).await;
    let rev = before.last_rev.next();
    assert_eq!((row.rev, row.since_rev, row.left_rev), (rev, rev, None));
    assert_eq!((row.role, row.visible_from_seq), (Role::Member, Seq::new(4)));
    assert_eq!((row.delivered_seq, row.read_seq), (Seq::new(3), Seq::new(3)), "nothing old is unread");
    assert_eq!((row.user_rev, stage.user_rev(one).await), (feed.next(), feed.next()));
    assert_eq!(stage.member(group, one).await, row);
    let after = stage.conversation(group, one).await;
    assert_eq!((after.last_rev, after.member_rev), (rev, before.member_rev.next()));
    assert_eq!((after.member_count, after.last_seq), (2, Seq::new(3)));
}

pub(super) async fn people_added_together_take_a_rev_each(stage: Stage) {
    let [owner, one, other, third] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let before = stage.conversation(group, owner).await;
    let add = MemberChange::Add(vec![third, one, other, third]);
    let changed = stage.change_members(group, owner, add).await.unwrap();
    let people: BTreeSet<_> = changed.members.iter().map(|row| row.user_id).collect();
    assert_eq!(people, BTreeSet::from([other, third]), "who is in is left as is, doubles count once");
    let revs: Vec<_> = changed.members.iter().map(|row| row.rev).collect();
    assert_eq!(revs, [before.last_rev.next(), before.last_rev.next().next()]);
    assert_eq!(changed.conversation.member_rev, before.member_rev.next().next());
    assert_eq!(changed.conversation.member_count, 4);
    assert_eq!(changed.conversation, stage.conversation(group, owner).await);
}

pub(super) async fn a_leave_takes_both_numbers_and_keeps_the_row(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    stage.send(group, one, "hello").await;
    let (before, feed) = (stage.conversation(group, owner).await, stage.user_rev(one).await);
    let changed = stage.remove(group, one, one).await;
    let rev = before.last_rev.next();
    let row = changed.members.last().expect("one row");
    assert_eq!((row.rev, row.left_rev, row.user_rev), (rev, Some(rev), feed.next()));
    assert!(row.left_at.is_some() && !row.is_active());
    assert_eq!(stage.member(group, one).await, *row, "it can still be read by its person");
    assert_eq!((changed.conversation.last_rev, changed.conversation.member_count), (rev, 1));
    assert_eq!(changed.conversation.member_rev, before.member_rev.next());
    assert_eq!(stage.user_rev(one).await, feed.next());
    assert!(stage.store.load_members(group, &[one]).await.unwrap().is_empty(), "not a member any more");
}

pub(super) async fn whoever_comes_back_has_one_row_and_a_fresh_start(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    stage.change_members(group, owner, MemberChange::SetRole(one, Role::Admin)).await.unwrap();
    stage.send_many(group, owner, 2).await;
    stage.remove(group, owner, one).await;
    stage.send_many(group, owner, 2).await;
    let row = stage.add(group, owner, one).await;
    assert_eq!((row.rev, row.left_rev, row.left_at), (row.since_rev, None, None));
    assert_eq!((row.role, row.visible_from_seq), (Role::Member, Seq::new(5)), "as a plain member");
    assert_eq!((row.delivered_seq, row.read_seq), (Seq::new(4), Seq::new(4)));
    let rows = stage.store.list_members(group, None, 10).await.unwrap();
    assert_eq!(rows.len(), 2, "one row per person");
    let heads = stage.store.load_feed(one).await.unwrap().heads;
    assert_eq!(heads.len(), 1);
    assert_eq!((heads[0].since_rev, heads[0].left_rev), (row.since_rev, None));
}

pub(super) async fn changes_that_change_nothing_take_no_number(stage: Stage) {
    let [owner, one, former] = stage.people().await;
    let group = stage.group(owner, &[one, former]).await;
    stage.remove(group, owner, former).await;
    let before = stage.conversation(group, owner).await;
    let feeds = (stage.user_rev(one).await, stage.user_rev(former).await);
    for change in [
        MemberChange::Add(vec![one, owner]),
        MemberChange::Remove(former),
        MemberChange::SetRole(one, Role::Member),
        MemberChange::SetRole(owner, Role::Owner),
    ] {
        let changed = stage.change_members(group, owner, change).await.unwrap();
        assert!(changed.members.is_empty());
        assert_eq!(changed.conversation, before);
    }
    assert_eq!((stage.user_rev(one).await, stage.user_rev(former).await), feeds);
}

pub(super) async fn a_group_over_its_limit_takes_nobody(stage: Stage) {
    let [owner, one, other] = stage.people().await;
    let group = stage.group(owner, &[]).await;
    let before = stage.conversation(group, owner).await;
    let add = async |people: Vec<UserId>| {
        let change = MemberChange::Add(people);
        let update =
            MemberUpdate { conversation_id: group, actor: owner, change, member_limit: 2, now: stage.now() };
        stage.store.update_members(update).await
    };
    refused(add(vec![one, other]).await, ErrorKind::TooLarge);
    assert_eq!(stage.conversation(group, owner).await, before, "all or nothing");
    assert_eq!(add(vec![one]).await.unwrap().conversation.member_count, 2, "the limit itself is reached");
    refused(add(vec![other]).await, ErrorKind::TooLarge);
    assert!(add(vec![one]).await.unwrap().members.is_empty(), "who is in already needs no room");
}

pub(super) async fn joins_at_once_take_different_revs(stage: Stage) {
    let owner = stage.person().await;
    let group = stage.group(owner, &[]).await;
    let before = stage.conversation(group, owner).await;
    let people: [UserId; 12] = stage.people().await;
    let calls = people.map(|person| {
        let (store, now) = (Arc::clone(&stage.store), stage.now());
        let change = MemberChange::Add(vec![person]);
        let update = MemberUpdate { conversation_id: group, actor: owner, change, member_limit: 100, now };
        tokio::spawn(async move { store.update_members(update).await.unwrap().members[0].rev })
    });
    let revs: BTreeSet<_> = join_all(calls).await.into_iter().map(|rev| rev.unwrap().get()).collect();
    let first = before.last_rev.get() + 1;
    assert_eq!(revs, (first..first + 12).collect());
    let after = stage.conversation(group, owner).await;
    assert_eq!((after.member_count, after.member_rev.get()), (13, before.member_rev.get() + 12));
}

pub(super) async fn members_are_listed_in_pages(stage: Stage) {
    let mut people: [UserId; 7] = stage.people().await;
    let group = stage.group(people[3], &people).await;
    stage.remove(group, people[3], people[5]).await;
    people.sort_unstable();
    let active: Vec<_> = people.into_iter().filter(|&person| person != people[5]).collect();
    let mut seen = Vec::new();
    loop {
        let page = stage.store.list_members(group, seen.last().copied(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page.iter().map(|row| row.user_id));
    }
    assert_eq!(seen, active);
    let mut loaded = stage.store.load_members(group, &[people[6], people[5], people[0]]).await.unwrap();
    loaded.sort_unstable_by_key(|row| row.user_id);
    let loaded: Vec<_> = loaded.iter().map(|row| row.user_id).collect();
    assert_eq!(loaded, [people[0], people[6]]);
}

pub(super) async fn a_roster_agrees_with_the_conversation(stage: Stage) {
    let [owner, one, former] = stage.people().await;
    let group = stage.group(owner, &[one, former]).await;
    stage.send(group, owner, "hello").await;
    stage.remove(group, owner, former).await;
    let late = stage.person().await;
    stage.add(group, owner, late).await;
    stage.flush(group, &[(one, 1, 1)]).await;
    let (roster, conversation) =
        (stage.store.load_roster(group).await.unwrap(), stage.conversation(group, owner).await);
    assert_eq!(roster.member_rev, conversation.member_rev);
    assert_eq!((roster.last_rev, roster.last_cursor), (conversation.last_rev, conversation.last_cursor));
    assert_eq!((roster.kind, roster.pair), (conversation.kind, conversation.pair));
    let rows = stage.store.list_members(group, None, 10).await.unwrap();
    let listed = rows.iter().map(|row| (row.user_id, row.visible_from_seq, row.since_rev));
    let entries = roster.members.iter().map(|row| (row.user_id, row.visible_from_seq, row.since_rev));
    assert!(entries.eq(listed), "the same people in rising id");
    let direct = stage.direct(owner, one).await;
    let roster = stage.store.load_roster(direct).await.unwrap();
    assert_eq!(roster.pair, Some((owner, one)));
}
