//! A store of one's own: a chat in a single append-only file, one JSON line for every write.
//!
//! Every write is put into the journal, flushed to the disk, and only then applied to the state in memory that answers reads.
//! Opening replays the journal. That works because the state is a pure function of the calls: all moments come in with them, and
//! all numbers are counted. One lock spans a write, so the order of the lines is the order of the numbers.
//!
//! The state is `chat-core`'s own [`MemoryStore`], so everything has to fit into memory. What this crate adds is what makes it a
//! store in its own right: durability, its own epoch, and a file that only one process opens.
#![forbid(unsafe_code)]

mod calls;
mod journal;

use async_trait::async_trait;
use calls::Call;
use chat_core::{
    Error, Result,
    model::Epoch,
    store::{AccountStore, Capabilities, Store, memory::MemoryStore},
};
use journal::Journal;
use parking_lot::Mutex;
use std::{path::Path, sync::Arc};

/// Keeps a chat in a journal.
#[derive(Debug, Clone)]
pub struct JournalStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    journal: Mutex<Journal>,
    state: MemoryStore,
    epoch: Mutex<Epoch>,
}

impl JournalStore {
    /// Opens the journal at `path`, or begins one, and replays it. Blocks while it reads.
    ///
    /// A last line that was cut off by a crash was never acknowledged, and is removed.
    ///
    /// # Errors
    /// [`Unavailable`](chat_core::ErrorKind::Unavailable) if the file cannot be read or another process has it open;
    /// [`Internal`](chat_core::ErrorKind::Internal) if a line of it makes no sense.
    pub fn open(path: &Path) -> Result<Self> {
        let (mut journal, calls) = Journal::open(path)?;
        let (state, mut epoch) = (MemoryStore::new(), None);
        for call in calls {
            match call {
                Call::renew_epoch { fresh } => epoch = Some(fresh),
                other => other.replay(&state),
            }
        }
        let epoch = match epoch {
            Some(epoch) => epoch,
            None => begin(&mut journal)?,
        };
        Ok(Self { inner: Arc::new(Inner { journal: Mutex::new(journal), state, epoch: Mutex::new(epoch) }) })
    }

    /// Journals a call and then applies it. It goes on to its end even if the caller goes away.
    async fn write<T: Send + 'static>(
        &self,
        call: Call,
        apply: impl FnOnce(&Inner, Call) -> T + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        // Waiting for the disk would hold up every other task of this thread.
        let written = tokio::task::spawn_blocking(move || {
            let mut journal = inner.journal.lock();
            journal.append(&call)?;
            Ok(apply(&inner, call))
        });
        written.await.map_err(|error| Error::internal("the journal's writer ended").with_source(error))?
    }
}

fn begin(journal: &mut Journal) -> Result<Epoch> {
    let fresh = Epoch::random();
    journal.append(&Call::renew_epoch { fresh: fresh.clone() })?;
    Ok(fresh)
}

#[async_trait]
impl Store for JournalStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().durable()
    }

    /// Its host has users and sign-in of its own, so it keeps no passwords.
    fn accounts(&self) -> Option<&dyn AccountStore> {
        None
    }

    async fn epoch(&self) -> Result<Epoch> {
        Ok(self.inner.epoch.lock().clone())
    }

    async fn renew_epoch(&self) -> Result<Epoch> {
        let fresh = Epoch::random();
        self.write(Call::renew_epoch { fresh: fresh.clone() }, move |inner, _| {
            inner.epoch.lock().clone_from(&fresh);
            fresh
        })
        .await
    }

    async fn ping(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        let checked = tokio::task::spawn_blocking(move || inner.journal.lock().check());
        checked.await.map_err(|error| Error::internal("the journal's check ended").with_source(error))?
    }
}
