//! What protects people whose browser is made to send requests: `Host`, `Origin` and cross-site checks, and CORS.
//!
//! A client that is no browser sends no `Origin` and is not affected.

use crate::{TransportConfig, respond::Response};
use chat_core::{Error, Result};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{self, HeaderName},
    request::Parts,
};
use std::net::IpAddr;

/// The headers that scripts of other origins may send, and read from answers.
const ASKED: &str = "authorization, content-type, idempotency-key, last-event-id, range";
const SHOWN: &str = "content-range, etag, retry-after";

/// Refuses names that are not ours, so that a foreign page cannot rebind its own name to this server.
pub(crate) fn check_host(parts: &Parts, config: &TransportConfig) -> Result<()> {
    let Some(authority) = authority(parts) else {
        return Ok(()); // HTTP/1.0 and hosts that drive the service in-process.
    };
    let name = host_name(authority);
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let local = name.eq_ignore_ascii_case("localhost") || ends_with_label(name, "localhost");
    let listed = |allowed: &String| allowed == "*" || name.eq_ignore_ascii_case(allowed);
    if literal || local || config.allowed_hosts.iter().any(listed) {
        return Ok(());
    }
    Err(Error::forbidden("this host name is not served here"))
}

/// Refuses pages of other origins that are not configured; without an `Origin` it is not a page.
pub(crate) fn check_origin(parts: &Parts, config: &TransportConfig) -> Result<()> {
    match parts.headers.get(header::ORIGIN) {
        Some(origin) if !is_ours(parts, origin, config) => {
            Err(Error::forbidden("pages of this origin may not connect"))
        }
        _ => Ok(()),
    }
}

/// As [`check_origin`], for a request whose token no browser adds by itself: a page that this machine serves may use a server of
/// this machine on another port, as the page of a classic installation does.
pub(crate) fn check_token_origin(parts: &Parts, config: &TransportConfig) -> Result<()> {
    let origin = parts.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let page = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    match (page, authority(parts)) {
        (Some(page), Some(own)) if is_loopback(page) && is_loopback(own) => Ok(()),
        _ => check_origin(parts, config),
    }
}

/// Refuses a change that a foreign page may have caused with the browser's cookies: such a request must prove that it comes
/// from a page of ours.
pub(crate) fn check_cookie_request(parts: &Parts, config: &TransportConfig) -> Result<()> {
    if parts.method.is_safe() {
        return Ok(());
    }
    let proven = match parts.headers.get(header::ORIGIN) {
        Some(origin) => is_ours(parts, origin, config),
        None => parts.headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
    };
    if proven { Ok(()) } else { Err(Error::forbidden("a request with cookies must come from our own pages")) }
}

/// Says whether the credentials of this request are such that a browser adds by itself.
pub(crate) fn has_ambient_credentials(parts: &Parts) -> bool {
    parts.headers.contains_key(header::COOKIE) && !parts.headers.contains_key(header::AUTHORIZATION)
}

/// Lets pages of configured origins read the answer.
pub(crate) fn add_cors(origin: Option<&HeaderValue>, config: &TransportConfig, headers: &mut HeaderMap) {
    if config.allowed_origins.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin.filter(|origin| is_configured(origin, config)) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(SHOWN));
}

/// Answers `OPTIONS`: what the path takes, and a preflight's question.
pub(crate) fn answer_options(parts: &Parts, allow: &str, config: &TransportConfig) -> Response {
    let mut response = crate::respond::empty(StatusCode::OK);
    let headers = response.headers_mut();
    let allow = HeaderValue::from_str(allow).expect("a list of methods is a header value");
    let origin = parts.headers.get(header::ORIGIN);
    if origin.is_some_and(|origin| is_configured(origin, config)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ASKED));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    headers.insert(header::ALLOW, allow);
    response
}

/// What every answer says, unless the endpoint said something else.
pub(crate) fn add_security_headers(headers: &mut HeaderMap) {
    const ALWAYS: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

fn authority(parts: &Parts) -> Option<&str> {
    let written = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    written.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))
}

