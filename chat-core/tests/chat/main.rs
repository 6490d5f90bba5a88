//! What the use cases promise, on the store in memory and tokio's paused clock.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod broadcasts;
mod directory;
mod editing;
mod events;
mod fixture;
mod groups;
mod history;
mod hooks;
mod people;
mod progress;
mod receipts;
mod sending;
mod views;
