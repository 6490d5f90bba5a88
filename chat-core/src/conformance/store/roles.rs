//! Who may change a membership. The store looks again inside its transaction.

use super::{super::stage::refused, Stage};
use crate::{
    ErrorKind,
    model::{ConversationId, MemberChange, Role, UserId},
};

async fn with_admin(stage: &Stage, owner: UserId, admin: UserId, others: &[UserId]) -> ConversationId {
    let group = stage.group(owner, &[&[admin], others].concat()).await;
    stage.change_members(group, owner, MemberChange::SetRole(admin, Role::Admin)).await.unwrap();
    group
}

pub(super) async fn a_membership_is_changed_only_with_the_right(stage: Stage) {
    let [owner, admin, plain, other, fresh] = stage.people().await;
    let group = with_admin(&stage, owner, admin, &[plain, other]).await;
    let before = stage.conversation(group, owner).await;
    for (actor, change) in [
        (plain, MemberChange::Add(vec![fresh])),
        (plain, MemberChange::Remove(other)),
        (plain, MemberChange::SetRole(other, Role::Admin)),
        (admin, MemberChange::SetRole(other, Role::Admin)),
        (admin, MemberChange::Remove(owner)),
    ] {
        refused(stage.change_members(group, actor, change).await, ErrorKind::Forbidden);
    }
    assert_eq!(stage.conversation(group, owner).await, before, "what is refused takes no number");
    stage.change_members(group, admin, MemberChange::Add(vec![fresh])).await.unwrap();
    stage.change_members(group, admin, MemberChange::Remove(plain)).await.unwrap();
    stage.change_members(group, owner, MemberChange::SetRole(other, Role::Admin)).await.unwrap();
    refused(stage.change_members(group, admin, MemberChange::Remove(other)).await, ErrorKind::Forbidden);
}

pub(super) async fn outsiders_cannot_change_a_membership(stage: Stage) {
    let [owner, former, stranger] = stage.people().await;
    let group = stage.group(owner, &[former]).await;
    stage.remove(group, former, former).await;
    let before = stage.conversation(group, owner).await;
    for actor in [former, stranger] {
        for change in [
            MemberChange::Add(vec![actor]),
            MemberChange::Remove(owner),
            MemberChange::Remove(actor),
            MemberChange::SetRole(owner, Role::Member),
        ] {
            refused(stage.change_members(group, actor, change).await, ErrorKind::NotFound);
        }
    }
    assert_eq!(stage.conversation(group, owner).await, before);
}

pub(super) async fn a_direct_membership_cannot_be_changed(stage: Stage) {
    let [one, other, third] = stage.people().await;
    let place = stage.direct(one, other).await;
    let before = stage.conversation(place, one).await;
    for change in [
        MemberChange::Add(vec![third]),
        MemberChange::Remove(one),
        MemberChange::Remove(other),
        MemberChange::SetRole(other, Role::Admin),
    ] {
        refused(stage.change_members(place, one, change).await, ErrorKind::Invalid);
    }
    refused(stage.change_members(place, third, MemberChange::Remove(one)).await, ErrorKind::NotFound);
    assert_eq!(stage.conversation(place, one).await, before);
}

pub(super) async fn changes_of_people_who_are_not_there_are_not_found(stage: Stage) {
    let [owner, one, stranger] = stage.people().await;
    let group = stage.group(owner, &[]).await;
    let before = stage.conversation(group, owner).await;
    for change in [
        MemberChange::Add(vec![one, UserId::new(900_001)]),
        MemberChange::Remove(stranger),
        MemberChange::SetRole(stranger, Role::Admin),
    ] {
        refused(stage.change_members(group, owner, change).await, ErrorKind::NotFound);
    }
    assert_eq!(stage.conversation(group, owner).await, before, "all or nothing");
}

pub(super) async fn a_role_takes_a_rev_but_no_join(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let (before, feed) = (stage.conversation(group, owner).await, stage.user_rev(one).await);
    let change = MemberChange::SetRole(one, Role::Admin);
    let changed = stage.change_members(group, owner, change).await.unwrap();
    let row = changed.members.first().expect("one row");
    assert_eq!((row.role, row.rev), (Role::Admin, before.last_rev.next()));
    assert_eq!((row.since_rev, row.left_rev), (crate::model::Rev::ZERO, None));
    assert_eq!(changed.conversation.member_rev, before.member_rev.next());
    assert_eq!(stage.user_rev(one).await, feed, "it is no change of the own feed");
    let back = MemberChange::SetRole(one, Role::Member);
    assert_eq!(stage.change_members(group, owner, back).await.unwrap().members[0].role, Role::Member);
}

pub(super) async fn handing_over_leaves_one_owner(stage: Stage) {
    let [owner, one] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let own = MemberChange::SetRole(owner, Role::Member);
    refused(stage.change_members(group, owner, own).await, ErrorKind::Invalid);
    let before = stage.conversation(group, owner).await;
    let change = MemberChange::SetRole(one, Role::Owner);
    let changed = stage.change_members(group, owner, change).await.unwrap();
    assert_eq!(changed.members.len(), 2);
    assert!(changed.members.is_sorted_by_key(|row| row.rev));
    assert_eq!(changed.conversation.last_rev, before.last_rev.next().next());
    assert_eq!(changed.conversation.member_rev, before.member_rev.next().next());
    assert_eq!(stage.member(group, one).await.role, Role::Owner);
    assert_eq!(stage.member(group, owner).await.role, Role::Admin);
}

pub(super) async fn an_owner_who_leaves_is_followed(stage: Stage) {
    let [owner, plain, late] = stage.people().await;
    let group = stage.group(owner, &[plain]).await;
    stage.add(group, owner, late).await;
    stage.change_members(group, owner, MemberChange::SetRole(late, Role::Admin)).await.unwrap();
    let left = stage.remove(group, owner, owner).await;
    assert_eq!(left.members.len(), 2, "the leave and the heir's role");
    assert!(left.members.is_sorted_by_key(|row| row.rev));
    assert_eq!(
        stage.member(group, late).await.role,
        Role::Owner,
        "the administrator before the longer member"
    );
    assert_eq!(stage.member(group, plain).await.role, Role::Member);
    let newcomer = stage.person().await;
    stage.add(group, late, newcomer).await;
    stage.remove(group, late, late).await;
    assert_eq!(stage.member(group, plain).await.role, Role::Owner, "among equals the longest-standing");
    stage.remove(group, plain, plain).await;
    let last = stage.remove(group, newcomer, newcomer).await;
    assert_eq!((last.members.len(), last.conversation.member_count), (1, 0), "nobody is left to follow");
}
