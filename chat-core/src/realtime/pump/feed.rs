//! A person's own feed: what concerns that person alone, told to all their connections on this node.

use crate::{
    Chat, Result,
    model::{ConversationId, Member, Rev, UserId},
    protocol::{Gone, Live, Ready, ServerFrame, encode},
    realtime::{endpoint::Endpoint, outbox::Subject},
};
use bytes::Bytes;
use std::sync::Arc;

/// Rows of one look. More than that come in the next.
const ROWS: usize = 200;
/// A look with more rows than this is a crowd: whoever writes to thousands of people for the first time reads the list again instead
/// of thousands of frames.
const CROWD: usize = 50;

/// Tells what changed in a person's feed since it was last told here, at least what came with `rev`. Returns the conversations that
/// the person has come into, whose events are to be told from now on.
pub(super) async fn tell(chat: &Chat, user: UserId, rev: Rev) -> Result<Vec<ConversationId>> {
    let hub = &chat.inner.hub;
    let endpoints = hub.endpoints_of(user);
    if endpoints.is_empty() {
        return Ok(Vec::new());
    }
    let mut after = hub.feed_of(user).unwrap_or(Rev::new(rev.get() - 1));
    let mut joined = Vec::new();
    let mut is_crowd = false;
    loop {
        let rows = chat.inner.store.list_feed(user, after, ROWS).await?;
        is_crowd |= rows.len() > CROWD;
        for row in &rows {
            after = row.user_rev;
            if !row.is_active() {
                tell_leave(chat, &endpoints, row);
                continue;
            }
            joined.push(row.conversation_id);
            if is_crowd {
                withhold(&endpoints, row.conversation_id);
            } else {
                tell_membership(chat, &endpoints, row).await?;
            }
        }
        if rows.len() < ROWS {
            break;
        }
    }
    if is_crowd {
        let frame = encode(&ServerFrame::Ready(Ready { user_rev: after, more: true }));
        give(&endpoints, &frame);
    }
    if after < rev {
        // No membership carries the number, so it is the profile's.
        after = tell_profile(chat, user, &endpoints).await?.max(rev);
    }
    hub.set_feed(user, after);
    Ok(joined)
}

/// Tells a changed profile to those people here who share a conversation with its owner.
pub(super) async fn tell_contacts(chat: &Chat, user: UserId) -> Result<()> {
    let inner = &chat.inner;
    let mut others = inner.hub.users_here();
    others.retain(|other| *other != user);
    if others.is_empty() {
        return Ok(());
    }
    let contacts = inner.store.filter_contacts(user, &others).await?;
    // What is shown is the same to all of them: nothing of it is the owner's alone.
    let Some(first) = contacts.first() else { return Ok(()) };
    let users = inner.store.load_users(&[user]).await?;
    let Some(profile) = users.first() else { return Ok(()) };
    let view = chat.present_user(*first, profile).await?;
    let frame = encode(&ServerFrame::UserChanged(Box::new(view)));
    let endpoints = contacts.into_iter().flat_map(|contact| inner.hub.endpoints_of(contact));
    for endpoint in endpoints.filter(|endpoint| endpoint.is_v2()) {
        endpoint.outbox.latest(Subject::Profile(user), &frame);
    }
    Ok(())
}

/// Tells that the person is in a conversation, or that its settings changed; whoever did not follow it yet does from the number of the
/// join on.
async fn tell_membership(chat: &Chat, endpoints: &[Arc<Endpoint>], row: &Member) -> Result<()> {
    let id = row.conversation_id;
    if !endpoints.iter().any(|endpoint| endpoint.is_v2()) {
        return Ok(());
    }
    let entry = chat.inner.store.load_entry(id, row.user_id).await?;
    // The first members are told of the creation, number 1, inside the row.
    let start = row.since_rev.max(Rev::new(1));
    let view = chat.present_entry(&entry).await?;
    let frame = encode(&ServerFrame::ConversationChanged(Box::new(view)));
    let live = encode(&ServerFrame::Live(Live { conversation_id: id, from: Rev::ZERO, rev: start }));
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.is_v2()) {
        endpoint.outbox.feed(frame.clone());
        // Moves nobody who knows the conversation already.
        endpoint.outbox.feed(live.clone());
    }
    Ok(())
}

/// Leaves a conversation to the list that the client reads again; until it fetches it, its changes are told as `dirty`.
fn withhold(endpoints: &[Arc<Endpoint>], id: ConversationId) {
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.is_v2()) {
        endpoint.outbox.withhold(id);
    }
}

/// Gives a frame to a person's connections; classic ones know no such frames.
fn give(endpoints: &[Arc<Endpoint>], frame: &Bytes) {
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.is_v2()) {
        endpoint.outbox.feed(frame.clone());
    }
}

fn tell_leave(chat: &Chat, endpoints: &[Arc<Endpoint>], row: &Member) {
    let id = row.conversation_id;
    chat.inner.hub.unsubscribe(row.user_id, id);
    let frame = encode(&ServerFrame::Gone(Gone { conversation_id: id, user_rev: Some(row.user_rev) }));
    give(endpoints, &frame);
}

/// Tells a person their own profile; returns the feed's number in it.
async fn tell_profile(chat: &Chat, user: UserId, endpoints: &[Arc<Endpoint>]) -> Result<Rev> {
    let users = chat.inner.store.load_users(&[user]).await?;
    let Some(user) = users.first() else { return Ok(Rev::ZERO) };
    let view = chat.present_user(user.id, user).await?;
    give(endpoints, &encode(&ServerFrame::UserChanged(Box::new(view))));
    Ok(user.user_rev)
}
