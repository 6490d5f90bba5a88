//! The port that an assembly runs: whatever brings frames to a chat and takes them away.
//!
//! A transport accepts connections, calls [`Chat::connect`](crate::Chat::connect) for each, and moves frames between its wire and the
//! [`Session`](crate::Session) and [`Outbox`](crate::Outbox) that it gets. It decides nothing.

use crate::{Chat, Result};
use async_trait::async_trait;
use std::fmt;
use tokio_util::sync::CancellationToken;

/// Serves a chat on some wire.
#[async_trait]
pub trait Transport: fmt::Debug + Send + 'static {
    /// Returns the name for logs.
    fn name(&self) -> &'static str;

    /// Serves until `shutdown` is cancelled and its connections are gone.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it cannot go on, with the cause as source.
    async fn serve(self: Box<Self>, chat: Chat, shutdown: CancellationToken) -> Result<()>;
}
