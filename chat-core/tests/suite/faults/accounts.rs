use super::{super::wrong_store::Fault, at_once, unique};
use chat_core::{
    Result,
    model::{
        Account, AuthSession, AuthSessionId, Lockout, NewAccount, NewAuthSession, RefreshHash, Rotation,
        Timestamp, UserId,
    },
    store::AccountStore,
};
use std::time::Duration;

type Rotate = (RefreshHash, RefreshHash, Timestamp, Duration, Timestamp);

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault::after::<(String,), Result<Option<Account>>>(
            "does not find an account by name",
            &["an_account_is_found_by_name_and_by_user"],
            "find_account",
            |_, _, account| *account = Ok(None),
        ),
        Fault::before::<(NewAccount,)>(
            "gives one name to several people",
            &[
                "a_name_that_is_taken_is_a_conflict",
                "a_name_asked_for_at_once_goes_to_one",
                "an_account_is_found_by_name_and_by_user",
            ],
            "create_account",
            |_, (account,)| account.username_key.push_str(&unique()),
        ),
        Fault::before::<(UserId, String, String)>(
            "replaces whatever hash is there",
            &["a_rehash_replaces_only_the_hash_it_saw"],
            "rehash_password",
            |store, (user, old, _)| {
                if let Ok(Some(account)) = at_once(store.find_account_of(*user)) {
                    *old = account.password_hash;
                }
            },
        ),
        Fault::before::<(Vec<String>,)>(
            "never forgets a failure",
            &["failures_are_counted_by_key_until_they_are_forgotten"],
            "clear_lockouts",
            |_, (keys,)| keys.clear(),
        ),
        Fault::before::<(Vec<(String, Lockout)>,)>(
            "loses failures at the same time",
            &["failures_at_once_are_all_counted"],
            "save_lockouts",
            |store, (failures,)| {
                let keys: Vec<_> = failures.iter().map(|(key, _)| key.clone()).collect();
                let known = at_once(store.load_lockouts(&keys)).expect("the store in memory reads");
                if known.iter().any(|lockout| lockout.failures == 10) {
                    failures.clear();
                }
            },
        ),
        Fault::before::<(NewAuthSession,)>(
            "forgets the device",
            &["a_session_is_kept_as_it_was_opened"],
            "create_session",
            |_, (session,)| session.device_name.clear(),
        ),
        Fault::after::<(UserId, Timestamp), Result<Vec<AuthSession>>>(
            "lists the first used first",
            &["sessions_in_force_are_listed_last_used_first"],
            "list_sessions",
            |_, _, sessions| {
                if let Ok(sessions) = sessions {
                    sessions.reverse();
                }
            },
        ),
        Fault::before::<(UserId, AuthSessionId, Timestamp)>(
            "lets people revoke each other's sessions",
            &["a_session_is_revoked_only_by_its_person"],
            "revoke_session",
            |store, (user, id, _)| {
                if let Ok(Some(session)) = at_once(store.find_session(*id)) {
                    *user = session.user_id;
                }
            },
        ),
        Fault::before::<Rotate>(
            "does not prolong a session that is used",
            &["a_refresh_token_is_replaced_by_its_successor", "sessions_in_force_are_listed_last_used_first"],
            "rotate_session",
            |_, (.., expires_at)| *expires_at = expires_at.minus(Duration::from_secs(1)),
        ),
        Fault::before::<Rotate>(
            "grants no grace",
            &["a_replaced_token_is_good_for_the_grace"],
            "rotate_session",
            |_, (_, _, _, grace, _)| *grace = Duration::ZERO,
        ),
        Fault::before::<Rotate>(
            "grants grace for ever",
            &["a_token_used_after_its_grace_revokes_the_session"],
            "rotate_session",
            |_, (_, _, _, grace, _)| *grace = Duration::from_secs(1 << 30),
        ),
        Fault::after::<Rotate, Result<Rotation>>(
            "gives a token several successors",
            &["a_token_used_twice_at_once_has_one_successor", "a_replaced_token_is_good_for_the_grace"],
            "rotate_session",
            |_, _, rotation| {
                if let Ok(Rotation::Repeated(session)) = rotation {
                    *rotation = Ok(Rotation::Rotated(session.clone()));
                }
            },
        ),
        Fault::before::<(UserId, String, Option<AuthSessionId>, Timestamp)>(
            "signs out whoever changes the password",
            &["a_changed_password_revokes_the_other_sessions"],
            "set_password",
            |_, (_, _, keep, _)| *keep = None,
        ),
        Fault::after::<(Vec<AuthSessionId>, Vec<UserId>, Timestamp), Result<(Vec<AuthSessionId>, Vec<UserId>)>>(
            "does not tell who is banned",
            &["ended_sessions_and_banned_people_are_told_apart"],
            "filter_ended",
            |_, _, ended| {
                if let Ok((_, users)) = ended {
                    users.clear();
                }
            },
        ),
    ]
}
