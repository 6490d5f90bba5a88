//! Accounts over the store in memory, with a clock that is moved by hand.

use super::{
    Accounts, AccountsConfig, Device, Login, NewRegistration, PasswordChange, RefreshToken, Registration,
    SignedIn, TokenKey, TokenKeys, TokenLife,
};
use crate::{
    Error, ErrorKind, Result,
    auth::{Authenticator, EndedSession, SignInSessions, Subject},
    clock::Clock,
    model::{AuthSessionId, Timestamp, UserId},
    store::{AccountStore, Ban, Store, UserStore, memory::MemoryStore},
};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::phc::PasswordHash};
use futures_util::FutureExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

const GOOD: &str = "correct horse battery staple";
const OTHER: &str = "a quite different phrase";

#[derive(Debug, Default)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + self.0.load(Ordering::SeqCst))
    }
}

struct Fixture {
    clock: Arc<HandClock>,
    store: Arc<MemoryStore>,
    accounts: Accounts,
}

impl Fixture {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(set: impl FnOnce(&mut AccountsConfig)) -> Self {
        let clock = Arc::new(HandClock::default());
        let store = Arc::new(MemoryStore::new());
        let accounts = on(Arc::clone(&store), &clock, set);
        Self { clock, store, accounts }
    }

    fn advance(&self, span: Duration) {
        self.clock.0.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }

    async fn registered(&self, username: &str) -> SignedIn {
        self.accounts.register(registration(username, GOOD)).await.unwrap()
    }

    async fn login_from(&self, address: &str, username: &str, password: &str) -> Result<SignedIn> {
        let device = Device { name: "test".to_owned(), address: Some(address.parse().unwrap()) };
        let (username, password) = (username.to_owned(), password.to_owned());
        self.accounts.login(Login { username, password, life: TokenLife::Full, device }).await
    }

    async fn login(&self, username: &str, password: &str) -> Result<SignedIn> {
        self.login_from("192.0.2.1", username, password).await
    }

    async fn is_good(&self, signed_in: &SignedIn) -> bool {
        match self.accounts.authenticate(&signed_in.access.token).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
                false
            }
        }
    }
}

fn on(store: Arc<MemoryStore>, clock: &Arc<HandClock>, set: impl FnOnce(&mut AccountsConfig)) -> Accounts {
    let key = TokenKey::new(b"0123456789abcdef0123456789abcdef").unwrap();
    let mut config = AccountsConfig::new(TokenKeys::new(key));
    set(&mut config);
    Accounts::new(store, Arc::clone(clock) as Arc<dyn Clock>, config).unwrap()
}

fn registration(username: &str, password: &str) -> NewRegistration {
    NewRegistration {
        username: username.to_owned(),
        password: password.to_owned(),
        invite: None,
        life: TokenLife::Full,
        device: Device::default(),
    }
}

fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    result.err().expect("this is refused").kind()
}

#[tokio::test]
async fn who_registers_is_signed_in_and_recognised() {
    let fixture = Fixture::new();
    let ada = fixture.registered("  Ada ").await;
    assert_eq!(ada.user.username.as_deref(), Some("Ada"));
    let identity = fixture.accounts.authenticate(&ada.access.token).await.unwrap();
    assert_eq!(identity.subject, Subject::User(ada.user.id));
    assert_eq!((identity.session, identity.expires_at), (Some(ada.session), Some(ada.access.expires_at)));
    let again = fixture.login("aDA", GOOD).await.unwrap();
    assert_eq!(again.user.id, ada.user.id);
    assert_ne!(again.session, ada.session);
}

#[tokio::test]
async fn a_name_is_taken_once_whatever_its_case_and_form_also_at_the_same_instant() {
    let fixture = Fixture::new();
    fixture.registered("Ada").await;
    for name in ["ADA", "ada ", "\u{ff21}da"] {
        assert_eq!(
            kind(fixture.accounts.register(registration(name, GOOD)).await),
            ErrorKind::Conflict,
            "{name}"
        );
    }
    let register = || fixture.accounts.register(registration("Grace", GOOD));
    let results = futures_util::future::join_all((0..8).map(|_| register())).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.into_iter().filter_map(Result::err).all(|error| error.kind() == ErrorKind::Conflict));
}

