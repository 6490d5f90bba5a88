//! A file out of a multipart body, piece by piece and never held as a whole.

use crate::{BodyError, body::RequestBody, extract::Call};
use bytes::Bytes;
use chat_core::{Error, Result, media::ByteStream};
use futures_util::{Stream, StreamExt, stream};
use http::header;
use multer::{Constraints, Field, Multipart, SizeLimit};
use std::time::Duration;

/// What a multipart body may have around the file.
const AROUND: u64 = 64 << 10;

/// A file on its way in.
pub(crate) struct Incoming {
    /// The uploader's name for it.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: ByteStream,
}

/// Finds the field `file`.
///
/// # Errors
/// `invalid` for a body that is no multipart or has no such field.
pub(crate) async fn file(call: &Call) -> Result<Incoming> {
    let content_type = call.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|error| {
        Error::invalid("the body must be multipart/form-data with a field `file`").with_source(error)
    })?;
    let upload = call.chat().limits().upload;
    let most = upload.image.max(upload.video).max(upload.audio).max(upload.document);
    let constraints =
        Constraints::new().size_limit(SizeLimit::new().whole_stream(most.saturating_add(AROUND)));
    let pace = call.config().body_timeout;
    let pieces = paced(call.body.clone(), pace);
    let mut multipart = Multipart::with_constraints(pieces, boundary, constraints);
    loop {
        let Some(field) = multipart.next_field().await.map_err(broken)? else {
            return Err(Error::invalid("the field `file` is missing"));
        };
        if field.name() == Some("file") {
            let name = field.file_name().unwrap_or_default().to_owned();
            return Ok(Incoming { name, bytes: bytes_of(multipart, field) });
        }
    }
}

/// The parser goes along: its fields read through it.
fn bytes_of(multipart: Multipart<'static>, field: Field<'static>) -> ByteStream {
    let pieces = stream::unfold((multipart, field), |(multipart, mut field)| async {
        let piece = field.chunk().await.map_err(broken).transpose()?;
        Some((piece, (multipart, field)))
    });
    pieces.fuse().boxed()
}

/// Gives up on a client that stops in the middle.
fn paced(body: RequestBody, pace: Duration) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    stream::unfold(Some(body), move |body| async move {
        let body = body?;
        let piece = tokio::time::timeout(pace, body.next()).await;
        match piece {
            Ok(piece) => Some((piece?, Some(body))),
            Err(elapsed) => Some((Err(elapsed.into()), None)),
        }
    })
    .fuse()
}

fn broken(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            Error::too_large("the file is over every limit")
        }
        error => Error::invalid("the multipart body is broken").with_source(error),
    }
}
