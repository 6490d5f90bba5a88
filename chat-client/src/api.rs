//! The HTTP routes that clients, bots and tools use.

use crate::Error;
use chat_core::{
    model::{BroadcastId, ConversationId, MediaId, MessageId, Seq, UserId},
    protocol::{AttachmentView, BroadcastView, ConversationView, MessageView, UserView},
};
use reqwest::{Method, RequestBuilder, Response};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::Duration;

/// Calls one server.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    http: reqwest::Client,
}

/// A signed-in session.
#[derive(Debug, Clone, Deserialize)]
pub struct SignedIn {
    /// The bearer token.
    pub token: String,
    /// What a fresh token is got with.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// Whose session it is.
    pub user: Person,
}

/// The part of a user that every sign-in answers.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    /// The user's id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: String,
}

impl SignedIn {
    /// Describes a session whose token came from elsewhere, for example from a host.
    #[must_use]
    pub fn from_token(id: UserId, username: impl Into<String>, token: impl Into<String>) -> Self {
        Self { token: token.into(), refresh_token: None, user: Person { id, username: username.into() } }
    }
}

/// A page of messages in rising `seq`.
#[derive(Debug, Clone, Deserialize)]
pub struct Page {
    /// The messages.
    pub messages: Vec<MessageView>,
    /// Whether older ones exist.
    pub has_more_before: bool,
    /// Whether newer ones exist.
    pub has_more_after: bool,
}

