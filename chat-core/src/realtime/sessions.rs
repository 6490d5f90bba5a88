//! The connections of one node by what their sessions need: who is there, which device is whose, what is spawned for them.

use super::{connection::Connection, endpoint::Endpoint, jobs::Jobs, shards::Shards};
use crate::{
    Result,
    chat::Inner,
    model::{Timestamp, UserId},
    protocol::CloseCode,
};
use ahash::AHashMap;
use parking_lot::Mutex;
use std::{
    future::Future,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};

/// Reads of resumes and fetches at a time on a node: more would only queue in the store, and take it from those who write.
const READS: usize = 64;

/// How long requests have to be answered when the node goes down.
const PATIENCE: Duration = Duration::from_secs(2);

/// The sessions of one node.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(super) jobs: Jobs,
    open: Shards<u64, Weak<Connection>>,
    devices: Mutex<AHashMap<(UserId, Box<str>), Device>>,
    reads: Semaphore,
    is_draining: AtomicBool,
    started: Instant,
}

/// The present connection of a device.
#[derive(Debug)]
struct Device {
    endpoint: Arc<Endpoint>,
    since: Timestamp,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self {
            jobs: Jobs::default(),
            open: Shards::new(),
            devices: Mutex::default(),
            reads: Semaphore::new(READS),
            is_draining: AtomicBool::new(false),
            started: Instant::now(),
        }
    }

    /// Returns the milliseconds since the node's start.
    pub(super) fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn add(&self, connection: &Arc<Connection>) {
        let id = connection.endpoint.id;
        self.open.lock(&id).insert(id, Arc::downgrade(connection));
    }

    pub(super) fn remove(&self, connection: &Connection) {
        let id = connection.endpoint.id;
        self.open.lock(&id).remove(&id);
        if let Some(device) = connection.device() {
            let key = (connection.user_id(), device);
            let mut devices = self.devices.lock();
            if devices.get(&key).is_some_and(|known| known.endpoint.id == id) {
                devices.remove(&key);
            }
        }
    }

    /// Returns all connections, whatever their stage.
    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        self.open
            .parts()
            .flat_map(|part| part.values().filter_map(Weak::upgrade).collect::<Vec<_>>())
            .collect()
    }

    /// Makes a connection the only one of its device on this node; the older one is told to stay away.
    pub(super) fn claim_device(&self, connection: &Connection, device: &str, since: Timestamp) {
        connection.set_device(device);
        let endpoint = Arc::clone(&connection.endpoint);
        let key = (connection.user_id(), device.into());
        let older = self.devices.lock().insert(key, Device { endpoint, since });
        if let Some(older) = older.filter(|older| older.endpoint.id != connection.endpoint.id) {
            older.endpoint.farewell(CloseCode::Replaced);
        }
    }

    /// Another node has a connection of this device since then: an older one here is told to stay away.
    pub(crate) fn device_moved(&self, user: UserId, device: &str, since: Timestamp) {
        let key = (user, device.into());
        let mut devices = self.devices.lock();
        if devices.get(&key).is_none_or(|known| known.since >= since) {
            return;
        }
        let older = devices.remove(&key);
        drop(devices);
        if let Some(older) = older {
            older.endpoint.farewell(CloseCode::Replaced);
        }
    }

    /// Lets connections in: a run begins.
    pub(super) fn open(&self) {
        self.is_draining.store(false, Ordering::Release);
    }

    /// Lets no more connections in; those that are there go on.
    pub(super) fn start_draining(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// Says goodbye to every client and waits a moment for what is still being answered.
    pub(super) async fn send_away(&self) {
        for connection in self.all() {
            connection.close(CloseCode::Drain);
        }
        if tokio::time::timeout(PATIENCE, self.jobs.finish()).await.is_err() {
            tracing::warn!("requests were still under way when the node went down");
        }
    }

    /// Ends everything that runs for connections: the run is over.
    pub(super) fn stop(&self) {
        self.start_draining();
        self.jobs.stop();
        for connection in self.all() {
            connection.endpoint.outbox.close(CloseCode::Drain);
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }
}

impl Inner {
    /// Reads from the store for a session; waits while too many sessions of this node are reading.
    pub(super) async fn read<T>(&self, read: impl Future<Output = Result<T>>) -> Result<T> {
        let _permit = self.sessions.reads.acquire().await.ok();
        read.await
    }

    /// Names a connection for logs and for `hello`.
    pub(super) fn session_name(&self, endpoint: u64) -> String {
        format!("{:08x}-{endpoint:x}", self.node >> 32)
    }
}
