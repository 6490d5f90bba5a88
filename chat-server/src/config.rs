//! The configuration: defaults, then `chat.toml`, then the environment, then flags; validated once into types.
//!
//! Nothing else reads the environment. Every key stands in one table ([`settings`]) with its default and its help, from which
//! the file's check, the environment's names, the flags, `chat-server config` and the manual are made.

mod layers;
mod settings;
mod typed;

pub(crate) use layers::Layers;
pub(crate) use settings::{SETTINGS, Setting, Shown};
pub(crate) use typed::{Config, LogFormat, Registration};
