//! Password accounts, their sessions and lock-outs.

use super::{
    MemoryStore,
    state::{RefreshToken, State},
};
use crate::{
    Error, Result,
    model::{
        Account, AuthSession, AuthSessionId, Lockout, NewAccount, NewAuthSession, RefreshHash, Rotation,
        Timestamp, User, UserId,
    },
    store::AccountStore,
};
use async_trait::async_trait;
use std::time::Duration;

impl State {
    fn create_account(&mut self, new: NewAccount) -> Result<User> {
        if self.username_keys.contains_key(&new.username_key) {
            return Err(Error::conflict("username is taken"));
        }
        let user = self.insert_user(new.username.clone(), new.now);
        user.username = Some(new.username);
        let user = user.clone();
        self.username_keys.insert(new.username_key, user.id);
        self.password_hashes.insert(user.id, new.password_hash);
        Ok(user)
    }

    fn account(&self, user: UserId) -> Option<Account> {
        let password_hash = self.password_hashes.get(&user)?.clone();
        Some(Account { user: self.user(user).ok()?.clone(), password_hash })
    }

    fn set_password(
        &mut self,
        user: UserId,
        password_hash: &str,
        keep: Option<AuthSessionId>,
        now: Timestamp,
    ) -> Result<Vec<AuthSessionId>> {
        let hash = self.password_hashes.get_mut(&user).ok_or_else(|| Error::not_found("no such account"))?;
        password_hash.clone_into(hash);
        let ended = self.sessions.values_mut().filter(|session| {
            session.user_id == user && session.revoked_at.is_none() && Some(session.id) != keep
        });
        let revoke = |session: &mut AuthSession| {
            session.revoked_at = Some(now);
            session.id
        };
        Ok(ended.map(revoke).collect())
    }

    fn create_session(&mut self, new: NewAuthSession) -> Result<AuthSession> {
        self.user(new.user_id)?;
        let id = AuthSessionId::new(self.next_id());
        let session = AuthSession {
            id,
            user_id: new.user_id,
            device_name: new.device_name,
            created_at: new.now,
            last_used_at: new.now,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        self.sessions.insert(id, session.clone());
        self.refresh_tokens.insert(new.refresh, RefreshToken { session: id, replaced_at: None });
        Ok(session)
    }

    fn list_sessions(&self, user: UserId, now: Timestamp) -> Vec<AuthSession> {
        let mine = self.sessions.values().filter(|session| session.user_id == user);
        let mut mine: Vec<_> = mine.filter(|session| is_in_force(session, now)).cloned().collect();
        mine.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.id)));
        mine
    }

    fn rotate_session(
        &mut self,
        old: RefreshHash,
        new: RefreshHash,
        now: Timestamp,
        grace: Duration,
        expires_at: Timestamp,
    ) -> Rotation {
        let Some(token) = self.refresh_tokens.get_mut(&old) else { return Rotation::Unknown };
        let id = token.session;
        let session = self.sessions.get_mut(&id).expect("a token has its session");
        if !is_in_force(session, now) {
            return Rotation::Unknown;
        }
        match token.replaced_at {
            None => {
                token.replaced_at = Some(now);
                session.last_used_at = now;
                session.expires_at = expires_at;
                let session = session.clone();
                self.refresh_tokens.insert(new, RefreshToken { session: id, replaced_at: None });
                Rotation::Rotated(session)
            }
            Some(replaced_at) if now.since(replaced_at) <= grace => Rotation::Repeated(session.clone()),
            Some(_) => {
                session.revoked_at = Some(now);
                Rotation::Replayed(session.clone())
            }
        }
    }

    fn revoke_session(&mut self, user: UserId, id: AuthSessionId, now: Timestamp) -> Result<()> {
        let session = self.sessions.get_mut(&id).filter(|session| session.user_id == user);
        let session = session.ok_or_else(|| Error::not_found("no such session"))?;
        session.revoked_at = session.revoked_at.or(Some(now));
        Ok(())
    }

    fn save_lockouts(&mut self, lockouts: &[(String, Lockout)]) {
        for (key, lockout) in lockouts {
            let row = self.lockouts.entry(key.clone()).or_default();
            row.failures += 1;
            row.locked_until = row.locked_until.max(lockout.locked_until);
        }
    }
}

fn is_in_force(session: &AuthSession, now: Timestamp) -> bool {
    session.revoked_at.is_none() && session.expires_at > now
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn create_account(&self, account: NewAccount) -> Result<User> {
        self.state().create_account(account)
    }

    async fn find_account(&self, username_key: &str) -> Result<Option<Account>> {
        let state = self.state();
        Ok(state.username_keys.get(username_key).and_then(|&user| state.account(user)))
    }

    async fn find_account_of(&self, user: UserId) -> Result<Option<Account>> {
        Ok(self.state().account(user))
    }

    async fn set_password(
        &self,
        user: UserId,
        password_hash: &str,
        keep: Option<AuthSessionId>,
        now: Timestamp,
    ) -> Result<Vec<AuthSessionId>> {
        self.state().set_password(user, password_hash, keep, now)
    }

    async fn rehash_password(&self, user: UserId, old: &str, new: &str) -> Result<()> {
        if let Some(hash) = self.state().password_hashes.get_mut(&user).filter(|hash| *hash == old) {
            new.clone_into(hash);
        }
        Ok(())
    }

    async fn create_session(&self, session: NewAuthSession) -> Result<AuthSession> {
        self.state().create_session(session)
    }

    async fn find_session(&self, id: AuthSessionId) -> Result<Option<AuthSession>> {
        Ok(self.state().sessions.get(&id).cloned())
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<AuthSession>> {
        Ok(self.state().list_sessions(user, now))
    }

    async fn rotate_session(
        &self,
        old: RefreshHash,
        new: RefreshHash,
        now: Timestamp,
        grace: Duration,
        expires_at: Timestamp,
    ) -> Result<Rotation> {
        Ok(self.state().rotate_session(old, new, now, grace, expires_at))
    }

    async fn revoke_session(&self, user: UserId, id: AuthSessionId, now: Timestamp) -> Result<()> {
        self.state().revoke_session(user, id, now)
    }

    async fn filter_ended(
        &self,
        ids: &[AuthSessionId],
        users: &[UserId],
        now: Timestamp,
    ) -> Result<(Vec<AuthSessionId>, Vec<UserId>)> {
        let state = self.state();
        let is_over = |id: &AuthSessionId| !state.sessions.get(id).is_some_and(|row| is_in_force(row, now));
        let is_banned = |id: &UserId| state.users.get(id).is_some_and(|row| row.user.is_banned);
        Ok((ids.iter().copied().filter(is_over).collect(), users.iter().copied().filter(is_banned).collect()))
    }

    async fn load_lockouts(&self, keys: &[String]) -> Result<Vec<Lockout>> {
        let state = self.state();
        Ok(keys.iter().map(|key| state.lockouts.get(key).copied().unwrap_or_default()).collect())
    }

    async fn save_lockouts(&self, lockouts: &[(String, Lockout)]) -> Result<()> {
        self.state().save_lockouts(lockouts);
        Ok(())
    }

    async fn clear_lockouts(&self, keys: &[String]) -> Result<()> {
        let mut state = self.state();
        state.lockouts.retain(|key, _| !keys.contains(key));
        Ok(())
    }
}
