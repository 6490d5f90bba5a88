//! The way of an upload's bytes into storage: told by their head, counted, cleaned and hashed while they pass.

use super::{
    ByteStream,
    scrub::{Dimensions, Scrubber},
    sniff::{Format, HEAD},
};
use crate::{Error, Result};
use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use std::sync::Arc;

/// An upload whose head was read.
pub(crate) struct Intake {
    format: Format,
    head: Bytes,
    rest: ByteStream,
}

/// What is known of a file once all of it has passed: of the bytes that are kept, not of those that came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) sha256: [u8; 32],
    pub(crate) dimensions: Option<Dimensions>,
}

/// The facts of a stream that may not have ended yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings(Arc<Mutex<Option<Facts>>>);

impl Findings {
    /// Returns the facts, once the stream has ended.
    pub(crate) fn facts(&self) -> Option<Facts> {
        *self.0.lock()
    }
}

impl Intake {
    /// Reads the head of an upload.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for an empty file,
    /// [`UnsupportedMedia`](crate::ErrorKind::UnsupportedMedia) for a type that is not taken, and what the stream fails with.
    pub(crate) async fn open(mut bytes: ByteStream) -> Result<Self> {
        let mut head = BytesMut::new();
        while head.len() < HEAD {
            match bytes.try_next().await? {
                Some(piece) => head.extend_from_slice(&piece),
                None => break,
            }
        }
        if head.is_empty() {
            return Err(Error::invalid("file is empty"));
        }
        let format = Format::of(&head[..head.len().min(HEAD)])
            .ok_or_else(|| Error::unsupported_media("files of this type are not taken"))?;
        Ok(Self { format, head: head.freeze(), rest: bytes })
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Returns the bytes to keep, which fail with [`TooLarge`](crate::ErrorKind::TooLarge) past `limit` or for a dangerous picture, and
    /// where the facts will stand.
    pub(crate) fn into_stream(self, limit: u64) -> (ByteStream, Findings) {
        let findings = Findings::default();
        let passage = Passage {
            input: stream::once(async { Ok(self.head) }).chain(self.rest).boxed(),
            scrubber: Scrubber::new(self.format),
            hash: digest::Context::new(&digest::SHA256),
            left: limit,
            limit,
            findings: findings.clone(),
        };
        let output = stream::try_unfold(Some(passage), |passage| async {
            match passage {
                Some(passage) => passage.next().await,
                None => Ok(None),
            }
        });
        (output.boxed(), findings)
    }
}

/// An upload on its way.
struct Passage {
    input: ByteStream,
    scrubber: Option<Scrubber>,
    hash: digest::Context,
    left: u64,
    limit: u64,
    findings: Findings,
}

impl Passage {
    /// Returns the next piece that is kept, and what is left of the upload.
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>> {
        while let Some(piece) = self.input.try_next().await? {
            self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(|| too_large(self.limit))?;
            let kept = match &mut self.scrubber {
                Some(scrubber) => scrubber.push(&piece)?.into(),
                None => piece,
            };
            if !kept.is_empty() {
                self.hash.update(&kept);
                return Ok(Some((kept, Some(self))));
            }
        }
        let (kept, dimensions) = self.scrubber.take().map(Scrubber::finish).unwrap_or_default();
        self.hash.update(&kept);
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.hash.finish().as_ref());
        *self.findings.0.lock() = Some(Facts { sha256, dimensions });
        Ok(if kept.is_empty() { None } else { Some((kept.into(), None)) })
    }
}

fn too_large(limit: u64) -> Error {
    match limit >> 20 {
        0 => Error::too_large(format!("file is larger than {limit} bytes")),
        mebibytes => Error::too_large(format!("file is larger than {mebibytes} MiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::Intake;
    use crate::{Error, ErrorKind, Result};
    use aws_lc_rs::digest;
    use bytes::Bytes;
    use futures_util::{StreamExt, TryStreamExt, stream};

    async fn intake(pieces: Vec<Result<Bytes>>) -> Result<Intake> {
        Intake::open(stream::iter(pieces).boxed()).await
    }

    fn text(length: usize) -> Vec<Result<Bytes>> {
        vec![Ok(Bytes::from(vec![b'x'; 10])), Ok(Bytes::from(vec![b'y'; length - 10]))]
    }

    #[tokio::test]
    async fn an_upload_is_hashed_on_its_way() {
        let (bytes, findings) = intake(text(100)).await.unwrap().into_stream(100);
        assert!(findings.facts().is_none());
        let kept = bytes.try_collect::<Vec<_>>().await.unwrap().concat();
        assert_eq!(kept.len(), 100);
        let hash = digest::digest(&digest::SHA256, &kept);
        assert_eq!(findings.facts().unwrap().sha256, hash.as_ref());
    }

    #[tokio::test]
    async fn one_byte_over_the_limit_is_too_large() {
        let (bytes, findings) = intake(text(101)).await.unwrap().into_stream(100);
        let error = bytes.try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(findings.facts().is_none());
    }

    #[tokio::test]
    async fn an_empty_file_and_an_unknown_type_are_refused_before_anything_is_stored() {
        let kind = |pieces| async { intake(pieces).await.err().unwrap().kind() };
        assert_eq!(kind(Vec::new()).await, ErrorKind::Invalid);
        assert_eq!(kind(vec![Ok(Bytes::new())]).await, ErrorKind::Invalid);
        assert_eq!(kind(vec![Ok(Bytes::from_static(b"<html>"))]).await, ErrorKind::UnsupportedMedia);
    }

    #[tokio::test]
    async fn a_broken_connection_breaks_the_stream() {
        let lost = || Err(Error::invalid("connection is lost"));
        assert!(intake(vec![Ok(Bytes::from_static(b"hello")), lost()]).await.is_err());
        let long = Bytes::from(vec![b'x'; super::HEAD]);
        let (bytes, findings) = intake(vec![Ok(long), lost()]).await.unwrap().into_stream(u64::MAX);
        assert!(bytes.try_collect::<Vec<_>>().await.is_err());
        assert!(findings.facts().is_none());
    }
}
