//! Embeddable chat: domain, use cases, ports, realtime engine and wire protocol.
#![forbid(unsafe_code)]

#[cfg(feature = "accounts")]
pub mod accounts;
pub mod auth;
pub mod bus;
pub mod chat;
pub mod clock;
mod commit;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod event;
pub mod hooks;
pub mod limits;
pub mod media;
pub mod model;
mod present;
pub mod protocol;
pub mod realtime;
pub mod store;
mod text;

pub use chat::{Chat, ChatBuilder};
pub use error::{Error, ErrorKind, Result};
pub use realtime::{Outbox, Outgoing};
