use super::{super::wrong_store::Fault, unique};
use chat_core::{
    Error, Result,
    model::{Avatar, Epoch, Media, MediaId, NewUser, ProfileUpdate, Timestamp, User, UserId, UserQuery},
    store::{Ban, Capabilities, MediaCatalog},
};
use std::time::Duration;

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault::after::<(), Result<Epoch>>(
            "renews the epoch in words only",
            &["an_epoch_lasts_until_it_is_renewed"],
            "renew_epoch",
            |_, (), epoch| *epoch = Ok(Epoch::new("always the same")),
        ),
        Fault::after::<(), Result<()>>(
            "does not answer a ping",
            &["a_store_in_order_answers_a_ping"],
            "ping",
            |_, (), pong| *pong = Err(Error::unavailable("gone")),
        ),
        Fault::after::<(), Capabilities>(
            "calls itself durable",
            &["a_durable_store_has_everything_after_it_was_opened_again"],
            "capabilities",
            |_, (), capabilities| *capabilities = Capabilities::none().durable(),
        ),
        Fault::after::<(), Capabilities>(
            "calls itself shared",
            &["a_shared_store_shows_each_process_what_the_other_wrote"],
            "capabilities",
            |_, (), capabilities| *capabilities = Capabilities::none().shared(),
        ),
        Fault::after::<(UserId,), Result<chat_core::model::Feed>>(
            "says invalid where it means not found",
            &["unknown_ids_are_not_found"],
            "load_feed",
            |_, _, feed| {
                if feed.is_err() {
                    *feed = Err(Error::invalid("what?"));
                }
            },
        ),
        Fault::after::<(Vec<MediaId>,), Result<Vec<Media>>>(
            "fails a list for one unknown id",
            &["lists_and_filters_leave_unknown_ids_out", "only_what_is_still_unused_is_cleared_away"],
            "load_media",
            |_, (ids,), rows| {
                if rows.as_ref().is_ok_and(|rows| rows.len() < ids.len()) {
                    *rows = Err(Error::not_found("one of them"));
                }
            },
        ),
        Fault::before::<(NewUser,)>(
            "takes everybody for somebody new",
            &[
                "the_same_external_id_is_the_same_user",
                "two_first_sights_at_once_make_one_user",
                "what_the_host_tells_anew_takes_a_user_rev",
            ],
            "ensure_user",
            |_, (user,)| user.external_id.push_str(&unique()),
        ),
        Fault::before::<(NewUser,)>(
            "forgets the picture that the host gave",
            &["what_the_host_tells_anew_takes_a_user_rev"],
            "ensure_user",
            |_, (user,)| user.avatar = None,
        ),
        Fault::after::<(UserId, ProfileUpdate, Timestamp), Result<User>>(
            "takes a second number for a profile",
            &["a_profile_change_takes_one_user_rev_and_nothing_none"],
            "update_profile",
            |_, _, user| {
                if let Ok(user) = user {
                    user.user_rev = user.user_rev.next();
                }
            },
        ),
        Fault::before::<(UserId, ProfileUpdate, Timestamp)>(
            "takes a picture that does not exist",
            &["a_profile_picture_is_a_file_that_exists"],
            "update_profile",
            |store, (_, update, _)| {
                if let Some(Some(Avatar::Media(id))) = update.avatar
                    && super::at_once(store.load_media(&[id])).is_ok_and(|rows| rows.is_empty())
                {
                    update.avatar = None;
                }
            },
        ),
        Fault::before::<(Vec<(UserId, Timestamp)>,)>(
            "sees people earlier than they were there",
            &["last_seen_never_goes_back_and_takes_no_number"],
            "touch_users",
            |_, (seen,)| seen.iter_mut().for_each(|(_, at)| *at = at.minus(Duration::from_secs(1))),
        ),
        Fault::after::<(UserId, Ban, Timestamp), Result<User>>(
            "takes a second number for a ban",
            &["a_ban_and_its_end_take_a_user_rev_each"],
            "set_banned",
            |_, _, user| {
                if let Ok(user) = user {
                    user.user_rev = user.user_rev.next();
                }
            },
        ),
        Fault::after::<(UserId, bool, Timestamp), Result<User>>(
            "makes administrators without a number",
            &["making_an_administrator_takes_a_user_rev"],
            "set_admin",
            |_, _, user| {
                if let Ok(user) = user {
                    user.user_rev = chat_core::model::Rev::ZERO;
                }
            },
        ),
        Fault::before::<(UserQuery,)>(
            "gives one user more than asked for",
            &["users_are_listed_by_prefix_in_pages"],
            "list_users",
            |_, (query,)| query.limit += 1,
        ),
        Fault::after::<(UserId, Vec<UserId>), Result<Vec<UserId>>>(
            "takes people for their own contacts",
            &["contacts_are_those_in_a_common_conversation_now"],
            "filter_contacts",
            |_, (me, others), contacts| {
                if let Ok(contacts) = contacts
                    && others.contains(me)
                {
                    contacts.push(*me);
                }
            },
        ),
    ]
}
