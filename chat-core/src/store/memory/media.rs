//! The rows of uploaded files.

use super::{MemoryStore, state::State};
use crate::{
    Result,
    model::{Attachment, Avatar, Media, MediaId, MessageId, NewMedia, Timestamp, UserId},
    store::MediaCatalog,
};
use async_trait::async_trait;
use std::collections::HashSet;

impl State {
    fn create_media(&mut self, new: NewMedia) -> Result<Media> {
        self.user(new.owner_id)?;
        let key = new.key.map(|key| (new.owner_id, key));
        if let Some(id) = key.as_ref().and_then(|key| self.media_keys.get(key)) {
            return Ok(self.media[id].clone());
        }
        let id = MediaId::new(self.next_id());
        let media = Media {
            attachment: Attachment {
                id,
                kind: new.kind,
                mime: new.mime,
                extension: new.extension,
                name: new.name,
                size: new.size,
                width: new.width,
                height: new.height,
            },
            owner_id: new.owner_id,
            path: new.path,
            sha256: new.sha256,
            created_at: new.now,
        };
        self.media.insert(id, media.clone());
        self.media_keys.extend(key.map(|key| (key, id)));
        Ok(media)
    }

    fn avatars(&self) -> HashSet<MediaId> {
        let avatars = self.users.values().filter_map(|row| row.user.avatar.as_ref());
        avatars.filter_map(|avatar| if let Avatar::Media(id) = avatar { Some(*id) } else { None }).collect()
    }

    fn uses(&self, id: MediaId) -> impl Iterator<Item = MessageId> {
        let all = (id, MessageId::new(i64::MIN))..=(id, MessageId::new(i64::MAX));
        self.media_uses.range(all).map(|&(_, message)| message)
    }

    fn filter_visible(&self, reader: UserId, ids: &[MediaId]) -> Vec<MediaId> {
        let avatars = self.avatars();
        let is_visible = |id: &MediaId| {
            self.media.get(id).is_some_and(|media| {
                media.owner_id == reader
                    || avatars.contains(id)
                    || self.uses(*id).any(|message| self.visible(message, reader).is_ok())
            })
        };
        ids.iter().copied().filter(is_visible).collect()
    }

    fn is_orphan(&self, id: MediaId, avatars: &HashSet<MediaId>) -> bool {
        !avatars.contains(&id) && self.uses(id).next().is_none()
    }

    fn list_orphans(&self, before: Timestamp, limit: usize) -> Vec<Media> {
        let avatars = self.avatars();
        let old = self.media.values().filter(|media| media.created_at < before);
        old.filter(|media| self.is_orphan(media.attachment.id, &avatars)).take(limit).cloned().collect()
    }

    fn delete_orphans(&mut self, ids: &[MediaId]) -> Vec<MediaId> {
        let avatars = self.avatars();
        let deleted: Vec<_> = ids
            .iter()
            .copied()
            .filter(|&id| self.is_orphan(id, &avatars) && self.media.contains_key(&id))
            .collect();
        self.media.retain(|id, _| !deleted.contains(id));
        self.media_keys.retain(|_, id| !deleted.contains(id));
        deleted
    }
}

#[async_trait]
impl MediaCatalog for MemoryStore {
    async fn create_media(&self, media: NewMedia) -> Result<Media> {
        self.state().create_media(media)
    }

    async fn load_media(&self, ids: &[MediaId]) -> Result<Vec<Media>> {
        let state = self.state();
        Ok(ids.iter().filter_map(|id| state.media.get(id)).cloned().collect())
    }

    async fn filter_visible_media(&self, reader: UserId, ids: &[MediaId]) -> Result<Vec<MediaId>> {
        Ok(self.state().filter_visible(reader, ids))
    }

    async fn list_orphans(&self, before: Timestamp, limit: usize) -> Result<Vec<Media>> {
        Ok(self.state().list_orphans(before, limit))
    }

    async fn delete_orphans(&self, ids: &[MediaId]) -> Result<Vec<MediaId>> {
        Ok(self.state().delete_orphans(ids))
    }
}
