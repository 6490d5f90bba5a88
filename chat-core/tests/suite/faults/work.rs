use super::{super::wrong_store::Fault, role, unique, unique_key};
use chat_core::{
    Error, ErrorKind, Result,
    model::{
        Broadcast, BroadcastId, BroadcastState, Change, Committed, ConversationId, Job, JobId, JobOutcome,
        NewBroadcast, Timestamp, UserId,
    },
    store::{CommitError, memory::MemoryStore},
};
use std::time::Duration;

type Claim = (String, Timestamp, Timestamp, usize);
type Batch = (Vec<Change>,);

/// Changes the broadcasts that are to be stored.
fn drafts(
    name: &'static str,
    fails: &'static [&'static str],
    change: fn(&MemoryStore, &mut NewBroadcast),
) -> Fault {
    Fault::before::<Batch>(name, fails, "commit", move |store, (batch,)| {
        for item in batch {
            if let Change::Broadcast(new) = item {
                change(store, new);
            }
        }
    })
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault::before::<Claim>(
            "gives out jobs before their time",
            &["a_due_job_is_held_by_one_claimer_until_its_lease_ends", "a_job_given_back_waits_for_its_time"],
            "claim_jobs",
            |_, (_, now, ..)| *now = now.plus(Duration::from_secs(1)),
        ),
        Fault::before::<Claim>(
            "lets two hold one job",
            &[
                "two_claimers_at_once_never_hold_the_same_job",
                "a_due_job_is_held_by_one_claimer_until_its_lease_ends",
                "the_longest_due_job_comes_first",
            ],
            "claim_jobs",
            |_, (_, now, until, _)| *until = *now,
        ),
        Fault::after::<(JobId, i64, JobOutcome), Result<()>>(
            "does not look at the fence",
            &["a_late_holder_is_kept_out_by_the_fence"],
            "settle_job",
            |_, _, settled| {
                if settled.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
                    *settled = Ok(());
                }
            },
        ),
        Fault::before::<(JobId, i64, JobOutcome)>(
            "forgets how far a job was",
            &["a_lease_is_extended_with_the_state_to_go_on_from"],
            "settle_job",
            |_, (_, _, outcome)| {
                if let JobOutcome::Extend { payload, .. } = outcome {
                    payload.clear();
                }
            },
        ),
        Fault::before::<(JobId, i64, JobOutcome)>(
            "makes a job wait longer than it was told",
            &["a_job_given_back_waits_for_its_time", "a_lease_is_extended_with_the_state_to_go_on_from"],
            "settle_job",
            |_, (_, _, outcome)| {
                if let JobOutcome::Retry { due } = outcome {
                    *due = due.plus(Duration::from_secs(1));
                }
            },
        ),
        drafts(
            "takes a job twice",
            &[
                "a_second_job_with_the_same_key_is_dropped",
                "a_due_job_is_held_by_one_claimer_until_its_lease_ends",
                "the_longest_due_job_comes_first",
            ],
            |_, new| {
                if let Some(job) = &mut new.job {
                    job.key.push_str(&unique());
                }
            },
        ),
        Fault::after::<Claim, Result<Vec<Job>>>(
            "gives out the shortest due first",
            &["the_longest_due_job_comes_first"],
            "claim_jobs",
            |_, _, jobs| {
                if let Ok(jobs) = jobs {
                    jobs.reverse();
                }
            },
        ),
        Fault::after::<Batch, Result<Vec<Result<Committed>>, CommitError>>(
            "answers with the messages in another order",
            &["a_broadcast_stores_a_message_per_receiver", "a_retried_broadcast_replays_its_first_answer"],
            "commit",
            |_, _, results| {
                for result in results.iter_mut().flatten() {
                    if let Ok(Committed::Broadcast(done)) = result {
                        done.messages.reverse();
                    }
                }
            },
        ),
        drafts(
            "stores what it can of a broadcast",
            &["a_broadcast_is_stored_whole_or_not_at_all"],
            |store, new| {
                new.messages.retain(|item| role(store, item.conversation_id, item.sender_id).is_some());
            },
        ),
        drafts(
            "sends a retried broadcast again",
            &["a_retried_broadcast_replays_its_first_answer", "a_large_broadcast_settles_each_receiver_once"],
            |_, new| {
                new.key = unique_key();
                new.messages.iter_mut().for_each(|item| item.key = unique_key());
            },
        ),
        Fault::after::<(BroadcastId, usize), Result<Vec<(UserId, ConversationId)>>>(
            "sends in an order of its own",
            &["a_large_broadcast_settles_each_receiver_once"],
            "list_pending_receivers",
            |_, _, pending| {
                if let Ok(pending) = pending {
                    pending.reverse();
                }
            },
        ),
        Fault::after::<(BroadcastId, Vec<(UserId, bool)>), Result<Broadcast>>(
            "counts a receiver twice",
            &["a_large_broadcast_settles_each_receiver_once"],
            "settle_receivers",
            |_, (_, settled), broadcast| {
                if let (Ok(broadcast), [(one, _), (other, _)]) = (broadcast, &settled[..])
                    && one == other
                {
                    broadcast.done += 1;
                }
            },
        ),
        Fault::after::<(BroadcastId, UserId, BroadcastState), Result<Broadcast>>(
            "starts a broadcast again that has ended",
            &["a_broadcast_that_has_ended_stays_as_it_is"],
            "set_broadcast_state",
            |_, (_, _, state), broadcast| {
                if let Ok(broadcast) = broadcast {
                    broadcast.state = *state;
                }
            },
        ),
        Fault::after::<(BroadcastId, UserId), Result<Broadcast>>(
            "lets others tell that a broadcast exists",
            &["a_broadcast_is_its_senders_alone"],
            "load_broadcast",
            |_, (id, _), broadcast| {
                if broadcast.is_err() && *id < BroadcastId::new(900_000) {
                    *broadcast = Err(Error::forbidden("not yours"));
                }
            },
        ),
    ]
}
