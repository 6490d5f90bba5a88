//! Durable work: leases and fences. Jobs come into being with broadcasts, in their transaction.

use super::{
    super::stage::refused,
    Stage,
    broadcasts::{commit, large},
};
use crate::{
    ErrorKind,
    model::{Job, JobOutcome, NewJob, Timestamp, UserId},
};
use futures_util::future::join_all;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

const LEASE: Duration = Duration::from_secs(30);

/// Starts a broadcast whose job has this kind, key and time.
async fn enqueue(stage: &Stage, sender: UserId, kind: &str, key: &str, due: Timestamp) {
    let mut new = large(stage, sender, &[sender], &stage.unique()).await;
    let (kind, key, payload) = (kind.to_owned(), key.to_owned(), format!("\"{key}\""));
    new.job = Some(NewJob { kind, key, payload, due });
    commit(stage, new).await.unwrap();
}

async fn claim(stage: &Stage, now: Timestamp) -> Vec<Job> {
    stage.store.claim_jobs("work", now, now.plus(LEASE), 10).await.unwrap()
}

pub(super) async fn a_due_job_is_held_by_one_claimer_until_its_lease_ends(stage: Stage) {
    let me = stage.person().await;
    let due = stage.now().plus(LEASE);
    enqueue(&stage, me, "work", "a", due).await;
    assert!(claim(&stage, due.minus(Duration::from_micros(1))).await.is_empty(), "not before its time");
    let job = claim(&stage, due).await.pop().expect("it is due");
    assert_eq!((job.kind.as_str(), job.key.as_str(), job.payload.as_str()), ("work", "a", "\"a\""));
    assert_eq!(job.attempts, 1);
    let end = due.plus(LEASE);
    assert!(claim(&stage, due).await.is_empty(), "it is held");
    assert!(claim(&stage, end.minus(Duration::from_micros(1))).await.is_empty(), "to the end of the lease");
    let again = claim(&stage, end).await.pop().expect("the lease is over");
    assert_eq!((again.id, again.attempts), (job.id, 2));
    assert!(again.fence > job.fence, "every claim raises the fence");
}

pub(super) async fn a_late_holder_is_kept_out_by_the_fence(stage: Stage) {
    let me = stage.person().await;
    let now = stage.now();
    enqueue(&stage, me, "work", "a", now).await;
    let late = claim(&stage, now).await.remove(0);
    let holder = claim(&stage, now.plus(LEASE)).await.remove(0);
    for outcome in [
        JobOutcome::Done,
        JobOutcome::Extend { payload: "\"stolen\"".to_owned(), until: now.plus(10 * LEASE) },
        JobOutcome::Retry { due: now },
    ] {
        refused(stage.store.settle_job(late.id, late.fence, outcome).await, ErrorKind::Conflict);
    }
    stage.store.settle_job(holder.id, holder.fence, JobOutcome::Done).await.unwrap();
    refused(stage.store.settle_job(holder.id, holder.fence, JobOutcome::Done).await, ErrorKind::NotFound);
    assert!(claim(&stage, now.plus(10 * LEASE)).await.is_empty(), "finished work is gone");
}

pub(super) async fn a_lease_is_extended_with_the_state_to_go_on_from(stage: Stage) {
    let me = stage.person().await;
    let now = stage.now();
    enqueue(&stage, me, "work", "a", now).await;
    let job = claim(&stage, now).await.remove(0);
    let until = now.plus(3 * LEASE);
    let extend = JobOutcome::Extend { payload: "\"half\"".to_owned(), until };
    stage.store.settle_job(job.id, job.fence, extend).await.unwrap();
    assert!(claim(&stage, now.plus(2 * LEASE)).await.is_empty());
    let retry = JobOutcome::Retry { due: until };
    stage.store.settle_job(job.id, job.fence, retry).await.unwrap();
    let next = claim(&stage, until).await.remove(0);
    assert_eq!((next.id, next.payload.as_str()), (job.id, "\"half\""));
}

pub(super) async fn a_job_given_back_waits_for_its_time(stage: Stage) {
    let me = stage.person().await;
    let now = stage.now();
    enqueue(&stage, me, "work", "a", now).await;
    let job = claim(&stage, now).await.remove(0);
    let due = now.plus(Duration::from_secs(5));
    stage.store.settle_job(job.id, job.fence, JobOutcome::Retry { due }).await.unwrap();
    assert!(claim(&stage, due.minus(Duration::from_micros(1))).await.is_empty());
    assert_eq!(claim(&stage, due).await.remove(0).attempts, 2, "before the old lease would have ended");
}

pub(super) async fn a_second_job_with_the_same_key_is_dropped(stage: Stage) {
    let me = stage.person().await;
    let now = stage.now();
    enqueue(&stage, me, "work", "a", now).await;
    enqueue(&stage, me, "work", "a", now).await;
    enqueue(&stage, me, "other work", "a", now).await;
    let job = claim(&stage, now).await;
    assert_eq!(job.len(), 1, "kinds have keys and consumers of their own");
    assert_eq!(stage.store.claim_jobs("other work", now, now.plus(LEASE), 10).await.unwrap().len(), 1);
    stage.store.settle_job(job[0].id, job[0].fence, JobOutcome::Done).await.unwrap();
    enqueue(&stage, me, "work", "a", now).await;
    assert_eq!(claim(&stage, now).await.len(), 1, "a finished job's key is free");
}

pub(super) async fn the_longest_due_job_comes_first(stage: Stage) {
    let me = stage.person().await;
    let now = stage.now().plus(LEASE);
    for (key, wait) in [("third", 1), ("first", 9), ("second", 5)] {
        enqueue(&stage, me, "work", key, now.minus(Duration::from_secs(wait))).await;
    }
    let claim = async |limit| {
        let jobs = stage.store.claim_jobs("work", now, now.plus(LEASE), limit).await.unwrap();
        jobs.into_iter().map(|job| job.key).collect::<Vec<_>>()
    };
    assert_eq!(claim(2).await, ["first", "second"]);
    assert_eq!(claim(2).await, ["third"]);
}

pub(super) async fn two_claimers_at_once_never_hold_the_same_job(stage: Stage) {
    let me = stage.person().await;
    let now = stage.now();
    for number in 0..20 {
        enqueue(&stage, me, "work", &format!("{number}"), now).await;
    }
    let calls = (0..8).map(|_| {
        let store = Arc::clone(&stage.store);
        tokio::spawn(async move { store.claim_jobs("work", now, now.plus(LEASE), 5).await.unwrap() })
    });
    let jobs = join_all(calls).await.into_iter().flat_map(|jobs| jobs.unwrap()).collect::<Vec<_>>();
    let ids: BTreeSet<_> = jobs.iter().map(|job| job.id).collect();
    assert_eq!((jobs.len(), ids.len()), (20, 20), "each job once");
}
