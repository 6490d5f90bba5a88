//! The port to where bytes of uploaded files are kept, and what is built on it.
//!
//! A path is ours and never a client's; which person may see a file is decided before this port is asked.

mod addresses;
pub(crate) mod intake;
#[cfg(feature = "media")]
mod opendal;
pub(crate) mod scrub;
pub(crate) mod sniff;

pub use addresses::{Addressed, Addresses, Variant};
#[cfg(feature = "media")]
pub use opendal::OpendalMedia;

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
/// - What is put may be gone after a crash of the process only if `put` had not returned.
/// - Memory never holds a file, in either direction.
/// - Deleting a missing path succeeds.
#[async_trait]
pub trait MediaStore: fmt::Debug + Send + Sync + 'static {
    /// Streams bytes to a path; returns their number.
    ///
    /// # Errors
    /// An error of the stream as it is; [`Unavailable`](crate::ErrorKind::Unavailable) when the storage cannot take them.
    async fn put(&self, path: &str, bytes: ByteStream) -> Result<u64>;

    /// Opens a part of a file, or all of it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a missing path, [`Unavailable`](crate::ErrorKind::Unavailable) when the storage does not
    /// answer.
    async fn get(&self, path: &str, range: Option<Range<u64>>) -> Result<ByteStream>;

    /// Deletes paths.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the storage does not answer; some may be deleted then.
    async fn delete(&self, paths: &[String]) -> Result<()>;

    /// Returns an address at which the storage itself serves the file for `life`, where it can.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it could and something is missing.
    async fn presign(&self, path: &str, mime: &str, life: Duration) -> Result<Option<String>>;

    /// Deletes what uploads left behind that broke off more than `age` ago in a crash.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the storage does not answer.
    async fn sweep(&self, age: Duration) -> Result<()>;

    /// Does a real call, for readiness probes.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the storage does not answer.
    async fn ping(&self) -> Result<()>;
}
