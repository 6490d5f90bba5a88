use super::{super::wrong_store::Fault, at_once};
use chat_core::{
    Result,
    model::{Avatar, Media, MediaId, NewMedia, ProfileUpdate, Timestamp, UserId},
    store::MediaCatalog,
};
use std::time::Duration;

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault::before::<(NewMedia,)>(
            "stores a retried upload again",
            &["a_file_is_kept_as_it_was_described"],
            "create_media",
            |_, (media,)| media.key = None,
        ),
        Fault::after::<(UserId, Vec<MediaId>), Result<Vec<MediaId>>>(
            "shows files to everybody",
            &["a_file_is_seen_with_the_message_that_carries_it", "a_profile_picture_is_seen_by_everybody"],
            "filter_visible_media",
            |_, (_, ids), visible| *visible = Ok(ids.clone()),
        ),
        Fault::before::<(UserId, ProfileUpdate, Timestamp)>(
            "forgets a picture that was uploaded here",
            &[
                "a_profile_picture_is_seen_by_everybody",
                "a_profile_picture_is_a_file_that_exists",
                "only_what_is_still_unused_is_cleared_away",
                "orphans_are_old_files_that_nothing_uses",
            ],
            "update_profile",
            |_, (_, update, _)| {
                if let Some(Some(Avatar::Media(_))) = update.avatar {
                    update.avatar = Some(None);
                }
            },
        ),
        Fault::before::<(Timestamp, usize)>(
            "takes a fresh file for an orphan",
            &["orphans_are_old_files_that_nothing_uses"],
            "list_orphans",
            |_, (before, _)| *before = before.plus(Duration::from_micros(1)),
        ),
        Fault::after::<(Vec<MediaId>,), Result<Vec<MediaId>>>(
            "clears away what is in use",
            &["only_what_is_still_unused_is_cleared_away"],
            "delete_orphans",
            |_, (ids,), deleted| *deleted = Ok(ids.clone()),
        ),
        Fault::after::<(Timestamp, usize), Result<Vec<Media>>>(
            "takes a profile's picture for an orphan",
            &["orphans_are_old_files_that_nothing_uses"],
            "list_orphans",
            |store, _, orphans| {
                let ids: Vec<_> = (1..500).map(MediaId::new).collect();
                *orphans = at_once(store.load_media(&ids));
            },
        ),
    ]
}
