//! The WebSocket: who may open one, and the two loops between a socket and its session.
//!
//! Knows no frame: text goes to [`Session::handle`], bytes come from the [`Outbox`]. Neither loop has a timer; the engine's one sweep
//! pings, and closes what is dead.

use crate::{extract::Call, guard, respond::Response, serve::Slot};
use bytes::Bytes;
use chat_core::{
    Error, Result,
    auth::Identity,
    protocol::{SUBPROTOCOL, encode_error},
    realtime::{ConnInfo, Outbox, Outgoing, Session, Wire},
};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::BodyExt;
use hyper_tungstenite::{
    HyperWebsocket,
    tungstenite::{
        self, Message,
        error::CapacityError,
        protocol::{
            CloseFrame, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode as WireCode, Data, OpCode},
            },
        },
    },
};
use serde::Deserialize;
use std::time::Duration;

/// The defaults of tungstenite are 128 KiB a connection, which ten thousand idle ones pay for nothing.
const BUFFER_BYTES: usize = 4 << 10;

const BEARER: &str = "bearer.";

/// The ways to hand over a token where no header can be set.
#[derive(Deserialize)]
struct Handed {
    ticket: Option<String>,
    token: Option<String>,
}

/// Opens the socket.
///
/// The token comes by `Authorization`, by sub-protocol (`chat.v2, bearer.<token>`), by a one-use ticket or, from classic clients,
/// by query. With the sub-protocol `chat.v2` nothing is sent before `hello`; every other connection is classic.
#[utoipa::path(
    get, path = "/ws", tag = "socket",
    params(
        ("ticket" = Option<String>, Query, description = "From `POST /api/ws-ticket`; works once."),
        ("token" = Option<String>, Query, description = "An access token, for classic clients."),
    ),
    responses(
        (status = 101, description = "The connection is a socket from here on; its frames are described in `events.json`."),
        (status = 403, description = "Pages of this origin may not connect.", body = crate::Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = []), ()),
)]
pub(crate) async fn open(call: Call) -> Result<Response> {
    let identity = identify(&call).await?;
    let config = &call.shared.config;
    let origin = match call.parts.extensions.get::<Identity>() {
        // The host's sign-in may rest on a cookie, which every page's socket would carry.
        Some(_) => guard::check_origin(&call.parts, config),
        None => guard::check_token_origin(&call.parts, config),
    };
    let mut request = Request::from_parts(call.parts, ());
    if !hyper_tungstenite::is_upgrade_request(&request) {
        return Err(Error::invalid("this path takes WebSocket handshakes"));
    }
    origin?;
    let limit = call.shared.chat.limits().frame_bytes;
    let (response, upgrade) = hyper_tungstenite::upgrade(&mut request, Some(socket_config(limit)))
        .map_err(|error| Error::invalid(format!("handshake: {error}")))?;
    let v2 = offered(request.headers()).any(|protocol| protocol == SUBPROTOCOL);
    let info = ConnInfo {
        remote: call.origination.address,
        protocol: if v2 { Wire::V2 } else { Wire::Classic },
        user_agent: user_agent(request.headers()),
    };
    let (session, outbox) = call.shared.chat.connect(identity, info).await?;
    let link = Link {
        session,
        outbox,
        close_timeout: config.close_timeout,
        _slot: request.extensions_mut().remove::<Slot>(),
    };
    call.shared.sockets.spawn(link.run(upgrade));
    let mut response = response.map(|body| body.map_err(|never| match never {}).boxed_unsync());
    if v2 {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(response)
}

async fn identify(call: &Call) -> Result<Identity> {
    let headers = &call.parts.headers;
    if call.parts.extensions.get::<Identity>().is_some() || headers.contains_key(header::AUTHORIZATION) {
        return call.identity().await;
    }
    if let Some(token) = offered(headers).find_map(|protocol| protocol.strip_prefix(BEARER)) {
        return call.chat().authenticate(token).await;
    }
    let handed: Handed = call.query()?;
    match handed {
        Handed { ticket: Some(ticket), .. } => call.chat().redeem_ticket(&ticket),
        Handed { token: Some(token), .. } => call.chat().authenticate(&token).await,
        _ => Err(Error::unauthenticated("a token is missing")),
    }
}

/// Lists the sub-protocols that the client offers.
fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

fn socket_config(limit: usize) -> WebSocketConfig {
    // The session refuses what is over the limit and goes on; what is far beyond it is not even read, and ends the socket.
    let readable = limit.saturating_mul(2);
    WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(readable))
        .max_frame_size(Some(readable))
}

