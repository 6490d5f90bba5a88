//! The life of a connection: pings, ends, limits, order.

use super::{
    cluster::{Cluster, pass},
    wire::Line,
};
use chat_core::{
    ErrorKind, Result,
    auth::{Authenticator, Identity},
    bus::memory::MemoryBus,
    config::RateLimits,
    model::{MessageAnchor, NewAccount, NewAuthSession, Seq, Timestamp, UserId},
    protocol::CloseCode,
    realtime::{ConnInfo, Wire},
    store::{Ban, MessageStore, Store, UserStore},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

#[tokio::test(start_paused = true)]
async fn who_does_not_say_hello_in_time_is_closed_with_4101() {
    let cluster = Cluster::start(1).await;
    let ann = cluster.person("ann").await;
    let mut line = Line::silent(&cluster, 0, ann).await;
    pass(Duration::from_secs(9)).await;
    line.settle().await;
    assert_eq!(line.closed, None);
    assert!(line.frames.is_empty(), "nothing comes before hello");
    pass(Duration::from_secs(2)).await;
    line.settle().await;
    assert_eq!(line.closed, Some(CloseCode::Protocol));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_connection_is_pinged_and_a_dead_one_closed_after_sixty_seconds() {
    let cluster = Cluster::start(1).await;
    let ann = cluster.person("ann").await;
    let mut alive = Line::fresh(&cluster, 0, ann, "alive").await;
    let mut dead = Line::fresh(&cluster, 0, ann, "dead").await;
    for _ in 0..6 {
        pass(Duration::from_secs(13)).await;
        alive.settle().await;
        alive.session.pong().await;
    }
    dead.settle().await;
    assert!((2..=4).contains(&alive.pings), "{} pings in 80 seconds", alive.pings);
    assert_eq!(alive.closed, None);
    assert!(dead.closed.is_some());
}

#[derive(Debug)]
struct Tokens;

#[async_trait::async_trait]
impl Authenticator for Tokens {
    async fn authenticate(&self, token: &str) -> Result<Identity> {
        let (user, end) = token.split_once(' ').unwrap();
        let end =
            Timestamp::from_micros(1_700_000_000_000_000).plus(Duration::from_secs(end.parse().unwrap()));
        Ok(Identity::user(user.parse::<UserId>().unwrap(), "somebody").with_expiry(end))
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_closes_with_4001_and_a_refresh_in_band_prolongs() {
    let cluster = Cluster::configured(1, |builder| builder.authenticator(Arc::new(Tokens))).await;
    let ann = cluster.person("ann").await;
    let bob = cluster.person("bob").await;
    let chat = cluster.chat(0);
    let identity = chat.authenticate(&format!("{ann} 60")).await.unwrap();
    let info = ConnInfo { protocol: Wire::V2, ..ConnInfo::default() };
    let (session, outbox) = chat.connect(identity.clone(), info.clone()).await.unwrap();
    let mut line = Line::of(session, outbox);
    line.ask("hello", json!({"protocol": 2, "device_id": "phone"})).await.unwrap();
    let foreign = line.ask("refresh", json!({"token": format!("{bob} 500")})).await;
    assert_eq!(foreign.unwrap_err()["code"], "unauthenticated");
    let ack = line.ask("refresh", json!({"token": format!("{ann} 100")})).await.unwrap();
    assert_eq!(ack["expires_at"], "2023-11-14T22:15:00.000000Z");
    for _ in 0..4 {
        pass(Duration::from_secs(20)).await;
        line.session.touched();
    }
    line.settle().await;
    assert_eq!(line.closed, None);
    pass(Duration::from_secs(25)).await;
    line.settle().await;
    assert_eq!(line.closed, Some(CloseCode::TokenExpired));
    assert_eq!(line.payloads("goodbye")[0]["reconnect"], true);
    assert_eq!(chat.connect(identity, info).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn a_ban_ends_connections_at_once_and_within_thirty_seconds_when_the_hint_was_lost() {
    let cluster = Cluster::start(1).await;
    let ann = cluster.person("ann").await;
    let bob = cluster.person("bob").await;
    let mut told = Line::fresh(&cluster, 0, ann, "phone").await;
    let mut untold = Line::fresh(&cluster, 0, bob, "phone").await;
    cluster.chat(0).set_banned(ann, Ban::Banned).await.unwrap();
    told.settle().await;
    assert_eq!(told.closed, Some(CloseCode::Banned));
    let now = cluster.chat(0).now();
    cluster.store.set_banned(bob, Ban::Banned, now).await.unwrap();
    pass(Duration::from_secs(30)).await;
    untold.settle().await;
    assert_eq!(untold.closed, Some(CloseCode::Banned));
    let again = cluster.connect(0, ann, Wire::V2).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_sign_in_session_ends_its_connections_even_without_a_hint() {
    let cluster = Cluster::start(1).await;
    let accounts = cluster.store.accounts().unwrap();
    let now = cluster.chat(0).now();
    let account = NewAccount {
        username: "ann".to_owned(),
        username_key: "ann".to_owned(),
        password_hash: String::new(),
        now,
    };
    let ann = accounts.create_account(account).await.unwrap().id;
    let opened = NewAuthSession {
        user_id: ann,
        device_name: "phone".to_owned(),
        refresh: [1; 32],
        expires_at: now.plus(Duration::from_secs(3_600)),
        now,
    };
    let session = accounts.create_session(opened).await.unwrap().id;
    let identity = Identity { session: Some(session), ..Identity::user(ann, "ann") };
    let (side, outbox) = cluster.chat(0).connect(identity, ConnInfo::default()).await.unwrap();
    let mut line = Line::of(side, outbox);
    let mut other = Line::classic(&cluster, 0, ann).await;
    accounts.revoke_session(ann, session, now).await.unwrap();
    pass(Duration::from_secs(30)).await;
    line.settle().await;
    other.settle().await;
    assert_eq!(line.closed, Some(CloseCode::SignedOut));
    assert_eq!(other.closed, None, "another session of the same person goes on");
}

#[tokio::test(start_paused = true)]
async fn a_drain_says_goodbye_and_closes_with_4000_at_spread_moments() {
    let mut cluster = Cluster::start(2).await;
    let mut lines = Vec::new();
    for number in 0..20 {
        let user = cluster.person(&format!("person {number}")).await;
        lines.push(Line::fresh(&cluster, 1, user, "phone").await);
    }
    cluster.shut_down(1).await;
    let mut moments = std::collections::BTreeSet::new();
    for line in &mut lines {
        line.settle().await;
        assert_eq!(line.closed, Some(CloseCode::Drain));
        let goodbye = &line.payloads("goodbye")[0];
        assert_eq!((&goodbye["reason"], &goodbye["reconnect"]), (&json!("drain"), &json!(true)));
        moments.insert(goodbye["after_ms"].as_u64().unwrap());
    }
    assert!(moments.len() > 15 && moments.iter().all(|moment| *moment <= 5_000), "{moments:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_before_a_drain_is_stored_and_answered() {
    let mut cluster = Cluster::start(2).await;
    let ann = cluster.person("ann").await;
    let group = cluster.group(ann, &[]).await;
    let mut line = Line::fresh(&cluster, 1, ann, "phone").await;
    for number in 0..30 {
        let text = json!({"type": "send_message", "id": number, "payload": {"conversation_id": group, "message": "hi"}});
        line.raw(&text.to_string()).await;
    }
    tokio::task::yield_now().await;
    cluster.shut_down(1).await;
    line.settle().await;
    let stored = cluster.store.list_messages(group, MessageAnchor::Latest, Seq::ZERO, 100).await.unwrap();
    let acked = line.frames.iter().filter(|frame| frame["type"] == "ack").count();
    assert_eq!(stored.messages.len(), acked, "{:?}", line.kinds());
}

#[tokio::test(start_paused = true)]
async fn p3_sends_of_one_connection_are_numbered_in_the_order_of_its_frames() {
    let cluster = Cluster::configured(1, |builder| builder.rate_limits(RateLimits::off())).await;
    let ann = cluster.person("ann").await;
    let group = cluster.group(ann, &[]).await;
    let mut line = Line::fresh(&cluster, 0, ann, "phone").await;
    let mut expected = Vec::new();
    for number in 0..60 {
        // Some go to a person for the first time, whose conversation has to be opened before.
        let payload = if number % 20 == 7 {
            let peer = cluster.person(&format!("peer {number}")).await;
            json!({"to": peer, "message": "hello"})
        } else {
            expected.push(format!("message {number}"));
            json!({"conversation_id": group, "message": format!("message {number}")})
        };
        line.raw(&json!({"type": "send_message", "id": number, "payload": payload}).to_string()).await;
    }
    line.settle().await;
    let acks: Vec<_> = line.frames.iter().filter(|frame| frame["type"] == "ack").collect();
    assert_eq!(acks.len(), 60);
    let stored = cluster.store.list_messages(group, MessageAnchor::Latest, Seq::ZERO, 100).await.unwrap();
    let texts: Vec<_> = stored.messages.into_iter().map(|message| message.content).collect();
    assert_eq!(texts, expected);
}

#[tokio::test(start_paused = true)]
async fn more_than_sixty_four_unanswered_sends_are_busy() {
    let cluster = Cluster::configured(1, |builder| builder.rate_limits(RateLimits::off())).await;
    let ann = cluster.person("ann").await;
    let group = cluster.group(ann, &[]).await;
    let mut line = Line::fresh(&cluster, 0, ann, "phone").await;
    let session = &line.session;
    // Nothing else runs between these frames, so none of them can be answered.
    let frames = (0..70).map(|number| {
        json!({"type": "send_message", "id": number, "payload": {"conversation_id": group, "message": "hi"}}).to_string()
    });
    let frames: Vec<_> = frames.collect();
    tokio::task::unconstrained(async {
        for frame in &frames {
            session.handle(frame).await;
        }
    })
    .await;
    line.settle().await;
    let busy: Vec<_> = line.payloads("error");
    assert_eq!(busy.len(), 6);
    assert!(busy.iter().all(|error| error["code"] == "busy" && error["retry_after_ms"].is_u64()));
    assert_eq!(line.payloads("ack").len(), 64);
}

#[tokio::test(start_paused = true)]
async fn messages_over_the_quota_are_rate_limited_with_a_pause() {
    let cluster = Cluster::start(1).await;
    let ann = cluster.person("ann").await;
    let group = cluster.group(ann, &[]).await;
    let mut line = Line::fresh(&cluster, 0, ann, "phone").await;
    let send = json!({"conversation_id": group, "message": "hi"});
    for _ in 0..120 {
        line.ask("send_message", send.clone()).await.unwrap();
    }
    let refused = line.ask("send_message", send.clone()).await.unwrap_err();
    assert_eq!(refused["code"], "rate_limited");
    pass(Duration::from_millis(refused["retry_after_ms"].as_u64().unwrap() + 1)).await;
    line.ask("send_message", send).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn broken_frames_are_answered_and_close_with_4101_when_repeated() {
    let cluster = Cluster::start(1).await;
    let ann = cluster.person("ann").await;
    let mut line = Line::fresh(&cluster, 0, ann, "phone").await;
    let wrong = ["{", "[]", "7", r#"{"type":"no_such"}"#, r#"{"type":"fetch","payload":{"after_rev":"x"}}"#];
    for text in wrong {
        line.raw(text).await;
    }
    line.raw(&format!(r#"{{"type":"typing","payload":"{}"}}"#, "x".repeat(1 << 20))).await;
    line.settle().await;
    let errors = line.payloads("error");
    assert_eq!(errors.len(), 6);
    assert!(errors[..5].iter().all(|error| error["code"] == "invalid"));
    assert_eq!(errors[5]["code"], "too_large");
    assert_eq!(line.closed, None);
    for _ in 0..20 {
        line.raw("{").await;
    }
    line.settle().await;
    assert_eq!(line.closed, Some(CloseCode::Protocol));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_frames_is_closed_with_4104() {
    let cluster = Cluster::start(1).await;
    let ann = cluster.person("ann").await;
    let mut line = Line::fresh(&cluster, 0, ann, "phone").await;
    for _ in 0..1_200 {
        line.send("conversation_closed", json!({})).await;
    }
    line.settle().await;
    assert_eq!(line.closed, Some(CloseCode::Flood));
    assert!(line.payloads("error").iter().all(|error| error["code"] == "rate_limited"));
}

#[tokio::test(start_paused = true)]
async fn connecting_before_run_is_unavailable() {
    let chat = chat_core::Chat::builder(chat_core::store::memory::MemoryStore::new())
        .bus(Arc::new(MemoryBus::new()))
        .build()
        .unwrap();
    let refused = chat.connect(Identity::external("ann", "Ann"), ConnInfo::default()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn an_edit_and_a_deletion_are_answered_with_the_message_as_it_is() {
    let cluster = Cluster::start(2).await;
    let ann = cluster.person("ann").await;
    let bob = cluster.person("bob").await;
    let message = cluster.tell(ann, bob, "hello").await;
    let mut line = Line::fresh(&cluster, 0, ann, "phone").await;
    let mut other = Line::fresh(&cluster, 1, bob, "phone").await;
    let edited =
        line.ask("edit_message", json!({"message_id": message.id, "message": "better"})).await.unwrap();
    assert_eq!((&edited["message"]["content"], &edited["message"]["rev"]), (&json!("better"), &json!(3)));
    let stale = json!({"message_id": message.id, "message": "worse", "base_rev": 2});
    assert_eq!(line.ask("edit_message", stale).await.unwrap_err()["code"], "conflict");
    let foreign = other.ask("delete_message", json!({"message_id": message.id})).await;
    assert_eq!(foreign.unwrap_err()["code"], "forbidden");
    let deleted = line.ask("delete_message", json!({"message_id": message.id})).await.unwrap();
    assert!(deleted["message"]["deleted_at"].is_string());
    other.settle().await;
    let told = other.payloads("message_updated");
    assert_eq!(told.len(), 2);
    assert_eq!(told[1]["content"], "");
}
