//! Durable messages per second through `commit`, beside a raw ceiling measured in the same run.
//!
//! The ceiling is the simplest group commit through the same driver: one transaction per batch, one `INSERT` per
//! message into a bare table with one index, no checks. Both sync every commit. Run it on one core:
//! `taskset -c 0 cargo bench -p chat-store-sqlite --bench commit`. On a machine that does other work as well, the
//! processor's time per message is the number to look at.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set itself up ends")]

use chat_core::{
    model::{Change, ConversationId, MessageKey, NewMessage, NewUser, RequestHash, Timestamp, UserId},
    store::{ConversationStore, MessageStore, UserStore},
};
use chat_store_sqlite::{Durability, SqliteConfig, SqliteStore};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const USERS: usize = 50;
const BODY_BYTES: usize = 100;
const ROUND: Duration = Duration::from_millis(1_500);
const ROUNDS: usize = 3;

/// Who writes where: people 2k and 2k + 1 write to each other.
type Pairs = Vec<(UserId, ConversationId)>;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    println!("{USERS} users in pairs, {BODY_BYTES} byte texts, median of {ROUNDS} rounds");
    for durability in [Durability::Full, Durability::Normal] {
        println!("\n{durability:?}         messages/s                CPU us/message");
        println!(
            "{:>6} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6}",
            "batch", "ours", "ceiling", "", "ours", "ceiling", ""
        );
        for batch in [1, 16, 64, 256, 512] {
            let (mut ours, mut ceiling) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                ours.push(measure_store(durability, batch).await);
                ceiling.push(measure_ceiling(durability, batch).await);
            }
            let ((ours, our_cpu), (ceiling, ceiling_cpu)) = (median(ours), median(ceiling));
            print!("{batch:>6} {ours:>9.0} {ceiling:>9.0} {:>6.2} ", ours / ceiling);
            println!("{our_cpu:>9.2} {ceiling_cpu:>9.2} {:>6.2}", ceiling_cpu / our_cpu);
        }
    }
}

/// Messages per second, and microseconds of processor time per message.
type Measured = (f64, f64);

fn median(rounds: Vec<Measured>) -> Measured {
    let (mut rates, mut costs): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
    rates.sort_by(f64::total_cmp);
    costs.sort_by(f64::total_cmp);
    (rates[rates.len() / 2], costs[costs.len() / 2])
}

/// Measures from its creation on.
struct Watch {
    start: Instant,
    cpu: f64,
}

impl Watch {
    fn start() -> Self {
        Self { start: Instant::now(), cpu: cpu_seconds() }
    }

    fn runs(&self) -> bool {
        self.start.elapsed() < ROUND
    }

    fn stop(&self, messages: usize) -> Measured {
        let messages = messages as f64;
        (messages / self.start.elapsed().as_secs_f64(), (cpu_seconds() - self.cpu) * 1e6 / messages)
    }
}

/// User and system time of all threads, in the kernel's hundredths of a second (proc(5), fields 14 and 15 of `stat`).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

async fn measure_store(durability: Durability, batch: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("chat.db").display().to_string();
    let store = SqliteStore::connect_with(SqliteConfig::new(url).durability(durability)).await.unwrap();
    store.migrate().await.unwrap();
    let pairs = populate(&store).await;
    let watch = Watch::start();
    let mut sent = 0;
    while watch.runs() {
        let changes = (sent..sent + batch).map(|n| Change::Append(message(&pairs, n))).collect();
        let results = store.commit(changes).await.unwrap();
        assert!(results.iter().all(Result::is_ok));
        sent += batch;
    }
    let measured = watch.stop(sent);
    store.close().await.unwrap();
    measured
}

async fn populate(store: &SqliteStore) -> Pairs {
    let now = Timestamp::from_micros(1);
    let mut users = Vec::new();
    for n in 0..USERS {
        let name = format!("user-{n}");
        let user = NewUser { external_id: name.clone(), display_name: name, avatar: None, now };
        users.push(store.ensure_user(user).await.unwrap().id);
    }
    let mut pairs = Vec::new();
    for pair in users.chunks(2) {
        let opened = store.open_directs(pair[0], &pair[1..], now).await.unwrap().remove(0).unwrap();
        pairs.extend(pair.iter().map(|&user| (user, opened.conversation.id)));
    }
    pairs
}

fn message(pairs: &Pairs, n: usize) -> NewMessage {
    let (sender_id, conversation_id) = pairs[n % pairs.len()];
    NewMessage {
        conversation_id,
        sender_id,
        key: MessageKey::from_client(&format!("3f2a9c1e-{n:08x}-bench")).unwrap(),
        request_hash: RequestHash((n as u128).to_be_bytes()),
        content: "x".repeat(BODY_BYTES),
        attachments: Vec::new(),
        link: None,
        reply_to: None,
        now: Timestamp::from_micros(1_700_000_000_000_000 + n as i64),
    }
}

async fn measure_ceiling(durability: Durability, batch: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = open_bare(&folder.path().join("bare.db"), durability).await;
    let watch = Watch::start();
    let mut sent = 0;
    while watch.runs() {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        for n in sent..sent + batch {
            let sql =
                "INSERT INTO message (conversation_id, sender_id, content, created_at) VALUES (?, ?, ?, ?)";
            sqlx::query(sql)
                .bind((n % (USERS / 2)) as i64)
                .bind((n % USERS) as i64)
                .bind("x".repeat(BODY_BYTES))
                .bind(n as i64)
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        sent += batch;
    }
    watch.stop(sent)
}

async fn open_bare(path: &Path, durability: Durability) -> SqliteConnection {
    use sqlx::{
        ConnectOptions as _,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    };
    let synchronous = match durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Normal => SqliteSynchronous::Normal,
    };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE message (id INTEGER PRIMARY KEY, conversation_id INTEGER, sender_id INTEGER, content TEXT, \
           created_at INTEGER); CREATE INDEX message_conversation ON message (conversation_id, id)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection
}
