//! The documents that describe the API, and that they describe all of it.

use crate::harness::TestServer;
use serde_json::Value;
use std::collections::BTreeSet;

fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = ["get", "post", "put", "patch", "delete"];
        let found = methods.into_iter().filter(|method| item.get(method).is_some());
        found.map(|method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

#[test]
fn every_route_is_described_and_every_description_has_its_route() {
    let described = operations(&serde_json::to_value(chat_transport::openapi()).unwrap());
    let routes: BTreeSet<_> = chat_transport::routes()
        .filter(|(_, path)| !path.starts_with("/swagger"))
        .map(|(method, path)| (method.to_string(), path.replace("{*", "{")))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = serde_json::to_value(chat_transport::openapi()).unwrap();
    let mut names = BTreeSet::new();
    for (method, path) in operations(&document) {
        let name = document["paths"][&path][method.to_lowercase()]["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name}");
    }
}

#[test]
fn every_reference_leads_to_a_schema() {
    for document in [serde_json::to_value(chat_transport::openapi()).unwrap(), chat_transport::asyncapi()] {
        let mut references = Vec::new();
        collect(&document, &mut references);
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.push(reference.clone());
            }
            fields.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[test]
fn every_frame_is_described() {
    let document = chat_transport::asyncapi();
    let messages = document["components"]["messages"].as_object().unwrap();
    for frame in [
        "ack",
        "broadcast_progress",
        "conversation_changed",
        "cursors",
        "dirty",
        "error",
        "gone",
        "goodbye",
        "live",
        "member_changed",
        "message_updated",
        "ready",
        "receive_message",
        "reset",
        "status_change",
        "typing",
        "user_changed",
        "user_status",
    ] {
        assert!(messages.contains_key(&format!("server_{frame}")), "{frame}");
    }
    for frame in [
        "broadcast_message",
        "close_conversation",
        "conversation_closed",
        "conversation_opened",
        "delete_message",
        "edit_message",
        "fetch",
        "get_online_users",
        "hello",
        "message_delivered",
        "message_read",
        "open_conversation",
        "refresh",
        "send_message",
        "set_status",
        "typing",
        "update_status",
        "watch_presence",
    ] {
        assert!(messages.contains_key(&format!("client_{frame}")), "{frame}");
    }
}

#[test]
fn the_shapes_of_the_documents_are_reviewed() {
    insta::assert_json_snapshot!("openapi", chat_transport::openapi());
    insta::assert_json_snapshot!("asyncapi", chat_transport::asyncapi());
}

#[tokio::test]
async fn the_viewer_needs_nothing_from_elsewhere() {
    let server = TestServer::start().await;
    let page = server.get("/swagger/").send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
    let html = page.text().await.unwrap();
    assert!(!html.contains("http"), "{html}");
    for (file, mime) in [
        ("index.html", "text/html; charset=utf-8"),
        ("start.js", "text/javascript; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("doc.json", "application/json"),
        ("events.json", "application/json"),
    ] {
        let answer = server.get(&format!("/swagger/{file}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{file}");
        assert_eq!(answer.headers()["content-type"], mime);
    }
}
