//! Every statement that the store runs is recorded while the published suite runs, and its plan is read: no table is
//! walked through, and nothing is sorted that an index keeps in order.

#![expect(clippy::unwrap_used, reason = "a test fails where its stage cannot be set")]

use chat_core::conformance::{Stage, store_cases};
use chat_store_sqlite::SqliteStore;
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use std::{
    collections::BTreeSet,
    fmt::Debug,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Steps that a plan may have all the same: a part of the statement, a part of the step, and the reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("FROM chat_meta", "SCAN chat_meta", "it has one row"),
    ("UPDATE chat_meta", "SCAN chat_meta", "it has one row"),
    ("chat_migrations", "", "a few rows, at start"),
    (
        "INSERT INTO chat_user",
        "SCAN chat_",
        "the driver of a foreign key, which runs only while a violation is pending",
    ),
    ("sqlite_schema", "sqlite_schema", "at start"),
    ("sqlite_sequence", "sqlite_sequence", "one row per table"),
    (
        "ORDER BY c.updated_at DESC",
        "TEMP B-TREE",
        "the memberships of one person, whose order is that of other rows",
    ),
    (
        "ORDER BY k.updated_at DESC",
        "TEMP B-TREE",
        "the memberships of one person, whose order is that of other rows",
    ),
    ("ORDER BY p.updated_at DESC", "TEMP B-TREE", "the rows of one page"),
    ("ORDER BY s.last_used_at DESC", "TEMP B-TREE", "the sessions of one person"),
    ("ORDER BY m.role = 'admin' DESC", "TEMP B-TREE", "the members of one group, when its owner leaves"),
    ("ORDER BY k.id DESC", "TEMP B-TREE", "a merge of the conversations of one person"),
    ("ORDER BY x.id DESC", "TEMP B-TREE", "the rows of one page"),
    ("UNION SELECT id FROM chat_user", "TEMP B-TREE", "names of one prefix, found in two indexes"),
    ("GROUP BY 1", "TEMP B-TREE", "the parameter's own rows"),
    ("json_group_array", "TEMP B-TREE", "the files of one message"),
];

static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes the statements that the driver tells of; its connections have threads of their own, so it is global.
struct Recorder;

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        let text = if statement.full.trim().is_empty() { statement.summary } else { statement.full };
        STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).insert(text.trim().to_owned());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Statement {
    summary: String,
    full: String,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.full),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

fn options(database: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
}

async fn open(database: PathBuf) -> SqliteStore {
    let pool = SqlitePool::connect_with(options(&database)).await.unwrap();
    let store = SqliteStore::new(pool).await.unwrap();
    store.migrate().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_finds_its_rows_by_an_index() {
    tracing::subscriber::set_global_default(Recorder).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for case in store_cases() {
        let database = folder.path().join(format!("{}.db", case.name));
        let stage = Stage::new(open(database.clone()).await);
        case.run(stage.reopened_by(move || open(database.clone())).rounds(1)).await;
    }
    let recorded = STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let statements: BTreeSet<_> =
        recorded.iter().flat_map(|script| script.split(';')).map(str::trim).collect();
    let hot = ["INSERT INTO chat_message", "UPDATE chat_conversation", "chat_message x ON x.sender_id"];
    for part in hot {
        assert!(statements.iter().any(|statement| statement.contains(part)), "{part} was not recorded");
    }

    let database = folder.path().join("plans.db");
    drop(open(database.clone()).await);
    let pool = SqlitePool::connect_with(options(&database)).await.unwrap();
    let mut bad = Vec::new();
    for statement in statements.into_iter().filter(|statement| is_planned(statement)) {
        for step in plan(&pool, statement).await {
            if is_costly(&step) && !is_allowed(statement, &step) {
                bad.push(format!("{step}\n    {statement}"));
            }
        }
    }
    assert!(bad.is_empty(), "costly steps:\n{}", bad.join("\n"));
}

/// Tables are made, and settings set, without a plan.
fn is_planned(statement: &str) -> bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|word| statement.starts_with(word))
}

async fn plan(pool: &SqlitePool, statement: &str) -> Vec<String> {
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows =
        sqlx::query(explain).fetch_all(pool).await.unwrap_or_else(|error| panic!("{error}: {statement}"));
    rows.iter().map(|row| row.get("detail")).collect()
}

/// Walking through a parameter's rows or through the result of a sub-select is not a walk through a table.
fn is_costly(step: &str) -> bool {
    let is_walk = step.starts_with("SCAN");
    let parts =
        ["json_each", "VIRTUAL TABLE", "CONSTANT ROW", "VALUES CLAUSE", "(subquery", "SCAN p", "SCAN seen"];
    let of_result = parts.iter().any(|part| step.contains(part));
    step.contains("TEMP B-TREE") || (is_walk && !of_result)
}

fn is_allowed(statement: &str, step: &str) -> bool {
    ALLOWED.iter().any(|(part, allowed, _)| statement.contains(part) && step.contains(allowed))
}
