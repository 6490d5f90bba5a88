//! Chat inside your own process, with your own users: direct messages, groups, broadcasts, pictures and files, receipts,
//! typing and presence, over storage and a transport of your choice.
//!
//! ```
//! use chat_core::{
//!     Chat,
//!     auth::Identity,
//!     chat::{SendRequest, Target},
//!     config::Directory,
//!     store::memory::MemoryStore,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chat_core::Result<()> {
//! let chat = Chat::builder(MemoryStore::new()).directory(Directory::Open).build()?;
//! let engine = tokio::spawn(chat.run());
//! chat.started().await;
//!
//! // Your users, by your ids: the chat learns of them when it first sees them.
//! let ann = chat.ensure_user(&Identity::external("user-7", "Ann")).await?;
//! let bob = chat.ensure_user(&Identity::external("user-8", "Bob")).await?;
//!
//! let mut events = chat.events();
//! let hello = SendRequest::text(Target::Person(bob.id), "hello").with_client_id("1");
//! let sent = chat.send(ann.id, hello).await?;
//! println!("stored as {} and told as {:?}", sent.message.id, events.next().await);
//!
//! for message in chat.list_peer_messages(bob.id, ann.id, 50).await? {
//!     println!("{}: {}", message.created_at, message.content);
//! }
//! chat.shutdown();
//! # engine.await.unwrap()
//! # }
//! ```
//!
//! # How it is put together
//!
//! [`Chat`] is a cheap clone without type parameters. Its methods are the use cases: they take the person who acts, check what
//! that person may do, and return plain [`model`] types. [`Chat::run`] is the one future that drives everything else; the host
//! spawns it. A transport turns bytes into calls: over HTTP it calls use cases, and for a socket it drives a
//! [`Session`] with what comes in and drains an [`Outbox`] of what goes out. What either
//! shows is built by the `present_…` methods in the shapes of [`protocol`].
//!
//! # What can be replaced
//!
//! | Part | Port | Comes with | Elsewhere |
//! |---|---|---|---|
//! | storage | [`store::Store`] | [`store::memory::MemoryStore`] | `chat-store-sqlite` |
//! | hints between nodes | [`bus::Bus`] | [`bus::memory::MemoryBus`] | |
//! | bytes of uploads | [`media::MediaStore`] | folder, memory, S3 (features `media`, `media-s3`) | |
//! | who is asking | [`auth::Authenticator`], or an [`auth::Identity`] that the host vouches for | password accounts (feature `accounts`) | |
//! | what an application adds | [`hooks::Hooks`], [`Chat::events`] | | |
//! | how often somebody may act | [`limits::RateLimiter`] | [`limits::LocalLimiter`] | |
//! | time | [`clock::Clock`] | [`clock::SystemClock`] | |
//! | sockets and routes | whatever calls [`Chat::connect`] | | `chat-transport` |
//!
//! A store or bus of your own proves itself against the published suites (feature `conformance`).
//!
//! # Features
//!
//! | Feature | Default | Brings |
//! |---|---|---|
//! | `accounts` | no | names and passwords, sessions that can be revoked, tokens |
//! | `conformance` | no | the test suites for stores and buses |
//! | `media` | yes | a media store in a folder or in memory, and the cleaning of pictures |
//! | `media-s3` | no | a media store on S3; brings an HTTP client |
//! | `openapi` | no | schemas of everything on the wire |
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
#[cfg(test)]
mod rig;
pub mod store;
mod text;
mod transport;

pub use chat::{Chat, ChatBuilder};
pub use error::{Error, ErrorKind, Result};
pub use realtime::{ConnInfo, Outbox, Outgoing, Session, Wire};
pub use transport::Transport;
