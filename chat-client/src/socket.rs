//! One connection: frames out, frames in. It knows nothing of what they mean.

use crate::Error;
use chat_core::protocol::{ClientFrame, ErrorPayload, SUBPROTOCOL, ServerFrame};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

/// A frame from the server.
#[derive(Debug)]
pub enum Frame {
    /// A request was granted.
    Ack {
        /// The request's number.
        id: u64,
        /// The result.
        payload: Value,
    },
    /// A request, or a frame without id, was refused.
    Refused {
        /// The request's number.
        id: Option<u64>,
        /// Why.
        error: ErrorPayload,
    },
    /// Something happened.
    Event(Box<ServerFrame>),
    /// A type that this version does not know; it is to be ignored.
    Unknown,
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// The code of the close frame; [`None`] when the connection just broke.
    pub code: Option<u16>,
}

impl Closed {
    /// Says whether a client comes back by itself: from 4100 on the server asks it not to.
    #[must_use]
    pub fn reconnects(self) -> bool {
        self.code.is_none_or(|code| code < 4100)
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Connects with a bearer token in the header and sub-protocol `chat.v2`.
    ///
    /// # Errors
    /// [`Error::Refused`] with `unauthenticated` when the token is not good, else [`Error::Transport`].
    ///
    /// # Panics
    /// Never: the constants are valid header values.
    pub async fn connect(address: &str, token: &str) -> Result<Self, Error> {
        let mut request = address.into_client_request().map_err(transport)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(transport)?;
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        let config = WebSocketConfig::default().read_buffer_size(8 << 10).max_message_size(Some(16 << 20));
        match connect_async_with_config(request, Some(config), true).await {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) if response.status() == 401 => {
                Err(Error::Refused {
                    code: "unauthenticated".to_owned(),
                    message: "the token is not good".to_owned(),
                    retry_after: None,
                })
            }
            Err(error) => Err(transport(error)),
        }
    }

    /// Writes a request; its answer carries the same number.
    ///
    /// # Errors
    /// [`Error::Transport`] when the connection is broken.
    ///
    /// # Panics
    /// Never: frames have string keys only.
    pub async fn request(&mut self, id: u64, frame: &ClientFrame) -> Result<(), Error> {
        let mut value = serde_json::to_value(frame).expect("a frame serialises");
        value["id"] = id.into();
        self.stream.send(Message::text(value.to_string())).await.map_err(transport)
    }

    /// Writes text as it is, for tests of bad frames.
    ///
    /// # Errors
    /// [`Error::Transport`] when the connection is broken.
    pub async fn send_text(&mut self, text: String) -> Result<(), Error> {
        self.stream.send(Message::text(text)).await.map_err(transport)
    }

    /// Waits for the next frame. Cancelling it loses nothing.
    ///
    /// # Errors
    /// [`Closed`] once the connection is over.
    pub async fn next(&mut self) -> Result<Frame, Closed> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(parse(&text)),
                Some(Ok(Message::Close(frame))) => {
                    return Err(Closed { code: frame.map(|frame| frame.code.into()) });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Closed { code: None }),
            }
        }
    }

    /// Closes in an orderly way.
    pub async fn close(mut self) {
        // The peer may be gone already, which is as good.
        drop(self.stream.close(None).await);
    }
}

fn parse(text: &str) -> Frame {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(default)]
        id: Option<u64>,
        #[serde(borrow, default)]
        payload: Option<&'a RawValue>,
    }
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else { return Frame::Unknown };
    let payload = envelope.payload.map_or("{}", RawValue::get);
    match (envelope.kind, envelope.id) {
        ("ack", Some(id)) => {
            serde_json::from_str(payload).map_or(Frame::Unknown, |payload| Frame::Ack { id, payload })
        }
        ("error", id) => {
            serde_json::from_str(payload).map_or(Frame::Unknown, |error| Frame::Refused { id, error })
        }
        _ => serde_json::from_str(text).map_or(Frame::Unknown, |frame| Frame::Event(Box::new(frame))),
    }
}

fn transport(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Transport(Box::new(error))
}