fn host_name(authority: &str) -> &str {
    match authority.rfind(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(authority: &str) -> bool {
    let name = host_name(authority);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(name.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

fn ends_with_label(name: &str, label: &str) -> bool {
    let Some(start) = name.len().checked_sub(label.len()) else { return false };
    start > 0
        && name.as_bytes()[start - 1] == b'.'
        && name.as_bytes()[start..].eq_ignore_ascii_case(label.as_bytes())
}

fn is_ours(parts: &Parts, origin: &HeaderValue, config: &TransportConfig) -> bool {
    is_configured(origin, config) || is_same_host(parts, origin)
}

fn is_configured(origin: &HeaderValue, config: &TransportConfig) -> bool {
    let same = |allowed: &String| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes());
    config.allowed_origins.iter().any(same)
}

/// Compares host and port; a proxy that ends TLS hides the scheme, so a default port counts as none.
fn is_same_host(parts: &Parts, origin: &HeaderValue) -> bool {
    let Some((scheme, host)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |authority: &str| authority.trim_end_matches(default_port).to_ascii_lowercase();
    authority(parts).is_some_and(|own| bare(own) == bare(host))
}

/// The methods of a path for the `Allow` header.
pub(crate) fn allow_list<'a>(methods: impl Iterator<Item = &'a Method>) -> String {
    let mut names: Vec<&str> = methods.map(Method::as_str).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{check_cookie_request, check_host, check_origin, check_token_origin};
    use crate::TransportConfig;
    use http::{Request, request::Parts};

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method("POST");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn config() -> TransportConfig {
        TransportConfig {
            allowed_hosts: vec!["chat.example".into()],
            allowed_origins: vec!["https://app.example".into()],
            ..TransportConfig::default()
        }
    }

    #[test]
    fn only_literal_local_and_configured_hosts_are_served() {
        for host in ["127.0.0.1:8080", "[::1]:8080", "localhost:3000", "a.localhost", "Chat.Example:443"] {
            assert!(check_host(&parts(&[("host", host)]), &config()).is_ok(), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "chat.example.evil", "evillocalhost", ""] {
            assert!(check_host(&parts(&[("host", host)]), &config()).is_err(), "{host}");
        }
    }

    #[test]
    fn an_origin_must_be_the_same_host_or_configured() {
        let check = |origin| check_origin(&parts(&[("host", "chat.example"), ("origin", origin)]), &config());
        for origin in ["https://chat.example", "http://chat.example", "https://app.example"] {
            assert!(check(origin).is_ok(), "{origin}");
        }
        for origin in ["null", "https://chat.example.evil", "https://chat.example:8443", "http://app.example"]
        {
            assert!(check(origin).is_err(), "{origin}");
        }
        assert!(check_origin(&parts(&[("host", "chat.example")]), &config()).is_ok());
    }

    #[test]
    fn with_a_token_pages_of_this_machine_may_use_its_server() {
        let check =
            |host, origin| check_token_origin(&parts(&[("host", host), ("origin", origin)]), &config());
        for host in ["127.0.0.1:9000", "localhost:9000", "[::1]:9000"] {
            assert!(check(host, "http://localhost:8080").is_ok(), "{host}");
            assert!(check(host, "http://evil.example").is_err(), "{host}");
            assert!(check(host, "http://localhost.evil.example").is_err(), "{host}");
        }
        assert!(check("chat.example", "http://localhost:8080").is_err());
        assert!(check("10.0.0.1:9000", "http://localhost:8080").is_err());
    }

    #[test]
    fn a_cookie_request_must_prove_its_page() {
        let check = |headers: &[(&str, &str)]| check_cookie_request(&parts(headers), &config());
        assert!(check(&[("host", "chat.example")]).is_err());
        assert!(check(&[("host", "chat.example"), ("sec-fetch-site", "cross-site")]).is_err());
        assert!(check(&[("host", "chat.example"), ("sec-fetch-site", "same-origin")]).is_ok());
        assert!(check(&[("host", "chat.example"), ("origin", "https://chat.example")]).is_ok());
        assert!(check(&[("host", "chat.example"), ("origin", "https://evil.example")]).is_err());
    }
}