#[tokio::test]
async fn hidden_characters_and_empty_or_long_names_are_refused() {
    let fixture = Fixture::new();
    for name in ["", "   ", "a\u{200b}da", "\u{202e}ada", "a\u{0}", "a\nb", "\u{2066}x", &"x".repeat(33)] {
        let refused = fixture.accounts.register(registration(name, GOOD)).await;
        assert_eq!(kind(refused), ErrorKind::Invalid, "{name:?}");
    }
    fixture.registered(&"x".repeat(32)).await;
    fixture.registered("<b>Ada</b>").await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let fixture = Fixture::new();
    fixture.registered("ada").await;
    let wrong = fixture.login("ada", OTHER).await.unwrap_err();
    let unknown = fixture.login("nobody", OTHER).await.unwrap_err();
    let impossible = fixture.login("no\u{200b}body", &"x".repeat(5_000)).await.unwrap_err();
    for error in [&wrong, &unknown, &impossible] {
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unauthenticated, "invalid credentials"));
    }
}

#[tokio::test]
async fn the_fifth_failure_locks_the_account_with_a_growing_delay() {
    let fixture = Fixture::new();
    fixture.registered("ada").await;
    for n in 0..5 {
        let from = format!("192.0.2.{n}");
        assert_eq!(kind(fixture.login_from(&from, "ada", OTHER).await), ErrorKind::Unauthenticated);
    }
    for seconds in [1, 2, 4] {
        let locked = fixture.login_from("192.0.2.77", "ADA", GOOD).await.unwrap_err();
        assert_eq!(locked.kind(), ErrorKind::RateLimited);
        assert_eq!(locked.retry_after(), Some(Duration::from_secs(seconds)));
        fixture.advance(Duration::from_secs(seconds));
        let from = format!("192.0.2.{}", 100 + seconds);
        assert_eq!(kind(fixture.login_from(&from, "ada", OTHER).await), ErrorKind::Unauthenticated);
    }
    fixture.advance(Duration::from_secs(8));
    fixture.login("ada", GOOD).await.expect("the right password after the delay");
    assert_eq!(kind(fixture.login("ada", OTHER).await), ErrorKind::Unauthenticated);
    fixture.login("ada", GOOD).await.expect("a success has cleared the account's failures");
}

#[tokio::test]
async fn an_unknown_name_is_locked_like_a_known_one() {
    let fixture = Fixture::new();
    for n in 0..5 {
        let from = format!("192.0.2.{n}");
        assert_eq!(kind(fixture.login_from(&from, "nobody", OTHER).await), ErrorKind::Unauthenticated);
    }
    assert_eq!(kind(fixture.login_from("192.0.2.9", "nobody", OTHER).await), ErrorKind::RateLimited);
}

#[tokio::test]
async fn the_fifth_failure_locks_the_address_for_every_name_and_a_success_does_not_clear_it() {
    let fixture = Fixture::new();
    fixture.registered("mallory").await;
    for n in 0..4 {
        assert_eq!(kind(fixture.login(&format!("victim{n}"), OTHER).await), ErrorKind::Unauthenticated);
    }
    fixture.login("mallory", GOOD).await.unwrap();
    assert_eq!(kind(fixture.login("victim4", OTHER).await), ErrorKind::Unauthenticated);
    assert_eq!(kind(fixture.login("mallory", GOOD).await), ErrorKind::RateLimited);
    fixture.login_from("198.51.100.1", "mallory", GOOD).await.expect("another address is not concerned");
}

#[tokio::test]
async fn guesses_at_the_same_instant_are_counted_one_by_one() {
    let fixture = Fixture::new();
    fixture.registered("ada").await;
    let guesses = (0..20).map(|n| {
        let fixture = &fixture;
        async move { fixture.login_from(&format!("198.51.100.{n}"), "ada", OTHER).await.unwrap_err().kind() }
    });
    let kinds = futures_util::future::join_all(guesses).await;
    assert_eq!(kinds.iter().filter(|kind| **kind == ErrorKind::Unauthenticated).count(), 5);
    assert_eq!(kinds.iter().filter(|kind| **kind == ErrorKind::RateLimited).count(), 15);
}

