use crate::fixture::{Fixture, into, refusal, to};
use chat_core::{
    ErrorKind,
    chat::Mark,
    model::{MessageId, Seq},
    protocol::ReceiptStatus::{self, Delivered, Read, Sent},
};

impl Fixture {
    async fn status(&self, reader: chat_core::model::UserId, id: MessageId) -> ReceiptStatus {
        let message = self.chat.load_message(reader, id).await.unwrap();
        self.chat.present_message(reader, &message).await.unwrap().status
    }
}

#[tokio::test(start_paused = true)]
async fn receipts_rise_and_never_go_back() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let first = f.say(alice, to(bob), "one").await;
    let second = f.say(alice, to(bob), "two").await;
    assert_eq!(f.status(alice, second.id).await, Sent);
    f.chat.mark(bob, Mark::Message(second.id), Delivered).await.unwrap();
    assert_eq!(f.status(alice, first.id).await, Delivered);
    f.chat.mark(bob, Mark::Place(first.conversation_id, first.seq), Read).await.unwrap();
    assert_eq!((f.status(alice, first.id).await, f.status(alice, second.id).await), (Read, Delivered));
    for late in [Delivered, Sent] {
        f.chat.mark(bob, Mark::Message(first.id), late).await.unwrap();
    }
    assert_eq!(f.status(alice, first.id).await, Read);
    // Beyond the head means the head: a message that comes later is not read.
    f.chat.mark(bob, Mark::Place(first.conversation_id, Seq::new(1_000)), Read).await.unwrap();
    let third = f.say(alice, to(bob), "three").await;
    assert_eq!((f.status(alice, second.id).await, f.status(alice, third.id).await), (Read, Sent));
}

#[tokio::test(start_paused = true)]
async fn only_a_receiver_tells_how_far_a_message_got() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let message = f.say(alice, to(bob), "one").await;
    let by_id = Mark::Message(message.id);
    assert_eq!(refusal(f.chat.mark(alice, by_id, Read).await), Some(ErrorKind::Forbidden));
    assert_eq!(refusal(f.chat.mark(carol, by_id, Read).await), Some(ErrorKind::NotFound));
    f.chat.mark(bob, by_id, Delivered).await.unwrap();
    // The message's place is remembered now, for those only who may see it.
    assert_eq!(refusal(f.chat.mark(carol, by_id, Read).await), Some(ErrorKind::NotFound));
    assert_eq!(refusal(f.chat.mark(alice, by_id, Read).await), Some(ErrorKind::Forbidden));
    let by_place = Mark::Place(message.conversation_id, message.seq);
    assert_eq!(refusal(f.chat.mark(carol, by_place, Read).await), Some(ErrorKind::NotFound));
    let absent = Mark::Message(MessageId::new(999));
    assert_eq!(refusal(f.chat.mark(bob, absent, Read).await), Some(ErrorKind::NotFound));
}

#[tokio::test(start_paused = true)]
async fn a_group_message_is_read_when_the_last_member_has_read_it() {
    let f = Fixture::start().await;
    let [alice, bob, carol] = f.people().await;
    let id = f.group(alice, &[bob, carol]).await;
    let message = f.say(alice, into(id), "all").await;
    f.chat.mark(bob, Mark::Message(message.id), Read).await.unwrap();
    assert_eq!(f.status(alice, message.id).await, Sent);
    f.chat.mark(carol, Mark::Message(message.id), Delivered).await.unwrap();
    assert_eq!(f.status(alice, message.id).await, Delivered);
    f.chat.remove_member(alice, id, carol).await.unwrap();
    assert_eq!(f.status(alice, message.id).await, Read);
}

#[tokio::test(start_paused = true)]
async fn reading_clears_the_unread_count_and_sending_moves_nothing() {
    let f = Fixture::start().await;
    let [alice, bob] = f.people().await;
    let message = f.say(alice, to(bob), "one").await;
    let id = message.conversation_id;
    f.say(bob, to(alice), "answer").await;
    assert_eq!(f.chat.count_unread(bob, &[id]).await.unwrap(), [(id, 1)]);
    f.chat.mark(bob, Mark::Place(id, Seq::new(2)), Read).await.unwrap();
    assert_eq!(f.chat.count_unread(bob, &[id]).await.unwrap(), [(id, 0)]);
}
