//! The rows of uploaded files.

use super::Stage;
use crate::model::{Avatar, ConversationId, MediaId, Message, ProfileUpdate, UserId};
use std::time::Duration;

async fn share(stage: &Stage, id: ConversationId, sender: UserId) -> (MediaId, Message) {
    let attachment = stage.upload(sender).await.attachment;
    let media = attachment.id;
    let mut draft = stage.draft(id, sender, "look");
    draft.attachments = vec![attachment];
    (media, stage.append(draft).await.unwrap().message)
}

async fn sees(stage: &Stage, reader: UserId, id: MediaId) -> bool {
    stage.store.filter_visible_media(reader, &[id]).await.unwrap() == [id]
}

async fn set_picture(stage: &Stage, user: UserId, picture: Option<MediaId>) {
    let update = ProfileUpdate { display_name: None, avatar: Some(picture.map(Avatar::Media)) };
    stage.store.update_profile(user, update, stage.now()).await.unwrap();
}

pub(super) async fn a_file_is_kept_as_it_was_described(stage: Stage) {
    let [one, other] = stage.people().await;
    let new = stage.new_media(one, Some("k1"));
    let media = stage.store.create_media(new.clone()).await.unwrap();
    let attachment = &media.attachment;
    assert_eq!((attachment.kind, attachment.size), (new.kind, new.size));
    assert_eq!(
        (&attachment.mime, &attachment.extension, &attachment.name),
        (&new.mime, &new.extension, &new.name)
    );
    assert_eq!((attachment.width, attachment.height), (new.width, new.height));
    assert_eq!((media.owner_id, &media.path, media.sha256), (one, &new.path, new.sha256));
    assert_eq!(media.created_at, new.now);
    assert_eq!(stage.store.load_media(&[attachment.id]).await.unwrap(), std::slice::from_ref(&media));
    let again = stage.store.create_media(stage.new_media(one, Some("k1"))).await.unwrap();
    assert_eq!(again, media, "a retry gets the first row");
    let theirs = stage.store.create_media(stage.new_media(other, Some("k1"))).await.unwrap();
    assert_ne!(theirs.attachment.id, attachment.id, "a key belongs to its owner");
    assert_ne!(stage.upload(one).await.attachment.id, stage.upload(one).await.attachment.id);
}

pub(super) async fn a_file_is_seen_with_the_message_that_carries_it(stage: Stage) {
    let [owner, one, late, stranger] = stage.people().await;
    let group = stage.group(owner, &[one]).await;
    let unused = stage.upload(owner).await.attachment.id;
    assert!(sees(&stage, owner, unused).await, "by whoever uploaded it");
    assert!(!sees(&stage, one, unused).await);
    let (shared, message) = share(&stage, group, owner).await;
    stage.add(group, owner, late).await;
    assert!(sees(&stage, one, shared).await, "by the members");
    assert!(!sees(&stage, stranger, shared).await, "by nobody else");
    assert!(!sees(&stage, late, shared).await, "not by those who cannot see the message");
    let filtered = stage.store.filter_visible_media(one, &[unused, shared, MediaId::new(900_001)]).await;
    assert_eq!(filtered.unwrap(), [shared]);
    stage.remove(group, owner, one).await;
    assert!(!sees(&stage, one, shared).await, "not by those who left");
    let (again, second) = share(&stage, group, owner).await;
    assert!(sees(&stage, late, again).await);
    stage.delete(second.id, owner).await.unwrap();
    stage.delete(message.id, owner).await.unwrap();
    assert!(!sees(&stage, late, again).await, "not after the message was deleted");
    assert!(sees(&stage, owner, again).await);
}

pub(super) async fn a_profile_picture_is_seen_by_everybody(stage: Stage) {
    let [one, stranger] = stage.people().await;
    let picture = stage.upload(one).await.attachment.id;
    assert!(!sees(&stage, stranger, picture).await);
    set_picture(&stage, one, Some(picture)).await;
    assert!(sees(&stage, stranger, picture).await);
    set_picture(&stage, one, None).await;
    assert!(!sees(&stage, stranger, picture).await);
}

pub(super) async fn orphans_are_old_files_that_nothing_uses(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let unused = stage.upload(one).await;
    let (shared, message) = share(&stage, place, one).await;
    let picture = stage.upload(one).await.attachment.id;
    set_picture(&stage, one, Some(picture)).await;
    let later = stage.now().plus(Duration::from_secs(60));
    let list = async |before, limit| {
        let orphans = stage.store.list_orphans(before, limit).await.unwrap();
        let mut ids: Vec<_> = orphans.iter().map(|media| media.attachment.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(stage.store.list_orphans(later, 10).await.unwrap(), std::slice::from_ref(&unused));
    assert!(list(unused.created_at, 10).await.is_empty(), "older than, not as old as");
    stage.delete(message.id, one).await.unwrap();
    set_picture(&stage, one, None).await;
    assert_eq!(list(later, 10).await, [unused.attachment.id, shared, picture]);
    assert_eq!(list(later, 2).await.len(), 2);
}

pub(super) async fn only_what_is_still_unused_is_cleared_away(stage: Stage) {
    let [one, other] = stage.people().await;
    let place = stage.direct(one, other).await;
    let unused = stage.upload(one).await.attachment.id;
    let (shared, _) = share(&stage, place, one).await;
    let picture = stage.upload(one).await.attachment.id;
    set_picture(&stage, one, Some(picture)).await;
    let unknown = MediaId::new(900_001);
    let deleted = stage.store.delete_orphans(&[shared, unused, picture, unknown]).await.unwrap();
    assert_eq!(deleted, [unused]);
    assert!(stage.store.load_media(&[unused]).await.unwrap().is_empty());
    assert_eq!(stage.store.load_media(&[shared, picture]).await.unwrap().len(), 2);
    assert!(stage.store.delete_orphans(&[unused]).await.unwrap().is_empty(), "once");
}
