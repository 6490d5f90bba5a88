//! A small client for `chat-server`: HTTP, WebSocket, resume and a persistent outbox.
//!
//! - [`Api`] calls the HTTP routes.
//! - [`Replica`] is the rule book of a client as a pure state machine: what to apply, what is a double, where a hole is. It opens
//!   no socket, so tests feed it frames directly.
//! - [`Outbox`] keeps unsent messages in a file, one in flight per conversation.
//! - [`Client`] drives the three over a socket that may break at any time.
//!
//! ```no_run
//! # async fn example() -> Result<(), chat_client::Error> {
//! use chat_client::{Api, Client, ClientConfig, Target, Update};
//!
//! let api = Api::new("http://127.0.0.1:8080")?;
//! let session = api.login("maya", "correct horse battery").await?;
//! let (client, mut updates, driver) = Client::open(ClientConfig::new(api, session)).await?;
//! tokio::spawn(driver.run());
//! client.send(Target::User(2.try_into().expect("a valid id")), "Hello").await?;
//! while let Some(update) = updates.recv().await {
//!     if let Update::Message(message) = update {
//!         println!("{}", message.content);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod api;
mod backoff;
mod client;
mod error;
mod outbox;
mod replica;
mod socket;

pub use api::{Api, SignedIn};
pub use backoff::Backoff;
pub use client::{Client, ClientConfig, Driver, Update};
pub use error::Error;
pub use outbox::{Outbox, Queued, Target};
pub use replica::{Effect, Known, Replica};
pub use socket::{Closed, Frame, Socket};
