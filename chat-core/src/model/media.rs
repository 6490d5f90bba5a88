//! Uploaded files as the chat knows them: ids and facts, never bytes or addresses.

use super::{MediaId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What sort of file it is, which decides its limit and how it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// mp3, m4a, wav, opus.
    Audio,
    /// pdf, zip, docx, xlsx, pptx.
    Document,
    /// jpeg, png, gif, webp.
    Image,
    /// Plain text, as a download only.
    Text,
    /// mp4, webm, ogg.
    Video,
}

/// A file as messages carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id.
    pub id: MediaId,
    /// Its sort.
    pub kind: MediaKind,
    /// Its type, told from the bytes.
    pub mime: String,
    /// The ending for its address, without the dot, from the type and never from the uploader.
    pub extension: String,
    /// The uploader's name for it, cleaned.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Pixels, for pictures that decode.
    pub width: Option<u32>,
    /// Pixels, for pictures that decode.
    pub height: Option<u32>,
}

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// What messages carry of it.
    pub attachment: Attachment,
    /// Who uploaded it.
    pub owner_id: UserId,
    /// The path in the media store.
    pub path: String,
    /// SHA-256 of the stored bytes.
    pub sha256: [u8; 32],
    /// When.
    pub created_at: Timestamp,
}

/// A file whose bytes are stored and whose row is to be written. The store gives the id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMedia {
    /// Who uploaded it.
    pub owner_id: UserId,
    /// A key of the owner's under which a retry gets the first result.
    pub key: Option<String>,
    /// Its sort.
    pub kind: MediaKind,
    /// Its type.
    pub mime: String,
    /// The ending for its address, without the dot.
    pub extension: String,
    /// The uploader's name for it, cleaned.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Pixels, where known.
    pub width: Option<u32>,
    /// Pixels, where known.
    pub height: Option<u32>,
    /// The path in the media store.
    pub path: String,
    /// SHA-256 of the stored bytes.
    pub sha256: [u8; 32],
    /// The moment to stamp.
    pub now: Timestamp,
}