#[tokio::test]
async fn a_lock_outlives_a_restart_and_failures_are_forgotten_after_an_hour() {
    let fixture = Fixture::new();
    fixture.registered("ada").await;
    for _ in 0..5 {
        assert_eq!(kind(fixture.login("ada", OTHER).await), ErrorKind::Unauthenticated);
    }
    let restarted = Fixture {
        clock: Arc::clone(&fixture.clock),
        store: Arc::clone(&fixture.store),
        accounts: on(Arc::clone(&fixture.store), &fixture.clock, |_| {}),
    };
    assert_eq!(kind(restarted.login("ada", GOOD).await), ErrorKind::RateLimited);
    restarted.advance(Duration::from_secs(3602));
    for _ in 0..4 {
        assert_eq!(kind(restarted.login("ada", OTHER).await), ErrorKind::Unauthenticated);
    }
    restarted.login("ada", GOOD).await.expect("the count began afresh");
}

#[tokio::test]
async fn a_token_lives_a_day_or_a_quarter_of_an_hour() {
    let fixture = Fixture::new();
    let full = fixture.registered("ada").await;
    let short = NewRegistration { life: TokenLife::Short, ..registration("grace", GOOD) };
    let short = fixture.accounts.register(short).await.unwrap();
    fixture.advance(Duration::from_secs(901));
    assert!(!fixture.is_good(&short).await);
    assert!(fixture.is_good(&full).await);
    fixture.advance(Duration::from_hours(24));
    assert!(!fixture.is_good(&full).await);
}

#[tokio::test]
async fn a_refresh_token_gives_one_successor_for_a_minute_and_then_revokes() {
    let fixture = Fixture::new();
    let ada = fixture.registered("ada").await;
    let first = fixture.accounts.refresh(&ada.refresh, TokenLife::Short).await.unwrap();
    assert_ne!(first.refresh, ada.refresh);
    assert_eq!(first.session, ada.session);
    fixture.advance(Duration::from_secs(60));
    let again = fixture.accounts.refresh(&ada.refresh, TokenLife::Short).await.unwrap();
    assert_eq!(again.refresh, first.refresh);
    assert!(fixture.is_good(&again).await);

    fixture.advance(Duration::from_secs(1));
    assert_eq!(
        kind(fixture.accounts.refresh(&ada.refresh, TokenLife::Short).await),
        ErrorKind::Unauthenticated
    );
    assert!(!fixture.is_good(&again).await);
    assert_eq!(
        kind(fixture.accounts.refresh(&first.refresh, TokenLife::Short).await),
        ErrorKind::Unauthenticated
    );
    let ended = fixture.accounts.next_ended().now_or_never();
    assert_eq!(ended, Some(EndedSession { user_id: ada.user.id, session: Some(ada.session) }));
}

#[tokio::test]
async fn a_session_that_nobody_refreshes_ends() {
    let fixture = Fixture::new();
    let ada = fixture.registered("ada").await;
    fixture.advance(Duration::from_hours(24 * 20));
    let ada = fixture.accounts.refresh(&ada.refresh, TokenLife::Short).await.unwrap();
    fixture.advance(Duration::from_hours(24 * 30));
    assert_eq!(
        kind(fixture.accounts.refresh(&ada.refresh, TokenLife::Short).await),
        ErrorKind::Unauthenticated
    );
}

#[tokio::test]
async fn logging_out_ends_the_session_at_once() {
    let fixture = Fixture::new();
    let ada = fixture.registered("ada").await;
    let phone = fixture.login("ada", GOOD).await.unwrap();
    assert!(fixture.is_good(&ada).await);
    fixture.accounts.log_out(&ada.refresh).await.unwrap();
    assert!(!fixture.is_good(&ada).await);
    assert!(fixture.is_good(&phone).await);
    let left = fixture.accounts.list_sessions(ada.user.id).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [phone.session]);
    let grace = fixture.registered("grace").await;
    assert_eq!(
        kind(fixture.accounts.revoke_session(grace.user.id, phone.session).await),
        ErrorKind::NotFound
    );
    assert!(fixture.is_good(&phone).await);
}

