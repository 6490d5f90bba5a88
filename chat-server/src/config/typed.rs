//! The values as types. Every error names the key and who said the value.

use super::Layers;
use anyhow::{Context as _, Result, anyhow, bail};
use chat_core::config::{Directory, Limits, RateLimits, UploadLimits};
use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

/// The validated configuration.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: Database,
    pub(crate) name: String,
    pub(crate) directory: Directory,
    pub(crate) registration: Registration,
    pub(crate) web_dir: Option<PathBuf>,
    pub(crate) public_url: Option<String>,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) foreign_links: bool,
    pub(crate) drain: Duration,
    pub(crate) jwt_secret: Option<String>,
    pub(crate) previous_secrets: Vec<String>,
    pub(crate) min_password_score: u8,
    pub(crate) media_url: Option<String>,
    pub(crate) media_public_url: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) rates: RateLimits,
    pub(crate) max_connections: usize,
    pub(crate) log_level: String,
    pub(crate) log_format: LogFormat,
}

/// The database: a file of this process alone.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// Where.
    pub(crate) path: PathBuf,
    /// Whether every commit reaches the disk before it is acknowledged.
    pub(crate) synchronous_full: bool,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registration {
    /// Only an operator adds accounts.
    Closed,
    /// Whoever has a code.
    Invite,
    /// Anybody.
    Open,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// For machines.
    Json,
}

impl Config {
    /// Checks all values.
    pub(crate) fn new(layers: &Layers) -> Result<Self> {
        let read = Reader(layers);
        let data_dir: PathBuf = read.required("data_dir")?;
        let jwt_secret = read.text("auth.jwt_secret");
        if let Some(secret) = &jwt_secret
            && secret.len() < 32
        {
            bail!("auth.jwt_secret must have at least 32 bytes");
        }
        Ok(Self {
            listen: read.required("listen")?,
            database: database(&read, &data_dir)?,
            data_dir,
            name: read.required("name")?,
            directory: read.choice(
                "directory",
                &[
                    ("open", Directory::Open),
                    ("contacts", Directory::Contacts),
                    ("closed", Directory::Closed),
                ],
            )?,
            registration: read.choice(
                "registration",
                &[
                    ("open", Registration::Open),
                    ("invite", Registration::Invite),
                    ("closed", Registration::Closed),
                ],
            )?,
            web_dir: read.text("web_dir").map(PathBuf::from),
            public_url: read.text("public_url"),
            allowed_hosts: read.list("allowed_hosts"),
            allowed_origins: read.list("allowed_origins"),
            trusted_proxies: read.list("trusted_proxies"),
            foreign_links: read.required("foreign_links")?,
            drain: read.seconds("drain_seconds")?,
            jwt_secret,
            previous_secrets: read.list("auth.previous_secrets"),
            min_password_score: read.within("auth.min_password_score", 0..=4)?,
            media_url: read.text("media.url"),
            media_public_url: read.text("media.public_url"),
            limits: limits(&read)?,
            rates: rates(&read)?,
            max_connections: read.within("limits.connections", 1..=10_000_000)?,
            log_level: read.required("log.level")?,
            log_format: read.choice(
                "log.format",
                &[("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)],
            )?,
        })
    }
}

fn database(read: &Reader<'_>, data_dir: &std::path::Path) -> Result<Database> {
    let path = match read.text("database_url") {
        None => data_dir.join("chat.db"),
        Some(url) => match url.strip_prefix("sqlite:") {
            Some(path) => PathBuf::from(path.strip_prefix("//").unwrap_or(path)),
            None => bail!("database_url must start with sqlite://"),
        },
    };
    let synchronous_full = read.choice("database.synchronous", &[("full", true), ("normal", false)])?;
    Ok(Database { path, synchronous_full })
}

fn limits(read: &Reader<'_>) -> Result<Limits> {
    let mib = |path| read.within(path, 1_u64..=4_096).map(|mib| mib << 20);
    Ok(Limits {
        message_chars: read.within("limits.message_chars", 1..=65_536)?,
        group_members: read.within("limits.group_members", 2..=1_000_000)?,
        upload: UploadLimits {
            image: mib("limits.image_mib")?,
            video: mib("limits.video_mib")?,
            audio: mib("limits.audio_mib")?,
            document: mib("limits.document_mib")?,
        },
        ..Limits::default()
    })
}

fn rates(read: &Reader<'_>) -> Result<RateLimits> {
    if !read.required::<bool>("limits.enabled")? {
        return Ok(RateLimits::off());
    }
    let per_minute = |path| read.within(path, 1..=1_000_000).map(Some);
    Ok(RateLimits {
        messages: per_minute("limits.messages_per_minute")?,
        broadcasts: per_minute("limits.broadcasts_per_minute")?,
        uploads: per_minute("limits.uploads_per_minute")?,
        sign_ins: per_minute("limits.sign_ins_per_minute")?,
    })
}

/// Reads values and blames whoever said a bad one.
struct Reader<'a>(&'a Layers);

impl Reader<'_> {
    fn text(&self, path: &str) -> Option<String> {
        self.0.get(path).map(|(value, _)| value.to_owned())
    }

    fn list(&self, path: &str) -> Vec<String> {
        let text = self.text(path).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect()
    }

    fn required<T: FromStr<Err: Display>>(&self, path: &str) -> Result<T> {
        let (value, origin) = self.0.get(path).with_context(|| format!("{path} is not set"))?;
        value.parse().map_err(|error| anyhow!("{path} = `{value}` ({origin}): {error}"))
    }

    fn within<T: FromStr<Err: Display> + PartialOrd + Display>(
        &self,
        path: &str,
        range: RangeInclusive<T>,
    ) -> Result<T> {
        let value: T = self.required(path)?;
        if !range.contains(&value) {
            bail!("{path} = `{value}` must be from {} to {}", range.start(), range.end());
        }
        Ok(value)
    }

    fn seconds(&self, path: &str) -> Result<Duration> {
        self.within(path, 0..=86_400).map(Duration::from_secs)
    }

    fn choice<T: Copy>(&self, path: &str, choices: &[(&str, T)]) -> Result<T> {
        let (value, origin) = self.0.get(path).with_context(|| format!("{path} is not set"))?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == value) {
            return Ok(*choice);
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        bail!("{path} = `{value}` ({origin}) must be one of {}", names.join(", "))
    }
}
