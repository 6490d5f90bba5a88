//! What an operator or embedder may decide about HTTP. Knows nothing about chats.

use crate::address::Network;
use std::time::Duration;

/// Settings of the transport; everything has a default that suits one node without a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportConfig {
    /// The path under which the service is mounted, such as `/chat`; it is taken off where the host has not done so.
    /// Default: none.
    pub prefix: String,
    /// Host names that are served besides IP literals and `localhost`, without port; `*` allows every name. Default: none.
    ///
    /// A name that is not listed is refused, so that a foreign page cannot reach a private server by rebinding its own name.
    pub allowed_hosts: Vec<String>,
    /// Foreign origins whose pages may use the API and the socket, as `https://app.example`. Default: none.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Default: none.
    pub trusted_proxies: Vec<Network>,
    /// Whether cookies carry `Secure`; `None` decides by the request's scheme. Default: `None`.
    pub secure_cookies: Option<bool>,
    /// A body must have arrived, and an upload must go on, within this. Default 30 s.
    pub body_timeout: Duration,
    /// How many people the unpaged list of users shows. Default 1,000.
    pub people_shown: usize,
    /// A request with a JSON answer is given up after this. Default 30 s.
    pub request_timeout: Duration,
    /// A client whose socket is being closed may take so long to read the last frames and to answer. Default 10 s.
    pub close_timeout: Duration,
    /// Serve the API's description and its viewer under `/swagger/`. Default: yes.
    pub swagger: bool,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            secure_cookies: None,
            body_timeout: Duration::from_secs(30),
            people_shown: 1_000,
            request_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(10),
            swagger: true,
        }
    }
}