#[tokio::test]
async fn what_another_node_revokes_takes_effect_by_its_hint_or_within_thirty_seconds() {
    let fixture = Fixture::new();
    let elsewhere = on(Arc::clone(&fixture.store), &fixture.clock, |_| {});
    let hinted = fixture.registered("ada").await;
    let unhinted = fixture.login("ada", GOOD).await.unwrap();
    assert!(fixture.is_good(&hinted).await && fixture.is_good(&unhinted).await);
    for session in [hinted.session, unhinted.session] {
        elsewhere.revoke_session(hinted.user.id, session).await.unwrap();
    }
    let ended = elsewhere.next_ended().await;
    assert_eq!(ended.session, Some(hinted.session));
    fixture.accounts.forget(ended);
    assert!(!fixture.is_good(&hinted).await);
    fixture.advance(Duration::from_secs(30));
    assert!(!fixture.is_good(&unhinted).await);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let fixture = Fixture::new();
    let ada = fixture.registered("ada").await;
    let phone = fixture.login("ada", GOOD).await.unwrap();
    let change = |old: &str, new: &str| PasswordChange { old: old.to_owned(), new: new.to_owned() };
    let (id, keep) = (ada.user.id, Some(ada.session));
    let wrong = fixture.accounts.change_password(id, keep, change(OTHER, OTHER), None).await;
    assert_eq!(kind(wrong), ErrorKind::Forbidden);
    let weak = fixture.accounts.change_password(id, keep, change(GOOD, "password123"), None).await;
    assert_eq!(kind(weak), ErrorKind::Invalid);
    assert!(fixture.is_good(&phone).await);
    fixture.accounts.change_password(id, keep, change(GOOD, OTHER), None).await.unwrap();
    assert!(fixture.is_good(&ada).await);
    assert!(!fixture.is_good(&phone).await);
    assert_eq!(kind(fixture.login("ada", GOOD).await), ErrorKind::Unauthenticated);
    fixture.login("ada", OTHER).await.unwrap();
}

#[tokio::test]
async fn a_banned_person_is_not_let_in() {
    let fixture = Fixture::new();
    let ada = fixture.registered("ada").await;
    fixture.store.set_banned(ada.user.id, Ban::Banned, fixture.clock.now()).await.unwrap();
    assert_eq!(kind(fixture.login("ada", GOOD).await), ErrorKind::Forbidden);
    assert_eq!(kind(fixture.accounts.refresh(&ada.refresh, TokenLife::Full).await), ErrorKind::Forbidden);
}

#[tokio::test]
async fn registration_can_need_an_invitation_or_be_closed() {
    let invited = Fixture::with(|config| config.registration = Registration::Invite);
    assert_eq!(kind(invited.accounts.register(registration("ada", GOOD)).await), ErrorKind::Forbidden);
    let with = |invite: String| NewRegistration { invite: Some(invite), ..registration("ada", GOOD) };
    assert_eq!(kind(invited.accounts.register(with("nonsense".to_owned())).await), ErrorKind::Forbidden);
    let invite = invited.accounts.invite(Duration::from_secs(60)).unwrap();
    invited.accounts.register(with(invite)).await.unwrap();

    let closed = Fixture::with(|config| config.registration = Registration::Closed);
    assert_eq!(kind(closed.accounts.register(registration("ada", GOOD)).await), ErrorKind::Forbidden);
    closed.accounts.add_user("ada", GOOD.to_owned()).await.unwrap();
    closed.login("ada", GOOD).await.unwrap();
}

