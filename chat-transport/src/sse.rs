//! Server-sent events: the same frames out as on the socket, for networks that let no socket through.
//!
//! Whatever goes in takes the HTTP routes, so any node may answer. A stream is a connection of protocol 2 whose `hello` is made
//! from the request.

use crate::{extract::Call, respond::Response};
use bytes::{BufMut, Bytes, BytesMut};
use chat_core::{
    Error, Result,
    model::{Epoch, Rev},
    protocol::{ClientFrame, CloseCode, Have, Hello, VERSION},
    realtime::{ConnInfo, Outbox, Outgoing, Session, Wire},
};
use futures_util::StreamExt;
use http::{HeaderValue, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde::Deserialize;
use serde_json::json;
use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

/// What the client already has, in a query.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Known {
    /// One running client: a tab, a process.
    device_id: Option<String>,
    /// The store's incarnation that the numbers belong to.
    epoch: Option<Epoch>,
    /// The last number of the own feed.
    user_rev: Option<Rev>,
    /// A JSON array as `have` of a `hello`; long ones go by `POST`.
    have: Option<String>,
}

/// What the client already has.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct KnownBody {
    /// One running client: a tab, a process.
    device_id: Option<String>,
    /// The store's incarnation that the numbers belong to.
    epoch: Option<Epoch>,
    /// The last number of the own feed.
    user_rev: Option<Rev>,
    /// At most 1,000 conversations, the open one first.
    #[serde(default)]
    have: Vec<Have>,
}

/// Opens a stream of frames.
///
/// Each event's data is a frame as on the socket; the first is the `ack` of the `hello`. An event `close` with code and reason comes last.
#[utoipa::path(
    get, path = "/api/events", tag = "events",
    params(
        Known,
        ("Last-Event-ID" = Option<String>, Header, description = "As a browser sends it when it comes back: epoch and number of the own feed."),
    ),
    responses((status = 200, description = "The stream.", content_type = "text/event-stream", body = String)),
    security(("bearer" = [])),
)]
pub(crate) async fn open(call: Call) -> Result<Response> {
    let Known { device_id, epoch, user_rev, have } = call.query()?;
    let have = match have {
        Some(text) => {
            serde_json::from_str(&text).map_err(|error| Error::invalid(format!("have: {error}")))?
        }
        None => Vec::new(),
    };
    let mut known = KnownBody { device_id, epoch, user_rev, have };
    // A browser comes back with the address that it was opened with; the event id is younger.
    if let Some((epoch, user_rev)) = call.header("last-event-id").and_then(read_id) {
        known.epoch = Some(epoch);
        known.user_rev = Some(user_rev);
    }
    stream(call, known).await
}

/// Opens a stream of frames, with what the client already has in the body.
#[utoipa::path(
    post, path = "/api/events", tag = "events", request_body = KnownBody,
    responses((status = 200, description = "The stream.", content_type = "text/event-stream", body = String)),
    security(("bearer" = [])),
)]
pub(crate) async fn open_with(call: Call) -> Result<Response> {
    let known = call.json_or_default().await?;
    stream(call, known).await
}

async fn stream(call: Call, known: KnownBody) -> Result<Response> {
    let identity = call.identity().await?;
    let info = ConnInfo {
        remote: call.origination.address,
        protocol: Wire::V2,
        user_agent: call.header("user-agent").map(str::to_owned),
    };
    let (session, outbox) = call.chat().connect(identity, info).await?;
    session.handle(&hello(known)).await;
    // One piece under way: what the client does not take stays in the outbox and counts against its bound.
    let (sender, receiver) = mpsc::channel(1);
    call.shared.sockets.spawn(pump(session, outbox, sender, call.shared.config.close_timeout));
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async {
        let piece: Bytes = receiver.recv().await?;
        Some((Ok(Frame::data(piece)), receiver))
    });
    let mut response = http::Response::new(StreamBody::new(pieces.fuse()).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Else some proxies collect the whole answer first.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn hello(known: KnownBody) -> String {
    let KnownBody { device_id, epoch, user_rev, have } = known;
    let device_id = device_id.unwrap_or_else(|| format!("events-{:016x}", RandomState::new().hash_one(0)));
    let hello = Hello { protocol: VERSION, device_id, epoch, user_rev, have };
    let mut frame = serde_json::to_value(ClientFrame::Hello(hello)).expect("a frame serialises");
    frame["id"] = json!("hello");
    frame.to_string()
}

/// Outbox → stream, until either side ends.
async fn pump(session: Session, mut outbox: Outbox, sender: mpsc::Sender<Bytes>, close_timeout: Duration) {
    let mut batch = Vec::new();
    let mut epoch = None;
    while outbox.recv_many(&mut batch).await > 0 {
        let mut piece = BytesMut::new();
        for outgoing in batch.drain(..) {
            match outgoing {
                Outgoing::Frame(frame) => write_frame(&mut piece, &frame, &mut epoch),
                Outgoing::Ping => piece.put_slice(b": ping\n\n"),
                Outgoing::Close(code) => write_close(&mut piece, code),
            }
        }
        batch.shrink_to(16);
        let stuck = async {
            outbox.closing().await;
            tokio::time::sleep(close_timeout).await;
        };
        tokio::select! {
            sent = sender.send(piece.freeze()) => if sent.is_err() { return },
            () = stuck => return,
        }
        // Nothing comes in on a stream; that the client takes what is written is its sign of life.
        session.touched();
    }
}

/// The beginning of the frames that an event id is made of.
#[derive(Deserialize)]
struct Numbers {
    r#type: String,
    payload: NumbersPayload,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NumbersPayload {
    epoch: Option<Epoch>,
    user_rev: Option<Rev>,
}

fn write_frame(piece: &mut BytesMut, frame: &Bytes, epoch: &mut Option<Epoch>) {
    let marks = [&b"{\"type\":\"ack\""[..], b"{\"type\":\"ready\""];
    if marks.iter().any(|mark| frame.starts_with(mark))
        && let Ok(numbers) = serde_json::from_slice::<Numbers>(frame)
    {
        match (numbers.r#type.as_str(), numbers.payload) {
            ("ack", NumbersPayload { epoch: Some(told), .. }) => *epoch = Some(told),
            // With `ready` everything up to this number was sent.
            ("ready", NumbersPayload { user_rev: Some(user_rev), .. }) => {
                if let Some(epoch) = epoch {
                    piece.put_slice(format!("id: {epoch}.{user_rev}\n").as_bytes());
                }
            }
            _ => {}
        }
    }
    piece.put_slice(b"data: ");
    piece.put_slice(frame);
    piece.put_slice(b"\n\n");
}

fn write_close(piece: &mut BytesMut, code: CloseCode) {
    let data = json!({ "code": code.code(), "reason": code.reason(), "reconnect": code.reconnects() });
    piece.put_slice(format!("event: close\ndata: {data}\n\n").as_bytes());
}

fn read_id(id: &str) -> Option<(Epoch, Rev)> {
    let (epoch, user_rev) = id.rsplit_once('.')?;
    Some((Epoch::new(epoch), user_rev.parse().ok()?))
}
