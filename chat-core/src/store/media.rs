//! The rows of uploaded files. The bytes are elsewhere.

use crate::{
    Result,
    model::{Media, MediaId, NewMedia, Timestamp, UserId},
};
use async_trait::async_trait;

/// Keeps what is known of uploaded files.
#[async_trait]
pub trait MediaCatalog: Send + Sync + 'static {
    /// Writes the row of a stored file; the same owner and key give the first row.
    async fn create_media(&self, media: NewMedia) -> Result<Media>;

    /// Loads rows by id without asking who may see them; unknown ids are left out.
    async fn load_media(&self, ids: &[MediaId]) -> Result<Vec<Media>>;

    /// Returns those of `ids` that the reader uploaded, or can see in a message or as somebody's picture.
    async fn filter_visible_media(&self, reader: UserId, ids: &[MediaId]) -> Result<Vec<MediaId>>;

    /// Lists files that no message and no profile uses and that are older than `before`.
    async fn list_orphans(&self, before: Timestamp, limit: usize) -> Result<Vec<Media>>;

    /// Deletes rows that are still unused; returns those really deleted, whose bytes may go.
    async fn delete_orphans(&self, ids: &[MediaId]) -> Result<Vec<MediaId>>;
}
