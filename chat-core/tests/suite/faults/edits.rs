use super::{
    super::wrong_store::Fault,
    at_once,
    messages::{Batch, messages, results},
    role,
};
use chat_core::{
    Error,
    model::{Change, Committed, Outcome},
    store::MessageStore,
};

pub(super) fn faults() -> Vec<Fault> {
    vec![
        messages(
            "announces an edit that changed nothing",
            &["an_edit_takes_one_rev_and_the_same_text_none", "an_edit_of_an_older_state_is_a_conflict"],
            |change, done| {
                if matches!(change, Change::Edit(_)) {
                    done.outcome = Outcome::Applied;
                }
            },
        ),
        messages(
            "forgets to raise the rev of an edited message",
            &[
                "an_edit_takes_one_rev_and_the_same_text_none",
                "a_batch_is_applied_in_its_order",
                "a_retried_broadcast_replays_its_first_answer",
                "a_retry_gets_the_present_state",
                "an_edit_of_an_older_state_is_a_conflict",
                "every_durable_change_is_found_by_its_rev",
            ],
            |change, done| {
                if matches!(change, Change::Edit(_)) {
                    done.message.rev = done.message.created_rev;
                }
            },
        ),
        Fault::before::<Batch>(
            "does not ask what an edit was based on",
            &["an_edit_of_an_older_state_is_a_conflict"],
            "commit",
            |_, (batch,)| {
                for change in batch {
                    if let Change::Edit(edit) = change {
                        edit.base_rev = None;
                    }
                }
            },
        ),
        Fault::before::<Batch>(
            "lets members edit each other's messages",
            &["only_its_sender_edits_a_message"],
            "commit",
            |store, (batch,)| {
                for change in batch {
                    if let Change::Edit(edit) = change
                        && let Ok(message) = at_once(store.load_message(edit.message_id, edit.actor))
                    {
                        edit.actor = message.sender_id;
                    }
                }
            },
        ),
        results(
            "refuses a second deletion",
            &["a_deletion_leaves_an_empty_tombstone", "unread_agrees_with_a_recount"],
            |_, change, result| {
                if let (Change::Delete(_), Ok(Committed::Message(done))) = (change, &*result)
                    && done.outcome == Outcome::Repeated
                {
                    *result = Err(Error::conflict("it is gone"));
                }
            },
        ),
        Fault::before::<Batch>(
            "lets members delete each other's messages",
            &["sender_and_administrators_delete"],
            "commit",
            |store, (batch,)| {
                for change in batch {
                    if let Change::Delete(delete) = change
                        && let Ok(message) = at_once(store.load_message(delete.message_id, delete.actor))
                        && role(store, message.conversation_id, message.sender_id).is_some()
                    {
                        delete.actor = message.sender_id;
                    }
                }
            },
        ),
    ]
}
