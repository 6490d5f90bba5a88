//! Limits and policies of a chat, with the defaults of the documentation.

use crate::model::MediaKind;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who may find, see and write to whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Directory {
    /// Nobody finds anybody; conversations are made by the host.
    Closed,
    /// People who share a conversation. Default of the library.
    #[default]
    Contacts,
    /// Every signed-in person every other. Default of `chat-server`.
    Open,
}

/// Size limits. They hold even where rate limits are off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Characters of a message. Default 16,384.
    pub message_chars: usize,
    /// Bytes of a message in UTF-8. Default 64 KiB.
    pub message_bytes: usize,
    /// Bytes of a frame or JSON body. Default 1 MiB.
    pub frame_bytes: usize,
    /// Items of a page. Default 200.
    pub page: usize,
    /// Members of a group. Default 1,000.
    pub group_members: u32,
    /// Receivers of a broadcast. Default 10,000.
    pub receivers: usize,
    /// Files of a message. Default 10.
    pub attachments: usize,
    /// Bytes of an upload by kind.
    pub upload: UploadLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_chars: 16_384,
            message_bytes: 64 << 10,
            frame_bytes: 1 << 20,
            page: 200,
            group_members: 1_000,
            receivers: 10_000,
            attachments: 10,
            upload: UploadLimits::default(),
        }
    }
}

/// Bytes that an upload may have, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadLimits {
    /// Default 10 MiB.
    pub image: u64,
    /// Default 50 MiB.
    pub video: u64,
    /// Default 50 MiB.
    pub audio: u64,
    /// Documents and text. Default 20 MiB.
    pub document: u64,
}

impl UploadLimits {
    /// Returns the limit of a kind.
    #[must_use]
    pub const fn of(&self, kind: MediaKind) -> u64 {
        match kind {
            MediaKind::Audio => self.audio,
            MediaKind::Document | MediaKind::Text => self.document,
            MediaKind::Image => self.image,
            MediaKind::Video => self.video,
        }
    }
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self { image: 10 << 20, video: 50 << 20, audio: 50 << 20, document: 20 << 20 }
    }
}

/// How often one person may do something per minute; a minute's worth may come at once. `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// Messages. Default 120.
    pub messages: Option<u32>,
    /// Broadcasts. Default 3.
    pub broadcasts: Option<u32>,
    /// Uploads. Default 30.
    pub uploads: Option<u32>,
    /// Attempts to sign in or register, by address. Default 10.
    pub sign_ins: Option<u32>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { messages: Some(120), broadcasts: Some(3), uploads: Some(30), sign_ins: Some(10) }
    }
}

impl RateLimits {
    /// No limit on anything.
    #[must_use]
    pub const fn off() -> Self {
        Self { messages: None, broadcasts: None, uploads: None, sign_ins: None }
    }
}

/// How the realtime engine paces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pacing {
    /// Bytes that may wait for one connection. Default 512 KiB.
    pub outbox_bytes: usize,
    /// Between pings. Default 25 s.
    pub heartbeat: Duration,
    /// Without traffic a connection is dead after this. Default 60 s.
    pub dead_after: Duration,
    /// A v2 connection must say `hello` within this. Default 10 s.
    pub hello_within: Duration,
    /// Between two looks of the repair loop. Default 2 s.
    pub repair_every: Duration,
    /// Receipts wait at most this long for company. Default 250 ms.
    pub flush_cursors: Duration,
    /// An orderly disconnect is announced after this. Default 15 s.
    pub offline_grace: Duration,
    /// Conversations above so many members get the treatment of large ones. Default 1,000.
    pub fanout_limit: usize,
    /// Unanswered sends per connection. Default 64.
    pub pending_sends: usize,
    /// Presence of everyone goes to classic connections only up to so many users. Default 200.
    pub classic_presence_users: usize,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            outbox_bytes: 512 << 10,
            heartbeat: Duration::from_secs(25),
            dead_after: Duration::from_secs(60),
            hello_within: Duration::from_secs(10),
            repair_every: Duration::from_secs(2),
            flush_cursors: Duration::from_millis(250),
            offline_grace: Duration::from_secs(15),
            fanout_limit: 1_000,
            pending_sends: 64,
            classic_presence_users: 200,
        }
    }
}
