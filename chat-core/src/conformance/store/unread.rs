//! Unread messages: never a stored counter, so it must agree with counting by hand.

use super::Stage;
use crate::model::{ConversationId, MessageAnchor, Seq, UserId};

pub(super) async fn unread_counts_what_is_to_be_read(stage: Stage) {
    let [me, one, other] = stage.people().await;
    let (place, quiet) = (stage.direct(me, one).await, stage.direct(me, other).await);
    let elsewhere = stage.direct(one, other).await;
    let first = stage.send(place, one, "1").await;
    stage.send(place, me, "own").await;
    stage.send(place, one, "3").await;
    let count = async |ids: &[ConversationId]| stage.store.count_unread(me, ids).await.unwrap();
    assert_eq!(count(&[quiet, elsewhere, place]).await, [(quiet, 0), (place, 2)], "in order, not of others");
    stage.flush(place, &[(me, 3, 0)]).await;
    assert_eq!(count(&[place]).await, [(place, 2)], "delivered is not read");
    stage.delete(first.id, one).await.unwrap();
    assert_eq!(count(&[place]).await, [(place, 1)], "what was deleted is not to be read");
    stage.flush(place, &[(me, 3, 3)]).await;
    assert_eq!(count(&[place]).await, [(place, 0)]);
}

pub(super) async fn unread_is_counted_up_to_a_thousand(stage: Stage) {
    let [me, one] = stage.people().await;
    let place = stage.direct(me, one).await;
    let count = async || stage.store.count_unread(me, &[place]).await.unwrap();
    stage.send_many(place, one, 999).await;
    assert_eq!(count().await, [(place, 999)]);
    stage.send_many(place, one, 2).await;
    assert_eq!(count().await, [(place, 1_000)]);
    assert_eq!(stage.store.load_entry(place, me).await.unwrap().unread, 1_000);
}

/// After any history the count equals a recount of everything that the reader may see.
pub(super) async fn unread_agrees_with_a_recount(stage: Stage) {
    let [owner, one, other] = stage.people().await;
    let group = stage.group(owner, &[one, other]).await;
    let people = [owner, one, other];
    let mut chance = Chance(0x5eed);
    for step in 0..200 {
        let person = people[chance.below(3)];
        let inside = stage.member(group, person).await.is_active();
        match chance.below(10) {
            0..=4 if inside => drop(stage.send(group, person, "x").await),
            5 | 6 => {
                let head = stage.conversation(group, owner).await.last_seq.get();
                let read = i64::try_from(chance.below(12)).expect("small").min(head);
                stage.flush(group, &[(person, head, head - read)]).await;
            }
            7 => {
                let slice =
                    stage.store.list_messages(group, MessageAnchor::Latest, Seq::new(1), 6).await.unwrap();
                if let Some(message) = slice.messages.first() {
                    stage.delete(message.id, owner).await.unwrap();
                }
            }
            8 if person != owner && inside => drop(stage.remove(group, owner, person).await),
            9 if !inside => {
                stage.add(group, owner, person).await;
            }
            _ => {}
        }
        for person in people {
            let expected = recount(&stage, group, person).await;
            let counted = stage.store.count_unread(person, &[group]).await.unwrap();
            assert_eq!(counted.first().map(|(_, unread)| *unread), expected, "{person} after step {step}");
        }
    }
}

async fn recount(stage: &Stage, group: ConversationId, reader: UserId) -> Option<u32> {
    let me = stage.member(group, reader).await;
    if !me.is_active() {
        return None;
    }
    let anchor = MessageAnchor::After(Seq::ZERO);
    let all = stage.store.list_messages(group, anchor, me.visible_from_seq, 10_000).await.unwrap().messages;
    let is_unread = |message: &&crate::model::Message| {
        message.seq > me.read_seq && message.sender_id != reader && message.deleted_at.is_none()
    };
    u32::try_from(all.iter().filter(is_unread).count()).ok()
}

/// A small deterministic source of choices (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).expect("31 bits") % bound
    }
}
