//! A batch as one transaction: lock, read, decide, write, commit. Four round trips to the connection's thread for
//! any number of messages.

use super::{apply::Work, load, write};
use crate::{
    error::{Failure, Result as SqlResult, commit_failure},
    store::SqliteStore,
    writer::WriteTx,
};
use chat_core::{
    Result,
    model::{Change, Committed, Timestamp},
    store::{CommitError, CommitFailure},
};

/// The answer to each change of a batch, and the commit counter if anything is to be committed.
type Applied = (Vec<Result<Committed>>, Option<i64>);

pub(super) async fn commit(
    store: &SqliteStore,
    batch: Vec<Change>,
) -> Result<Vec<Result<Committed>>, CommitError> {
    let mut writer = store.writer().await.map_err(not_committed)?;
    let mut tx = writer.begin().await.map_err(not_committed)?;
    let (results, commits) = apply(&mut tx, batch, store.changed_at()).await.map_err(not_committed)?;
    // A batch of retries and refusals has nothing to sync.
    if let Some(commits) = commits {
        tx.commit_raised(commits).await.map_err(|error| {
            let failure = commit_failure(&error);
            CommitError { failure, error: Failure::Sql(error).into() }
        })?;
    }
    Ok(results)
}

/// Nothing that fails before `COMMIT` leaves anything behind.
fn not_committed(failure: Failure) -> CommitError {
    CommitError { failure: CommitFailure::NotCommitted, error: failure.into() }
}

async fn apply(tx: &mut WriteTx<'_>, batch: Vec<Change>, changed_at: Timestamp) -> SqlResult<Applied> {
    let mut work = Work::new(load::load(tx, &batch).await?);
    let results = batch.into_iter().map(|change| work.apply(change)).collect();
    if work.is_empty() {
        return Ok((results, None));
    }
    let commits = write::write(tx, work, changed_at).await?;
    Ok((results, Some(commits)))
}
