//! Views of people.

use crate::{
    Chat, Result,
    model::{Attachment, Avatar, Broadcast, MediaId, Member, User, UserId},
    protocol::{BroadcastView, MemberView, PersonView, UserView},
};
use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

impl Chat {
    /// Shows people to a reader who may see them, with their presence.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn present_users(&self, reader: UserId, users: &[User]) -> Result<Vec<UserView>> {
        let persons = self.present_persons(users).await?;
        let view = |(user, person): (&User, PersonView)| {
            let own = user.id == reader;
            UserView {
                person,
                status: self.inner.presence.status(user.id),
                last_seen: user.last_seen,
                created_at: user.created_at,
                updated_at: user.updated_at,
                user_rev: own.then_some(user.user_rev),
                is_admin: own.then_some(user.is_admin),
            }
        };
        Ok(users.iter().zip(persons).map(view).collect())
    }

    /// Shows one person to a reader, with the presence.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_user(&self, reader: UserId, user: &User) -> Result<UserView> {
        let views = self.present_users(reader, std::slice::from_ref(user)).await?;
        Ok(views.into_iter().next().expect("one person gives one view"))
    }

    /// Shows rows of members.
    ///
    /// # Errors
    /// As [`present_users`](Self::present_users).
    pub async fn present_members(&self, members: &[Member]) -> Result<Vec<MemberView>> {
        let ids: Vec<_> = members.iter().map(|member| member.user_id).collect();
        let users = self.inner.users(&ids).await?;
        let persons = self.present_persons(&users).await?;
        let persons: HashMap<_, _> = persons.into_iter().map(|person| (person.id, person)).collect();
        let view = |member: &Member| {
            let person = persons.get(&member.user_id).cloned();
            MemberView::new(member, person.unwrap_or_else(|| nameless(member.user_id)))
        };
        Ok(members.iter().map(view).collect())
    }

    /// Shows a broadcast to its sender.
    #[must_use]
    pub fn present_progress(&self, broadcast: &Broadcast) -> BroadcastView {
        BroadcastView::from(broadcast)
    }

    async fn present_persons<U: Borrow<User> + Sync>(&self, users: &[U]) -> Result<Vec<PersonView>> {
        let users = || users.iter().map(Borrow::borrow);
        let pictures = users().filter_map(|user: &User| match user.avatar {
            Some(Avatar::Media(id)) => Some(id),
            _ => None,
        });
        let pictures = self.load_pictures(pictures.collect()).await?;
        let address = |id| pictures.get(&id).map(|file| self.inner.addresses.address(file, self.now()));
        Ok(users().map(|user| PersonView::new(user, address)).collect())
    }

    async fn load_pictures(&self, ids: HashSet<MediaId>) -> Result<HashMap<MediaId, Arc<Attachment>>> {
        let cache = &self.inner.caches.avatars;
        let mut pictures = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match cache.get(&id) {
                Some(file) => drop(pictures.insert(id, file)),
                None => missing.push(id),
            }
        }
        if !missing.is_empty() {
            for media in self.inner.store.load_media(&missing).await? {
                let file = Arc::new(media.attachment);
                cache.insert(file.id, Arc::clone(&file));
                pictures.insert(file.id, file);
            }
        }
        Ok(pictures)
    }
}

/// Stands for somebody whose row is gone: a history must not become unreadable for that.
fn nameless(id: UserId) -> PersonView {
    PersonView { id, username: "?".to_owned(), display_name: "?".to_owned(), avatar_url: None }
}
