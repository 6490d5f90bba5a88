//! What was acknowledged survives `kill -9` of the process, in the middle of commits.
//!
//! The test starts itself as a child that commits and says what was acknowledged, kills it at a random moment, and
//! looks at what is in the file.

#![expect(clippy::unwrap_used, reason = "a test fails where its stage cannot be set")]
#![expect(clippy::future_not_send, reason = "the child runs on the main thread")]

use chat_core::{
    model::{
        Change, Committed, ConversationId, MessageAnchor, MessageKey, NewMessage, NewUser, Outcome,
        RequestHash, Seq, Timestamp, UserId,
    },
    store::{ConversationStore, MessageStore, UserStore},
};
use chat_store_sqlite::SqliteStore;
use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const CHILD: &str = "CHAT_CRASH_CHILD";
const ROUNDS: u64 = 8;
const BATCH: usize = 40;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match std::env::var_os(CHILD) {
        Some(database) => runtime.block_on(child(Path::new(&database))),
        None => runtime.block_on(parent()),
    }
}

async fn open(database: &Path) -> (SqliteStore, UserId, ConversationId) {
    let store = SqliteStore::connect(&database.display().to_string()).await.unwrap();
    store.migrate().await.unwrap();
    let now = Timestamp::from_micros(1);
    let mut people = Vec::new();
    for name in ["ada", "ben"] {
        let (external_id, display_name) = (name.to_owned(), name.to_owned());
        let user = NewUser { external_id, display_name, avatar: None, now };
        people.push(store.ensure_user(user).await.unwrap().id);
    }
    let opened = store.open_directs(people[0], &people[1..], now).await.unwrap().remove(0).unwrap();
    (store, people[0], opened.conversation.id)
}

fn message(sender_id: UserId, conversation_id: ConversationId, key: &str) -> Change {
    Change::Append(NewMessage {
        conversation_id,
        sender_id,
        key: MessageKey::from_client(key).unwrap(),
        request_hash: RequestHash([1; 16]),
        content: format!("text of {key}"),
        attachments: Vec::new(),
        link: None,
        reply_to: None,
        now: Timestamp::from_micros(1),
    })
}

/// Commits until it is killed, and prints `key seq` for each acknowledged message.
async fn child(database: &Path) {
    let (store, sender, conversation) = open(database).await;
    let life = std::process::id();
    let mut out = std::io::stdout().lock();
    for batch in 0.. {
        let keys: Vec<_> = (0..BATCH).map(|n| format!("{life}-{batch}-{n}")).collect();
        let changes = keys.iter().map(|key| message(sender, conversation, key)).collect();
        for (key, result) in keys.iter().zip(store.commit(changes).await.unwrap()) {
            let Committed::Message(done) = result.unwrap() else { unreachable!() };
            writeln!(out, "{key} {}", done.message.seq).unwrap();
        }
        out.flush().unwrap();
    }
}

async fn parent() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("chat.db");
    drop(open(&database).await);
    let mut acknowledged = HashMap::new();
    for round in 0..ROUNDS {
        // Spread over the length of a few commits; the exact moment is the scheduler's.
        let moment = Duration::from_millis(40 + round * 37 % 150);
        acknowledged.extend(run_and_kill(&database, moment));
        let total = check(&database, &acknowledged).await;
        println!(
            "round {round}: killed after {moment:?}, {} acknowledged, {total} stored",
            acknowledged.len()
        );
    }
    assert!(acknowledged.len() > BATCH, "the child was killed before it had done anything");
    println!("test acknowledged_messages_survive_kill_9 ... ok");
}

fn run_and_kill(database: &Path, moment: Duration) -> Vec<(String, i64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(CHILD, database)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut first = None;
    // The clock runs from the first acknowledgement, however long the start took.
    while first.is_none_or(|first: Instant| first.elapsed() < moment) {
        let line = lines.next().expect("the child runs until it is killed").unwrap();
        first.get_or_insert_with(Instant::now);
        acknowledged.push(line);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(lines.map_while(Result::ok));
    acknowledged.iter().filter_map(|line| parse(line)).collect()
}

/// Reads a line; the last one may be torn.
fn parse(line: &str) -> Option<(String, i64)> {
    let (key, seq) = line.split_once(' ')?;
    Some((key.to_owned(), seq.parse().ok()?))
}

/// Finds every acknowledged message under its number, no number missing, and each retry repeated.
async fn check(database: &Path, acknowledged: &HashMap<String, i64>) -> usize {
    let (store, sender, conversation) = open(database).await;
    let mut found = HashMap::new();
    let mut after = Seq::ZERO;
    loop {
        let anchor = MessageAnchor::After(after);
        let page = store.list_messages(conversation, anchor, Seq::new(1), 200).await.unwrap();
        for message in page.messages {
            assert_eq!(message.seq, after.next(), "numbers have no hole");
            assert_eq!(message.created_rev.get(), message.seq.get() + 1, "every message takes one rev");
            after = message.seq;
            found.insert(message.key.as_str().to_owned(), message.seq.get());
        }
        if !page.has_more_after {
            break;
        }
    }
    for (key, seq) in acknowledged {
        // A torn last line may have lost digits of its number, never the message.
        let stored = found.get(key).unwrap_or_else(|| panic!("{key} was acknowledged and is lost"));
        assert!(
            stored == seq || stored.to_string().starts_with(&seq.to_string()),
            "{key}: {stored} is not {seq}"
        );
    }
    let retries = acknowledged.keys().map(|key| message(sender, conversation, key)).collect();
    for result in store.commit(retries).await.unwrap() {
        let Committed::Message(done) = result.unwrap() else { unreachable!() };
        assert_eq!(done.outcome, Outcome::Repeated);
    }
    found.len()
}
