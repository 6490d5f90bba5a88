//! What can go wrong on the client's side, and whether trying again helps.

use std::time::Duration;

/// A failed call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of the server cannot be used.
    #[error("`{0}` is not an http or https address")]
    Address(String),
    /// The outbox's file cannot be read or written.
    #[error("outbox file")]
    File(#[from] std::io::Error),
    /// The server's answer is not what the protocol says.
    #[error("unexpected answer: {0}")]
    Protocol(String),
    /// The server refused.
    #[error("{code}: {message}")]
    Refused {
        /// The stable code.
        code: String,
        /// A text for people.
        message: String,
        /// When a retry makes sense.
        retry_after: Option<Duration>,
    },
    /// The client's driver has ended.
    #[error("the client is closed")]
    Closed,
    /// The server cannot be reached.
    #[error("cannot reach the server")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Says whether the same call may succeed later without being changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Refused { code, .. } => {
                matches!(
                    code.as_str(),
                    "busy" | "internal" | "rate_limited" | "unauthenticated" | "unavailable"
                )
            }
            Self::Address(_) | Self::Closed | Self::File(_) | Self::Protocol(_) => false,
        }
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(Box::new(error))
    }
}
