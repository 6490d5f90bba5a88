//! The API's own description: OpenAPI of the routes, AsyncAPI of the frames, both made from the types, and a viewer that works offline.
//!
//! The viewer is swagger-ui-dist 5.35.0 (Apache-2.0; its licence texts lie beside the files), packed with gzip.

mod asyncapi;
mod openapi;

pub use asyncapi::asyncapi;
pub use openapi::openapi;

use crate::{extract::Call, respond, respond::Response};
use chat_core::{Error, Result};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The viewer runs no inline script and sets no inline style; it draws small pictures from `data:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Leads to the directory, so that the page's relative addresses work.
pub(crate) async fn redirect(call: Call) -> Result<Response> {
    check_enabled(&call)?;
    let mut response = respond::empty(StatusCode::PERMANENT_REDIRECT);
    let to = format!("{}/swagger/", call.config().prefix);
    let to = HeaderValue::from_str(&to).map_err(|_| Error::internal("the mount prefix is no path"))?;
    response.headers_mut().insert(header::LOCATION, to);
    Ok(response)
}

/// Shows the viewer.
pub(crate) async fn page(call: Call) -> Result<Response> {
    check_enabled(&call)?;
    Ok(index())
}

/// Serves a file of the viewer, or a description.
pub(crate) async fn file(call: Call) -> Result<Response> {
    check_enabled(&call)?;
    let response = match call.segment("file") {
        "index.html" => index(),
        "doc.json" => respond::ok(&openapi::at(&call.config().prefix)),
        "events.json" => respond::ok(&asyncapi()),
        "start.js" => asset("text/javascript; charset=utf-8", include_bytes!("swagger/start.js")),
        "swagger-ui-bundle.js" => {
            packed(asset("text/javascript; charset=utf-8", include_bytes!("swagger/swagger-ui-bundle.js.gz")))
        }
        "swagger-ui.css" => {
            packed(asset("text/css; charset=utf-8", include_bytes!("swagger/swagger-ui.css.gz")))
        }
        _ => return Err(Error::not_found("there is nothing at this path")),
    };
    Ok(response)
}

fn check_enabled(call: &Call) -> Result<()> {
    if call.config().swagger { Ok(()) } else { Err(Error::not_found("there is nothing at this path")) }
}

fn index() -> Response {
    let mut response = asset("text/html; charset=utf-8", include_bytes!("swagger/index.html"));
    set(response.headers_mut(), header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

fn asset(mime: &'static str, content: &'static [u8]) -> Response {
    let mut response = respond::bytes(mime, content);
    set(response.headers_mut(), header::CACHE_CONTROL, "public, max-age=3600");
    response
}

fn packed(mut response: Response) -> Response {
    set(response.headers_mut(), header::CONTENT_ENCODING, "gzip");
    response
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
