//! Newtypes of every id and counter, so that none can be taken for another.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// The largest id: everything a JSON number holds exactly is below 2^53.
pub const MAX_ID: i64 = (1 << 53) - 1;

macro_rules! number {
    ($($(#[$doc:meta])* $name:ident($min:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(i64);

        impl $name {
            /// Wraps a number that comes from a store or a test; numbers from clients are parsed.
            #[must_use]
            pub const fn new(raw: i64) -> Self {
                Self(raw)
            }

            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl From<$name> for i64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = &'static str;

            fn try_from(raw: i64) -> Result<Self, Self::Error> {
                if ($min..=MAX_ID).contains(&raw) {
                    Ok(Self(raw))
                } else {
                    Err(concat!("must be a whole number from ", stringify!($min), " up to 2^53 - 1"))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse::<i64>().map_err(|_| "must be a whole number")?.try_into()
            }
        }
    )*};
}

number! {
    /// Names a signed-in session of an account.
    AuthSessionId(1);
    /// Names a broadcast.
    BroadcastId(1);
    /// Names a conversation.
    ConversationId(1);
    /// Numbers the flushes of receipt cursors of a conversation.
    Cursor(0);
    /// Names a job.
    JobId(1);
    /// Names an uploaded file.
    MediaId(1);
    /// Names a message on every surface.
    MessageId(1);
    /// Numbers the durable changes of a conversation that its members share; also of one user's own feed.
    Rev(0);
    /// Numbers the messages of a conversation, 1, 2, 3 … without holes.
    Seq(0);
    /// Names a user of the chat.
    UserId(1);
}

macro_rules! counter {
    ($($name:ident)*) => {$(
        impl $name {
            /// The value before the first.
            pub const ZERO: Self = Self(0);

            /// Returns the following number.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ZERO
            }
        }
    )*};
}

counter! { Cursor Rev Seq }

/// The random name of this incarnation of the store: another one means that the store may have gone back. A cheap clone, since every
/// hint carries it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
#[serde(transparent)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// Wraps a stored or received name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Makes a fresh random name of 16 hexadecimal digits.
    #[must_use]
    pub fn random() -> Self {
        let bits = getrandom::u64().expect("the operating system has randomness");
        Self(format!("{bits:016x}").into())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
