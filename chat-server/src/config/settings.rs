//! The table of all keys.

/// One key of the configuration.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The path in `chat.toml`, with dots between tables.
    pub(crate) path: &'static str,
    /// The value when nobody says otherwise, as it would be written; [`None`] when unset or computed.
    pub(crate) default: Option<&'static str>,
    /// What `chat-server config` may show of it.
    pub(crate) shown: Shown,
    /// One line for the manual.
    pub(crate) help: &'static str,
}

/// Whether a value may be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// In full.
    Plainly,
    /// Only that it is set.
    Never,
    /// Without user name and password of the address.
    WithoutPassword,
}

impl Setting {
    /// Returns the name of the environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("CHAT_{}", self.path.replace('.', "__").to_uppercase())
    }

    /// Returns the name of the flag, without dashes in front.
    pub(crate) fn flag(&self) -> String {
        self.path.replace(['.', '_'], "-")
    }
}

const fn key(path: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { path, default, shown: Shown::Plainly, help }
}

const fn secret(path: &'static str, help: &'static str) -> Setting {
    Setting { path, default: None, shown: Shown::Never, help }
}

const fn address(path: &'static str, help: &'static str) -> Setting {
    Setting { path, default: None, shown: Shown::WithoutPassword, help }
}

/// Every key, in the order of the manual.
pub(crate) const SETTINGS: &[Setting] = &[
    key("listen", Some("127.0.0.1:8080"), "address and port to serve on"),
    key("data_dir", Some("./chat-data"), "folder for the database, uploads and generated secrets"),
    address("database_url", "sqlite://<data_dir>/chat.db unless set"),
    key("name", Some("Chat"), "what the web UI calls the service"),
    key("directory", Some("open"), "who may find and write to whom: open, contacts, closed"),
    key("registration", Some("open"), "who may register: open, invite, closed"),
    key("web_dir", None, "serve this folder in place of the built-in web UI"),
    key("public_url", None, "the address that people use, when a proxy stands in front"),
    key("allowed_hosts", None, "host names besides IP literals and localhost, separated by commas"),
    key("allowed_origins", None, "foreign origins whose pages may use the API, separated by commas"),
    key(
        "trusted_proxies",
        None,
        "addresses or networks whose X-Forwarded-For is believed, separated by commas",
    ),
    key("foreign_links", Some("false"), "accept any http(s) address as media_url"),
    key("drain_seconds", Some("10"), "how long a stopping server waits for its connections"),
    secret(
        "auth.jwt_secret",
        "key that signs tokens, at least 32 bytes; generated into the data folder unless set",
    ),
    secret("auth.previous_secrets", "older keys whose tokens are still good, separated by commas"),
    key("auth.min_password_score", Some("2"), "how hard a password must be to guess, 0 to 4"),
    key(
        "database.synchronous",
        Some("full"),
        "SQLite: full, or normal (may lose the last messages on power loss)",
    ),
    address("media.url", "a folder in the data folder unless set; or s3://bucket/prefix?region=…&endpoint=…"),
    key("media.public_url", None, "address of a CDN in front of uploads"),
    key(
        "limits.enabled",
        Some("true"),
        "false switches off every rate limit, never a size limit or the lock-out",
    ),
    key("limits.messages_per_minute", Some("120"), "messages of one person"),
    key("limits.broadcasts_per_minute", Some("3"), "broadcasts of one person"),
    key("limits.uploads_per_minute", Some("30"), "uploads of one person"),
    key("limits.sign_ins_per_minute", Some("10"), "attempts to sign in or register from one address"),
    key("limits.message_chars", Some("16384"), "characters of a message"),
    key("limits.group_members", Some("1000"), "members of a group"),
    key("limits.image_mib", Some("10"), "MiB of a picture"),
    key("limits.video_mib", Some("50"), "MiB of a video"),
    key("limits.audio_mib", Some("50"), "MiB of a sound"),
    key("limits.document_mib", Some("20"), "MiB of a document"),
    key("limits.connections", Some("50000"), "open connections of this process"),
    key("log.level", Some("info"), "error, warn, info, debug, trace, or directives such as chat_core=debug"),
    key("log.format", Some("auto"), "human, json, or auto: human on a terminal"),
];

/// Finds a key by its path.
pub(crate) fn find(path: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.path == path)
}

/// Returns the known path that looks most like this one.
pub(crate) fn nearest(path: &str) -> Option<&'static str> {
    let likeness = |setting: &&Setting| (strsim::jaro_winkler(setting.path, path) * 1_000.0) as u32;
    SETTINGS.iter().max_by_key(likeness).filter(|setting| likeness(setting) > 700).map(|setting| setting.path)
}

#[cfg(test)]
mod tests {
    use super::SETTINGS;

    #[test]
    fn the_manual_lists_every_key_and_no_other() {
        let manual = include_str!("../../../docs/configuration.md");
        let rows: Vec<_> = manual.lines().filter(|line| line.starts_with("| `")).collect();
        let expected = SETTINGS.iter().map(|setting| {
            let default = setting.default.map_or_else(|| "–".to_owned(), |default| format!("`{default}`"));
            format!("| `{}` | `{}` | {default} | {} |", setting.path, setting.variable(), setting.help)
        });
        assert_eq!(rows, expected.collect::<Vec<_>>());
    }
}
