//! Signed-in sessions and their refresh tokens.

use super::{super::stage::refused, Stage, accounts::register};
use crate::{
    ErrorKind,
    model::{AuthSession, AuthSessionId, NewAuthSession, RefreshHash, Rotation, Timestamp, UserId},
    store::Ban,
};
use futures_util::future::join_all;
use std::{sync::Arc, time::Duration};

const GRACE: Duration = Duration::from_secs(60);
const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

async fn open(stage: &Stage, user_id: UserId, token: u8) -> AuthSession {
    let now = stage.now();
    let device_name = format!("device {token}");
    let refresh = [token; 32];
    let new = NewAuthSession { user_id, device_name, refresh, expires_at: now.plus(LIFE), now };
    stage.accounts().create_session(new).await.unwrap()
}

async fn rotate(stage: &Stage, old: u8, new: u8, now: Timestamp) -> Rotation {
    let (old, new): (RefreshHash, RefreshHash) = ([old; 32], [new; 32]);
    stage.accounts().rotate_session(old, new, now, GRACE, now.plus(LIFE)).await.unwrap()
}

pub(super) async fn a_session_is_kept_as_it_was_opened(stage: Stage) {
    let ada = register(&stage, "Ada").await.id;
    let session = open(&stage, ada, 1).await;
    assert_eq!((session.user_id, session.device_name.as_str()), (ada, "device 1"));
    assert_eq!((session.last_used_at, session.revoked_at), (session.created_at, None));
    assert_eq!(session.expires_at, session.created_at.plus(LIFE));
    assert_eq!(stage.accounts().find_session(session.id).await.unwrap(), Some(session));
    assert_eq!(stage.accounts().find_session(AuthSessionId::new(900_001)).await.unwrap(), None);
}

