//! The port to where bytes of uploaded files are kept, and what is built on it.
//!
//! A path is ours and never a client's; which person may see a file is decided before this port is asked.

mod addresses;
pub(crate) mod scrub;
pub(crate) mod sniff;

pub use addresses::{Addressed, Addresses, Variant};

use crate::Result;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use std::{fmt, ops::Range, time::Duration};

/// A stream of pieces of a file.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Keeps bytes under paths.
///
/// # Contract
/// - A path becomes readable only when `put` has returned; a `put` that fails or is dropped leaves nothing readable.
/// - Deleting a missing path succeeds.
#[async_trait]
pub trait MediaStore: fmt::Debug + Send + Sync + 'static {
    /// Streams bytes to a path without holding them all; returns their number.
    async fn put(&self, path: &str, bytes: ByteStream) -> Result<u64>;

    /// Opens a part of a file, or all of it.
    async fn get(&self, path: &str, range: Option<Range<u64>>) -> Result<ByteStream>;

    /// Deletes paths.
    async fn delete(&self, paths: &[String]) -> Result<()>;

    /// Returns an address at which the storage itself serves the file for `life`, where it can.
    async fn presign(&self, path: &str, mime: &str, life: Duration) -> Result<Option<String>>;

    /// Does a real call, for readiness probes.
    async fn ping(&self) -> Result<()>;
}
