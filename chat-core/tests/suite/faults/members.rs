use super::{super::wrong_store::Fault, at_once, head_of, role};
use chat_core::{
    Error, ErrorKind, Result,
    model::{
        ConversationId, Member, MemberChange, MemberUpdate, MembersChanged, Rev, Role, Roster, Seq, UserId,
    },
    store::UserStore,
};

/// Changes the rows that a change of membership answers with.
fn rows(
    name: &'static str,
    fails: &'static [&'static str],
    change: fn(&MemberUpdate, &mut MembersChanged),
) -> Fault {
    Fault::after::<(MemberUpdate,), Result<MembersChanged>>(
        name,
        fails,
        "update_members",
        move |_, (update,), changed| {
            if let Ok(changed) = changed {
                change(update, changed);
            }
        },
    )
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        rows(
            "shows newcomers the old messages",
            &[
                "a_join_takes_both_numbers_and_starts_at_the_head",
                "every_durable_change_is_found_by_its_rev",
                "whoever_comes_back_has_one_row_and_a_fresh_start",
            ],
            |update, changed| {
                if matches!(update.change, MemberChange::Add(_)) {
                    changed.members.iter_mut().for_each(|member| member.visible_from_seq = Seq::new(1));
                }
            },
        ),
        rows("takes one rev for several people", &["people_added_together_take_a_rev_each"], |_, changed| {
            let rev = changed.members.first().map(|member| member.rev);
            changed.members.iter_mut().for_each(|member| member.rev = rev.unwrap_or_default());
        }),
        rows(
            "does not mark who left",
            &["a_leave_takes_both_numbers_and_keeps_the_row", "every_durable_change_is_found_by_its_rev"],
            |_, changed| {
                changed.members.iter_mut().for_each(|member| member.left_rev = None);
            },
        ),
        rows(
            "gives whoever comes back the old role",
            &["whoever_comes_back_has_one_row_and_a_fresh_start"],
            |update, changed| {
                for member in &mut changed.members {
                    if matches!(update.change, MemberChange::Add(_)) && member.visible_from_seq == Seq::new(5)
                    {
                        member.role = Role::Admin;
                    }
                }
            },
        ),
        rows("takes a rev for nothing", &["changes_that_change_nothing_take_no_number"], |_, changed| {
            if changed.members.is_empty() {
                changed.conversation.last_rev = changed.conversation.last_rev.next();
            }
        }),
        Fault::before::<(MemberUpdate,)>(
            "lets one more in than the group may have",
            &["a_group_over_its_limit_takes_nobody"],
            "update_members",
            |_, (update,)| update.member_limit += 1,
        ),
        rows(
            "gives two joins the same rev",
            &["joins_at_once_take_different_revs", "whoever_comes_back_has_one_row_and_a_fresh_start"],
            |update, changed| {
                for member in &mut changed.members {
                    if matches!(update.change, MemberChange::Add(_)) && member.rev > Rev::new(6) {
                        member.rev = Rev::new(6);
                    }
                }
            },
        ),
        Fault::before::<(ConversationId, Option<UserId>, usize)>(
            "gives one member more than asked for",
            &["members_are_listed_in_pages"],
            "list_members",
            |_, (_, _, limit)| *limit += 1,
        ),
        Fault::after::<(ConversationId,), Result<Roster>>(
            "gives an old roster the present number",
            &["a_roster_agrees_with_the_conversation"],
            "load_roster",
            |_, _, roster| {
                if let Ok(roster) = roster {
                    roster.member_rev = roster.member_rev.next();
                }
            },
        ),
        Fault::before::<(MemberUpdate,)>(
            "trusts the role that the use case saw",
            &["a_membership_is_changed_only_with_the_right"],
            "update_members",
            |store, (update,)| {
                let leaves = matches!(update.change, MemberChange::Remove(user) if user == update.actor);
                if role(store, update.conversation_id, update.actor) == Some(Role::Member) && !leaves {
                    update.actor = head_of(store, update.conversation_id).unwrap_or(update.actor);
                }
            },
        ),
        Fault::after::<(MemberUpdate,), Result<MembersChanged>>(
            "lets outsiders tell that a group exists",
            &[
                "outsiders_cannot_change_a_membership",
                "a_direct_membership_cannot_be_changed",
                "unknown_ids_are_not_found",
            ],
            "update_members",
            |store, (update,), changed| {
                let inside = role(store, update.conversation_id, update.actor).is_some();
                if changed.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) && !inside {
                    *changed = Err(Error::forbidden("you are not in it"));
                }
            },
        ),
        Fault::after::<(MemberUpdate,), Result<MembersChanged>>(
            "says forbidden of what is impossible",
            &["a_direct_membership_cannot_be_changed", "handing_over_leaves_one_owner"],
            "update_members",
            |_, _, changed| {
                if changed.as_ref().is_err_and(|error| error.kind() == ErrorKind::Invalid) {
                    *changed = Err(Error::forbidden("not even you"));
                }
            },
        ),
        Fault::before::<(MemberUpdate,)>(
            "adds those it knows and forgets the others",
            &["changes_of_people_who_are_not_there_are_not_found"],
            "update_members",
            |store, (update,)| {
                if let MemberChange::Add(people) = &mut update.change {
                    people
                        .retain(|id| at_once(store.load_users(&[*id])).is_ok_and(|users| !users.is_empty()));
                }
            },
        ),
        rows(
            "takes a role for a join",
            &["a_role_takes_a_rev_but_no_join", "every_durable_change_is_found_by_its_rev"],
            |update, changed| {
                for member in &mut changed.members {
                    if matches!(update.change, MemberChange::SetRole(..)) {
                        member.since_rev = member.rev;
                    }
                }
            },
        ),
        Fault::before::<(MemberUpdate,)>(
            "makes an heir an administrator only",
            &["handing_over_leaves_one_owner"],
            "update_members",
            |_, (update,)| {
                if let MemberChange::SetRole(user, role @ Role::Owner) = &mut update.change
                    && *user != update.actor
                {
                    *role = Role::Admin;
                }
            },
        ),
        rows("does not tell of the heir", &["an_owner_who_leaves_is_followed"], |update, changed| {
            if matches!(update.change, MemberChange::Remove(_)) {
                changed.members.truncate(1);
            }
        }),
        Fault::after::<(ConversationId, Vec<UserId>), Result<Vec<Member>>>(
            "takes those who left for members",
            &["a_leave_takes_both_numbers_and_keeps_the_row", "members_are_listed_in_pages"],
            "load_members",
            |store, (id, users), members| {
                use chat_core::store::ConversationStore;
                if let Ok(members) = members {
                    let rows =
                        users.iter().filter_map(|user| at_once(store.load_membership(*id, *user)).ok());
                    *members = rows.map(|(_, member)| member).collect();
                }
            },
        ),
    ]
}