pub(super) async fn sessions_in_force_are_listed_last_used_first(stage: Stage) {
    let [ada, bob] = [register(&stage, "Ada").await.id, register(&stage, "Bob").await.id];
    let (first, second, third) =
        (open(&stage, ada, 1).await, open(&stage, ada, 2).await, open(&stage, ada, 3).await);
    open(&stage, bob, 4).await;
    let list = async |now| {
        let sessions = stage.accounts().list_sessions(ada, now).await.unwrap();
        sessions.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(list(stage.now()).await, [third.id, second.id, first.id]);
    assert!(matches!(rotate(&stage, 1, 11, stage.now()).await, Rotation::Rotated(_)));
    stage.accounts().revoke_session(ada, second.id, stage.now()).await.unwrap();
    assert_eq!(list(stage.now()).await, [first.id, third.id]);
    assert_eq!(list(third.expires_at).await, [first.id], "what is over is not in force");
}

pub(super) async fn a_session_is_revoked_only_by_its_person(stage: Stage) {
    let [ada, bob] = [register(&stage, "Ada").await.id, register(&stage, "Bob").await.id];
    let session = open(&stage, ada, 1).await;
    let revoke = async |user, id| stage.accounts().revoke_session(user, id, stage.now()).await;
    refused(revoke(bob, session.id).await, ErrorKind::NotFound);
    refused(revoke(ada, AuthSessionId::new(900_001)).await, ErrorKind::NotFound);
    assert_eq!(stage.accounts().find_session(session.id).await.unwrap(), Some(session.clone()));
    revoke(ada, session.id).await.unwrap();
    let revoked = stage.accounts().find_session(session.id).await.unwrap().expect("also a revoked one");
    assert!(revoked.revoked_at.is_some());
    assert_eq!(rotate(&stage, 1, 2, stage.now()).await, Rotation::Unknown);
}

pub(super) async fn a_refresh_token_is_replaced_by_its_successor(stage: Stage) {
    let ada = register(&stage, "Ada").await.id;
    let session = open(&stage, ada, 1).await;
    let now = stage.now();
    let Rotation::Rotated(rotated) = rotate(&stage, 1, 2, now).await else {
        panic!("the present token rotates")
    };
    assert_eq!((rotated.id, rotated.last_used_at, rotated.expires_at), (session.id, now, now.plus(LIFE)));
    assert_eq!(stage.accounts().find_session(session.id).await.unwrap(), Some(rotated));
    assert!(matches!(rotate(&stage, 2, 3, stage.now()).await, Rotation::Rotated(_)));
    assert_eq!(rotate(&stage, 99, 100, stage.now()).await, Rotation::Unknown);
    let other = open(&stage, ada, 50).await;
    assert_eq!(rotate(&stage, 50, 51, other.expires_at).await, Rotation::Unknown, "over is over");
}

pub(super) async fn a_replaced_token_is_good_for_the_grace(stage: Stage) {
    let ada = register(&stage, "Ada").await.id;
    open(&stage, ada, 1).await;
    let now = stage.now();
    let Rotation::Rotated(rotated) = rotate(&stage, 1, 2, now).await else {
        panic!("the present token rotates")
    };
    for late in [Duration::ZERO, Duration::from_secs(30), GRACE] {
        let answer = rotate(&stage, 1, 2, now.plus(late)).await;
        assert_eq!(answer, Rotation::Repeated(rotated.clone()), "{late:?} later, and nothing has changed");
    }
    assert!(matches!(rotate(&stage, 2, 3, now.plus(GRACE)).await, Rotation::Rotated(_)));
}

pub(super) async fn a_token_used_after_its_grace_revokes_the_session(stage: Stage) {
    let ada = register(&stage, "Ada").await.id;
    let now = stage.now();
    let after = now.plus(GRACE + Duration::from_micros(1));
    for (oldest, replay_first) in [(10_u8, true), (20, false)] {
        let session = open(&stage, ada, oldest).await;
        assert!(matches!(rotate(&stage, oldest, oldest + 1, now).await, Rotation::Rotated(_)));
        assert!(matches!(rotate(&stage, oldest + 1, oldest + 2, now).await, Rotation::Rotated(_)));
        let stolen = if replay_first { oldest } else { oldest + 1 };
        let Rotation::Replayed(revoked) = rotate(&stage, stolen, oldest + 3, after).await else {
            panic!("somebody has a copy of the token")
        };
        assert_eq!((revoked.id, revoked.revoked_at.is_some()), (session.id, true));
        assert_eq!(stage.accounts().find_session(session.id).await.unwrap(), Some(revoked));
        assert_eq!(
            rotate(&stage, oldest + 2, oldest + 4, after).await,
            Rotation::Unknown,
            "for both of them"
        );
        assert_eq!(rotate(&stage, stolen, oldest + 4, after).await, Rotation::Unknown);
    }
}

pub(super) async fn a_token_used_twice_at_once_has_one_successor(stage: Stage) {
    let ada = register(&stage, "Ada").await.id;
    open(&stage, ada, 1).await;
    let now = stage.now();
    let calls = (0..12).map(|_| {
        let store = Arc::clone(&stage.store);
        tokio::spawn(async move {
            let accounts = store.accounts().expect("has accounts");
            accounts.rotate_session([1; 32], [2; 32], now, GRACE, now.plus(LIFE)).await.unwrap()
        })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(|answer| answer.unwrap()).collect();
    let count = |wanted: fn(&Rotation) -> bool| answers.iter().filter(|answer| wanted(answer)).count();
    assert_eq!(count(|answer| matches!(answer, Rotation::Rotated(_))), 1);
    assert_eq!(count(|answer| matches!(answer, Rotation::Repeated(_))), 11);
}

pub(super) async fn a_changed_password_revokes_the_other_sessions(stage: Stage) {
    let [ada, bob] = [register(&stage, "Ada").await.id, register(&stage, "Bob").await.id];
    let (kept, other, ended) =
        (open(&stage, ada, 1).await, open(&stage, ada, 2).await, open(&stage, ada, 3).await);
    let theirs = open(&stage, bob, 4).await;
    stage.accounts().revoke_session(ada, ended.id, stage.now()).await.unwrap();
    let change = async |user, keep| stage.accounts().set_password(user, "changed", keep, stage.now()).await;
    assert_eq!(change(ada, Some(kept.id)).await.unwrap(), [other.id], "those that were in force");
    let account = stage.accounts().find_account_of(ada).await.unwrap().expect("the account exists");
    assert_eq!(account.password_hash, "changed");
    for (id, revoked) in [(kept.id, false), (other.id, true), (theirs.id, false)] {
        let session = stage.accounts().find_session(id).await.unwrap().expect("the session exists");
        assert_eq!(session.revoked_at.is_some(), revoked);
    }
    assert_eq!(rotate(&stage, 2, 12, stage.now()).await, Rotation::Unknown);
    assert_eq!(change(ada, None).await.unwrap(), [kept.id]);
    refused(change(UserId::new(900_001), None).await, ErrorKind::NotFound);
}

pub(super) async fn ended_sessions_and_banned_people_are_told_apart(stage: Stage) {
    let [ada, bob] = [register(&stage, "Ada").await.id, register(&stage, "Bob").await.id];
    let (good, revoked) = (open(&stage, ada, 1).await, open(&stage, ada, 2).await);
    stage.accounts().revoke_session(ada, revoked.id, stage.now()).await.unwrap();
    stage.store.set_banned(bob, Ban::Banned, stage.now()).await.unwrap();
    let unknown = AuthSessionId::new(900_001);
    let ended = async |now| {
        let ids = [good.id, revoked.id, unknown];
        stage.accounts().filter_ended(&ids, &[ada, bob], now).await.unwrap()
    };
    assert_eq!(ended(stage.now()).await, (vec![revoked.id, unknown], vec![bob]));
    assert_eq!(ended(good.expires_at).await.0, [good.id, revoked.id, unknown]);
    assert_eq!(stage.accounts().filter_ended(&[], &[], stage.now()).await.unwrap(), (vec![], vec![]));
}
