//! The wire contract, version 2: pure data and its encoding, shared by every transport and client.
//!
//! One JSON envelope both ways: `{"type": …, "id"?: …, "payload": {…}}`. Knows nothing of sockets, stores or use cases.
//! A frame with an `id` is answered by exactly one `ack` or `error` that carries the same `id`.

mod client;
mod close;
mod codec;
mod server;
mod view;

pub use client::{
    BroadcastMessage, ClientFrame, ConversationRef, CursorTarget, DeleteMessage, EditMessage, Fetch, Have,
    Hello, OpenedPeer, Refresh, SendMessage, SetStatus, Typing, UpdateStatus, WatchPresence,
};
pub use close::CloseCode;
pub use codec::{FrameId, Incoming, decode, encode, encode_ack, encode_error};
pub use server::{
    BroadcastAck, BroadcastProgress, Cursors, Dirty, ErrorPayload, FetchAck, Gone, Goodbye, HelloAck, Live,
    MemberCursor, Presence, PresenceAck, Ready, RefreshAck, Reset, SendAck, ServerFrame, StatusChange,
    TypingNotice,
};
pub use view::{
    AttachmentView, BroadcastView, ConversationView, MeView, MemberView, MessageView, PersonView,
    PresenceStatus, QuoteView, Reader, ReceiptStatus, UserView,
};

/// The protocol version that `hello` names.
pub const VERSION: u32 = 2;

/// The WebSocket sub-protocol of clients that speak it.
pub const SUBPROTOCOL: &str = "chat.v2";
