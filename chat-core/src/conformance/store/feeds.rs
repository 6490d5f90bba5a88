//! A person's own feed, and what the repair of lost hints reads.

use super::Stage;
use crate::model::{GroupUpdate, MemberChange, ProfileUpdate, Pulse, Rev, Role};

pub(super) async fn the_feed_lists_memberships_in_rising_user_rev(stage: Stage) {
    let [me, one, other] = stage.people().await;
    let start = stage.user_rev(me).await;
    let (first, group) = (stage.direct(me, one).await, stage.group(other, &[me]).await);
    let second = stage.direct(other, me).await;
    let list = async |after: Rev, limit: usize| {
        let rows = stage.store.list_feed(me, after, limit).await.unwrap();
        assert!(rows.is_sorted_by_key(|row| row.user_rev));
        rows.iter().map(|row| row.conversation_id).collect::<Vec<_>>()
    };
    assert_eq!(list(start, 10).await, [first, group, second]);
    assert_eq!(list(start, 2).await, [first, group]);
    assert_eq!(list(start.next(), 10).await, [group, second]);
    stage.remove(group, other, me).await;
    assert_eq!(list(start, 10).await, [first, second, group], "a leave is a change of the own feed");
    let left = stage.store.list_feed(me, Rev::ZERO, 10).await.unwrap().pop().expect("three rows");
    assert_eq!((left.user_rev, left.is_active()), (stage.user_rev(me).await, false));
    let renamed = ProfileUpdate { display_name: Some("Me".to_owned()), avatar: None };
    stage.store.update_profile(me, renamed, stage.now()).await.unwrap();
    assert!(list(left.user_rev, 10).await.is_empty(), "a profile is no membership");
    stage.add(group, other, me).await;
    assert_eq!(list(left.user_rev, 10).await, [group]);
}

pub(super) async fn a_feed_shows_the_heads_of_all_memberships(stage: Stage) {
    let [me, one, other] = stage.people().await;
    let place = stage.direct(me, one).await;
    let group = stage.group(other, &[me]).await;
    stage.remove(group, other, me).await;
    stage.direct(one, other).await;
    stage.send(place, one, "news").await;
    stage.flush(place, &[(me, 1, 0)]).await;
    let feed = stage.store.load_feed(me).await.unwrap();
    assert_eq!(feed.user, stage.load_user(me).await);
    let ids: Vec<_> = feed.heads.iter().map(|head| head.conversation_id).collect();
    assert_eq!(ids, [place, group], "ended ones included, newest activity first");
    for head in feed.heads {
        let (conversation, row) = stage.store.load_membership(head.conversation_id, me).await.unwrap();
        assert_eq!((head.last_rev, head.last_cursor), (conversation.last_rev, conversation.last_cursor));
        assert_eq!(head.updated_at, conversation.updated_at);
        assert_eq!(
            (head.since_rev, head.left_rev, head.user_rev),
            (row.since_rev, row.left_rev, row.user_rev)
        );
    }
}

/// The repair loop asks for what was written since its last look, and must not miss a write of any sort.
pub(super) async fn whatever_was_written_since_is_listed(stage: Stage) {
    let [owner, one, other] = stage.people().await;
    let (group, quiet) = (stage.group(owner, &[one]).await, stage.direct(one, other).await);
    let message = stage.send(group, owner, "helo").await;
    let mut since = stage.store.list_changed(stage.now()).await.unwrap().as_of;
    for step in 0..7 {
        match step {
            0 => drop(stage.send(group, one, "hi").await),
            1 => drop(stage.edit(message.id, owner, "hello").await.unwrap()),
            2 => drop(stage.flush(group, &[(owner, 2, 2)]).await),
            3 => {
                stage.add(group, owner, other).await;
            }
            4 => {
                let change = MemberChange::SetRole(other, Role::Admin);
                drop(stage.change_members(group, owner, change).await.unwrap());
            }
            5 => {
                let title = "New".to_owned();
                let update = GroupUpdate { conversation_id: group, actor: owner, title, now: stage.now() };
                drop(stage.store.update_group(update).await.unwrap());
            }
            _ => drop(stage.delete(message.id, owner).await.unwrap()),
        }
        let changed = stage.store.list_changed(since).await.unwrap();
        let conversation = stage.conversation(group, owner).await;
        let pulse = changed.conversations.iter().find(|pulse| pulse.conversation_id == group);
        let expected = Pulse {
            conversation_id: group,
            last_rev: conversation.last_rev,
            member_rev: conversation.member_rev,
            last_cursor: conversation.last_cursor,
            last_seq: conversation.last_seq,
        };
        assert_eq!(pulse, Some(&expected), "step {step}");
        assert!(changed.as_of >= since, "the store's time does not go back");
        if step == 3 {
            let rev = stage.user_rev(other).await;
            assert!(changed.users.contains(&(other, rev)), "a join is of the own feed too");
        }
        since = changed.as_of;
    }
    let rev = stage.user_rev(one).await;
    stage.store.set_admin(one, true, stage.now()).await.unwrap();
    let changed = stage.store.list_changed(since).await.unwrap();
    assert!(changed.users.contains(&(one, rev.next())), "a change of the own feed alone is listed");
    assert!(
        !changed.conversations.iter().any(|pulse| pulse.conversation_id == quiet),
        "what is quiet is not"
    );
    let all = stage.store.list_changed(crate::model::Timestamp::from_micros(0)).await.unwrap();
    assert!(all.conversations.is_sorted_by_key(|pulse| pulse.conversation_id));
    assert_eq!((all.conversations.len(), all.users.len()), (2, 3));
}

pub(super) async fn heads_of_all_conversations_come_in_pages(stage: Stage) {
    let [me, one, other] = stage.people().await;
    let mut ids =
        vec![stage.direct(me, one).await, stage.direct(me, other).await, stage.direct(one, other).await];
    ids.push(stage.group(me, &[one]).await);
    ids.push(stage.direct(me, me).await);
    stage.send(ids[0], me, "x").await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = stage.store.list_heads(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some(last.conversation_id);
        seen.extend(page);
    }
    let listed: Vec<_> = seen.iter().map(|pulse| pulse.conversation_id).collect();
    ids.sort_unstable();
    assert_eq!(listed, ids);
    let conversation = stage.conversation(seen[0].conversation_id, me).await;
    assert_eq!((seen[0].last_seq, seen[0].last_rev), (conversation.last_seq, conversation.last_rev));
}
