//! What can go wrong with SQLite, and the one way from there to the public error.

use chat_core::{Error, ErrorKind, store::CommitFailure};
use std::path::PathBuf;

/// Everything that a function of this crate can end with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A migration that was applied has another text now.
    #[error("migration {version} of the database is not the one that this program knows")]
    Checksum { version: i64 },
    /// The counter's copy beside the database cannot be read or written.
    #[error("cannot use {path}")]
    CounterCopy { path: PathBuf, source: std::io::Error },
    /// The address is not one of a SQLite file.
    #[error("`{url}` is not the address of a SQLite file")]
    Address { url: String, source: sqlx::Error },
    /// The migration itself failed.
    #[error("migration of the database failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Tables are missing or of an older version.
    #[error("database schema is at version {found}, this program needs {known}: run the migration first")]
    Outdated { found: i64, known: i64 },
    /// A rule of the contract says no. Nothing is wrong with the store.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The engine's own error.
    #[error("{}", explain(.0))]
    Sql(#[from] sqlx::Error),
    /// The file was written by a later version.
    #[error("database schema is at version {found}, this program knows up to {known}: use a newer program")]
    TooNew { found: i64, known: i64 },
}

/// The result of a function that talks to the database.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>) that are told apart.
mod code {
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const READONLY: u32 = 8;
    pub(super) const IOERR: u32 = 10;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CANTOPEN: u32 = 14;
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const NOTADB: u32 = 26;
}

/// Returns SQLite's primary result code, where the error has one.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// Says in words that an operator understands what the engine's code means.
fn explain(error: &sqlx::Error) -> &'static str {
    match primary_code(error) {
        Some(code::BUSY | code::LOCKED) => "database is locked by another process",
        Some(code::READONLY) => "database is read-only",
        Some(code::IOERR) => "database file cannot be read or written",
        Some(code::CORRUPT) => "database file is damaged",
        Some(code::FULL) => "disk or database is full",
        Some(code::CANTOPEN) => "database file cannot be opened; does its folder exist?",
        Some(code::CONSTRAINT) => "a rule of the database refused a row",
        Some(code::NOTADB) => "file is not a SQLite database",
        _ => match error {
            sqlx::Error::PoolTimedOut => "no database connection became free in time",
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => "database connection is closed",
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => "a stored value cannot be read",
            _ => "database failed",
        },
    }
}

/// Returns what a caller can do about it.
fn kind(error: &sqlx::Error) -> ErrorKind {
    match primary_code(error) {
        Some(code::CONSTRAINT) if is_unique(error) => ErrorKind::Conflict,
        Some(
            code::BUSY
            | code::LOCKED
            | code::READONLY
            | code::IOERR
            | code::CORRUPT
            | code::FULL
            | code::CANTOPEN
            | code::NOTADB,
        ) => ErrorKind::Unavailable,
        _ => match error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        },
    }
}

/// Says whether a unique index refused the row.
pub(crate) fn is_unique(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Says what is known after `COMMIT` itself failed.
///
/// SQLite rolls back when it cannot write the log, and keeps waiting when another process holds the lock. After
/// a failed sync the frames may reach the disk all the same, and a dead worker thread answers nothing.
pub(crate) fn commit_failure(error: &sqlx::Error) -> CommitFailure {
    match primary_code(error) {
        Some(code::IOERR) | None => CommitFailure::Unknown,
        Some(_) => CommitFailure::NotCommitted,
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::Refused(error) => return error.clone(),
            Failure::Sql(error) => kind(error),
            Failure::Address { .. } => ErrorKind::Invalid,
            Failure::Checksum { .. }
            | Failure::CounterCopy { .. }
            | Failure::Migration(_)
            | Failure::Outdated { .. }
            | Failure::TooNew { .. } => ErrorKind::Unavailable,
        };
        Self::new(kind, failure.to_string()).with_source(failure)
    }
}
