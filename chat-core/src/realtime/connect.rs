//! Opening a connection, and what happens when it ends.

use super::{
    classic,
    connection::{Connection, Stage},
    endpoint::Endpoint,
    outbox::{Dialect, Outbox, outbox},
    session::Session,
};
use crate::{Chat, Error, Result, auth::Identity, hooks::HOOK_TIMEOUT, model::User, protocol::CloseCode};
use std::{net::IpAddr, sync::Arc};

/// Which frames a connection speaks when it is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wire {
    /// The classic service's frames, from the first moment on; a later `hello` makes it [`Wire::V2`].
    #[default]
    Classic,
    /// Protocol 2: nothing is sent before the client's `hello`.
    V2,
}

/// What a transport knows of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnInfo {
    /// The client's address.
    pub remote: Option<IpAddr>,
    /// Which frames it speaks.
    pub protocol: Wire,
    /// What the client says that it is; for logs.
    pub user_agent: Option<String>,
}

impl Chat {
    /// Opens a connection for an identity: frames of the client go into the [`Session`], those for it come out of the
    /// [`Outbox`]. Dropping either ends the connection.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) for an identity whose time is over or whose user is gone,
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for a banned person and for what the hook refuses,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) before [`Chat::run`], during the drain, and for a hook that does not answer.
    pub async fn connect(&self, identity: Identity, info: ConnInfo) -> Result<(Session, Outbox)> {
        let inner = &self.inner;
        inner.epoch()?;
        if inner.sessions.is_draining() {
            return Err(Error::unavailable("this node is going down"));
        }
        if identity.expires_at.is_some_and(|end| end <= inner.clock.now()) {
            return Err(Error::unauthenticated("the session has expired"));
        }
        let user = self.ensure_user(&identity).await?;
        self.ask_to_connect(&user).await?;
        let (dialect, stage) = match info.protocol {
            Wire::Classic => (Dialect::Classic, Stage::Classic),
            Wire::V2 => (Dialect::V2, Stage::Silent),
        };
        let (sender, outbox) = outbox(self.pacing().outbox_bytes, dialect);
        let is_v2 = info.protocol == Wire::V2;
        let endpoint = Endpoint::new(inner.hub.next_id(), user.id, identity.session, sender, is_v2);
        let now = inner.sessions.millis();
        endpoint.hear(now);
        let connection = Arc::new(Connection::new(self.clone(), Arc::new(endpoint), stage, now));
        connection.set_expiry(identity.expires_at);
        inner.sessions.add(&connection);
        tracing::debug!(
            connection = connection.endpoint.id, user.id = %user.id, remote = ?info.remote,
            user_agent = info.user_agent.as_deref(), protocol = ?info.protocol, "connection opened"
        );
        if stage == Stage::Classic {
            connection.endpoint.begin_resume();
            connection.attach();
            inner.presence.add_classic(&connection.endpoint);
            inner.sessions.jobs.spawn(classic::open(Arc::clone(&connection)));
        }
        Ok((Session::new(connection), outbox))
    }

    async fn ask_to_connect(&self, user: &User) -> Result<()> {
        let Some(hooks) = &self.inner.hooks else { return Ok(()) };
        tokio::time::timeout(HOOK_TIMEOUT, hooks.on_connect(user))
            .await
            .unwrap_or_else(|_| Err(Error::unavailable("the application did not answer in time")))
    }
}

impl Connection {
    /// Makes the connection known: to the hub, and as presence.
    pub(super) fn attach(&self) {
        if self.set_attached() {
            return;
        }
        let inner = &self.chat.inner;
        inner.hub.attach(&self.endpoint);
        inner.presence.connected(self.user_id(), inner.clock.now());
    }

    /// Forgets the connection; the last step of its life.
    pub(super) fn leave(&self) {
        let inner = &self.chat.inner;
        inner.sessions.remove(self);
        inner.presence.unwatch(self.endpoint.id, &self.set_watched(Box::default()));
        inner.presence.forget_classic(&self.endpoint);
        if self.is_attached() {
            inner.hub.detach(&self.endpoint);
            let grace = self.chat.pacing().offline_grace;
            inner.presence.disconnected(self.user_id(), self.is_away(), grace, inner.clock.now());
        }
        self.endpoint.outbox.close(CloseCode::Drain);
        tracing::debug!(connection = self.endpoint.id, "connection closed");
    }
}
