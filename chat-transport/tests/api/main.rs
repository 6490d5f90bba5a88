//! The service from outside: real sockets on a free port, a store in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod classic;
mod conversations;
mod description;
mod events;
mod guards;
mod harness;
mod media;
mod mounting;
mod socket;
