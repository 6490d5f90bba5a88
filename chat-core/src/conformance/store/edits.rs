//! Edits and deletions.

use super::{super::stage::refused, Stage};
use crate::{
    ErrorKind,
    model::{MemberChange, Outcome, Rev, Role},
};

pub(super) async fn an_edit_takes_one_rev_and_the_same_text_none(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let first = stage.send(place, one, "helo").await;
    stage.send(place, other, "in between").await;
    let before = stage.conversation(place, one).await;
    let edited = stage.edit(first.id, one, "hello").await.unwrap();
    assert_eq!(edited.outcome, Outcome::Applied);
    let message = edited.message;
    assert_eq!((message.rev, message.created_rev), (before.last_rev.next(), first.created_rev));
    assert_eq!((message.seq, message.content.as_str()), (first.seq, "hello"));
    assert!(message.edited_at.is_some());
    let after = stage.conversation(place, one).await;
    assert_eq!((after.last_rev, after.last_seq), (message.rev, before.last_seq));
    let again = stage.edit(first.id, one, "hello").await.unwrap();
    assert_eq!((again.outcome, &again.message), (Outcome::Repeated, &message));
    assert_eq!(stage.conversation(place, one).await, after);
    assert_eq!(stage.store.load_message(first.id, other).await.unwrap(), message);
}

pub(super) async fn an_edit_of_an_older_state_is_a_conflict(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let first = stage.send(place, one, "one").await;
    let based = |rev: Rev, text: &str| {
        let mut edit = stage.new_edit(first.id, one, text);
        edit.base_rev = Some(rev);
        crate::model::Change::Edit(edit)
    };
    let second = stage.commit_message(based(first.rev, "two")).await.unwrap().message;
    refused(stage.commit_message(based(first.rev, "three")).await, ErrorKind::Conflict);
    let again = stage.commit_message(based(first.rev, "two")).await.unwrap();
    assert_eq!(again.outcome, Outcome::Repeated, "a retry of what was done is no conflict");
    assert_eq!(stage.conversation(place, one).await.last_rev, second.rev);
    stage.commit_message(based(second.rev, "three")).await.unwrap();
}

pub(super) async fn only_its_sender_edits_a_message(stage: Stage) {
    let [owner, one, stranger] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let message = stage.send(group, one, "mine").await;
    refused(stage.edit(message.id, owner, "yours").await, ErrorKind::Forbidden);
    refused(stage.edit(message.id, stranger, "yours").await, ErrorKind::NotFound);
    stage.remove(group, owner, one).await;
    refused(stage.edit(message.id, one, "still mine").await, ErrorKind::NotFound);
    stage.add(group, owner, one).await;
    refused(stage.edit(message.id, one, "still mine").await, ErrorKind::NotFound);
    let after = stage.store.load_message(message.id, owner).await.unwrap();
    assert_eq!(after, message, "nothing was changed");
}

pub(super) async fn a_deletion_leaves_an_empty_tombstone(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let mut draft = stage.draft(place, one, "secret");
    draft.attachments = vec![stage.upload(one).await.attachment];
    draft.link = Some("https://example.org/secret.png".to_owned());
    let message = stage.append(draft).await.unwrap().message;
    let before = stage.conversation(place, one).await;
    let deleted = stage.delete(message.id, one).await.unwrap();
    assert_eq!(deleted.outcome, Outcome::Applied);
    let tombstone = deleted.message;
    assert_eq!((tombstone.seq, tombstone.rev), (message.seq, before.last_rev.next()));
    assert_eq!((tombstone.content.as_str(), tombstone.attachments.len()), ("", 0));
    assert_eq!(tombstone.link, None);
    assert!(tombstone.deleted_at.is_some());
    assert_eq!(stage.store.load_message(message.id, other).await.unwrap(), tombstone);
    let again = stage.delete(message.id, one).await.unwrap();
    assert_eq!((again.outcome, &again.message), (Outcome::Repeated, &tombstone));
    refused(stage.edit(message.id, one, "back").await, ErrorKind::Conflict);
    let after = stage.conversation(place, one).await;
    assert_eq!((after.last_rev, after.last_seq), (tombstone.rev, before.last_seq), "one rev in all");
}

pub(super) async fn sender_and_administrators_delete(stage: Stage) {
    let [owner, admin, one, other, stranger] = stage.people().await;
    let group = stage.group(owner, &[admin, one, other]).await;
    stage.change_members(group, owner, MemberChange::SetRole(admin, Role::Admin)).await.unwrap();
    let (first, second) = (stage.send(group, one, "a").await, stage.send(group, one, "b").await);
    refused(stage.delete(first.id, other).await, ErrorKind::Forbidden);
    refused(stage.delete(first.id, stranger).await, ErrorKind::NotFound);
    stage.delete(first.id, admin).await.unwrap();
    stage.delete(second.id, owner).await.unwrap();
    refused(stage.delete(first.id, other).await, ErrorKind::Forbidden);
    let place = stage.direct(one, other).await;
    let direct = stage.send(place, one, "c").await;
    refused(stage.delete(direct.id, other).await, ErrorKind::Forbidden);
    stage.remove(group, one, one).await;
    refused(stage.delete(second.id, one).await, ErrorKind::NotFound);
}
