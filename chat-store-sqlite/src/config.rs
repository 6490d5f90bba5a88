//! How a database file is opened.

use crate::error::{Failure, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use std::{path::Path, str::FromStr, time::Duration};

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Also the loss of power: the log is synced before a write is acknowledged.
    #[default]
    Full,
    /// The end of the process, but not always the loss of power.
    Normal,
}

/// How [`SqliteStore::connect_with`](crate::SqliteStore::connect_with) opens a file of its own.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqliteConfig {
    /// `sqlite://path`, `sqlite:path` or a plain path. The file is made if its folder exists.
    pub url: String,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// The most connections for reading; each has a thread. Twice the cores, from 2 to 8, if not set.
    pub readers: u32,
    /// How long a write waits for another process that holds the lock; 5 s if not set.
    pub busy_timeout: Duration,
}

impl SqliteConfig {
    /// Describes the file at `url` with the defaults.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            url: url.into(),
            durability: Durability::Full,
            readers: u32::try_from(cores * 2).unwrap_or(8).clamp(2, 8),
            busy_timeout: Duration::from_secs(5),
        }
    }

    /// Sets what an acknowledged write survives.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets the most connections for reading.
    #[must_use]
    pub const fn readers(mut self, readers: u32) -> Self {
        self.readers = readers;
        self
    }

    /// Reads the address.
    pub(crate) fn parse(&self) -> Result<SqliteConnectOptions> {
        let address = |source| Failure::Address { url: self.url.clone(), source };
        let options = if self.url.starts_with("sqlite:") {
            SqliteConnectOptions::from_str(&self.url).map_err(address)?
        } else {
            SqliteConnectOptions::new().filename(Path::new(&self.url))
        };
        if self.url.contains(":memory:") || self.url.contains("mode=memory") {
            let reason = "the writer and the readers would each see a database of their own";
            return Err(address(sqlx::Error::Configuration(reason.into())));
        }
        let read_only = self.url.contains("mode=ro");
        Ok(options.create_if_missing(!read_only).busy_timeout(self.busy_timeout))
    }
}

/// Pages of log after which a commit copies them into the database: 16 MiB, so that the copying, which syncs twice,
/// is shared by many batches.
const CHECKPOINT_PAGES: &str = "4000";

/// The log is cut back to this after it grew beyond.
const LOG_LIMIT_BYTES: &str = "67108864";

/// Adds what suits connections to a file of the chat's own.
fn own(options: SqliteConnectOptions) -> SqliteConnectOptions {
    use sqlx::ConnectOptions as _;
    // Statements are not logged one by one; pages of rows cross from the connection's thread without waiting.
    options.disable_statement_logging().statement_cache_capacity(256).row_buffer_size(512)
}

/// Adds what the connection that writes a file of our own needs.
pub(crate) fn own_writer(options: SqliteConnectOptions, durability: Durability) -> SqliteConnectOptions {
    own(writer(options, durability))
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", LOG_LIMIT_BYTES)
        .pragma("cache_size", "-32768")
}

/// Adds what connections that read a file of our own need. They cannot write by mistake.
pub(crate) fn own_reader(options: SqliteConnectOptions) -> SqliteConnectOptions {
    own(options).pragma("query_only", "ON").pragma("cache_size", "-16384")
}

/// Adds what every writing connection needs, also one in the file of a host.
pub(crate) fn writer(options: SqliteConnectOptions, durability: Durability) -> SqliteConnectOptions {
    let synchronous = match durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Normal => SqliteSynchronous::Normal,
    };
    options.synchronous(synchronous).foreign_keys(true)
}
