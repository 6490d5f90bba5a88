//! The settings of password accounts.

use super::TokenKeys;
use crate::{Error, Result};
use std::time::Duration;

/// Who may register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Registration {
    /// Nobody; an operator adds people.
    Closed,
    /// Whoever has an invitation from [`Accounts::invite`](super::Accounts::invite).
    Invite,
    /// Everybody.
    #[default]
    Open,
}

/// Settings of [`Accounts`](super::Accounts).
#[derive(Debug, Clone)]
pub struct AccountsConfig {
    /// The keys that sign tokens.
    pub keys: TokenKeys,
    /// The least `zxcvbn` score of a password, 0–4. Default 2: more than a million guesses.
    pub min_password_score: u8,
    /// Who may register. Default everybody.
    pub registration: Registration,
    /// How long an access token is good. Default 24 h.
    pub token_life: Duration,
    /// How long it is good for clients that can refresh. Default 15 min.
    pub short_token_life: Duration,
    /// How long a session lives without being refreshed. Default 30 days.
    pub session_life: Duration,
    /// How long a replaced refresh token still gives its successor, for an answer that got lost. Default 60 s.
    pub refresh_grace: Duration,
    /// Passwords hashed at the same time; each takes 19 MiB. Default: one per core.
    pub hashing_threads: usize,
}

impl AccountsConfig {
    /// Creates the default settings with these keys.
    #[must_use]
    pub fn new(keys: TokenKeys) -> Self {
        Self {
            keys,
            min_password_score: 2,
            registration: Registration::default(),
            token_life: Duration::from_hours(24),
            short_token_life: Duration::from_mins(15),
            session_life: Duration::from_hours(24 * 30),
            refresh_grace: Duration::from_secs(60),
            hashing_threads: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.min_password_score > 4 {
            return Err(Error::invalid("min_password_score must be 0 to 4"));
        }
        if self.hashing_threads == 0 {
            return Err(Error::invalid("hashing_threads must be at least 1"));
        }
        // A token that outlives its session would be refused before its own end.
        if self.session_life < self.token_life || self.token_life < self.short_token_life {
            return Err(Error::invalid("short_token_life, token_life and session_life must not fall"));
        }
        if self.short_token_life < Duration::from_secs(1) {
            return Err(Error::invalid("short_token_life must be at least a second"));
        }
        Ok(())
    }
}
