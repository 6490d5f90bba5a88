//! Opening, migrating and closing; the parts of the port are in their own files.

use crate::{
    config::{self, Durability, SqliteConfig},
    epoch,
    error::{Failure, Result as SqlResult},
    writer::{Writer, WriterGuard},
};
use async_trait::async_trait;
use chat_core::{
    Result,
    clock::{Clock, SystemClock},
    model::{Epoch, Timestamp},
    store::{AccountStore, Capabilities, Store},
};
use sqlx::{
    Sqlite, SqlitePool, Transaction,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use std::sync::Arc;

/// A store in one SQLite file.
///
/// Reads use a pool, writes one connection beside it. Call [`migrate`](Self::migrate) before the first use.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: Writer,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file at `url` (`sqlite://path`, `sqlite:path` or a path) with the defaults of [`SqliteConfig`].
    ///
    /// # Errors
    /// As [`connect_with`](Self::connect_with).
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(SqliteConfig::new(url)).await
    }

    /// Opens a file of the chat's own in WAL mode; makes it if its folder exists.
    ///
    /// # Errors
    /// [`Invalid`](chat_core::ErrorKind::Invalid) for an address that names no file;
    /// [`Unavailable`](chat_core::ErrorKind::Unavailable) when it cannot be opened, is no database, is read-only, or
    /// was written by a later version.
    pub async fn connect_with(config: SqliteConfig) -> Result<Self> {
        let options = config.parse()?;
        let readers = SqlitePoolOptions::new()
            .max_connections(config.readers.max(1))
            // A reader is a thread of this process and a file handle: there is nothing to probe or to renew.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(config::own_reader(options.clone()));
        Self::open(readers, config::own_writer(options, config.durability)).await
    }

    /// Uses the database file of a host, through the host's pool for reading and a connection of its own for writing.
    ///
    /// The file keeps its journal mode (WAL is advised: without it readers and writers wait for each other) and the
    /// pool its settings. The commit counter's copy stands beside the file.
    ///
    /// # Errors
    /// As [`connect_with`](Self::connect_with); a database in memory is [`Invalid`](chat_core::ErrorKind::Invalid).
    pub async fn new(pool: SqlitePool) -> Result<Self> {
        let options = SqliteConnectOptions::clone(&pool.connect_options());
        if !options.get_filename().is_file() {
            let url = options.get_filename().display().to_string();
            let reason = sqlx::Error::Configuration("the pool's database is not a file".into());
            return Err(Failure::Address { url, source: reason }.into());
        }
        Self::open(pool, config::writer(options, Durability::Full)).await
    }

    async fn open(readers: SqlitePool, writer: SqliteConnectOptions) -> Result<Self> {
        let store = Self { readers, writer: Writer::new(writer), clock: Arc::new(SystemClock) };
        store.writer.open().await?;
        Ok(store)
    }

    /// Takes the time of writes for [`list_changed`](chat_core::store::ChangeStore::list_changed) from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Creates or updates the tables, as one transaction; does nothing on a schema that is up to date.
    ///
    /// # Errors
    /// [`Unavailable`](chat_core::ErrorKind::Unavailable) when the schema is of a later version, when an applied
    /// migration is not the one that this program knows, or when the file cannot be written.
    pub async fn migrate(&self) -> Result<()> {
        Ok(self.writer.migrate().await?)
    }

    /// Closes all connections; the log is written back into the database.
    ///
    /// # Errors
    /// [`Unavailable`](chat_core::ErrorKind::Unavailable) when the file cannot be written.
    pub async fn close(&self) -> Result<()> {
        self.readers.close().await;
        Ok(self.writer.close().await?)
    }

    /// Waits for the right to write.
    pub(crate) async fn writer(&self) -> SqlResult<WriterGuard<'_>> {
        self.writer.lock().await
    }

    /// Takes a connection for one statement.
    pub(crate) async fn reader(&self) -> SqlResult<PoolConnection<Sqlite>> {
        Ok(self.readers.acquire().await?)
    }

    /// Begins a snapshot for several statements; drop it when done.
    pub(crate) async fn snapshot(&self) -> SqlResult<Transaction<'static, Sqlite>> {
        Ok(self.readers.begin().await?)
    }

    /// Returns the time that rows are stamped with for the repair of lost hints.
    pub(crate) fn changed_at(&self) -> Timestamp {
        self.clock.now()
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().durable()
    }

    fn accounts(&self) -> Option<&dyn AccountStore> {
        Some(self)
    }

    async fn epoch(&self) -> Result<Epoch> {
        // Through the writer, which compares the commit counter with its copy whenever it opens the file.
        let guard = self.writer().await?;
        drop(guard);
        Ok(epoch::load(&mut *self.reader().await?).await?)
    }

    async fn renew_epoch(&self) -> Result<Epoch> {
        let mut writer = self.writer().await?;
        let mut tx = writer.begin().await?;
        let epoch = epoch::renew(&mut tx).await?;
        tx.commit().await?;
        Ok(epoch)
    }

    async fn ping(&self) -> Result<()> {
        let mut reader = self.reader().await?;
        epoch::load(&mut reader).await?;
        Ok(())
    }
}
