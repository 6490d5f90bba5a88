//! Files in and out.

use crate::harness::{Answer, Person, Setup, TestServer};
use chat_core::config::{Limits, UploadLimits};
use reqwest::{
    Method, RequestBuilder,
    multipart::{Form, Part},
};
use serde_json::json;

/// A picture of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\xdac\xfc\xcf\xc0P\x0f\0\x04\x85\x01\x80\x84\xa9\x8c!\0\0\0\0IEND\xaeB`\x82";

fn form(name: &str, bytes: &[u8]) -> Form {
    Form::new().part("file", Part::bytes(bytes.to_vec()).file_name(name.to_owned()))
}

async fn answer(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

async fn upload(person: &Person<'_>, path: &str, name: &str, bytes: &[u8]) -> Answer {
    answer(person.request(Method::POST, path).multipart(form(name, bytes))).await
}

#[tokio::test]
async fn the_classic_route_takes_pictures_and_gives_a_loadable_address() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let uploaded = upload(&ann, "/api/messages/upload", "../../etc/photo.html", PNG).await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.body);
    let url = uploaded.body["url"].as_str().unwrap();
    assert!(url.starts_with("/uploads/") && url.ends_with(".png"), "{url}");
    let loaded = server.get(url).send().await.unwrap();
    assert_eq!(loaded.status(), 200);
    assert_eq!(loaded.headers()["content-type"], "image/png");
    assert_eq!(loaded.headers()["x-content-type-options"], "nosniff");
    assert!(loaded.headers()["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert!(loaded.headers()["cache-control"].to_str().unwrap().starts_with("private"));
    assert_eq!(loaded.headers()["accept-ranges"], "bytes");
    assert!(loaded.headers()["content-disposition"].to_str().unwrap().starts_with("inline"));
    assert_eq!(loaded.bytes().await.unwrap(), PNG);
}

#[tokio::test]
async fn four_bytes_of_a_jpeg_are_kept_as_they_are() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let uploaded = upload(&ann, "/api/messages/upload", "test.jpg", b"\xff\xd8\xff\xe0").await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.body);
    let url = uploaded.body["url"].as_str().unwrap();
    assert!(url.contains("uploads/") && url.ends_with(".jpg"));
    assert_eq!(server.get(url).send().await.unwrap().bytes().await.unwrap(), &b"\xff\xd8\xff\xe0"[..]);
}

#[tokio::test]
async fn the_classic_route_refuses_everything_else_with_400() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let path = "/api/messages/upload";
    for (name, bytes) in [
        ("empty.png", &b""[..]),
        ("text.png", b"just text"),
        ("page.png", b"<html><script>alert(1)</script></html>"),
        ("drawing.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ("paper.pdf", b"%PDF-1.7\n%%EOF"),
    ] {
        upload(&ann, path, name, bytes).await.assert_refused(400, "invalid");
    }
    let other_field = Form::new().part("photo", Part::bytes(PNG.to_vec()).file_name("a.png"));
    answer(ann.request(Method::POST, path).multipart(other_field)).await.assert_refused(400, "invalid");
    ann.post(path, json!({ "file": "x" })).await.assert_refused(400, "invalid");
    let cut = ann
        .request(Method::POST, path)
        .header("content-type", "multipart/form-data; boundary=x")
        .body("--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n\x7fcut");
    answer(cut).await.assert_refused(400, "invalid");
    let nobody = server.request(Method::POST, path).multipart(form("a.png", PNG));
    answer(nobody).await.assert_refused(401, "unauthenticated");
}

#[tokio::test]
async fn the_media_route_tells_types_from_bytes_with_415() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let stored = upload(&ann, "/api/media", "photo.png", PNG).await;
    assert_eq!(stored.status, 201, "{}", stored.body);
    assert_eq!(stored.body["kind"], "image");
    assert_eq!(stored.body["mime"], "image/png");
    assert_eq!(stored.body["size"], PNG.len());
    assert_eq!(stored.body["width"], 1);
    let shown = ann.get(&format!("/api/media/{}", stored.body["id"])).await;
    assert_eq!(shown.body, stored.body);
    let page = b"<!doctype html><script>alert(1)</script>";
    upload(&ann, "/api/media", "a.png", page).await.assert_refused(415, "unsupported_media");
    upload(&ann, "/api/media", "a.txt", b"").await.assert_refused(400, "invalid");
    let text = upload(&ann, "/api/media", "notes.txt", "plain words, nothing else\n".as_bytes()).await;
    assert_eq!(text.status, 201, "{}", text.body);
    let loaded = server.get(text.body["url"].as_str().unwrap()).send().await.unwrap();
    assert!(loaded.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
}

