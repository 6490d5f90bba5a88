//! SQLite store for [`chat_core`]: one file, one writer, durable by default.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("chat.db");
//! use chat_core::store::Store;
//! use chat_store_sqlite::SqliteStore;
//!
//! let store = SqliteStore::connect(&format!("sqlite://{}", path.display())).await?;
//! store.migrate().await?;
//! store.ping().await?;
//! # Ok::<(), chat_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! All tables and indexes carry the prefix `chat_` and the migration ledger is `chat_migrations`, so the chat may
//! live in the file of its host. A file `<database>-commits` beside the database tells when the database was put
//! back to an older state; it is no part of a backup.
#![forbid(unsafe_code)]

mod accounts;
mod changes;
mod config;
mod conversations;
mod epoch;
mod error;
mod jobs;
mod media;
mod members;
mod messages;
mod migrations;
mod receipts;
mod row;
mod store;
mod users;
mod writer;

pub use config::{Durability, SqliteConfig};
pub use store::SqliteStore;
