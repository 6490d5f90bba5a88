use super::{super::wrong_store::Fault, at_once, head_of};
use chat_core::{
    Result,
    model::{
        ChangeQuery, ChangeSet, ConversationId, Feed, Heads, Member, MessageAnchor, Rev, Seq, Timestamp,
        UserId,
    },
    store::{ChangeStore, MessageStore},
};

type Query = (ChangeQuery,);

fn answer(name: &'static str, fails: &'static [&'static str], change: fn(&mut ChangeSet)) -> Fault {
    Fault::after::<Query, Result<ChangeSet>>(name, fails, "read_changes", move |_, _, changes| {
        if let Ok(changes) = changes {
            change(changes);
        }
    })
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        answer("does not tell who left", &["every_durable_change_is_found_by_its_rev"], |changes| {
            changes.members.retain(Member::is_active)
        }),
        answer("never says that there is more", &["pages_of_changes_lose_and_double_nothing"], |changes| {
            changes.has_more = false
        }),
        Fault::after::<Query, Result<ChangeSet>>(
            "shows changes from before the join",
            &["changes_before_the_join_are_left_out", "pages_of_changes_lose_and_double_nothing"],
            "read_changes",
            |store, (query,), changes| {
                if let Ok(changes) = changes
                    && changes.me.is_active()
                {
                    let all = at_once(store.list_messages(
                        query.conversation_id,
                        MessageAnchor::After(Seq::ZERO),
                        Seq::new(1),
                        1_000,
                    ));
                    changes.messages = all.expect("the store in memory reads").messages;
                    changes.messages.retain(|message| message.rev > query.after_rev);
                    changes.messages.sort_by_key(|message| message.rev);
                    changes.messages.truncate(query.limit);
                }
            },
        ),
        Fault::after::<Query, Result<ChangeSet>>(
            "goes on telling those who left",
            &["whoever_left_is_told_so_and_nothing_more"],
            "read_changes",
            |store, (query,), changes| {
                if let Ok(changes) = changes
                    && !changes.me.is_active()
                    && let Some(user_id) = head_of(store, query.conversation_id)
                {
                    let others = at_once(store.read_changes(ChangeQuery { user_id, ..*query }));
                    changes.messages = others.expect("the store in memory reads").messages;
                }
            },
        ),
        answer("does not tell of cursors", &["cursors_are_found_by_their_flush"], |changes| {
            changes.cursors.clear()
        }),
        answer(
            "reads the head after the rows",
            &["changes_and_their_head_are_one_snapshot", "changes_before_the_join_are_left_out"],
            |changes| {
                if !changes.messages.is_empty() {
                    changes.conversation.last_rev = changes.conversation.last_rev.next();
                }
            },
        ),
        Fault::after::<(UserId, Rev, usize), Result<Vec<Member>>>(
            "tells the feed backwards",
            &["the_feed_lists_memberships_in_rising_user_rev"],
            "list_feed",
            |_, _, rows| {
                if let Ok(rows) = rows {
                    rows.reverse();
                }
            },
        ),
        Fault::after::<(UserId,), Result<Feed>>(
            "forgets the conversations that one left",
            &["a_feed_shows_the_heads_of_all_memberships"],
            "load_feed",
            |_, _, feed| {
                if let Ok(feed) = feed {
                    feed.heads.retain(|head| head.left_rev.is_none());
                }
            },
        ),
        Fault::after::<(Timestamp,), Result<Heads>>(
            "does not tell whose feed moved",
            &["whatever_was_written_since_is_listed"],
            "list_changed",
            |_, _, heads| {
                if let Ok(heads) = heads {
                    heads.users.clear();
                }
            },
        ),
        Fault::before::<(Option<ConversationId>, usize)>(
            "gives one head more than asked for",
            &["heads_of_all_conversations_come_in_pages"],
            "list_heads",
            |_, (_, limit)| *limit += 1,
        ),
    ]
}
