//! The host: its own users, its own sign-in, its own cookie. A real one has a database; this one keeps sessions in memory.

use axum::{
    Form, Router,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chat_core::auth::Identity;
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

/// Session id → name of the host's user.
static SESSIONS: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// Puts the host's user into the request; the chat creates its own user for them on first sight.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    if let Some(name) = user_of(request.headers()) {
        request.extensions_mut().insert(Identity::external(format!("host:{name}"), name));
    }
    next.run(request).await
}

/// The pages of the host.
pub(crate) fn pages() -> Router {
    Router::new().route("/", get(home)).route("/login", post(login))
}

async fn home(headers: HeaderMap) -> String {
    match user_of(&headers) {
        Some(name) => format!("Hello {name}. The chat's API is under /chat/api.\n"),
        None => "POST name=… to /login to sign in.\n".to_owned(),
    }
}

async fn login(Form(form): Form<HashMap<String, String>>) -> Response {
    let Some(name) = form.get("name").filter(|name| !name.is_empty() && name.len() <= 32) else {
        return (StatusCode::BAD_REQUEST, "name is missing or too long\n").into_response();
    };
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).expect("the operating system has randomness");
    let session: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    SESSIONS.lock().expect("no holder panics").insert(session.clone(), name.clone());
    let cookie = format!("session={session}; HttpOnly; SameSite=Strict; Path=/");
    ([(header::SET_COOKIE, cookie)], "signed in\n").into_response()
}

fn user_of(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="))?;
    SESSIONS.lock().expect("no holder panics").get(session).cloned()
}
