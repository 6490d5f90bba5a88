//! HTTP and WebSocket for [`chat_core`]: one tower and hyper service that is mounted anywhere.
//!
//! The service decodes requests and frames, calls a use case of [`Chat`](chat_core::Chat) and encodes what it returns. It decides
//! nothing about conversations, and knows nothing of stores.
//!
//! # Mounting
//!
//! The host says who asks by putting an [`Identity`](chat_core::auth::Identity) into the request's extensions; or the chat's
//! [`Authenticator`](chat_core::auth::Authenticator) reads bearer tokens.
//!
//! ```
//! use chat_core::{Chat, store::memory::MemoryStore};
//! use chat_transport::{ChatService, Server};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chat = Chat::builder(MemoryStore::new()).build()?;
//! let running = tokio::spawn(chat.run());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let shutdown = CancellationToken::new();
//! let serving = tokio::spawn(Server::new(ChatService::new(chat.clone())).serve(listener, shutdown.clone()));
//!
//! // When it is time to go, connections are told to come back elsewhere, and everything under way is finished.
//! shutdown.cancel();
//! chat.shutdown();
//! serving.await??;
//! running.await??;
//! # Ok(())
//! # }
//! ```
//!
//! In axum it is `Router::new().nest_service("/chat", ChatService::new(chat))`; set
//! [`TransportConfig::prefix`] to the same path, and `media_base` of the chat's builder.
#![forbid(unsafe_code)]

mod address;
mod auth;
mod body;
mod config;
#[cfg(feature = "accounts")]
mod cookie;
mod extract;
mod guard;
mod http;
mod multipart;
mod respond;
mod router;
mod serve;
mod service;
mod sockets;
mod sse;
mod swagger;
mod ws;

pub use address::{Network, Peer};
pub use config::TransportConfig;
pub use respond::{Body, BodyError, Problem};
pub use router::routes;
pub use serve::{Handshake, PlainText, Server};
pub use service::{ChatService, Fallback};
pub use swagger::{asyncapi, openapi};
