//! The cases for stores. One list makes the tests, the table and their names.

mod absent;
mod accounts;
mod batches;
mod broadcasts;
mod catch_up;
mod conversations;
mod edits;
mod feeds;
mod groups;
mod jobs;
mod listing;
mod media;
mod members;
mod messages;
mod pages;
mod receipts;
mod retries;
mod roles;
mod sessions;
mod unread;
mod users;
mod whole;

use super::stage::Stage;
use futures_util::future::BoxFuture;
use std::fmt;

/// One case of the suite.
#[derive(Clone, Copy)]
pub struct StoreCase {
    /// What is promised, as a sentence in snake case.
    pub name: &'static str,
    run: fn(Stage) -> BoxFuture<'static, ()>,
}

impl StoreCase {
    /// Runs the case on a fresh store.
    ///
    /// # Panics
    /// Panics where the store breaks the promise.
    pub async fn run(&self, stage: Stage) {
        (self.run)(stage).await;
    }
}

impl fmt::Debug for StoreCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Runs the case of that name.
///
/// # Panics
/// Panics where the store breaks the promise, or if there is no such case.
pub async fn run_store_case(name: &str, stage: Stage) {
    let known = store_cases()
        .into_iter()
        .chain(crate::__store_table!(() absent { a_store_without_accounts_says_so }));
    let case = known.into_iter().find(|case| case.name == name);
    case.expect("the macro and the table are made from one list").run(stage).await;
}

