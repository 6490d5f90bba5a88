//! What to do when a whole batch failed: nobody is told "no" about something that was stored, and one bad change does not take
//! its neighbours along.

use crate::{
    Error, ErrorKind, Result,
    model::{Change, Committed, CommittedMessage, EditMessage, Message, NewMessage, Outcome, Rev},
    store::{CommitError, CommitFailure, Store},
};
use std::{collections::VecDeque, time::Duration};

/// Pauses before a batch, or the question what became of it, is tried again. Together they outlast a fail-over of a second or two;
/// a client's own retry with the same key does the rest.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_millis(1_200),
];

/// A run of neighbouring changes and where they stand in the batch.
struct Part {
    changes: Vec<(usize, Change)>,
    tries: usize,
}

/// Settles a batch that failed as a whole: one result per change, in order.
pub(super) async fn recover(
    store: &dyn Store,
    changes: Vec<Change>,
    failure: CommitError,
) -> Vec<Result<Committed>> {
    let mut results: Vec<Option<Result<Committed>>> = changes.iter().map(|_| None).collect();
    let whole = Part { changes: changes.into_iter().enumerate().collect(), tries: 0 };
    let mut parts = VecDeque::new();
    handle(store, whole, failure, &mut parts, &mut results).await;
    while let Some(part) = parts.pop_front() {
        let changes = part.changes.iter().map(|(_, change)| change.clone()).collect();
        match store.commit(changes).await {
            Ok(answers) => {
                for ((index, _), answer) in part.changes.into_iter().zip(answers) {
                    results[index] = Some(answer);
                }
            }
            Err(failure) => handle(store, part, failure, &mut parts, &mut results).await,
        }
    }
    let lost = || Error::new(ErrorKind::Internal, "the store broke its contract");
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(lost()))).collect()
}

/// Decides how a failed part goes on; parts stay in order, so that changes are never made out of order.
async fn handle(
    store: &dyn Store,
    part: Part,
    failure: CommitError,
    parts: &mut VecDeque<Part>,
    results: &mut [Option<Result<Committed>>],
) {
    tracing::warn!(error = %failure, changes = part.changes.len(), "batch failed");
    metrics::counter!("chat_commit_failures_total").increment(1);
    let rest = match failure.failure {
        CommitFailure::NotCommitted => part.changes,
        CommitFailure::Unknown => look_up(store, part.changes, results).await,
    };
    if rest.is_empty() {
        return;
    }
    let is_retryable = failure.failure == CommitFailure::Unknown || failure.error.kind().is_retryable();
    if is_retryable && let Some(pause) = PAUSES.get(part.tries) {
        tokio::time::sleep(*pause).await;
        parts.push_front(Part { changes: rest, tries: part.tries + 1 });
    } else if !is_retryable && rest.len() > 1 {
        // The engine refuses something in here for good: find it by halves and store the rest.
        let mut first = rest;
        let second = first.split_off(first.len() / 2);
        parts.push_front(Part { changes: second, tries: part.tries });
        parts.push_front(Part { changes: first, tries: part.tries });
    } else {
        let kind = if is_retryable { ErrorKind::Unavailable } else { ErrorKind::Internal };
        let error = Error::new(kind, "the message could not be stored").with_source(failure);
        for (index, _) in rest {
            results[index] = Some(Err(error.clone()));
        }
    }
}

/// Finds out which changes of a batch were stored before its answer was lost; returns those that were not. What is found counts as
/// applied, because nobody has announced it.
async fn look_up(
    store: &dyn Store,
    changes: Vec<(usize, Change)>,
    results: &mut [Option<Result<Committed>>],
) -> Vec<(usize, Change)> {
    let mut missing = Vec::new();
    for (index, change) in changes {
        match find(store, &change).await {
            Ok(Some(committed)) => results[index] = Some(Ok(committed)),
            Ok(None) => missing.push((index, change)),
            // A second commit looks the key up again inside its transaction, so nothing is stored twice.
            Err(error) => {
                tracing::warn!(%error, "cannot look up what became of a change");
                missing.push((index, change));
            }
        }
    }
    missing
}

async fn find(store: &dyn Store, change: &Change) -> Result<Option<Committed>> {
    match change {
        Change::Append(new) => find_append(store, new).await,
        Change::Broadcast(new) => {
            let found = store.find_broadcast_by_key(new.sender_id, &new.key).await?;
            Ok(found.filter(|(_, hash)| *hash == new.request_hash).map(|(mut broadcast, _)| {
                broadcast.outcome = Outcome::Applied;
                for message in &mut broadcast.messages {
                    message.outcome = Outcome::Applied;
                }
                Committed::Broadcast(Box::new(broadcast))
            }))
        }
        // The moves are monotone: making them again does no harm.
        Change::Cursors(_) => Ok(None),
        Change::Delete(delete) => {
            let message = store.load_message(delete.message_id, delete.actor).await?;
            Ok(message.deleted_at.is_some().then(|| applied(message)))
        }
        Change::Edit(edit) => find_edit(store, edit).await,
    }
}

async fn find_append(store: &dyn Store, new: &NewMessage) -> Result<Option<Committed>> {
    let found = store.find_message_by_key(new.sender_id, &new.key).await?;
    Ok(found.filter(|(_, hash)| *hash == new.request_hash).map(|(message, _)| applied(message)))
}

/// An edit that names a base would be refused as stale when it is made again.
async fn find_edit(store: &dyn Store, edit: &EditMessage) -> Result<Option<Committed>> {
    let message = store.load_message(edit.message_id, edit.actor).await?;
    let is_done = message.content == edit.content && edit.base_rev.is_none_or(|base| message.rev > base);
    Ok(is_done.then(|| applied(message)))
}

/// `member_rev` is not known here: the lowest one makes no hub reload, and the repair loop compares it anyway.
fn applied(message: Message) -> Committed {
    Committed::Message(Box::new(CommittedMessage {
        message,
        outcome: Outcome::Applied,
        member_rev: Rev::ZERO,
    }))
}
