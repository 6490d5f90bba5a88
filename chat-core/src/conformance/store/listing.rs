//! The list of one's conversations.

use super::Stage;
use crate::model::{ConversationId, ConversationPage, Timestamp, UserId};

async fn list(
    stage: &Stage,
    user: UserId,
    after: Option<(Timestamp, ConversationId)>,
    limit: usize,
) -> Vec<(Timestamp, ConversationId)> {
    let entries = stage.store.list_conversations(user, ConversationPage { after, limit }).await.unwrap();
    entries.iter().map(|entry| (entry.conversation.updated_at, entry.conversation.id)).collect()
}

pub(super) async fn conversations_are_listed_by_activity(stage: Stage) {
    let [me, one, other, third] = stage.people().await;
    let (first, second) = (stage.direct(me, one).await, stage.direct(me, other).await);
    let group = stage.group(third, &[me]).await;
    let elsewhere = stage.direct(one, other).await;
    stage.send(elsewhere, one, "not yours").await;
    let ids = async || list(&stage, me, None, 10).await.into_iter().map(|(_, id)| id).collect::<Vec<_>>();
    assert_eq!(ids().await, [group, second, first], "creation counts as activity");
    stage.send(first, one, "news").await;
    assert_eq!(ids().await, [first, group, second]);
    stage.flush(second, &[(me, 1, 1)]).await;
    assert_eq!(ids().await, [first, group, second], "receipts are no activity");
    stage.remove(group, third, me).await;
    assert_eq!(ids().await, [first, second], "what one has left is gone");
}

pub(super) async fn pages_of_conversations_lose_and_double_nothing(stage: Stage) {
    let me = stage.person().await;
    let now = stage.now();
    let mut expected = Vec::new();
    for turn in 0..7 {
        let peer = stage.person().await;
        // Three share one moment: ties are broken by the higher id.
        let at = if turn < 3 { now } else { stage.now() };
        let opened = stage.store.open_directs(me, &[peer], at).await.unwrap().remove(0).unwrap();
        expected.push((at, opened.conversation.id));
    }
    expected.sort_unstable();
    expected.reverse();
    let mut seen = Vec::new();
    loop {
        let page = list(&stage, me, seen.last().copied(), 2).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

pub(super) async fn an_entry_shows_what_its_reader_may_see(stage: Stage) {
    let [owner, late] = stage.people().await;
    let group = stage.group(owner, &[]).await;
    stage.send(group, owner, "before").await;
    stage.add(group, owner, late).await;
    let entry = stage.store.load_entry(group, late).await.unwrap();
    assert_eq!((entry.last_message, entry.unread), (None, 0), "nothing from before the join");
    assert_eq!(entry.me, stage.member(group, late).await);
    assert_eq!(entry.members.len(), 2);
    let newest = stage.send(group, owner, "after").await;
    let entry = stage.store.load_entry(group, late).await.unwrap();
    assert_eq!((entry.last_message, entry.unread), (Some(newest.clone()), 1));
    assert_eq!(entry.conversation, stage.conversation(group, late).await);
    let own = stage.store.load_entry(group, owner).await.unwrap();
    assert_eq!((own.last_message, own.unread), (Some(newest.clone()), 0), "one's own are not unread");
    let tombstone = stage.delete(newest.id, owner).await.unwrap().message;
    let entry = stage.store.load_entry(group, late).await.unwrap();
    assert_eq!((entry.last_message, entry.unread), (Some(tombstone), 0));
}
