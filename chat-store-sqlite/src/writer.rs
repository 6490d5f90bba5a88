//! The one connection that writes.
//!
//! SQLite admits one writer at a time. Writes of this process take turns on a connection of their own, so that none
//! waits inside SQLite for another, and the commit pipeline never waits for a free connection of a pool.

use crate::{
    epoch::{self, CounterCopy},
    error::{Failure, Result},
    migrations,
};
use sqlx::{Connection as _, Sqlite, SqliteConnection, Transaction, sqlite::SqliteConnectOptions};
use std::ops::{Deref, DerefMut};
use tokio::sync::{Mutex, MutexGuard};

/// Opens the writing connection and hands it out to one caller at a time.
#[derive(Debug)]
pub(crate) struct Writer {
    options: SqliteConnectOptions,
    slot: Mutex<Slot>,
}

/// What only the present holder touches.
#[derive(Debug)]
struct Slot {
    connection: Option<SqliteConnection>,
    copy: CounterCopy,
}

impl Writer {
    /// Describes the connection; opens nothing.
    pub(crate) fn new(options: SqliteConnectOptions) -> Self {
        let copy = CounterCopy::beside(options.get_filename());
        Self { options, slot: Mutex::new(Slot { connection: None, copy }) }
    }

    /// Opens the file, to find out early that it cannot be used. An older schema waits for its migration.
    pub(crate) async fn open(&self) -> Result<()> {
        let mut slot = self.slot.lock().await;
        let mut connection = SqliteConnection::connect_with(&self.options).await?;
        match migrations::check(&mut connection).await {
            Ok(()) => {
                epoch::settle(&mut connection, &mut slot.copy).await?;
                slot.connection = Some(connection);
                Ok(())
            }
            Err(Failure::Outdated { .. }) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Brings the schema up to date.
    pub(crate) async fn migrate(&self) -> Result<()> {
        let mut slot = self.slot.lock().await;
        let mut connection = SqliteConnection::connect_with(&self.options).await?;
        migrations::migrate(&mut connection).await?;
        epoch::settle(&mut connection, &mut slot.copy).await?;
        slot.connection = Some(connection);
        Ok(())
    }

    /// Waits for one's turn.
    pub(crate) async fn lock(&self) -> Result<WriterGuard<'_>> {
        let mut guard = WriterGuard { options: &self.options, slot: self.slot.lock().await };
        if guard.slot.connection.is_none() {
            guard.reopen().await?;
        }
        Ok(guard)
    }

    /// Closes the connection, after the copy of the counter caught up.
    pub(crate) async fn close(&self) -> Result<()> {
        let mut slot = self.slot.lock().await;
        if let Some(mut connection) = slot.connection.take() {
            let commits = epoch::commits(&mut connection).await?;
            slot.copy.write(commits)?;
            connection.close().await?;
        }
        Ok(())
    }
}

/// The right to write. Give it back by dropping it.
#[derive(Debug)]
pub(crate) struct WriterGuard<'a> {
    options: &'a SqliteConnectOptions,
    slot: MutexGuard<'a, Slot>,
}

impl WriterGuard<'_> {
    /// Begins a write transaction, with the database's write lock from the start.
    pub(crate) async fn begin(&mut self) -> Result<WriteTx<'_>> {
        // SQLite rolls back by itself when the disk is full or fails; sqlx then believes that a transaction is still
        // open, and only a connection of its own mends that. The same holds when its thread has ended.
        if self.slot.connection.as_ref().is_none_or(SqliteConnection::is_in_transaction) {
            self.recover().await?;
        }
        let slot = &mut *self.slot;
        let connection = slot.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        Ok(WriteTx { tx, copy: &mut slot.copy })
    }

    /// Lets a pending rollback run; opens another connection if that was not enough.
    async fn recover(&mut self) -> Result<()> {
        if let Some(connection) = self.slot.connection.as_mut() {
            let alive = connection.ping().await.is_ok();
            if alive && !connection.is_in_transaction() {
                return Ok(());
            }
        }
        self.reopen().await
    }

    async fn reopen(&mut self) -> Result<()> {
        self.slot.connection = None;
        let mut connection = SqliteConnection::connect_with(self.options).await?;
        migrations::check(&mut connection).await?;
        epoch::settle(&mut connection, &mut self.slot.copy).await?;
        self.slot.connection = Some(connection);
        Ok(())
    }
}

/// An open write transaction; rolled back unless [`commit`](Self::commit) is called.
pub(crate) struct WriteTx<'a> {
    tx: Transaction<'a, Sqlite>,
    copy: &'a mut CounterCopy,
}

impl WriteTx<'_> {
    /// Raises the commit counter and commits.
    pub(crate) async fn commit(mut self) -> Result<()> {
        let commits = epoch::raise(&mut self.tx).await?;
        self.commit_raised(commits).await.map_err(Failure::Sql)
    }

    /// Commits a transaction that has raised the counter to `commits` itself.
    pub(crate) async fn commit_raised(self, commits: i64) -> Result<(), sqlx::Error> {
        self.tx.commit().await?;
        self.copy.follow(commits);
        Ok(())
    }
}

impl Deref for WriteTx<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.tx
    }
}

impl DerefMut for WriteTx<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }
}
