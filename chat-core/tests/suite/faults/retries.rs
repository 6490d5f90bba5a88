use super::{
    super::wrong_store::Fault,
    messages::{Batch, Results, drafts, ghost, messages, results},
    role, unique_key,
};
use chat_core::{
    Error, Result,
    model::{Change, Committed, Message, MessageKey, Outcome, RequestHash, UserId},
    store::{CommitError, CommitFailure},
};

pub(super) fn faults() -> Vec<Fault> {
    vec![
        drafts(
            "forgets keys",
            &[
                "a_retry_gets_the_first_result_and_takes_no_number",
                "a_key_finds_its_message_and_digest",
                "a_key_with_another_request_is_a_conflict",
                "a_message_takes_one_seq_and_one_rev_and_moves_no_cursor",
                "a_refused_change_leaves_its_neighbours_and_the_numbers_alone",
                "a_retry_after_leaving_still_gets_the_first_result",
                "a_retry_gets_the_present_state",
                "two_connections_at_once_store_each_key_once",
            ],
            |_, new| new.key = unique_key(),
        ),
        messages("replays the first state", &["a_retry_gets_the_present_state"], |change, done| {
            if matches!(change, Change::Append(_)) && done.outcome == Outcome::Repeated {
                done.message.rev = done.message.created_rev;
            }
        }),
        drafts(
            "does not compare requests",
            &[
                "a_key_with_another_request_is_a_conflict",
                "a_key_finds_its_message_and_digest",
                "a_refused_change_leaves_its_neighbours_and_the_numbers_alone",
            ],
            |_, new| new.request_hash = RequestHash([0; 16]),
        ),
        drafts("takes keys that differ in case for one", &["a_key_belongs_to_its_sender"], |_, new| {
            new.key = MessageKey::from_stored(&new.key.as_str().to_lowercase());
        }),
        results(
            "asks a retry for its membership",
            &["a_retry_after_leaving_still_gets_the_first_result"],
            |store, change, result| {
                if let (Change::Append(new), Ok(Committed::Message(done))) = (change, &*result)
                    && done.outcome == Outcome::Repeated
                    && role(store, new.conversation_id, new.sender_id).is_none()
                {
                    *result = Err(Error::not_found("no such conversation"));
                }
            },
        ),
        Fault::after::<(UserId, MessageKey), Result<Option<(Message, RequestHash)>>>(
            "forgets the digest of a request",
            &["a_key_finds_its_message_and_digest"],
            "find_message_by_key",
            |_, _, found| {
                if let Ok(Some((_, hash))) = found {
                    *hash = RequestHash([0; 16]);
                }
            },
        ),
        Fault::after::<Batch, Results>(
            "fails the neighbours of a refused change",
            &[
                "a_refused_change_leaves_its_neighbours_and_the_numbers_alone",
                "a_batch_is_applied_in_its_order",
                "a_broadcast_is_stored_whole_or_not_at_all",
                "two_connections_at_once_store_each_key_once",
            ],
            "commit",
            |_, _, results| {
                let Ok(results) = results else { return };
                if let Some(error) = results.iter().find_map(|result| result.as_ref().err().cloned()) {
                    results.iter_mut().for_each(|result| *result = Err(error.clone()));
                }
            },
        ),
        results(
            "gives a refused message a number",
            &[
                "a_refused_change_leaves_its_neighbours_and_the_numbers_alone",
                "a_banned_person_does_not_write",
                "a_key_with_another_request_is_a_conflict",
                "a_removal_between_check_and_commit_wins",
                "a_reply_answers_what_its_sender_can_see",
                "attachments_keep_their_order_and_must_exist",
                "only_members_write",
                "two_connections_at_once_store_each_key_once",
                "unknown_ids_are_not_found",
            ],
            |store, change, result| {
                if let (Change::Append(new), Err(_)) = (change, result) {
                    ghost(store, new.conversation_id);
                }
            },
        ),
        Fault::after::<Batch, Results>(
            "has no answer to an empty batch",
            &["an_empty_batch_is_nothing"],
            "commit",
            |_, (batch,), results| {
                if batch.is_empty() {
                    *results = Err(CommitError {
                        failure: CommitFailure::NotCommitted,
                        error: Error::invalid("empty"),
                    });
                }
            },
        ),
        Fault::after::<Batch, Results>(
            "answers a mixed batch in another order",
            &["a_batch_is_applied_in_its_order"],
            "commit",
            |_, _, results| {
                if let Ok(results) = results
                    && results.len() == 7
                {
                    results.reverse();
                }
            },
        ),
        results(
            "stores what two send at once twice",
            &["two_connections_at_once_store_each_key_once"],
            |store, change, result| {
                if let (Change::Append(new), Ok(Committed::Message(done))) = (change, result)
                    && done.outcome == Outcome::Repeated
                    && new.key.as_str().starts_with('l')
                {
                    ghost(store, new.conversation_id);
                }
            },
        ),
    ]
}
