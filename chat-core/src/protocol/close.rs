//! Close codes: the range tells a client whether to come back by itself.

/// Why a connection is closed by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// 4000: the node drains, or the store has another epoch. Reconnect.
    Drain,
    /// 4001: the token's time is over. Reconnect with a fresh one.
    TokenExpired,
    /// 4008: the client reads too slowly. Reconnect and resume.
    Slow,
    /// 4100: the same device connected again. Do not reconnect.
    Replaced,
    /// 4101: the client broke the protocol. Do not reconnect.
    Protocol,
    /// 4102: signed out. Do not reconnect.
    SignedOut,
    /// 4103: banned. Do not reconnect.
    Banned,
    /// 4104: too many bad frames. Do not reconnect.
    Flood,
}

impl CloseCode {
    /// Returns the number that goes into the close frame.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Drain => 4000,
            Self::TokenExpired => 4001,
            Self::Slow => 4008,
            Self::Replaced => 4100,
            Self::Protocol => 4101,
            Self::SignedOut => 4102,
            Self::Banned => 4103,
            Self::Flood => 4104,
        }
    }

    /// Returns the reason that goes into the close frame and into `goodbye`.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::TokenExpired => "token_expired",
            Self::Slow => "slow",
            Self::Replaced => "replaced",
            Self::Protocol => "protocol",
            Self::SignedOut => "signed_out",
            Self::Banned => "banned",
            Self::Flood => "flood",
        }
    }

    /// Says whether a client comes back by itself.
    #[must_use]
    pub const fn reconnects(self) -> bool {
        self.code() < 4100
    }
}
