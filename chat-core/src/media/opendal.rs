//! Media over opendal: a folder, memory, or S3. The crate's types stay inside.

mod place;

#[cfg(test)]
mod tests;

use super::{ByteStream, MediaStore};
use crate::{Error, Result};
use ::opendal::{ErrorKind, Operator, Writer, services};
use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use std::{
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

/// Where a folder keeps files that are still coming.
const INCOMING: &str = "incoming";

/// Bytes read from storage at once.
const READ: usize = 256 << 10;

/// Bytes of a part of an upload to S3, which takes no smaller ones than 5 MiB.
#[cfg(feature = "media-s3")]
const PART: usize = 8 << 20;

/// Keeps files where opendal can.
#[derive(Clone)]
pub struct OpendalMedia {
    operator: Operator,
    kind: Kind,
}

/// How a finished file becomes readable.
#[derive(Debug, Clone)]
enum Kind {
    /// By renaming it.
    Folder(PathBuf),
    /// By closing it.
    Memory,
    /// By completing its upload.
    #[cfg(feature = "media-s3")]
    S3,
}

impl OpendalMedia {
    /// Keeps files in a folder, which is created if need be.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it cannot be created or read.
    pub fn folder(path: &Path) -> Result<Self> {
        let refuse = |error: io::Error| {
            Error::unavailable(format!("media folder `{}` cannot be used", path.display())).with_source(error)
        };
        std::fs::create_dir_all(path.join(INCOMING)).map_err(refuse)?;
        let root = path.canonicalize().map_err(refuse)?;
        let text = root.to_str().ok_or_else(|| Error::invalid("media folder must have a name in UTF-8"))?;
        let operator = Operator::new(services::Fs::default().root(text)).map_err(unavailable)?;
        Ok(Self { operator, kind: Kind::Folder(root) })
    }

    /// Keeps files in memory, until the process ends: for tests and examples.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), which does not happen.
    pub fn memory() -> Result<Self> {
        let operator = Operator::new(services::Memory::default()).map_err(unavailable)?;
        Ok(Self { operator, kind: Kind::Memory })
    }

    /// Keeps files where a text says: a folder's path, `file:///folder`, `memory:`, or (feature `media-s3`)
    /// `s3://bucket/prefix?region=…&endpoint=…&virtual_host=true&access_key_id=…&secret_access_key=…`.
    ///
    /// All parameters of S3 may be left out; the keys and the region then come from the usual `AWS_…` variables or the machine's
    /// role. Values are taken as they stand, without percent escapes.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for an address that is not understood, else as [`folder`](Self::folder).
    pub fn open(address: &str) -> Result<Self> {
        place::open(address)
    }

    async fn writer(&self, path: &str) -> Result<Writer> {
        let writer = self.operator.writer_with(path);
        let writer = match &self.kind {
            // opendal syncs such a file off the runtime's threads, and one that it writes by position on them.
            Kind::Folder(_) => writer.append(true).await,
            Kind::Memory => writer.await,
            #[cfg(feature = "media-s3")]
            Kind::S3 => writer.chunk(PART).await,
        };
        writer.map_err(unavailable)
    }

    /// Writes a stream and makes it durable; returns the number of bytes.
    async fn write(&self, path: &str, mut bytes: ByteStream) -> Result<u64> {
        let mut writer = self.writer(path).await?;
        let mut written = 0;
        let broken = loop {
            match bytes.try_next().await {
                Ok(Some(piece)) => {
                    written += piece.len() as u64;
                    if let Err(error) = writer.write(piece).await {
                        break unavailable(error);
                    }
                }
                Ok(None) => {
                    writer.close().await.map_err(unavailable)?;
                    return Ok(written);
                }
                Err(error) => break error,
            }
        };
        // Frees the parts that S3 already has; a folder and memory cannot and need not.
        if let Err(error) = writer.abort().await {
            tracing::debug!(%error, "upload was not aborted");
        }
        Err(broken)
    }
}

impl fmt::Debug for OpendalMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpendalMedia").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A file that is still coming; dropped, it is removed.
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a broken upload was not removed");
            }
            _ => {}
        }
    }
}

#[async_trait]
impl MediaStore for OpendalMedia {
    async fn put(&self, path: &str, bytes: ByteStream) -> Result<u64> {
        let Kind::Folder(root) = &self.kind else { return self.write(path, bytes).await };
        let coming = format!("{INCOMING}/{}", path.replace('/', "-"));
        // Once it is renamed there is nothing left to remove.
        let _incoming = Incoming(root.join(&coming));
        let written = self.write(&coming, bytes).await?;
        self.operator.rename(&coming, path).await.map_err(unavailable)?;
        Ok(written)
    }

    async fn get(&self, path: &str, range: Option<Range<u64>>) -> Result<ByteStream> {
        let size = self.operator.stat(path).await.map_err(unavailable)?.content_length();
        let reader = self.operator.reader_with(path).chunk(READ).await.map_err(unavailable)?;
        let bytes = reader.into_bytes_stream(range.unwrap_or(0..size)).await.map_err(unavailable)?;
        Ok(bytes
            .map_err(|error| Error::unavailable("file storage does not answer").with_source(error))
            .boxed())
    }

    async fn delete(&self, paths: &[String]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        self.operator.delete_iter(paths.iter().cloned()).await.map_err(unavailable)
    }

    async fn presign(&self, path: &str, mime: &str, life: Duration) -> Result<Option<String>> {
        if !self.operator.info().capability().presign_read {
            return Ok(None);
        }
        let request = self.operator.presign_read_with(path, life).override_content_type(mime).await;
        request.map(|request| Some(request.uri().to_string())).map_err(unavailable)
    }

    async fn sweep(&self, age: Duration) -> Result<()> {
        // Memory forgets what is not closed, and S3 has a rule of the bucket's for unfinished uploads.
        let Kind::Folder(root) = &self.kind else { return Ok(()) };
        let folder = root.join(INCOMING);
        tokio::task::spawn_blocking(move || remove_older(&folder, age))
            .await
            .map_err(|error| Error::internal("sweep ended early").with_source(error))?
            .map_err(|error| Error::unavailable("media folder cannot be read").with_source(error))
    }

    async fn ping(&self) -> Result<()> {
        self.operator.check().await.map_err(unavailable)
    }
}

/// Removes files that nobody has written to for so long.
fn remove_older(folder: &Path, age: Duration) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A file that vanishes meanwhile was finished.
        let Ok(modified) = entry.metadata().and_then(|facts| facts.modified()) else { continue };
        // The age of a file is counted by the clock that stamped it.
        if modified.elapsed().is_ok_and(|elapsed| elapsed >= age) {
            drop(Incoming(entry.path()));
        }
    }
    Ok(())
}

fn unavailable(error: ::opendal::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::not_found("no such file").with_source(error),
        ErrorKind::ConfigInvalid => Error::invalid("file storage is set up wrongly").with_source(error),
        _ => Error::unavailable("file storage does not answer").with_source(error),
    }
}
