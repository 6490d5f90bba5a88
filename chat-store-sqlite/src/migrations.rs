//! The schema's versions: forward only, each checked against the text that was applied.

use crate::error::{Failure, Result};
use sqlx::{
    Connection as _, SqlSafeStr as _, SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

/// The table of applied migrations; not sqlx's own name, which a host's migrations may use.
const LEDGER: &str = "chat_migrations";

/// Every migration in order. The numbers have no holes.
const FILES: &[(i64, &str, &str)] = &[(1, "init", include_str!("../migrations/0001_init.sql"))];

/// The version that this program works with.
pub(crate) const fn known_version() -> i64 {
    FILES[FILES.len() - 1].0
}

fn migrator() -> Migrator {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(FILES.iter().map(migration).collect());
    migrator.dangerous_set_table_name(LEDGER);
    migrator
}

/// Returns the version of the schema in the file; 0 for a file without ours.
pub(crate) async fn found_version(connection: &mut SqliteConnection) -> Result<i64> {
    let ledger = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'chat_migrations'",
    );
    if ledger.fetch_one(&mut *connection).await? == 0 {
        return Ok(0);
    }
    let version = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM chat_migrations");
    Ok(version.fetch_one(connection).await?)
}

/// Refuses a file that this program cannot work with.
pub(crate) async fn check(connection: &mut SqliteConnection) -> Result<()> {
    let known = known_version();
    match found_version(connection).await? {
        found if found > known => Err(Failure::TooNew { found, known }),
        found if found < known => Err(Failure::Outdated { found, known }),
        _ => Ok(()),
    }
}

/// Brings the schema to [`known_version`], as one transaction: another process that migrates at the same time waits.
pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<()> {
    let known = known_version();
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found = found_version(&mut tx).await?;
    if found > known {
        return Err(Failure::TooNew { found, known });
    }
    // Not `run`: its future cannot be sent to another thread from where the connection's lifetime is not known.
    migrator().run_direct(None, &mut *tx, false).await.map_err(|error| match error {
        MigrateError::VersionMismatch(version) => Failure::Checksum { version },
        error => Failure::Migration(error),
    })?;
    tx.commit().await?;
    Ok(())
}
