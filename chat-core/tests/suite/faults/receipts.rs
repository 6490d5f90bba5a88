use super::{
    super::wrong_store::Fault,
    messages::{Batch, Results},
    role,
};
use chat_core::{
    model::{Change, Committed, CursorFlush, CursorMove, MovedCursor, Seq},
    store::memory::MemoryStore,
};

/// Changes the answer to a flush of cursors.
fn flushes(
    name: &'static str,
    fails: &'static [&'static str],
    change: fn(&MemoryStore, &CursorFlush, &mut Vec<MovedCursor>),
) -> Fault {
    Fault::after::<Batch, Results>(name, fails, "commit", move |store, (batch,), results| {
        for (item, result) in batch.iter().zip(results.iter_mut().flatten()) {
            if let (Change::Cursors(flush), Ok(Committed::Cursors(moved))) = (item, result) {
                change(store, flush, &mut moved.moved);
            }
        }
    })
}

fn told(wanted: &CursorMove) -> MovedCursor {
    MovedCursor {
        user_id: wanted.user_id,
        delivered_seq: wanted.delivered_seq,
        read_seq: wanted.read_seq,
        old_delivered_seq: wanted.delivered_seq,
        old_read_seq: wanted.read_seq,
    }
}

pub(super) fn faults() -> Vec<Fault> {
    vec![
        flushes("lets cursors run past the head", &["cursors_are_clamped_to_the_head"], |_, flush, moved| {
            for (row, wanted) in moved.iter_mut().zip(&flush.moves) {
                row.delivered_seq = row.delivered_seq.max(wanted.delivered_seq);
            }
        }),
        flushes(
            "moves cursors back",
            &["cursors_never_go_back", "a_flush_takes_one_number_if_any_row_moved"],
            |store, flush, moved| {
                for wanted in &flush.moves {
                    if moved.is_empty()
                        && wanted.read_seq < Seq::new(2)
                        && role(store, flush.conversation_id, wanted.user_id).is_some()
                    {
                        moved.push(told(wanted));
                    }
                }
            },
        ),
        flushes("reads without having received", &["read_implies_delivered"], |_, flush, moved| {
            for (row, wanted) in moved.iter_mut().zip(&flush.moves) {
                row.delivered_seq = row.delivered_seq.min(wanted.delivered_seq);
            }
        }),
        Fault::after::<Batch, Results>(
            "takes a number for cursors that did not move",
            &["a_flush_takes_one_number_if_any_row_moved", "cursors_of_outsiders_are_passed_over"],
            "commit",
            |_, _, results| {
                for result in results.iter_mut().flatten() {
                    if let Ok(Committed::Cursors(moved)) = result
                        && moved.moved.is_empty()
                    {
                        moved.cursor = moved.cursor.next();
                    }
                }
            },
        ),
        flushes(
            "moves the cursors of people who are not there",
            &["cursors_of_outsiders_are_passed_over"],
            |store, flush, moved| {
                for wanted in &flush.moves {
                    if role(store, flush.conversation_id, wanted.user_id).is_none() {
                        moved.push(told(wanted));
                    }
                }
            },
        ),
    ]
}
