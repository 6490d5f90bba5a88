//! The body of a request: read in pieces by its endpoint, and to its end by the service when the request is refused.
//!
//! A client that is still writing does not read. If it were answered and cut off it would see a broken connection instead of the
//! refusal, so what it writes is taken and thrown away, within bounds.

use crate::respond::BodyError;
use bytes::{Bytes, BytesMut};
use chat_core::{Error, Result};
use http::{header, request::Parts};
use http_body::Body as _;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How much of a refused body is still read, and for how long.
const DISCARDED: usize = 64 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// The bytes as they come in, whatever server they come from.
pub(crate) type RawBody = UnsyncBoxBody<Bytes, BodyError>;

/// The body of a request; clones read on where the others stopped.
#[derive(Debug, Clone)]
pub(crate) struct RequestBody {
    source: Arc<Mutex<Source>>,
}

#[derive(Debug)]
struct Source {
    body: RawBody,
    /// The client sends nothing before somebody reads.
    waits: bool,
}

impl RequestBody {
    pub(crate) fn new(parts: &Parts, body: RawBody) -> Self {
        let waits = parts.headers.contains_key(header::EXPECT);
        Self { source: Arc::new(Mutex::new(Source { body, waits })) }
    }

    /// Reads the next piece.
    pub(crate) async fn next(&self) -> Option<Result<Bytes, BodyError>> {
        let mut source = self.source.lock().await;
        source.waits = false;
        loop {
            match source.body.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(piece) => return Some(Ok(piece)),
                    Err(_trailers) => {}
                },
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads all of it, if that is at most `limit` bytes.
    pub(crate) async fn collect(&self, limit: usize) -> Result<Bytes> {
        // Most bodies are one piece, which is taken as it is.
        let mut whole = Bytes::new();
        while let Some(piece) = self.next().await {
            let piece = piece.map_err(|error| {
                tracing::debug!(cause = %error, "the body broke off");
                Error::invalid("the body broke off")
            })?;
            if whole.len() + piece.len() > limit {
                return Err(Error::too_large(format!("a body may have at most {limit} bytes")));
            }
            whole = if whole.is_empty() { piece } else { joined(whole, &piece) };
        }
        Ok(whole)
    }

    /// Reads on what nobody wants.
    pub(crate) async fn discard(&self) {
        {
            let source = self.source.lock().await;
            if source.waits || source.body.is_end_stream() {
                return;
            }
        }
        let rest = async {
            let mut seen = 0;
            while let Some(Ok(piece)) = self.next().await {
                seen += piece.len();
                if seen > DISCARDED {
                    return;
                }
            }
        };
        if tokio::time::timeout(DISCARD_TIME, rest).await.is_err() {
            tracing::debug!("a refused body did not end");
        }
    }
}

fn joined(whole: Bytes, piece: &Bytes) -> Bytes {
    let mut longer = whole.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    longer.extend_from_slice(piece);
    longer.freeze()
}
