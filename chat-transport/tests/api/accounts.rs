//! Signing up, in and out.

use crate::harness::{Answer, PASSWORD, Setup, TestServer};
use chat_core::config::RateLimits;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

async fn answer(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

#[tokio::test]
async fn registering_answers_200_with_the_classic_shape() {
    let server = TestServer::start().await;
    let answer = answer(server.post("/api/auth/register", &credentials("ann", PASSWORD))).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body["token"].as_str().unwrap().split('.').count() == 3);
    let user = &answer.body["user"];
    assert!(user["id"].is_i64() && user["created_at"].is_string() && user["updated_at"].is_string());
    assert_eq!(user["username"], "ann");
    assert!(answer.body["refresh_token"].is_string() && answer.body["expires_at"].is_string());
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_also_in_other_letters() {
    let server = TestServer::start().await;
    server.register("ann").await;
    answer(server.post("/api/auth/register", &credentials("ANN", PASSWORD)))
        .await
        .assert_refused(409, "conflict");
}

#[tokio::test]
async fn two_registrations_of_one_name_at_once_make_one_account() {
    let server = TestServer::start().await;
    let one = answer(server.post("/api/auth/register", &credentials("ann", PASSWORD)));
    let other = answer(server.post("/api/auth/register", &credentials("ann", PASSWORD)));
    let (one, other) = tokio::join!(one, other);
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[tokio::test]
async fn bad_names_and_passwords_are_invalid() {
    let server = TestServer::start().await;
    let long_name = "n".repeat(33);
    let long_password = "p".repeat(257);
    for (username, password) in [
        ("", PASSWORD),
        ("ann", ""),
        ("ann", "short"),
        ("ann", "password"),
        ("ann", long_password.as_str()),
        (long_name.as_str(), PASSWORD),
        ("a\u{200b}nn", PASSWORD),
        ("a\u{202e}nn", PASSWORD),
        ("a\nnn", PASSWORD),
        ("   ", PASSWORD),
    ] {
        answer(server.post("/api/auth/register", &credentials(username, password)))
            .await
            .assert_refused(400, "invalid");
    }
}

#[tokio::test]
async fn markup_in_a_name_is_text() {
    let server = TestServer::start().await;
    let name = "<b onload=x>&\"";
    let person = server.register(name).await;
    assert_eq!(person.signed_in["user"]["username"], name);
}

#[tokio::test]
async fn bodies_that_are_no_such_json_are_invalid() {
    let server = TestServer::start().await;
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\"text\"",
        "{\"username\":1,\"password\":\"x\"}",
        "{\"username\":\"ann\"}",
        "{\"username\":\"ann\",\"password\":true}",
        "{} trailing",
    ] {
        let request = server.request(Method::POST, "/api/auth/login").body(body);
        answer(request).await.assert_refused(400, "invalid");
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let server = TestServer::start().await;
    server.register("ann").await;
    let mut body = credentials("ann", PASSWORD);
    body["colour"] = json!("green");
    assert_eq!(answer(server.post("/api/auth/login", &body)).await.status, 200);
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let server = TestServer::start().await;
    server.register("ann").await;
    let wrong_password = answer(server.post("/api/auth/login", &credentials("ann", "nothing like it"))).await;
    let wrong_name = answer(server.post("/api/auth/login", &credentials("bob", "nothing like it"))).await;
    wrong_password.assert_refused(401, "unauthenticated");
    assert_eq!(wrong_password.body, wrong_name.body);
}

#[tokio::test]
async fn a_refresh_token_gives_the_next_token_and_is_replaced() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let first = ann.signed_in["refresh_token"].clone();
    let next = answer(server.post("/api/auth/refresh", &json!({ "refresh_token": first }))).await;
    assert_eq!(next.status, 200);
    assert_ne!(next.body["refresh_token"], first);
    let me = server.get("/api/users/me").bearer_auth(next.body["token"].as_str().unwrap());
    assert_eq!(answer(me).await.status, 200);
    let bad = json!({ "refresh_token": "bm90IG9uZSBvZiBvdXJz" });
    answer(server.post("/api/auth/refresh", &bad)).await.assert_refused(401, "unauthenticated");
    answer(server.request(Method::POST, "/api/auth/refresh")).await.assert_refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_refresh_cookie_is_out_of_reach_of_scripts_and_foreign_pages() {
    let server = TestServer::start().await;
    let mut body = credentials("ann", PASSWORD);
    body["cookie"] = json!(true);
    let signed_in = answer(server.post("/api/auth/register", &body)).await;
    assert_eq!(signed_in.status, 200);
    assert!(signed_in.body.get("refresh_token").is_none());
    let cookie = signed_in.header("set-cookie").to_owned();
    for rule in ["chat_refresh=", "HttpOnly", "SameSite=Strict", "Path=/api/auth", "Max-Age="] {
        assert!(cookie.contains(rule), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain http would lose it");

    let pair = cookie.split(';').next().unwrap();
    let refresh = || server.request(Method::POST, "/api/auth/refresh").header("cookie", pair);
    answer(refresh()).await.assert_refused(403, "forbidden");
    answer(refresh().header("origin", "http://evil.example")).await.assert_refused(403, "forbidden");
    answer(refresh().header("sec-fetch-site", "cross-site")).await.assert_refused(403, "forbidden");
    let next = answer(refresh().header("sec-fetch-site", "same-origin")).await;
    assert_eq!(next.status, 200);
    assert!(next.body.get("refresh_token").is_none());
    assert!(next.header("set-cookie").starts_with("chat_refresh="));

    let pair = next.header("set-cookie").split(';').next().unwrap().to_owned();
    let logout = server.request(Method::POST, "/api/auth/logout").header("cookie", pair.clone());
    let gone = answer(logout.header("origin", server.url(""))).await;
    assert_eq!(gone.status, 204);
    assert!(gone.header("set-cookie").contains("Max-Age=0"));
    let again = server.request(Method::POST, "/api/auth/refresh").header("cookie", pair);
    answer(again.header("origin", server.url(""))).await.assert_refused(401, "unauthenticated");
}

#[tokio::test]
async fn signing_out_ends_the_token() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let gone = answer(ann.request(Method::POST, "/api/auth/logout")).await;
    assert_eq!(gone.status, 204);
    ann.get("/api/users/me").await.assert_refused(401, "unauthenticated");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let mut body = credentials("ann", PASSWORD);
    body["device_name"] = json!("Ann's phone");
    let phone = answer(server.post("/api/auth/login", &body)).await;
    let phone_token = phone.body["token"].as_str().unwrap();

    let sessions = ann.get("/api/sessions").await.body["sessions"].clone();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    let other = sessions.iter().find(|session| session["device_name"] == "Ann's phone").unwrap();

    let path = format!("/api/sessions/{}", other["id"]);
    let bob = server.register("bob").await;
    bob.send(Method::DELETE, &path, Value::Null).await.assert_refused(404, "not_found");
    assert_eq!(ann.send(Method::DELETE, &path, Value::Null).await.status, 204);
    answer(server.get("/api/users/me").bearer_auth(phone_token)).await.assert_refused(401, "unauthenticated");
    assert_eq!(ann.get("/api/users/me").await.status, 200);
}

#[tokio::test]
async fn another_password_needs_the_old_one_and_ends_other_sessions() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let phone = answer(server.post("/api/auth/login", &credentials("ann", PASSWORD))).await;
    let change = |old: &str, new: &str| json!({ "old_password": old, "new_password": new });
    let better = "an even better pass phrase";
    ann.post("/api/auth/password", change("wrong", better)).await.assert_refused(403, "forbidden");
    ann.post("/api/auth/password", change(PASSWORD, "weak")).await.assert_refused(400, "invalid");
    assert_eq!(ann.post("/api/auth/password", change(PASSWORD, better)).await.status, 204);
    assert_eq!(ann.get("/api/users/me").await.status, 200);
    let token = phone.body["token"].as_str().unwrap();
    answer(server.get("/api/users/me").bearer_auth(token)).await.assert_refused(401, "unauthenticated");
    assert_eq!(answer(server.post("/api/auth/login", &credentials("ann", better))).await.status, 200);
}

#[tokio::test]
async fn tokens_that_are_missing_malformed_or_forged_are_refused() {
    let server = TestServer::start().await;
    let ann = server.register("ann").await;
    let [head, claims, mac] = ann.token.split('.').collect::<Vec<_>>()[..] else { panic!("a JWT") };
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    let cut = format!("{head}.{claims}.{}", &mac[1..]);
    for authorization in [
        String::new(),
        "Bearer".to_owned(),
        format!("bearer {}", ann.token),
        format!("Bearer  {}", ann.token),
        format!("Token {}", ann.token),
        "Bearer garbage".to_owned(),
        format!("Bearer {unsigned}"),
        format!("Bearer {cut}"),
    ] {
        let request = server.get("/api/users").header("authorization", authorization.as_str());
        let refused = answer(request).await;
        refused.assert_refused(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    answer(server.get("/api/users")).await.assert_refused(401, "unauthenticated");
}

#[tokio::test]
async fn sign_in_attempts_are_limited_by_address_with_a_retry_after() {
    let rates = RateLimits { sign_ins: Some(2), ..RateLimits::off() };
    let server = TestServer::start_with(Setup { rates, ..Setup::default() }).await;
    for _ in 0..2 {
        let refused = answer(server.post("/api/auth/login", &credentials("ann", PASSWORD))).await;
        refused.assert_refused(401, "unauthenticated");
    }
    let refused = answer(server.post("/api/auth/login", &credentials("ann", PASSWORD))).await;
    refused.assert_refused(429, "rate_limited");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
    assert!(refused.body["retry_after_ms"].as_u64().unwrap() <= seconds * 1_000);
}
