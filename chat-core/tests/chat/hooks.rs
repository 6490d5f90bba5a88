use crate::fixture::{Fixture, refusal, to};
use async_trait::async_trait;
use chat_core::{
    Error, ErrorKind, Result,
    chat::{BroadcastRequest, SendRequest},
    event::Event,
    hooks::{Draft, Hooks},
    model::{Outcome, User},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Does what the text asks for.
#[derive(Debug, Default)]
struct Obedient {
    asked: AtomicUsize,
    stored: Mutex<Vec<String>>,
}

#[async_trait]
impl Hooks for Obedient {
    async fn before_send(&self, _sender: &User, mut draft: Draft) -> Result<Draft> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match draft.content.as_str() {
            "refuse" => return Err(Error::forbidden("not that word")),
            "rewrite" => draft.content = "rewritten".to_owned(),
            "empty" => draft.content.clear(),
            "hang" => std::future::pending().await,
            _ => {}
        }
        Ok(draft)
    }

    async fn after_commit(&self, event: &Event) {
        if let Event::MessageCreated(message) = event {
            self.stored.lock().unwrap().push(message.content.clone());
        }
    }
}

async fn hooked() -> (Fixture, Arc<Obedient>) {
    let hooks = Arc::new(Obedient::default());
    let given = Arc::clone(&hooks) as Arc<dyn Hooks>;
    (Fixture::configured(|builder| builder.hooks(given)).await, hooks)
}

#[tokio::test(start_paused = true)]
async fn a_hook_refuses_rewrites_or_fails_in_time_and_nothing_is_half_done() {
    let (f, _) = hooked().await;
    let [alice, bob] = f.people().await;
    let refused = f.chat.send(alice, SendRequest::text(to(bob), "refuse")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.message()), (ErrorKind::Forbidden, "not that word"));
    let slow = f.chat.send(alice, SendRequest::text(to(bob), "hang")).await;
    assert_eq!(refusal(slow), Some(ErrorKind::Unavailable));
    let emptied = f.chat.send(alice, SendRequest::text(to(bob), "empty")).await;
    assert_eq!(refusal(emptied), Some(ErrorKind::Invalid));
    assert_eq!(f.chat.find_direct(alice, bob).await.unwrap(), None);
    assert_eq!(f.say(alice, to(bob), "rewrite").await.content, "rewritten");
}

#[tokio::test(start_paused = true)]
async fn a_retry_runs_no_hook_and_is_compared_before_hooks() {
    let (f, hooks) = hooked().await;
    let [alice, bob] = f.people().await;
    let request = SendRequest::text(to(bob), "rewrite").with_client_id("k");
    f.chat.send(alice, request.clone()).await.unwrap();
    let again = f.chat.send(alice, request.clone()).await.unwrap();
    assert_eq!((again.outcome, again.message.content.as_str()), (Outcome::Repeated, "rewritten"));
    assert_eq!(hooks.asked.load(Ordering::Relaxed), 1);
    let other = SendRequest { text: "rewritten".to_owned(), ..request };
    assert_eq!(refusal(f.chat.send(alice, other).await), Some(ErrorKind::Conflict));
}

#[tokio::test(start_paused = true)]
async fn an_edit_passes_the_hook_and_a_broadcast_passes_it_once() {
    let (f, hooks) = hooked().await;
    let [alice, bob, carol] = f.people().await;
    let message = f.say(alice, to(bob), "fine").await;
    let edit = f.chat.edit_message(alice, message.id, "refuse".to_owned(), None).await;
    assert_eq!(refusal(edit), Some(ErrorKind::Forbidden));
    // What its author may not do is refused without asking the hook.
    let asked = hooks.asked.load(Ordering::Relaxed);
    let foreign = f.chat.edit_message(bob, message.id, "fine".to_owned(), None).await;
    assert_eq!(refusal(foreign), Some(ErrorKind::Forbidden));
    assert_eq!(hooks.asked.load(Ordering::Relaxed), asked);
    let text = "rewrite".to_owned();
    let request = BroadcastRequest { receiver_ids: vec![bob, carol], text, ..BroadcastRequest::default() };
    let sent = f.chat.broadcast(alice, request).await.unwrap();
    assert!(sent.messages.iter().all(|sent| sent.message.content == "rewritten"));
    assert_eq!(hooks.asked.load(Ordering::Relaxed), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn after_commit_sees_what_was_stored_once() {
    let (f, hooks) = hooked().await;
    let [alice, bob] = f.people().await;
    let request = SendRequest::text(to(bob), "one").with_client_id("k");
    f.chat.send(alice, request.clone()).await.unwrap();
    f.chat.send(alice, request).await.unwrap();
    f.say(alice, to(bob), "two").await;
    while hooks.stored.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*hooks.stored.lock().unwrap(), ["one", "two"]);
}
