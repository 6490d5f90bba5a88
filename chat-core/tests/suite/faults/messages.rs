use super::{super::wrong_store::Fault, at_once, head_of, role, unique_key};
use chat_core::{
    Result,
    model::{
        Change, Committed, CommittedMessage, ConversationId, CursorFlush, CursorMove, Message, MessageAnchor,
        MessageId, MessageSlice, NewMessage, Outcome, RequestHash, Seq, Timestamp, UserId,
    },
    store::{Ban, CommitError, MemberStore, MessageStore, UserStore, memory::MemoryStore},
};

pub(super) type Batch = (Vec<Change>,);
pub(super) type Results = Result<Vec<Result<Committed>>, CommitError>;

/// Changes the messages that are to be stored.
pub(super) fn drafts(
    name: &'static str,
    fails: &'static [&'static str],
    change: fn(&MemoryStore, &mut NewMessage),
) -> Fault {
    Fault::before::<Batch>(name, fails, "commit", move |store, (batch,)| {
        for item in batch {
            if let Change::Append(new) = item {
                change(store, new);
            }
        }
    })
}

/// Changes what became of each change of a batch.
pub(super) fn results(
    name: &'static str,
    fails: &'static [&'static str],
    change: fn(&MemoryStore, &Change, &mut Result<Committed>),
) -> Fault {
    Fault::after::<Batch, Results>(name, fails, "commit", move |store, (batch,), results| {
        for (item, result) in batch.iter().zip(results.iter_mut().flatten()) {
            change(store, item, result);
        }
    })
}

/// Changes the answers about messages.
pub(super) fn messages(
    name: &'static str,
    fails: &'static [&'static str],
    change: fn(&Change, &mut CommittedMessage),
) -> Fault {
    Fault::after::<Batch, Results>(name, fails, "commit", move |_, (batch,), results| {
        for (item, result) in batch.iter().zip(results.iter_mut().flatten()) {
            if let Ok(Committed::Message(message)) = result {
                change(item, message);
            }
        }
    })
}

/// Stores another message behind everybody's back.
pub(super) fn ghost(store: &MemoryStore, id: ConversationId) {
    let Some(sender_id) = head_of(store, id) else { return };
    let new = NewMessage {
        conversation_id: id,
        sender_id,
        key: unique_key(),
        request_hash: RequestHash([0; 16]),
        content: String::new(),
        attachments: Vec::new(),
        link: None,
        reply_to: None,
        now: Timestamp::from_micros(1),
    };
    at_once(store.commit(vec![Change::Append(new)])).expect("the store in memory commits");
}

fn flush(store: &MemoryStore, id: ConversationId, user_id: UserId, seq: Seq) {
    let moves = vec![CursorMove { user_id, delivered_seq: seq, read_seq: seq }];
    let flush = CursorFlush { conversation_id: id, moves, now: Timestamp::from_micros(1) };
    at_once(store.commit(vec![Change::Cursors(flush)])).expect("the store in memory commits");
}

pub(super) fn faults() -> Vec<Fault> {
    writes().into_iter().chain(reads()).collect()
}

