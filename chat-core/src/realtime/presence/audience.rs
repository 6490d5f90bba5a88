//! To whom presence is told: to whoever watches and may see it, and to classic connections, which never ask.

use super::{super::connection::Connection, Notice};
use crate::{
    Chat, Error, Result,
    config::Directory,
    model::{Timestamp, UserId, UserQuery},
    protocol::{FrameId, Presence as PresenceView, PresenceAck, PresenceStatus, ServerFrame, encode},
    realtime::{endpoint::Endpoint, outbox::Subject},
};
use ahash::{AHashMap, AHashSet};
use std::sync::Arc;

/// People whom one connection may watch.
const WATCHED: usize = 500;

/// Contacts whose presence one person is told of.
const CONTACTS: usize = 1_000;

/// So many possible receivers are asked about by id; with more the person's contacts are listed.
const ASKED_BY_ID: usize = 500;

/// Who may get a notice.
struct Audience {
    watchers: Vec<Arc<Endpoint>>,
    classic: Vec<Arc<Endpoint>>,
}

impl Chat {
    /// Sets how a person appears on all devices: `offline` hides, `online` is as the devices are. It holds until the last connection of the
    /// person has ended.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for `unknown`.
    pub async fn set_status(&self, actor: UserId, status: PresenceStatus) -> Result<()> {
        if status == PresenceStatus::Unknown {
            return Err(Error::invalid("status must be online, away or offline"));
        }
        self.inner.presence.choose(actor, status);
        Ok(())
    }

    /// Returns who does not appear offline to a reader, without the reader: everybody while they are few and the directory is open,
    /// else people with a shared conversation. `has_contacts` is false where it is known that there are none.
    pub(in super::super) async fn online_for(
        &self,
        reader: UserId,
        has_contacts: bool,
    ) -> Result<Vec<PresenceView>> {
        let seen = match self.few_online() {
            Some(everybody) => everybody,
            None if !has_contacts => Vec::new(),
            None => self.contacts_of(reader).await?,
        };
        let table = self.inner.presence.table.lock();
        let view = |user_id| PresenceView { user_id, status: table.status(user_id), last_seen: None };
        let others = seen.into_iter().filter(|user| *user != reader).map(view);
        Ok(others.filter(|view| view.status != PresenceStatus::Offline).collect())
    }

    /// Returns everybody online, while they are few enough to be told to all and the directory allows it.
    fn few_online(&self) -> Option<Vec<UserId>> {
        let limit = self.pacing().classic_presence_users;
        (self.directory() == Directory::Open)
            .then(|| self.inner.presence.table.lock().online(limit))
            .flatten()
    }

    async fn contacts_of(&self, user: UserId) -> Result<Vec<UserId>> {
        let query = UserQuery { prefix: None, contacts_of: Some(user), after: None, limit: CONTACTS };
        let users = self.inner.store.list_users(query).await?;
        Ok(users.into_iter().map(|user| user.id).collect())
    }

    /// Tells this node's sessions what changed.
    pub(super) async fn tell_presence(&self, notices: &[Notice]) -> Result<()> {
        if notices.is_empty() {
            return Ok(());
        }
        let tells_all = self.few_online().is_some();
        let audiences = notices.iter().map(|notice| (notice, self.inner.presence.audience(notice.user_id)));
        let heard: Vec<_> = audiences.filter(|(_, audience)| !audience.is_empty()).collect();
        let last_seen = self.last_seen(heard.iter().map(|(notice, _)| *notice)).await?;
        for (notice, audience) in heard {
            let watchers_ask = self.directory() != Directory::Open && !audience.watchers.is_empty();
            let classic_ask = !tells_all && !audience.classic.is_empty();
            let asked = audience.watchers.iter().filter(|_| watchers_ask);
            let asked = asked.chain(audience.classic.iter().filter(|_| classic_ask));
            let asked: AHashSet<UserId> = asked.map(|endpoint| endpoint.user_id).collect();
            let contacts = self.contacts_among(notice.user_id, &asked).await?;
            let frame = encode(&ServerFrame::UserStatus(PresenceView {
                user_id: notice.user_id,
                status: notice.status,
                last_seen: last_seen.get(&notice.user_id).copied(),
            }));
            let subject = Subject::Presence(notice.user_id);
            for watcher in &audience.watchers {
                let is_own = watcher.user_id == notice.user_id;
                if is_own || !watchers_ask || contacts.contains(&watcher.user_id) {
                    watcher.outbox.ephemeral(subject, &frame);
                }
            }
            for classic in audience.classic.iter().filter(|classic| classic.user_id != notice.user_id) {
                if !classic_ask || contacts.contains(&classic.user_id) {
                    classic.outbox.ephemeral(subject, &frame);
                }
            }
        }
        Ok(())
    }

