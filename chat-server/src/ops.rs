//! The commands besides `serve`: each in a file of its own, none of them reachable over HTTP.

pub(crate) mod config;
pub(crate) mod token;
pub(crate) mod user;