#[tokio::test]
async fn files_of_others_do_not_exist_until_they_are_sent() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let bob = server.register("bob").await;
    let stored = upload(&ann, "/api/media", "photo.png", PNG).await;
    let path = format!("/api/media/{}", stored.body["id"]);
    bob.get(&path).await.assert_refused(404, "not_found");
    let body = json!({ "receiver_id": bob.id, "content": "", "media_url": stored.body["url"] });
    let sent = ann.post("/api/messages", body).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert!(sent.body["media_url"].as_str().unwrap().ends_with(".png"));
    assert_eq!(bob.get(&path).await.status, 200);
}

#[tokio::test]
async fn the_same_key_stores_one_file() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let send = |bytes: &'static [u8]| {
        answer(
            ann.request(Method::POST, "/api/media")
                .header("idempotency-key", "k")
                .multipart(form("a.png", bytes)),
        )
    };
    let first = send(PNG).await;
    let again = send(PNG).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.body["id"], again.body["id"]);
    send(b"\xff\xd8\xff\xe0").await.assert_refused(409, "conflict");
}

#[tokio::test]
async fn a_file_over_its_limit_is_413_on_both_routes() {
    let limits = |builder: chat_core::ChatBuilder| {
        let upload = UploadLimits { image: 1 << 20, video: 1 << 20, audio: 1 << 20, document: 1 << 20 };
        builder.limits(Limits { upload, ..Limits::default() })
    };
    let server = TestServer::start_with(Setup { chat: limits, ..Setup::default() }).await;
    let ann = server.register("ann").await;
    let mut over = b"\xff\xd8\xff\xe0".to_vec();
    over.resize((1 << 20) + 1, 0);
    for path in ["/api/messages/upload", "/api/media"] {
        upload(&ann, path, "big.jpg", &over).await.assert_refused(413, "too_large");
        let mut far_over = over.clone();
        far_over.resize(8 << 20, 0);
        upload(&ann, path, "huge.jpg", &far_over).await.assert_refused(413, "too_large");
    }
    over.truncate(1 << 20);
    assert_eq!(upload(&ann, "/api/media", "fits.jpg", &over).await.status, 201);
}

#[tokio::test]
async fn a_client_that_only_writes_comes_to_read_the_refusal() {
    let server = TestServer::start().await;
    let huge = vec![0; 16 << 20];
    let nobody = server.request(Method::POST, "/api/media").multipart(form("huge.jpg", &huge));
    answer(nobody).await.assert_refused(401, "unauthenticated");
    let nowhere = server.request(Method::POST, "/api/nothing").body(huge);
    answer(nowhere).await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn parts_and_validators_are_honoured() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let stored = upload(&ann, "/api/media", "photo.png", PNG).await;
    let url = stored.body["url"].as_str().unwrap();
    let part = server.get(url).header("range", "bytes=1-3").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 1-3/{}", PNG.len()));
    let etag = part.headers()["etag"].clone();
    assert_eq!(part.bytes().await.unwrap(), &b"PNG"[..]);
    let beyond = answer(server.get(url).header("range", "bytes=100000-")).await;
    beyond.assert_refused(416, "invalid");
    assert_eq!(beyond.header("content-range"), format!("bytes */{}", PNG.len()));
    let known = server.get(url).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(known.status(), 304);
    let head = server.request(Method::HEAD, url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], PNG.len().to_string());
}

#[tokio::test]
async fn an_address_cannot_be_guessed_or_bent() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let stored = upload(&ann, "/api/media", "photo.png", PNG).await;
    let url = stored.body["url"].as_str().unwrap();
    let parts: Vec<&str> = url.split('/').collect();
    let [_, _, signature, id, variant, name] = parts[..] else { panic!("{url}") };
    let mut forged = signature.to_owned();
    forged.replace_range(forged.len() - 2.., "AA");
    for path in [
        format!("/uploads/{forged}/{id}/{variant}/{name}"),
        format!("/uploads/{signature}/{}/{variant}/{name}", stored.body["id"].as_i64().unwrap() + 1),
        format!("/uploads/{signature}/{id}/{variant}/other.html"),
        format!("/uploads/{signature}/{id}/{variant}/%2e%2e%2f{name}"),
        "/uploads/".to_owned(),
        "/uploads/..%2f..%2fetc/passwd".to_owned(),
    ] {
        answer(server.get(&path)).await.assert_refused(404, "not_found");
    }
}
