//! Between bytes and frames.

use super::{ClientFrame, ErrorPayload, ServerFrame};
use crate::{Error, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The id of a request frame: a string or number of at most 128 bytes, echoed as it came.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct FrameId(Box<RawValue>);

impl FrameId {
    /// The longest id in bytes of JSON.
    pub const MAX_BYTES: usize = 128;

    fn parse(raw: &RawValue) -> Result<Self> {
        let text = raw.get();
        let scalar = text.starts_with(['"', '-']) || text.starts_with(|first: char| first.is_ascii_digit());
        if !scalar || text.len() > Self::MAX_BYTES {
            return Err(Error::invalid("id must be a string or number of at most 128 bytes"));
        }
        Ok(Self(raw.to_owned()))
    }

    /// Makes an id from a number, as clients of this crate do.
    ///
    /// # Panics
    /// Never: a number is valid JSON.
    #[must_use]
    pub fn number(value: u64) -> Self {
        Self(RawValue::from_string(value.to_string()).expect("a number is valid JSON"))
    }

    /// Returns the JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for FrameId {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

/// A frame from a client. `frame` is an error when the envelope was readable and the rest was not, so that the
/// answer can carry the id.
#[derive(Debug)]
pub struct Incoming {
    /// The id to answer under.
    pub id: Option<FrameId>,
    /// The frame.
    pub frame: Result<ClientFrame>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// Reads one frame of a client; unknown fields are ignored.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) when the envelope itself is not readable.
pub fn decode(text: &str) -> Result<Incoming> {
    let envelope: Envelope<'_> = serde_json::from_str(text)
        .map_err(|error| Error::invalid("frame is not a JSON envelope").with_source(error))?;
    let raw_id = envelope.id.filter(|raw| raw.get() != "null");
    let id = match raw_id.map(FrameId::parse).transpose() {
        Ok(id) => id,
        Err(error) => return Ok(Incoming { id: None, frame: Err(error) }),
    };
    let payload = envelope.payload.map_or("{}", RawValue::get);
    Ok(Incoming { id, frame: ClientFrame::parse(&envelope.kind, payload) })
}

/// Writes one frame of the server.
///
/// # Panics
/// Never: frames have string keys only.
#[must_use]
pub fn encode(frame: &ServerFrame) -> Bytes {
    Bytes::from(serde_json::to_vec(frame).expect("a frame serialises"))
}

/// Writes the answer to a request.
///
/// # Panics
/// Never for the payloads of this module: they have string keys only.
#[must_use]
pub fn encode_ack<T: Serialize>(id: &FrameId, payload: &T) -> Bytes {
    #[derive(Serialize)]
    struct Ack<'a, T> {
        r#type: &'static str,
        id: &'a FrameId,
        payload: &'a T,
    }
    Bytes::from(serde_json::to_vec(&Ack { r#type: "ack", id, payload }).expect("an ack serialises"))
}

/// Writes the refusal of a request or, without an id, of a frame that asked for no answer.
///
/// # Panics
/// Never: the payload has string keys only.
#[must_use]
pub fn encode_error(id: Option<&FrameId>, error: &Error) -> Bytes {
    #[derive(Serialize)]
    struct Refusal<'a> {
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a FrameId>,
        payload: ErrorPayload,
    }
    let refusal = Refusal { r#type: "error", id, payload: ErrorPayload::from(error) };
    Bytes::from(serde_json::to_vec(&refusal).expect("an error serialises"))
}