    /// Reads when those who went offline were last seen.
    async fn last_seen(&self, notices: impl Iterator<Item = &Notice>) -> Result<AHashMap<UserId, Timestamp>> {
        let is_offline = |notice: &&Notice| notice.status == PresenceStatus::Offline;
        let gone: Vec<_> = notices.filter(is_offline).map(|notice| notice.user_id).collect();
        if gone.is_empty() {
            return Ok(AHashMap::default());
        }
        let users = self.inner.store.load_users(&gone).await?;
        Ok(users.into_iter().filter_map(|user| Some((user.id, user.last_seen?))).collect())
    }

    async fn contacts_among(&self, user: UserId, others: &AHashSet<UserId>) -> Result<AHashSet<UserId>> {
        if others.is_empty() {
            return Ok(AHashSet::default());
        }
        let contacts = if others.len() <= ASKED_BY_ID {
            let others: Vec<_> = others.iter().copied().collect();
            self.inner.store.filter_contacts(user, &others).await?
        } else {
            self.contacts_of(user).await?
        };
        Ok(contacts.into_iter().collect())
    }
}

impl Audience {
    fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.classic.is_empty()
    }
}

impl super::Presence {
    fn audience(&self, user: UserId) -> Audience {
        let listeners = self.listeners.lock();
        let watchers = listeners.watchers.get(&user).map(|all| all.values().cloned().collect());
        Audience {
            watchers: watchers.unwrap_or_default(),
            classic: listeners.classic.values().cloned().collect(),
        }
    }
}

impl Connection {
    /// Replaces the set of people whose presence this connection is told, and tells where they are now. People whom the person may not
    /// see are left out as if they did not exist.
    pub(in super::super) async fn watch(&self, id: Option<&FrameId>, users: &[UserId]) -> Result<()> {
        if users.len() > WATCHED {
            return Err(Error::too_large(format!("at most {WATCHED} people can be watched")));
        }
        let visible = self.chat.filter_visible(self.user_id(), users).await?;
        let known = self.chat.inner.users(&visible).await?;
        let presence = &self.chat.inner.presence;
        let old = self.set_watched(visible.clone().into());
        presence.unwatch(self.endpoint.id, &old);
        presence.watch(&self.endpoint, &visible);
        let view = |user_id: &UserId| {
            let status = presence.status(*user_id);
            let seen = known.iter().find(|user| user.id == *user_id).and_then(|user| user.last_seen);
            let last_seen = seen.filter(|_| status == PresenceStatus::Offline);
            PresenceView { user_id: *user_id, status, last_seen }
        };
        self.answer_presence(id, visible.iter().map(view).collect());
        Ok(())
    }

    /// Tells who is online.
    pub(in super::super) async fn tell_online(&self, id: Option<&FrameId>) -> Result<()> {
        let online = self.chat.online_for(self.user_id(), true).await?;
        self.answer_presence(id, online);
        Ok(())
    }

    /// Sets how this device appears; `offline` hides the person on all devices.
    pub(in super::super) async fn set_status(
        &self,
        id: Option<&FrameId>,
        status: PresenceStatus,
    ) -> Result<()> {
        let user_id = self.user_id();
        let choice = if status == PresenceStatus::Away { PresenceStatus::Online } else { status };
        self.chat.set_status(user_id, choice).await?;
        let away = status == PresenceStatus::Away;
        if self.set_away(away) {
            self.chat.inner.presence.set_away(user_id, away);
        }
        let status = self.chat.inner.presence.status(user_id);
        if id.is_some() {
            self.answer_presence(id, vec![PresenceView { user_id, status, last_seen: None }]);
        }
        Ok(())
    }

    /// A request with an id gets one answer; one without gets a frame per person.
    fn answer_presence(&self, id: Option<&FrameId>, users: Vec<PresenceView>) {
        if id.is_some() {
            return self.ack(id, &PresenceAck { users });
        }
        for view in users {
            let subject = Subject::Presence(view.user_id);
            self.endpoint.outbox.ephemeral(subject, &encode(&ServerFrame::UserStatus(view)));
        }
    }
}
