//! Groups: creation, name, end.

use super::{super::stage::refused, Stage};
use crate::{
    ErrorKind, Result,
    model::{
        Conversation, ConversationId, ConversationKind, GroupUpdate, MemberChange, Rev, Role, Seq, UserId,
    },
};

async fn rename(stage: &Stage, id: ConversationId, actor: UserId, title: &str) -> Result<Conversation> {
    let update = GroupUpdate { conversation_id: id, actor, title: title.to_owned(), now: stage.now() };
    stage.store.update_group(update).await
}

pub(super) async fn creating_a_group_is_one_change(stage: Stage) {
    let [owner, one, other] = stage.people().await;
    let before = stage.user_rev(one).await;
    let opened = stage.store.create_group(stage.new_group(owner, &[one, other])).await.unwrap();
    assert!(opened.created);
    let group = &opened.conversation;
    assert_eq!(
        (group.kind, group.title.as_deref(), group.pair),
        (ConversationKind::Group, Some("Choir"), None)
    );
    assert_eq!((group.last_rev, group.meta_rev, group.member_count), (Rev::new(1), Rev::new(1), 3));
    assert_eq!((group.last_seq, group.first_seq), (Seq::ZERO, Seq::new(1)));
    for row in &opened.members {
        let role = if row.user_id == owner { Role::Owner } else { Role::Member };
        assert_eq!((row.rev, row.since_rev, row.role), (Rev::ZERO, Rev::ZERO, role));
        assert_eq!(row.user_rev, stage.user_rev(row.user_id).await);
    }
    assert_eq!(opened.members.len(), 3);
    assert_eq!(stage.user_rev(one).await, before.next(), "each takes one number of the own feed");
}

pub(super) async fn a_group_with_an_unknown_member_is_not_created(stage: Stage) {
    let [owner, one] = stage.people().await;
    let before = stage.user_rev(one).await;
    let group = stage.new_group(owner, &[one, UserId::new(900_001)]);
    refused(stage.store.create_group(group).await, ErrorKind::NotFound);
    assert!(stage.store.load_feed(owner).await.unwrap().heads.is_empty());
    assert_eq!(stage.user_rev(one).await, before, "what is refused takes no number");
}

pub(super) async fn a_retried_creation_gives_the_first_group(stage: Stage) {
    let [owner, one] = stage.people().await;
    let keyed = |creator: UserId| {
        let mut group = stage.new_group(creator, &[]);
        group.key = Some("again".to_owned());
        group
    };
    let first = stage.store.create_group(keyed(owner)).await.unwrap();
    let second = stage.store.create_group(keyed(owner)).await.unwrap();
    assert!(first.created && !second.created);
    assert_eq!(second.conversation, first.conversation);
    assert_eq!(stage.store.load_feed(owner).await.unwrap().heads.len(), 1);
    let others = stage.store.create_group(keyed(one)).await.unwrap();
    assert!(others.created, "a key belongs to its creator");
}

pub(super) async fn a_new_title_takes_one_rev_and_the_same_title_none(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    stage.send(group, one, "before").await;
    let before = stage.conversation(group, owner).await;
    let after = rename(&stage, group, owner, "Orchestra").await.unwrap();
    assert_eq!(after.title.as_deref(), Some("Orchestra"));
    assert_eq!((after.last_rev, after.meta_rev), (before.last_rev.next(), before.last_rev.next()));
    assert_eq!((after.last_seq, after.member_rev), (before.last_seq, before.member_rev));
    assert_eq!(rename(&stage, group, owner, "Orchestra").await.unwrap(), after);
    assert_eq!(stage.conversation(group, one).await, after);
}

pub(super) async fn only_owner_and_administrators_rename(stage: Stage) {
    let [owner, admin, plain, former, stranger] = stage.people().await;
    let group = stage.group(owner, &[admin, plain, former]).await;
    stage.change_members(group, owner, MemberChange::SetRole(admin, Role::Admin)).await.unwrap();
    stage.remove(group, owner, former).await;
    let before = stage.conversation(group, owner).await;
    refused(rename(&stage, group, plain, "Mine").await, ErrorKind::Forbidden);
    refused(rename(&stage, group, former, "Mine").await, ErrorKind::NotFound);
    refused(rename(&stage, group, stranger, "Mine").await, ErrorKind::NotFound);
    let direct = stage.direct(owner, plain).await;
    refused(rename(&stage, direct, owner, "Mine").await, ErrorKind::Invalid);
    refused(rename(&stage, direct, stranger, "Mine").await, ErrorKind::NotFound);
    assert_eq!(stage.conversation(group, owner).await, before);
    rename(&stage, group, admin, "Ours").await.unwrap();
}

pub(super) async fn the_end_of_a_group_is_a_leave_of_every_member(stage: Stage) {
    let [owner, one, former] = stage.people().await;
    let group = stage.group(owner, &[one, former]).await;
    stage.remove(group, owner, former).await;
    let message = stage.send(group, one, "hello").await;
    let before = stage.conversation(group, owner).await;
    let feeds = (stage.user_rev(owner).await, stage.user_rev(one).await, stage.user_rev(former).await);
    let ended = stage.store.delete_group(group, owner, stage.now()).await.unwrap();
    let revs: Vec<_> = ended.members.iter().map(|row| (row.rev, row.left_rev)).collect();
    let (first, second) = (before.last_rev.next(), before.last_rev.next().next());
    assert_eq!(revs, [(first, Some(first)), (second, Some(second))], "one rev each, in rising order");
    assert_eq!((ended.conversation.last_rev, ended.conversation.member_count), (second, 0));
    assert_eq!(ended.conversation.member_rev, before.member_rev.next().next());
    assert_eq!(ended.conversation.meta_rev, before.meta_rev);
    let after = (stage.user_rev(owner).await, stage.user_rev(one).await, stage.user_rev(former).await);
    assert_eq!(after, (feeds.0.next(), feeds.1.next(), feeds.2), "who had left before has nothing to learn");
    refused(stage.store.load_message(message.id, one).await, ErrorKind::NotFound);
    refused(stage.append(stage.draft(group, owner, "late")).await, ErrorKind::NotFound);
    assert!(stage.store.load_roster(group).await.unwrap().members.is_empty());
}

pub(super) async fn only_the_owner_ends_a_group(stage: Stage) {
    let [owner, admin, stranger] = stage.people().await;
    let group = stage.group(owner, &[admin]).await;
    stage.change_members(group, owner, MemberChange::SetRole(admin, Role::Admin)).await.unwrap();
    let before = stage.conversation(group, owner).await;
    let end =
        async |id: ConversationId, actor: UserId| stage.store.delete_group(id, actor, stage.now()).await;
    refused(end(group, admin).await, ErrorKind::Forbidden);
    refused(end(group, stranger).await, ErrorKind::NotFound);
    let direct = stage.direct(owner, admin).await;
    refused(end(direct, owner).await, ErrorKind::Invalid);
    assert_eq!(stage.conversation(group, owner).await, before);
}
