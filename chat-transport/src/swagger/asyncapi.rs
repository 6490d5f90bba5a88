//! AsyncAPI 3 of the socket, made from the schemas of the frame types: a frame that is added there appears here.

use chat_core::protocol::{
    BroadcastAck, ClientFrame, ErrorPayload, FetchAck, HelloAck, PresenceAck, RefreshAck, SUBPROTOCOL,
    SendAck, ServerFrame,
};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

/// Which ack answers which frame; the others are answered by an empty one.
const ACKS: [(&str, &str); 10] = [
    ("broadcast_message", "BroadcastAck"),
    ("delete_message", "SendAck"),
    ("edit_message", "SendAck"),
    ("fetch", "FetchAck"),
    ("get_online_users", "PresenceAck"),
    ("hello", "HelloAck"),
    ("refresh", "RefreshAck"),
    ("send_message", "SendAck"),
    ("set_status", "PresenceAck"),
    ("watch_presence", "PresenceAck"),
];

/// Describes the frames of the socket as AsyncAPI 3.0.
#[must_use]
pub fn asyncapi() -> Value {
    let mut messages = Map::new();
    let received = add_frames(&mut messages, "client", &variants::<ClientFrame>());
    let mut sent = add_frames(&mut messages, "server", &variants::<ServerFrame>());
    sent.extend(add_frames(&mut messages, "server", &answers()));
    let channel_messages: Map<String, Value> = messages
        .keys()
        .map(|key| (key.clone(), reference(&format!("#/components/messages/{key}"))))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chat socket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One JSON envelope both ways: `{\"type\": …, \"id\"?: …, \"payload\": {…}}`. \
                            A frame with an `id` is answered by exactly one `ack` or `error` with that `id`.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/ws",
                "description": format!("Sub-protocol `{SUBPROTOCOL}`; without it the connection is classic."),
                "messages": channel_messages,
            },
        },
        "operations": {
            "receive": operation("receive", "What the server takes.", &received),
            "send": operation("send", "What the server sends.", &sent),
        },
        "components": { "messages": messages, "schemas": schemas() },
    })
}

/// Returns `(type, schema of the whole frame)` for each variant of a frame enum.
fn variants<T: PartialSchema>() -> Vec<(String, Value)> {
    let schema = serde_json::to_value(T::schema()).expect("a schema is JSON");
    let variants = schema["oneOf"].as_array().expect("a frame is one of its variants");
    variants
        .iter()
        .map(|variant| {
            let kind = &variant["properties"]["type"];
            let name = kind["enum"][0].as_str().or_else(|| kind["const"].as_str());
            (name.expect("a variant names its type").to_owned(), variant.clone())
        })
        .collect()
}

/// `ack` and `error` carry an id, so they are no variants of the frame type.
fn answers() -> Vec<(String, Value)> {
    let id = json!({ "oneOf": [{ "type": "string" }, { "type": "number" }], "description": "As it came." });
    let frame = |kind: &str, payload: Value, required: &[&str]| {
        let properties = json!({ "type": { "const": kind }, "id": id, "payload": payload });
        (kind.to_owned(), json!({ "type": "object", "required": required, "properties": properties }))
    };
    let mut payloads: Vec<Value> = Vec::new();
    for (_, ack) in ACKS {
        let payload = reference(&format!("#/components/schemas/{ack}"));
        if !payloads.contains(&payload) {
            payloads.push(payload);
        }
    }
    payloads.push(json!({ "type": "object", "maxProperties": 0 }));
    vec![
        frame("ack", json!({ "oneOf": payloads }), &["type", "id", "payload"]),
        frame("error", reference("#/components/schemas/ErrorPayload"), &["type", "payload"]),
    ]
}

fn add_frames(messages: &mut Map<String, Value>, side: &str, frames: &[(String, Value)]) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, schema) in frames {
        let key = format!("{side}_{name}");
        let mut message = json!({ "name": name, "payload": schema });
        if let Some((_, ack)) = ACKS.iter().find(|(frame, _)| side == "client" && frame == name) {
            message["description"] = json!(format!("Answered by `ack` with `{ack}`."));
        }
        messages.insert(key.clone(), message);
        keys.push(key);
    }
    keys
}

fn operation(action: &str, summary: &str, keys: &[String]) -> Value {
    let messages: Vec<Value> =
        keys.iter().map(|key| reference(&format!("#/channels/socket/messages/{key}"))).collect();
    let channel = reference("#/channels/socket");
    json!({ "action": action, "summary": summary, "channel": channel, "messages": messages })
}

fn schemas() -> Map<String, Value> {
    let mut found = Vec::new();
    ClientFrame::schemas(&mut found);
    ServerFrame::schemas(&mut found);
    macro_rules! payloads {
        ($($payload:ty)*) => {$(
            <$payload>::schemas(&mut found);
            found.push((<$payload>::name().into_owned(), <$payload>::schema()));
        )*};
    }
    payloads! { BroadcastAck ErrorPayload FetchAck HelloAck PresenceAck RefreshAck SendAck ServerFrame }
    let entries = found
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).expect("a schema is JSON")));
    let mut sorted: Vec<_> = entries.collect();
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    sorted.into_iter().collect()
}

fn reference(to: &str) -> Value {
    json!({ "$ref": to })
}