/// One open socket.
struct Link {
    session: Session,
    outbox: Outbox,
    close_timeout: Duration,
    /// The place among the server's connections, held as long as the socket lives.
    _slot: Option<Slot>,
}

impl Link {
    async fn run(self, upgrade: HyperWebsocket) {
        let socket = match upgrade.await {
            Ok(socket) => socket,
            Err(error) => return tracing::debug!(%error, "the client went before the upgrade"),
        };
        let (mut sink, mut stream) = socket.split();
        let Self { session, mut outbox, close_timeout, _slot } = self;
        tokio::select! {
            end = read(&mut stream, &session) => match end {
                End::Gone => {}
                End::TooLarge => refuse_size(&mut sink).await,
            },
            end = write(&mut sink, &mut outbox, close_timeout) => if let Err(error) = end {
                return tracing::debug!(%error, "socket");
            },
        }
        // Whoever closes waits a moment for the other side's close frame, else the last frames may be lost in a reset.
        let farewell = async { while let Some(Ok(_)) = stream.next().await {} };
        if tokio::time::timeout(close_timeout, farewell).await.is_err() {
            tracing::debug!("the client did not close");
        }
    }
}

/// Why the reading loop ended.
enum End {
    /// The socket is closed or broken.
    Gone,
    /// A frame was so large that reading cannot go on.
    TooLarge,
}

/// Socket → session.
async fn read(
    stream: &mut (impl Stream<Item = tungstenite::Result<Message>> + Unpin),
    session: &Session,
) -> End {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Text(text)) => session.handle(&text).await,
            // Classic clients may send bytes; what is no text is refused by the session like any broken frame.
            Ok(Message::Binary(bytes)) => session.handle(&String::from_utf8_lossy(&bytes)).await,
            Ok(Message::Pong(_)) => session.pong().await,
            // Answered by tungstenite; the stream ends after the closing handshake.
            Ok(Message::Ping(_) | Message::Close(_) | Message::Frame(_)) => session.touched(),
            Err(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => return End::TooLarge,
            Err(error) => {
                tracing::debug!(%error, "socket");
                return End::Gone;
            }
        }
    }
    End::Gone
}

/// Outbox → socket: everything that waits is written, then flushed once.
async fn write(
    sink: &mut (impl Sink<Message, Error = tungstenite::Error> + Unpin),
    outbox: &mut Outbox,
    close_timeout: Duration,
) -> tungstenite::Result<()> {
    let mut batch = Vec::new();
    loop {
        if outbox.recv_many(&mut batch).await == 0 {
            return Ok(());
        }
        let is_last = matches!(batch.last(), Some(Outgoing::Close(_)));
        let stuck = async {
            outbox.closing().await;
            tokio::time::sleep(close_timeout).await;
        };
        tokio::select! {
            written = write_batch(sink, &mut batch) => written?,
            // The client does not read: the close frame will not reach it either.
            () = stuck => return Err(tungstenite::Error::AlreadyClosed),
        }
        if is_last {
            return Ok(());
        }
    }
}

async fn write_batch(
    sink: &mut (impl Sink<Message, Error = tungstenite::Error> + Unpin),
    batch: &mut Vec<Outgoing>,
) -> tungstenite::Result<()> {
    for outgoing in batch.drain(..) {
        let message = match outgoing {
            Outgoing::Frame(bytes) => text(bytes),
            Outgoing::Ping => Message::Ping(Bytes::new()),
            Outgoing::Close(code) => close(WireCode::from(code.code()), code.reason()),
        };
        sink.feed(message).await?;
    }
    sink.flush().await?;
    // A burst must not leave its capacity behind on every connection.
    batch.shrink_to(16);
    Ok(())
}

/// Says why, then closes with 1009 (RFC 6455, 7.4.1).
async fn refuse_size(sink: &mut (impl Sink<Message, Error = tungstenite::Error> + Unpin)) {
    let error = Error::too_large("the frame is far over the limit");
    let said = async {
        sink.feed(text(encode_error(None, &error))).await?;
        sink.send(close(WireCode::Size, "too large")).await
    };
    if let Err(error) = said.await {
        tracing::debug!(%error, "socket");
    }
}

/// Makes a text message of JSON that we encoded ourselves: checking it as UTF-8 once per receiver would gain nothing.
fn text(bytes: Bytes) -> Message {
    Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true))
}

fn close(code: WireCode, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{HyperWebsocket, Link};

    fn size_of_future<F: Future>(_: impl Fn(Link, HyperWebsocket) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_a_socket_stays_small() {
        // Ten thousand idle sockets pay for every byte of it.
        let size = size_of_future(Link::run);
        assert!(size <= 2_048, "{size} bytes");
    }
}
