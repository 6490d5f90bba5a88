//! An axum application with users and sign-in of its own mounts the chat under `/chat`.
//!
//! Run it and open <http://127.0.0.1:3000>: `curl -c jar -d name=maya http://127.0.0.1:3000/login`, then
//! `curl -b jar http://127.0.0.1:3000/chat/api/users/me`.
//! The port is the first argument; 3000 without one.
#![forbid(unsafe_code)]

mod site;

use axum::{Router, middleware};
use chat_core::{Chat, config::Directory};
use chat_store_sqlite::SqliteStore;
use chat_transport::{ChatService, TransportConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The whole of embedding: a store, a chat, its engine, and the service under a path.
    let store = SqliteStore::connect("sqlite://embed-axum.db").await?;
    store.migrate().await?;
    let chat = Chat::builder(store).directory(Directory::Open).build()?;
    tokio::spawn(chat.run());
    let config = TransportConfig { prefix: "/chat".to_owned(), ..TransportConfig::default() };
    let service = ChatService::new(chat).with_config(config);

    // `site` is the application that was there before: `identify` tells the chat who asks, from the host's own session.
    let app = Router::new()
        .nest_service("/chat", service)
        .layer(middleware::from_fn(site::identify))
        .merge(site::pages());

    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
