use super::{super::wrong_store::Fault, at_once, head_of, role};
use chat_core::{
    Error, ErrorKind, Result,
    model::{
        Conversation, ConversationEntry, ConversationId, ConversationPage, GroupUpdate, Member,
        MembersChanged, NewGroup, Opened, Rev, Role, Timestamp, UserId,
    },
    store::{ConversationStore, UserStore},
};

type Directs = (UserId, Vec<UserId>, Timestamp);

pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault::after::<Directs, Result<Vec<Result<Opened>>>>(
            "makes a second conversation of a pair",
            &[
                "a_pair_has_exactly_one_direct_conversation",
                "a_broadcast_is_its_senders_alone",
                "a_broadcast_that_has_ended_stays_as_it_is",
                "a_fresh_direct_conversation_has_rev_1_and_is_in_both_feeds",
                "the_conversation_with_oneself_has_one_member",
                "two_who_open_their_conversation_at_once_get_the_same",
            ],
            "open_directs",
            |_, _, opened| {
                for opened in opened.iter_mut().flatten().flatten().filter(|opened| !opened.created) {
                    opened.conversation.id = ConversationId::new(opened.conversation.id.get() + 500_000);
                }
            },
        ),
        Fault::after::<Directs, Result<Vec<Result<Opened>>>>(
            "tells everybody that they made it",
            &[
                "two_who_open_their_conversation_at_once_get_the_same",
                "a_fresh_direct_conversation_has_rev_1_and_is_in_both_feeds",
            ],
            "open_directs",
            |_, _, opened| opened.iter_mut().flatten().flatten().for_each(|opened| opened.created = true),
        ),
        Fault::after::<(ConversationId, UserId), Result<(Conversation, Member)>>(
            "counts people who talk to themselves twice",
            &["the_conversation_with_oneself_has_one_member"],
            "load_membership",
            |_, _, row| {
                if let Ok((conversation, _)) = row
                    && conversation.pair.is_some_and(|(low, high)| low == high)
                {
                    conversation.member_count = 2;
                }
            },
        ),
        Fault::after::<Directs, Result<Vec<Result<Opened>>>>(
            "creates without a rev in the conversation's row",
            &["a_fresh_direct_conversation_has_rev_1_and_is_in_both_feeds"],
            "open_directs",
            |_, _, opened| {
                opened
                    .iter_mut()
                    .flatten()
                    .flatten()
                    .for_each(|opened| opened.conversation.meta_rev = Rev::ZERO);
            },
        ),
        Fault::after::<Directs, Result<Vec<Result<Opened>>>>(
            "fails all peers for one who is unknown",
            &["an_unknown_peer_fails_in_its_own_place"],
            "open_directs",
            |_, _, opened| {
                if opened.as_ref().is_ok_and(|opened| opened.iter().any(Result::is_err)) {
                    *opened = Err(Error::not_found("one of them"));
                }
            },
        ),
        Fault::before::<(UserId, Vec<UserId>)>(
            "creates what it was to find",
            &["finding_direct_conversations_creates_none"],
            "find_directs",
            |store, (user, peers)| {
                drop(at_once(store.open_directs(*user, peers, Timestamp::from_micros(1))));
            },
        ),
        Fault::after::<(ConversationId, UserId), Result<ConversationEntry>>(
            "lets outsiders tell that a conversation exists",
            &["a_membership_is_hidden_from_everybody_else"],
            "load_entry",
            |store, (id, _), entry| {
                if entry.is_err() && head_of(store, *id).is_some() {
                    *entry = Err(Error::forbidden("it is there, but not for you"));
                }
            },
        ),
        Fault::after::<(NewGroup,), Result<Opened>>(
            "takes the first members for people who joined",
            &["creating_a_group_is_one_change"],
            "create_group",
            |_, _, opened| {
                if let Ok(opened) = opened {
                    opened.members.iter_mut().for_each(|member| member.since_rev = Rev::new(1));
                }
            },
        ),
        Fault::before::<(NewGroup,)>(
            "creates a group without those it does not know",
            &["a_group_with_an_unknown_member_is_not_created"],
            "create_group",
            |store, (group,)| {
                group
                    .members
                    .retain(|id| at_once(store.load_users(&[*id])).is_ok_and(|users| !users.is_empty()));
            },
        ),
        Fault::before::<(NewGroup,)>(
            "creates a group again for a retry",
            &["a_retried_creation_gives_the_first_group"],
            "create_group",
            |_, (group,)| group.key = None,
        ),
        Fault::after::<(GroupUpdate,), Result<Conversation>>(
            "takes two revs for a title",
            &["a_new_title_takes_one_rev_and_the_same_title_none"],
            "update_group",
            |_, _, group| {
                if let Ok(group) = group {
                    group.last_rev = group.last_rev.next();
                }
            },
        ),
        Fault::before::<(GroupUpdate,)>(
            "lets every member rename",
            &["only_owner_and_administrators_rename"],
            "update_group",
            |store, (update,)| {
                if role(store, update.conversation_id, update.actor) == Some(Role::Member) {
                    update.actor = head_of(store, update.conversation_id).unwrap_or(update.actor);
                }
            },
        ),
        Fault::after::<(ConversationId, UserId, Timestamp), Result<MembersChanged>>(
            "forgets to tell of one who left with the others",
            &["the_end_of_a_group_is_a_leave_of_every_member"],
            "delete_group",
            |_, _, changed| {
                if let Ok(changed) = changed {
                    changed.members.pop();
                }
            },
        ),
        Fault::before::<(ConversationId, UserId, Timestamp)>(
            "lets administrators end a group",
            &["only_the_owner_ends_a_group"],
            "delete_group",
            |store, (id, actor, _)| {
                if role(store, *id, *actor) == Some(Role::Admin) {
                    *actor = head_of(store, *id).unwrap_or(*actor);
                }
            },
        ),
        Fault::after::<(UserId, ConversationPage), Result<Vec<ConversationEntry>>>(
            "lists the oldest activity first",
            &["conversations_are_listed_by_activity", "pages_of_conversations_lose_and_double_nothing"],
            "list_conversations",
            |_, _, entries| {
                if let Ok(entries) = entries {
                    entries.reverse();
                }
            },
        ),
        Fault::before::<(UserId, ConversationPage)>(
            "gives one conversation more than asked for",
            &["pages_of_conversations_lose_and_double_nothing"],
            "list_conversations",
            |_, (_, page)| page.limit += 1,
        ),
        Fault::after::<(ConversationId, UserId), Result<ConversationEntry>>(
            "does not show the newest message",
            &["an_entry_shows_what_its_reader_may_see"],
            "load_entry",
            |_, _, entry| {
                if let Ok(entry) = entry {
                    entry.last_message = None;
                }
            },
        ),
        Fault::after::<(ConversationId, UserId), Result<(Conversation, Member)>>(
            "says forbidden where it means not found",
            &["a_membership_is_hidden_from_everybody_else", "unknown_ids_are_not_found"],
            "load_membership",
            |_, _, row| {
                if row.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
                    *row = Err(Error::forbidden("not for you"));
                }
            },
        ),
    ]
}
