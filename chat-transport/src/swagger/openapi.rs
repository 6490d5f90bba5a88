//! OpenAPI 3.1 of every route of the table.

use crate::{
    Problem,
    http::{broadcasts, classic, conversations, info, media, members, messages, receipts, uploads, users},
    sse, ws,
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, Components, ContentBuilder, Ref, ResponseBuilder, Server,
        path::Operation,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chat",
        description = "Direct messages, groups, broadcasts, media, presence and receipts. The frames of the socket are described in `events.json`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        users::list, users::me, users::update, users::load,
        conversations::list, conversations::create, conversations::load, conversations::rename, conversations::delete,
        members::list, members::add, members::set_role, members::remove,
        messages::list, messages::send, messages::changes, messages::edit, messages::delete,
        receipts::read, receipts::delivered, receipts::typing,
        broadcasts::create, broadcasts::load, broadcasts::cancel,
        media::upload, media::load, media::upload_classic, uploads::serve,
        info::config, info::ticket,
        classic::set_presence, sse::open, sse::open_with, ws::open,
        classic::profile, classic::profile_alias, classic::send, classic::conversation,
        classic::conversation_page, classic::history, classic::broadcast, classic::set_receipt,
    ),
    components(schemas(Problem)),
    modifiers(&Bearer),
)]
struct Routes;

#[cfg(feature = "accounts")]
#[derive(OpenApi)]
#[openapi(paths(
    crate::http::accounts::register,
    crate::http::accounts::login,
    crate::http::accounts::refresh,
    crate::http::accounts::logout,
    crate::http::accounts::change_password,
    crate::http::sessions::list,
    crate::http::sessions::revoke,
))]
struct AccountRoutes;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// Describes every route as OpenAPI 3.1.
#[must_use]
pub fn openapi() -> openapi::OpenApi {
    let mut document = Routes::openapi();
    #[cfg(feature = "accounts")]
    document.merge(AccountRoutes::openapi());
    // One place instead of a line on each endpoint: whatever goes wrong has the same shape.
    for item in document.paths.paths.values_mut() {
        let methods = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in methods.into_iter().flatten() {
            add_problem(operation);
            name(operation);
        }
    }
    document
}

/// Describes the routes as they are mounted.
pub(super) fn at(prefix: &str) -> openapi::OpenApi {
    let mut document = openapi();
    if !prefix.is_empty() {
        document.servers = Some(vec![Server::new(prefix)]);
    }
    document
}

fn add_problem(operation: &mut Operation) {
    let shape = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new()
        .description("A refusal; `code` is stable.")
        .content("application/problem+json", shape)
        .build();
    operation.responses.responses.insert("default".to_owned(), problem.into());
}

/// The endpoints of several resources have the same name; as an id it must be unique.
fn name(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next();
    if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{id}"));
    }
}