/// Lists all cases of a store with accounts.
#[must_use]
pub fn store_cases() -> Vec<StoreCase> {
    let mut cases = crate::__store_cases! { __store_table () };
    cases.extend(crate::__account_cases! { __store_table () });
    cases
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_table {
    (() $($module:ident { $($case:ident)* })*) => {
        vec![$($(StoreCase { name: stringify!($case), run: |stage| Box::pin($module::$case(stage)) },)*)*]
    };
}

/// The one list of cases, handed to the macro named first.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($then:ident $arguments:tt) => {
        $crate::$then! { $arguments
            whole {
                an_epoch_lasts_until_it_is_renewed
                a_store_in_order_answers_a_ping
                unknown_ids_are_not_found
                lists_and_filters_leave_unknown_ids_out
                a_durable_store_has_everything_after_it_was_opened_again
                a_shared_store_shows_each_process_what_the_other_wrote
            }
            users {
                the_same_external_id_is_the_same_user
                two_first_sights_at_once_make_one_user
                what_the_host_tells_anew_takes_a_user_rev
                a_profile_change_takes_one_user_rev_and_nothing_none
                a_profile_picture_is_a_file_that_exists
                last_seen_never_goes_back_and_takes_no_number
                a_ban_and_its_end_take_a_user_rev_each
                making_an_administrator_takes_a_user_rev
                users_are_listed_by_prefix_in_pages
                contacts_are_those_in_a_common_conversation_now
            }
            conversations {
                a_pair_has_exactly_one_direct_conversation
                the_conversation_with_oneself_has_one_member
                two_who_open_their_conversation_at_once_get_the_same
                a_fresh_direct_conversation_has_rev_1_and_is_in_both_feeds
                an_unknown_peer_fails_in_its_own_place
                finding_direct_conversations_creates_none
                a_membership_is_hidden_from_everybody_else
            }
            groups {
                creating_a_group_is_one_change
                a_group_with_an_unknown_member_is_not_created
                a_retried_creation_gives_the_first_group
                a_new_title_takes_one_rev_and_the_same_title_none
                only_owner_and_administrators_rename
                the_end_of_a_group_is_a_leave_of_every_member
                only_the_owner_ends_a_group
            }
            listing {
                conversations_are_listed_by_activity
                pages_of_conversations_lose_and_double_nothing
                an_entry_shows_what_its_reader_may_see
            }
            members {
                a_join_takes_both_numbers_and_starts_at_the_head
                people_added_together_take_a_rev_each
                a_leave_takes_both_numbers_and_keeps_the_row
                whoever_comes_back_has_one_row_and_a_fresh_start
                changes_that_change_nothing_take_no_number
                a_group_over_its_limit_takes_nobody
                joins_at_once_take_different_revs
                members_are_listed_in_pages
                a_roster_agrees_with_the_conversation
            }
            roles {
                a_membership_is_changed_only_with_the_right
                outsiders_cannot_change_a_membership
                a_direct_membership_cannot_be_changed
                changes_of_people_who_are_not_there_are_not_found
                a_role_takes_a_rev_but_no_join
                handing_over_leaves_one_owner
                an_owner_who_leaves_is_followed
            }
            messages {
                a_message_takes_one_seq_and_one_rev_and_moves_no_cursor
                appends_at_once_are_numbered_without_holes
                only_members_write
                a_removal_between_check_and_commit_wins
                a_banned_person_does_not_write
                a_reply_answers_what_its_sender_can_see
                a_quote_shows_the_message_as_it_is_now
                attachments_keep_their_order_and_must_exist
                every_text_comes_back_as_it_went_in
                a_message_is_read_only_by_those_who_may_see_it
            }
            retries {
                a_retry_gets_the_first_result_and_takes_no_number
                a_retry_gets_the_present_state
                a_key_with_another_request_is_a_conflict
                a_key_belongs_to_its_sender
                a_retry_after_leaving_still_gets_the_first_result
                a_key_finds_its_message_and_digest
                a_refused_change_leaves_its_neighbours_and_the_numbers_alone
            }
            batches {
                an_empty_batch_is_nothing
                a_batch_is_applied_in_its_order
                two_connections_at_once_store_each_key_once
            }
            edits {
                an_edit_takes_one_rev_and_the_same_text_none
                an_edit_of_an_older_state_is_a_conflict
                only_its_sender_edits_a_message
                a_deletion_leaves_an_empty_tombstone
                sender_and_administrators_delete
            }
            pages {
                pages_have_exact_boundaries
                pages_begin_where_the_reader_may_see
                pages_show_tombstones
                the_direct_history_goes_over_all_peers
            }
            receipts {
                cursors_are_clamped_to_the_head
                cursors_never_go_back
                read_implies_delivered
                a_flush_takes_one_number_if_any_row_moved
                cursors_of_outsiders_are_passed_over
            }
            unread {
                unread_counts_what_is_to_be_read
                unread_is_counted_up_to_a_thousand
                unread_agrees_with_a_recount
            }
            catch_up {
                every_durable_change_is_found_by_its_rev
                pages_of_changes_lose_and_double_nothing
                changes_before_the_join_are_left_out
                whoever_left_is_told_so_and_nothing_more
                cursors_are_found_by_their_flush
                changes_and_their_head_are_one_snapshot
            }
            feeds {
                the_feed_lists_memberships_in_rising_user_rev
                a_feed_shows_the_heads_of_all_memberships
                whatever_was_written_since_is_listed
                heads_of_all_conversations_come_in_pages
            }
            jobs {
                a_due_job_is_held_by_one_claimer_until_its_lease_ends
                a_late_holder_is_kept_out_by_the_fence
                a_lease_is_extended_with_the_state_to_go_on_from
                a_job_given_back_waits_for_its_time
                a_second_job_with_the_same_key_is_dropped
                the_longest_due_job_comes_first
                two_claimers_at_once_never_hold_the_same_job
            }
            broadcasts {
                a_broadcast_stores_a_message_per_receiver
                a_broadcast_is_stored_whole_or_not_at_all
                a_retried_broadcast_replays_its_first_answer
                a_large_broadcast_settles_each_receiver_once
                a_broadcast_that_has_ended_stays_as_it_is
                a_broadcast_is_its_senders_alone
            }
            media {
                a_file_is_kept_as_it_was_described
                a_file_is_seen_with_the_message_that_carries_it
                a_profile_picture_is_seen_by_everybody
                orphans_are_old_files_that_nothing_uses
                only_what_is_still_unused_is_cleared_away
            }
        }
    };
}

/// The cases of the family of password accounts.
#[doc(hidden)]
#[macro_export]
macro_rules! __account_cases {
    ($then:ident $arguments:tt) => {
        $crate::$then! { $arguments
            accounts {
                an_account_is_found_by_name_and_by_user
                a_name_that_is_taken_is_a_conflict
                a_name_asked_for_at_once_goes_to_one
                a_rehash_replaces_only_the_hash_it_saw
                failures_are_counted_by_key_until_they_are_forgotten
                failures_at_once_are_all_counted
            }
            sessions {
                a_session_is_kept_as_it_was_opened
                sessions_in_force_are_listed_last_used_first
                a_session_is_revoked_only_by_its_person
                a_refresh_token_is_replaced_by_its_successor
                a_replaced_token_is_good_for_the_grace
                a_token_used_after_its_grace_revokes_the_session
                a_token_used_twice_at_once_has_one_successor
                a_changed_password_revokes_the_other_sessions
                ended_sessions_and_banned_people_are_told_apart
            }
        }
    };
}
