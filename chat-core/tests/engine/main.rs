//! The realtime engine from outside: several nodes in one process, real sessions, a clock that tests move.

#![expect(clippy::unwrap_used, reason = "what a test stands on must be there")]

mod classic;
mod cluster;
mod connections;
mod model;
mod presence;
mod resume;
mod simulation;
mod wire;