#[tokio::test]
async fn an_operator_helps_a_locked_out_person_back_in() {
    let fixture = Fixture::new();
    let ada = fixture.registered("ada").await;
    for n in 0..6 {
        fixture.login_from(&format!("192.0.2.{n}"), "ada", OTHER).await.unwrap_err();
    }
    fixture.accounts.reset_password("Ada", OTHER.to_owned()).await.unwrap();
    assert!(!fixture.is_good(&ada).await);
    fixture.login_from("198.51.100.1", "ada", OTHER).await.unwrap();
    assert!(fixture.accounts.grant_admin("ada").await.unwrap().is_admin);
    assert_eq!(kind(fixture.accounts.grant_admin("nobody").await), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_minted_token_needs_no_session() {
    let fixture = Fixture::new();
    let ada = fixture.accounts.add_user("ada", GOOD.to_owned()).await.unwrap();
    let token = fixture.accounts.mint_token("ada", Duration::from_secs(60)).await.unwrap();
    let identity = fixture.accounts.authenticate(&token.token).await.unwrap();
    assert_eq!((identity.subject, identity.session), (Subject::User(ada.id), None));
    fixture.advance(Duration::from_secs(60));
    assert_eq!(kind(fixture.accounts.authenticate(&token.token).await), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_session_of_somebody_else_does_not_serve() {
    let fixture = Fixture::new();
    let ada = fixture.registered("ada").await;
    let grace = fixture.registered("grace").await;
    let check = |session: AuthSessionId, user: UserId| {
        let revocations = &fixture.accounts.inner.revocations;
        revocations.check(fixture.accounts.store(), session, user, fixture.clock.now())
    };
    assert_eq!(kind(check(ada.session, grace.user.id).await), ErrorKind::Unauthenticated);
    assert!(check(ada.session, ada.user.id).await.is_ok());
    assert_eq!(kind(check(AuthSessionId::new(999_999), ada.user.id).await), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn an_old_hash_is_replaced_at_sign_in() {
    let fixture = Fixture::new();
    let ada = fixture.accounts.add_user("ada", GOOD.to_owned()).await.unwrap();
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
    let hash: PasswordHash = cheap.hash_password(GOOD.as_bytes()).unwrap();
    let store: &dyn AccountStore = fixture.store.accounts().unwrap();
    store.set_password(ada.id, &hash.to_string(), None, fixture.clock.now()).await.unwrap();
    fixture.login("ada", GOOD).await.unwrap();
    let account = store.find_account("ada").await.unwrap().unwrap();
    assert!(
        account.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{}",
        account.password_hash
    );
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let login = Login {
        username: "ada".to_owned(),
        password: GOOD.to_owned(),
        life: TokenLife::Full,
        device: Device::default(),
    };
    let refresh = RefreshToken::random().unwrap();
    let change = PasswordChange { old: GOOD.to_owned(), new: OTHER.to_owned() };
    let shown = format!("{login:?} {refresh:?} {change:?} {:?}", registration("ada", GOOD));
    for secret in [GOOD, OTHER, &refresh.reveal()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_refresh_token_survives_the_way_through_text_and_nothing_else_does() {
    let token = RefreshToken::random().unwrap();
    assert_eq!(RefreshToken::parse(&token.reveal()).unwrap(), token);
    for text in ["", "short", "§", &"A".repeat(44), &format!("{}=", token.reveal())] {
        assert_eq!(kind(RefreshToken::parse(text)), ErrorKind::Unauthenticated, "{text}");
    }
}

#[test]
fn settings_that_contradict_themselves_are_refused() {
    let refuse = |set: fn(&mut AccountsConfig)| {
        let mut config = AccountsConfig::new(TokenKeys::new(TokenKey::new(&[7; 32]).unwrap()));
        set(&mut config);
        let clock: Arc<dyn Clock> = Arc::new(HandClock::default());
        assert_eq!(kind(Accounts::new(Arc::new(MemoryStore::new()), clock, config)), ErrorKind::Invalid);
    };
    refuse(|config| config.min_password_score = 5);
    refuse(|config| config.hashing_threads = 0);
    refuse(|config| config.token_life = config.session_life + Duration::from_secs(1));
    refuse(|config| config.short_token_life = Duration::ZERO);
}
