//! The table of faults: each names the cases that it must fail, and no others.

mod accounts;
mod changes;
mod conversations;
mod edits;
mod media;
mod members;
mod messages;
mod people;
mod receipts;
mod retries;
mod work;

use crate::suite::wrong_store::Fault;
use chat_core::{
    model::{ConversationId, MessageKey, Role, UserId},
    store::{MemberStore, memory::MemoryStore},
};
use futures_util::FutureExt;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn all() -> Vec<Fault> {
    [
        people::faults(),
        conversations::faults(),
        members::faults(),
        messages::faults(),
        retries::faults(),
        edits::faults(),
        receipts::faults(),
        changes::faults(),
        work::faults(),
        media::faults(),
        accounts::faults(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns what a method of the store in memory answers; it never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the store in memory does not wait")
}

fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("u{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn unique_key() -> MessageKey {
    MessageKey::from_server(&unique())
}

/// Returns the role of somebody who is in the conversation.
fn role(store: &MemoryStore, id: ConversationId, user: UserId) -> Option<Role> {
    at_once(store.load_members(id, &[user])).ok()?.first().map(|member| member.role)
}

/// Returns the member of highest role.
fn head_of(store: &MemoryStore, id: ConversationId) -> Option<UserId> {
    let members = at_once(store.list_members(id, None, 1_000)).ok()?;
    members.iter().max_by_key(|member| member.role).map(|member| member.user_id)
}