impl Api {
    /// Prepares calls to a server, for example `http://127.0.0.1:8080`. Calls give up after 30 s.
    ///
    /// # Errors
    /// [`Error::Address`] for anything but an http or https address.
    pub fn new(base: &str) -> Result<Self, Error> {
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Error::Address(base.to_owned()));
        }
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http })
    }

    /// Returns the address of the socket.
    #[must_use]
    pub fn socket_address(&self) -> String {
        format!("ws{}/ws", self.base.trim_start_matches("http"))
    }

    /// Creates an account and signs in.
    ///
    /// # Errors
    /// [`Error::Refused`] with `conflict` for a taken name, `invalid` for a weak password.
    pub async fn register(&self, username: &str, password: &str) -> Result<SignedIn, Error> {
        self.sign_in("register", username, password).await
    }

    /// Signs in.
    ///
    /// # Errors
    /// [`Error::Refused`] with `unauthenticated` when name and password do not match.
    pub async fn login(&self, username: &str, password: &str) -> Result<SignedIn, Error> {
        self.sign_in("login", username, password).await
    }

    async fn sign_in(&self, route: &str, username: &str, password: &str) -> Result<SignedIn, Error> {
        let body = json!({ "username": username, "password": password });
        answer(self.http.post(format!("{}/api/auth/{route}", self.base)).json(&body)).await
    }

    /// Gets a fresh token.
    ///
    /// # Errors
    /// [`Error::Refused`] with `unauthenticated` when the session has ended.
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn, Error> {
        let body = json!({ "refresh_token": refresh_token });
        answer(self.http.post(format!("{}/api/auth/refresh", self.base)).json(&body)).await
    }

    /// Lists the people that the directory shows, without oneself.
    ///
    /// # Errors
    /// Those of every call: [`Error::Refused`] or [`Error::Transport`].
    pub async fn users(&self, token: &str) -> Result<Vec<UserView>, Error> {
        answer(self.call(Method::GET, token, "/api/users")).await
    }

    /// Opens the direct conversation with somebody.
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` for somebody who may not be written to.
    pub async fn open_direct(&self, token: &str, peer: UserId) -> Result<ConversationView, Error> {
        let body = json!({ "kind": "direct", "user_id": peer });
        answer(self.call(Method::POST, token, "/api/conversations").json(&body)).await
    }

    /// Creates a group.
    ///
    /// # Errors
    /// [`Error::Refused`] with `invalid` for a bad title, `not_found` for an unknown member.
    pub async fn create_group(
        &self,
        token: &str,
        title: &str,
        members: &[UserId],
    ) -> Result<ConversationView, Error> {
        let body = json!({ "kind": "group", "title": title, "member_ids": members });
        answer(self.call(Method::POST, token, "/api/conversations").json(&body)).await
    }

    /// Lists one's conversations, newest activity first: a page and where the next one starts.
    ///
    /// # Errors
    /// Those of every call.
    pub async fn conversations(
        &self,
        token: &str,
        cursor: Option<&str>,
    ) -> Result<(Vec<ConversationView>, Option<String>), Error> {
        #[derive(Deserialize)]
        struct Listing {
            conversations: Vec<ConversationView>,
            #[serde(default)]
            next_cursor: Option<String>,
        }
        let mut call = self.call(Method::GET, token, "/api/conversations").query(&[("limit", "200")]);
        if let Some(cursor) = cursor {
            call = call.query(&[("cursor", cursor)]);
        }
        let listing: Listing = answer(call).await?;
        Ok((listing.conversations, listing.next_cursor))
    }

    /// Reads messages after a place, in rising `seq`.
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` outside one's conversations.
    pub async fn messages_after(&self, token: &str, id: ConversationId, after: Seq) -> Result<Page, Error> {
        let path = format!("/api/conversations/{id}/messages");
        let query = [("after_seq", after.get().to_string()), ("limit", "200".to_owned())];
        answer(self.call(Method::GET, token, &path).query(&query)).await
    }

    /// Adds people to a group.
    ///
    /// # Errors
    /// [`Error::Refused`] with `forbidden` without the right.
    pub async fn add_members(&self, token: &str, id: ConversationId, users: &[UserId]) -> Result<(), Error> {
        let call = self.call(Method::POST, token, &format!("/api/conversations/{id}/members"));
        succeed(call.json(&json!({ "user_ids": users }))).await
    }

    /// Removes somebody from a group, or leaves it.
    ///
    /// # Errors
    /// [`Error::Refused`] with `forbidden` without the right.
    pub async fn remove_member(&self, token: &str, id: ConversationId, user: UserId) -> Result<(), Error> {
        succeed(self.call(Method::DELETE, token, &format!("/api/conversations/{id}/members/{user}"))).await
    }

    /// Replaces the text of one's message.
    ///
    /// # Errors
    /// [`Error::Refused`] with `forbidden` for another's message, `conflict` for a deleted one.
    pub async fn edit(&self, token: &str, id: MessageId, text: &str) -> Result<MessageView, Error> {
        let call = self.call(Method::PATCH, token, &format!("/api/messages/{id}"));
        answer(call.json(&json!({ "message": text }))).await
    }

    /// Deletes a message for all.
    ///
    /// # Errors
    /// [`Error::Refused`] with `forbidden` without the right.
    pub async fn delete(&self, token: &str, id: MessageId) -> Result<MessageView, Error> {
        answer(self.call(Method::DELETE, token, &format!("/api/messages/{id}"))).await
    }

    /// Uploads a file; `key` makes a retry get the first result.
    ///
    /// # Errors
    /// [`Error::Refused`] with `unsupported_media` or `too_large`.
    pub async fn upload(
        &self,
        token: &str,
        name: &str,
        bytes: Vec<u8>,
        key: &str,
    ) -> Result<AttachmentView, Error> {
        let part = reqwest::multipart::Part::bytes(bytes).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", part);
        let call = self.call(Method::POST, token, "/api/media").header("Idempotency-Key", key);
        answer(call.multipart(form)).await
    }

    /// Returns the facts and a fresh address of a file.
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` for a file that one may not see.
    pub async fn media(&self, token: &str, id: MediaId) -> Result<AttachmentView, Error> {
        answer(self.call(Method::GET, token, &format!("/api/media/{id}"))).await
    }

    /// Tells how far a broadcast of one's own is.
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` for another's.
    pub async fn broadcast(&self, token: &str, id: BroadcastId) -> Result<BroadcastView, Error> {
        #[derive(Deserialize)]
        struct Answer {
            broadcast: BroadcastView,
        }
        let found: Answer = answer(self.call(Method::GET, token, &format!("/api/broadcasts/{id}"))).await?;
        Ok(found.broadcast)
    }

    fn call(&self, method: Method, token: &str, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(token)
    }
}

async fn answer<T: DeserializeOwned>(call: RequestBuilder) -> Result<T, Error> {
    let response = accepted(call).await?;
    let text = response.text().await?;
    serde_json::from_str(&text).map_err(|error| Error::Protocol(error.to_string()))
}

async fn succeed(call: RequestBuilder) -> Result<(), Error> {
    accepted(call).await.map(drop)
}

async fn accepted(call: RequestBuilder) -> Result<Response, Error> {
    let response = call.send().await?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem: Value = serde_json::from_str(&response.text().await?).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().map(ToOwned::to_owned);
    Err(Error::Refused {
        code: text("code").unwrap_or_else(|| status.as_u16().to_string()),
        message: text("detail").unwrap_or_else(|| status.to_string()),
        retry_after: problem["retry_after_ms"].as_u64().map(Duration::from_millis),
    })
}