fn writes() -> Vec<Fault> {
    vec![
        results(
            "marks a message as read by its sender",
            &[
                "a_message_takes_one_seq_and_one_rev_and_moves_no_cursor",
                "cursors_are_found_by_their_flush",
                "cursors_of_outsiders_are_passed_over",
                "unread_counts_what_is_to_be_read",
            ],
            |store, _, result| {
                if let Ok(Committed::Message(done)) = result
                    && done.outcome == Outcome::Applied
                {
                    flush(store, done.message.conversation_id, done.message.sender_id, done.message.seq);
                }
            },
        ),
        Fault::before::<Batch>(
            "leaves a hole before a large batch",
            &["appends_at_once_are_numbered_without_holes"],
            "commit",
            |store, (batch,)| {
                if let (20, Some(Change::Append(new))) = (batch.len(), batch.first()) {
                    ghost(store, new.conversation_id);
                }
            },
        ),
        drafts(
            "lets outsiders write",
            &[
                "only_members_write",
                "a_banned_person_does_not_write",
                "a_refused_change_leaves_its_neighbours_and_the_numbers_alone",
                "a_removal_between_check_and_commit_wins",
                "two_connections_at_once_store_each_key_once",
                "unknown_ids_are_not_found",
            ],
            |store, new| {
                let stored = at_once(store.find_message_by_key(new.sender_id, &new.key))
                    .expect("the store in memory reads");
                if stored.is_none() && role(store, new.conversation_id, new.sender_id).is_none() {
                    new.sender_id = head_of(store, new.conversation_id).unwrap_or(new.sender_id);
                    new.key = unique_key();
                }
            },
        ),
        drafts("lets banned people write", &["a_banned_person_does_not_write"], |store, new| {
            drop(at_once(store.set_banned(new.sender_id, Ban::Admitted, new.now)));
        }),
        drafts(
            "drops a quote that its sender cannot see",
            &["a_reply_answers_what_its_sender_can_see"],
            |store, new| {
                let quoted = new.reply_to.and_then(|id| at_once(store.load_message(id, new.sender_id)).ok());
                if quoted.is_none_or(|quoted| quoted.conversation_id != new.conversation_id) {
                    new.reply_to = None;
                }
            },
        ),
        Fault::after::<(MessageId, UserId), Result<Message>>(
            "cuts a quote too short",
            &["a_quote_shows_the_message_as_it_is_now"],
            "load_message",
            |_, _, message| {
                if let Ok(Message { reply_to: Some(quote), .. }) = message {
                    quote.content = quote.content.chars().take(100).collect();
                }
            },
        ),
        drafts("turns the attachments round", &["attachments_keep_their_order_and_must_exist"], |_, new| {
            new.attachments.reverse()
        }),
        drafts("trims texts", &["every_text_comes_back_as_it_went_in"], |_, new| {
            new.content = new.content.trim().to_owned()
        }),
        Fault::after::<(MessageId, UserId), Result<Message>>(
            "shows a message to everybody",
            &["a_message_is_read_only_by_those_who_may_see_it"],
            "load_message",
            |store, (id, _), message| {
                let heads = (1..5_000).map(ConversationId::new).filter_map(|place| head_of(store, place));
                let mut found = heads.filter_map(|reader| at_once(store.load_message(*id, reader)).ok());
                if let (true, Some(other)) = (message.is_err(), found.next()) {
                    *message = Ok(other);
                }
            },
        ),
    ]
}

type ListMessages = (ConversationId, MessageAnchor, Seq, usize);

fn reads() -> Vec<Fault> {
    vec![
        Fault::after::<ListMessages, Result<MessageSlice>>(
            "never tells of newer messages",
            &["pages_have_exact_boundaries", "pages_begin_where_the_reader_may_see"],
            "list_messages",
            |_, _, slice| {
                if let Ok(slice) = slice {
                    slice.has_more_after = false;
                }
            },
        ),
        Fault::before::<ListMessages>(
            "shows what was said before the join",
            &["pages_begin_where_the_reader_may_see"],
            "list_messages",
            |_, (_, _, from, _)| *from = Seq::new(1),
        ),
        Fault::after::<ListMessages, Result<MessageSlice>>(
            "hides tombstones",
            &["pages_show_tombstones"],
            "list_messages",
            |_, _, slice| {
                if let Ok(slice) = slice {
                    slice.messages.retain(|message| message.deleted_at.is_none());
                }
            },
        ),
        Fault::after::<(UserId, u64, usize), Result<(u64, Vec<Message>)>>(
            "counts the page for the whole history",
            &["the_direct_history_goes_over_all_peers"],
            "list_direct_history",
            |_, _, history| {
                if let Ok((total, page)) = history {
                    *total = page.len() as u64;
                }
            },
        ),
        Fault::after::<(UserId, Vec<ConversationId>), Result<Vec<(ConversationId, u32)>>>(
            "counts in an order of its own",
            &["unread_counts_what_is_to_be_read"],
            "count_unread",
            |_, _, counts| {
                if let Ok(counts) = counts {
                    counts.sort_unstable();
                }
            },
        ),
        Fault::after::<(UserId, Vec<ConversationId>), Result<Vec<(ConversationId, u32)>>>(
            "stops counting early",
            &["unread_is_counted_up_to_a_thousand"],
            "count_unread",
            |_, _, counts| {
                for (_, unread) in counts.iter_mut().flatten() {
                    *unread = (*unread).min(900);
                }
            },
        ),
        Fault::after::<(UserId, Vec<ConversationId>), Result<Vec<(ConversationId, u32)>>>(
            "counts up and forgets to count down",
            &["unread_agrees_with_a_recount"],
            "count_unread",
            |store, (_, ids), counts| {
                for ((_, unread), id) in counts.iter_mut().flatten().zip(ids) {
                    let group = at_once(store.load_roster(*id)).is_ok_and(|roster| roster.pair.is_none());
                    *unread += u32::from(group && *unread > 2);
                }
            },
        ),
    ]
}
