//! The one error type of the public API and its stable codes.
//!
//! Knows nothing about HTTP or SQL: a transport maps [`ErrorKind`] to its own codes, a backend converts its
//! error into [`Error`] once, at its boundary, and keeps the cause as source.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A queue is full; the same request may succeed after a pause.
    Busy,
    /// The request contradicts what is stored: a taken name, a reused key with another body, a stale `base_rev`.
    Conflict,
    /// The caller is inside the conversation, but may not do this.
    Forbidden,
    /// A defect or a broken invariant of ours.
    Internal,
    /// The request itself is wrong.
    Invalid,
    /// It does not exist, or the caller may not know that it exists.
    NotFound,
    /// Too many requests of this sort; see [`Error::retry_after`].
    RateLimited,
    /// The request or a part of it is over its limit.
    TooLarge,
    /// No identity, or one that is no longer good.
    Unauthenticated,
    /// A backend or hook cannot be reached or did not answer in time.
    Unavailable,
    /// The bytes are of a type that is not taken.
    UnsupportedMedia,
}

impl ErrorKind {
    /// Returns the stable code that goes over the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::Internal => "internal",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::TooLarge => "too_large",
            Self::Unauthenticated => "unauthenticated",
            Self::Unavailable => "unavailable",
            Self::UnsupportedMedia => "unsupported_media",
        }
    }

    /// Says whether the same request may succeed later without being changed.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy | Self::Internal | Self::RateLimited | Self::Unavailable)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A failed operation: a kind, a text that is safe to show to the caller, and the cause for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    #[source]
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error whose `message` may be shown to whoever asked.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), retry_after: None, source: None }
    }

    /// Adds the cause; it is logged and never sent to a client.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Adds the pause after which a retry makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Returns the kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the text for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the pause after which a retry makes sense, where one is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// One constructor per kind that is raised often, so that call sites stay on one line.
macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Error {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(message: impl Into<Cow<'static, str>>) -> Self {
                Self::new(ErrorKind::$kind, message)
            })*
        }
    };
}

constructors! {
    /// Creates an error of kind [`ErrorKind::Busy`].
    busy => Busy;
    /// Creates an error of kind [`ErrorKind::Conflict`].
    conflict => Conflict;
    /// Creates an error of kind [`ErrorKind::Forbidden`].
    forbidden => Forbidden;
    /// Creates an error of kind [`ErrorKind::Internal`].
    internal => Internal;
    /// Creates an error of kind [`ErrorKind::Invalid`].
    invalid => Invalid;
    /// Creates an error of kind [`ErrorKind::NotFound`].
    not_found => NotFound;
    /// Creates an error of kind [`ErrorKind::RateLimited`].
    rate_limited => RateLimited;
    /// Creates an error of kind [`ErrorKind::TooLarge`].
    too_large => TooLarge;
    /// Creates an error of kind [`ErrorKind::Unauthenticated`].
    unauthenticated => Unauthenticated;
    /// Creates an error of kind [`ErrorKind::Unavailable`].
    unavailable => Unavailable;
    /// Creates an error of kind [`ErrorKind::UnsupportedMedia`].
    unsupported_media => UnsupportedMedia;
}
