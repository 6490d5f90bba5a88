//! The route table: every path that the chat answers, by whom, and nothing else.

#[cfg(feature = "accounts")]
use crate::http::{accounts, sessions};
use crate::{
    extract::{Call, Params},
    http::{broadcasts, classic, conversations, info, media, members, messages, receipts, uploads, users},
    respond::Response,
    sse, swagger, ws,
};
use chat_core::Result;
use futures_util::future::BoxFuture;
use http::Method;
use std::sync::LazyLock;

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As long as any request.
    Bounded,
    /// As long as its stream goes on; the endpoint watches that itself.
    Streaming,
}

/// A method of a path and what answers it.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) pattern: &'static str,
    pub(crate) pace: Pace,
    pub(crate) run: fn(Call) -> BoxFuture<'static, Result<Response>>,
}

macro_rules! routes {
    ($($method:ident $pattern:literal $pace:ident => $($endpoint:ident)::+;)*) => {
        &[$(Route {
            method: Method::$method,
            pattern: $pattern,
            pace: Pace::$pace,
            run: |call| Box::pin($($endpoint)::+(call)),
        }),*]
    };
}

const ROUTES: &[Route] = routes! {
    // What the classic service had, path for path.
    GET    "/api/users"                            Bounded   => users::list;
    GET    "/api/users/profile"                    Bounded   => classic::profile;
    GET    "/api/users/id"                         Bounded   => classic::profile_alias;
    PUT    "/api/users/status"                     Bounded   => classic::set_presence;
    POST   "/api/messages"                         Bounded   => classic::send;
    GET    "/api/messages/conversation"            Bounded   => classic::conversation;
    GET    "/api/messages/conversation/paginated"  Bounded   => classic::conversation_page;
    GET    "/api/messages/history"                 Bounded   => classic::history;
    POST   "/api/messages/broadcast"               Bounded   => classic::broadcast;
    PUT    "/api/messages/status"                  Bounded   => classic::set_receipt;
    POST   "/api/messages/upload"                  Streaming => media::upload_classic;

    GET    "/api/config"                           Bounded   => info::config;
    POST   "/api/ws-ticket"                        Bounded   => info::ticket;
    GET    "/api/users/me"                         Bounded   => users::me;
    PATCH  "/api/users/me"                         Bounded   => users::update;
    GET    "/api/users/{user_id}"                  Bounded   => users::load;

    GET    "/api/conversations"                    Bounded   => conversations::list;
    POST   "/api/conversations"                    Bounded   => conversations::create;
    GET    "/api/conversations/{id}"               Bounded   => conversations::load;
    PATCH  "/api/conversations/{id}"               Bounded   => conversations::rename;
    DELETE "/api/conversations/{id}"               Bounded   => conversations::delete;
    GET    "/api/conversations/{id}/members"       Bounded   => members::list;
    POST   "/api/conversations/{id}/members"       Bounded   => members::add;
    PATCH  "/api/conversations/{id}/members/{user_id}" Bounded => members::set_role;
    DELETE "/api/conversations/{id}/members/{user_id}" Bounded => members::remove;
    GET    "/api/conversations/{id}/messages"      Bounded   => messages::list;
    POST   "/api/conversations/{id}/messages"      Bounded   => messages::send;
    GET    "/api/conversations/{id}/changes"       Bounded   => messages::changes;
    POST   "/api/conversations/{id}/read"          Bounded   => receipts::read;
    POST   "/api/conversations/{id}/delivered"     Bounded   => receipts::delivered;
    POST   "/api/conversations/{id}/typing"        Bounded   => receipts::typing;
    PATCH  "/api/messages/{message_id}"            Bounded   => messages::edit;
    DELETE "/api/messages/{message_id}"            Bounded   => messages::delete;

    POST   "/api/broadcasts"                       Bounded   => broadcasts::create;
    GET    "/api/broadcasts/{broadcast_id}"        Bounded   => broadcasts::load;
    DELETE "/api/broadcasts/{broadcast_id}"        Bounded   => broadcasts::cancel;



    POST   "/api/media"                            Streaming => media::upload;
    GET    "/api/media/{media_id}"                 Bounded   => media::load;
    GET    "/uploads/{*address}"                   Streaming => uploads::serve;

    GET    "/api/events"                           Streaming => sse::open;
    POST   "/api/events"                           Streaming => sse::open_with;
    GET    "/ws"                                   Streaming => ws::open;

    GET    "/swagger"                              Bounded   => swagger::redirect;
    GET    "/swagger/"                             Bounded   => swagger::page;
    GET    "/swagger/{file}"                       Bounded   => swagger::file;
};

/// The routes of password accounts; without accounts they do not exist.
#[cfg(feature = "accounts")]
const ACCOUNT_ROUTES: &[Route] = routes! {
    POST   "/api/auth/register"                    Bounded   => accounts::register;
    POST   "/api/auth/login"                       Bounded   => accounts::login;
    POST   "/api/auth/refresh"                     Bounded   => accounts::refresh;
    POST   "/api/auth/logout"                      Bounded   => accounts::logout;
    POST   "/api/auth/password"                    Bounded   => accounts::change_password;
    GET    "/api/sessions"                         Bounded   => sessions::list;
    DELETE "/api/sessions/{session_id}"            Bounded   => sessions::revoke;
};
#[cfg(not(feature = "accounts"))]
const ACCOUNT_ROUTES: &[Route] = &[];

/// The routes of one pattern; matchit knows no methods.
type Entry = Vec<&'static Route>;

static ROUTER: LazyLock<matchit::Router<Entry>> = LazyLock::new(|| {
    let mut entries: Vec<Entry> = Vec::new();
    for route in all() {
        match entries.iter_mut().find(|entry| entry[0].pattern == route.pattern) {
            Some(entry) => entry.push(route),
            None => entries.push(vec![route]),
        }
    }
    let mut router = matchit::Router::new();
    for entry in entries {
        router.insert(entry[0].pattern, entry).expect("the table has no conflicting patterns");
    }
    router
});

/// Lists every method and path that the service answers, paths as patterns with `{names}`.
pub fn routes() -> impl Iterator<Item = (&'static Method, &'static str)> {
    all().map(|route| (&route.method, route.pattern))
}

fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(ACCOUNT_ROUTES)
}

/// Finds the routes of a path, and the path's variable parts as they were written.
pub(crate) fn find(path: &str) -> Option<(&'static [&'static Route], Params)> {
    let found = ROUTER.at(path).ok()?;
    let params = found.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some((found.value.as_slice(), params))
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_fixed_path_wins_over_a_variable_one() {
        assert_eq!(find("/api/messages/history").unwrap().0[0].pattern, "/api/messages/history");
        assert_eq!(find("/api/messages/17").unwrap().0[0].pattern, "/api/messages/{message_id}");
        assert!(find("/api/nothing").is_none());
    }
}
