//! The name of this incarnation of the store, and how it notices that the database went back.
//!
//! Every write transaction raises a counter in the database. A copy of it stands in a file beside the database. If
//! at an open the counter is below its copy, or the copy is missing, then somebody put an older database in place,
//! and clients must not trust what they know: the store takes a fresh name.

use crate::error::{Failure, Result};
use chat_core::model::Epoch;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use std::{io, path::PathBuf, time::Duration};
use tokio::time::Instant;

/// The copy is replaced at most this often.
const COPY_EVERY: Duration = Duration::from_secs(1);

/// The file that holds the counter's copy. Never synced: a copy that lost its newest state only notices less.
#[derive(Debug)]
pub(crate) struct CounterCopy {
    path: PathBuf,
    written: Option<Instant>,
}

impl CounterCopy {
    /// Names the copy that belongs to this database.
    pub(crate) fn beside(database: &std::path::Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-commits");
        Self { path: path.into(), written: None }
    }

    fn read(&self) -> Result<Option<i64>> {
        match std::fs::read_to_string(&self.path) {
            // A torn or foreign text says as little as a missing file.
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Failure::CounterCopy { path: self.path.clone(), source }),
        }
    }

    /// Replaces the copy.
    pub(crate) fn write(&mut self, commits: i64) -> Result<()> {
        let mut next = self.path.clone().into_os_string();
        next.push(".next");
        let failed = |source| Failure::CounterCopy { path: self.path.clone(), source };
        std::fs::write(&next, format!("{commits}\n")).map_err(failed)?;
        std::fs::rename(&next, &self.path).map_err(failed)?;
        self.written = Some(Instant::now());
        Ok(())
    }

    /// Replaces the copy after a commit, unless that was done a moment ago. A failure is only logged: the commit
    /// stands.
    pub(crate) fn follow(&mut self, commits: i64) {
        if self.written.is_some_and(|at| at.elapsed() < COPY_EVERY) {
            return;
        }
        if let Err(error) = self.write(commits) {
            self.written = Some(Instant::now());
            tracing::warn!(error = &error as &dyn std::error::Error, "commit counter was not copied");
        }
    }
}

/// Reads the counter of write transactions.
pub(crate) async fn commits(connection: &mut SqliteConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT commits FROM chat_meta").fetch_one(connection).await?)
}

/// Raises the counter; part of every write transaction.
pub(crate) async fn raise(connection: &mut SqliteConnection) -> Result<i64> {
    let raise = sqlx::query_scalar("UPDATE chat_meta SET commits = commits + 1 RETURNING commits");
    Ok(raise.fetch_one(connection).await?)
}

/// Reads the name.
pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<Epoch> {
    let name = sqlx::query_scalar::<_, String>("SELECT epoch FROM chat_meta");
    Ok(Epoch::new(name.fetch_one(connection).await?))
}

/// Writes a fresh name.
pub(crate) async fn renew(connection: &mut SqliteConnection) -> Result<Epoch> {
    let epoch = Epoch::random();
    sqlx::query("UPDATE chat_meta SET epoch = ?1").bind(epoch.as_str()).execute(connection).await?;
    Ok(epoch)
}

/// Compares the counter with its copy when the database is opened, and takes a fresh name if the database went back.
pub(crate) async fn settle(connection: &mut SqliteConnection, copy: &mut CounterCopy) -> Result<()> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Changes nothing, but a file that cannot be written says so here and not at the first message.
    sqlx::query("UPDATE chat_meta SET commits = commits").execute(&mut *tx).await?;
    let meta = sqlx::query("SELECT commits FROM chat_meta").fetch_optional(&mut *tx).await?;
    let stored = meta.map(|row| row.try_get::<i64, _>(0)).transpose()?;
    let copied = copy.read()?;
    let counter = match (stored, copied) {
        (None, _) => {
            let epoch = Epoch::random();
            let first = "INSERT INTO chat_meta (id, epoch, commits, last_message_id) VALUES (1, ?1, 1, 0)";
            sqlx::query(first).bind(epoch.as_str()).execute(&mut *tx).await?;
            1
        }
        (Some(commits), Some(copied)) if commits >= copied => {
            tx.rollback().await?;
            return if commits > copied { copy.write(commits) } else { Ok(()) };
        }
        (Some(commits), _) => {
            tracing::warn!(commits, copied, "database was put back to an older state; taking a fresh epoch");
            renew(&mut tx).await?;
            raise(&mut tx).await?
        }
    };
    tx.commit().await?;
    copy.write(counter)
}
