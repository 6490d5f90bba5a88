//! People.

use super::{
    MemoryStore,
    state::{State, UserRow},
};
use crate::{
    Error, Result,
    model::{Avatar, NewUser, ProfileUpdate, Rev, Timestamp, User, UserId, UserQuery},
    store::{Ban, UserStore},
};
use async_trait::async_trait;

impl State {
    /// Creates a user without any name of the host's or of an account.
    pub(super) fn insert_user(&mut self, display_name: String, now: Timestamp) -> &mut User {
        let id = UserId::new(self.next_id());
        let touched = self.at(now);
        let user = User {
            id,
            external_id: None,
            username: None,
            display_name,
            avatar: None,
            last_seen: None,
            user_rev: Rev::ZERO,
            is_admin: false,
            is_banned: false,
            created_at: now,
            updated_at: now,
        };
        &mut self.users.entry(id).or_insert(UserRow { user, touched }).user
    }

    fn ensure_user(&mut self, new: NewUser) -> Result<User> {
        if let Some(&id) = self.external_ids.get(&new.external_id) {
            return self.change_user(id, new.now, |user| {
                user.display_name = new.display_name;
                user.avatar = new.avatar;
            });
        }
        let user = self.insert_user(new.display_name, new.now);
        user.external_id = Some(new.external_id.clone());
        user.avatar = new.avatar;
        let user = user.clone();
        self.external_ids.insert(new.external_id, user.id);
        Ok(user)
    }

    /// Applies a change of a user's row; it takes a number only if it changes anything.
    fn change_user(&mut self, id: UserId, now: Timestamp, change: impl FnOnce(&mut User)) -> Result<User> {
        let before = self.user(id)?.clone();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            after.user_rev = self.next_user_rev(id, now);
            after.updated_at = now;
            self.users.get_mut(&id).expect("found above").user = after.clone();
        }
        Ok(after)
    }

    fn list_users(&self, query: &UserQuery) -> Vec<User> {
        let prefix = query.prefix.as_ref().map(|prefix| prefix.to_lowercase());
        let after = query.after.unwrap_or(UserId::new(i64::MIN));
        self.users
            .range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded))
            .map(|(_, row)| &row.user)
            .filter(|user| prefix.as_ref().is_none_or(|prefix| is_named(user, prefix)))
            .filter(|user| query.contacts_of.is_none_or(|other| self.share_conversation(other, user.id)))
            .take(query.limit)
            .cloned()
            .collect()
    }

    /// Says whether two people are both in one conversation now. Nobody is a contact of themselves.
    fn share_conversation(&self, one: UserId, other: UserId) -> bool {
        one != other
            && self
                .rows_of(one)
                .filter(|member| member.is_active())
                .any(|member| self.active(member.conversation_id, other).is_ok())
    }
}

fn is_named(user: &User, prefix: &str) -> bool {
    let starts = |name: &str| name.to_lowercase().starts_with(prefix);
    starts(&user.display_name) || user.username.as_deref().is_some_and(starts)
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn ensure_user(&self, user: NewUser) -> Result<User> {
        self.state().ensure_user(user)
    }

    async fn load_users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let state = self.state();
        Ok(ids.iter().filter_map(|id| state.users.get(id)).map(|row| row.user.clone()).collect())
    }

    async fn list_users(&self, query: UserQuery) -> Result<Vec<User>> {
        Ok(self.state().list_users(&query))
    }

    async fn filter_contacts(&self, user: UserId, others: &[UserId]) -> Result<Vec<UserId>> {
        let state = self.state();
        Ok(others.iter().copied().filter(|&other| state.share_conversation(user, other)).collect())
    }

    async fn update_profile(&self, user: UserId, update: ProfileUpdate, now: Timestamp) -> Result<User> {
        let mut state = self.state();
        if let Some(Some(Avatar::Media(id))) = update.avatar
            && !state.media.contains_key(&id)
        {
            return Err(Error::not_found("no such file"));
        }
        state.change_user(user, now, |user| {
            if let Some(display_name) = update.display_name {
                user.display_name = display_name;
            }
            if let Some(avatar) = update.avatar {
                user.avatar = avatar;
            }
        })
    }

    async fn touch_users(&self, seen: &[(UserId, Timestamp)]) -> Result<()> {
        let mut state = self.state();
        for (id, moment) in seen {
            if let Some(row) = state.users.get_mut(id) {
                row.user.last_seen = row.user.last_seen.max(Some(*moment));
            }
        }
        Ok(())
    }

    async fn set_banned(&self, user: UserId, banned: Ban, now: Timestamp) -> Result<User> {
        self.state().change_user(user, now, |user| user.is_banned = banned == Ban::Banned)
    }

    async fn set_admin(&self, user: UserId, is_admin: bool, now: Timestamp) -> Result<User> {
        self.state().change_user(user, now, |user| user.is_admin = is_admin)
    }
}
