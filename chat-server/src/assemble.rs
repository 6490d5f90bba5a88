//! From the configuration to a running chat: the only place that names concrete backends.

use crate::{
    config::{Config, Registration},
    secrets,
};
use anyhow::{Context as _, Result, anyhow};
use chat_core::{
    Chat,
    accounts::{self, Accounts, AccountsConfig, TokenKey, TokenKeys},
    clock::SystemClock,
    media::{MediaStore, OpendalMedia},
    store::Store,
};
use chat_store_sqlite::{Durability, SqliteConfig, SqliteStore};
use chat_transport::{Network, TransportConfig};
use std::{fs, path::Path, sync::Arc};

/// What a server runs.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) chat: Chat,
    pub(crate) accounts: Accounts,
}

/// Opens the backends and puts the chat together. Nothing runs yet.
pub(crate) async fn assemble(config: &Config) -> Result<Parts> {
    prepare_folder(&config.data_dir)?;
    let signing_key = secrets::signing_key(config.jwt_secret.as_deref(), &config.data_dir)?;
    let store = store(config).await?;
    let accounts = accounts(config, Arc::clone(&store), &signing_key)?;
    let media_base = config.media_public_url.clone().unwrap_or_default();
    let chat = Chat::builder_arc(store)
        .media(media(config)?)
        .authenticator(Arc::new(accounts.clone()))
        .directory(config.directory)
        .limits(config.limits.clone())
        .rate_limits(config.rates.clone())
        .media_key(secrets::derive(&signing_key, "media addresses"))
        .media_base(media_base)
        .foreign_links(config.foreign_links)
        .name(config.name.clone())
        .build()?;
    Ok(Parts { chat, accounts })
}

/// Opens only what account commands need.
pub(crate) async fn accounts_only(config: &Config) -> Result<Accounts> {
    prepare_folder(&config.data_dir)?;
    let signing_key = secrets::signing_key(config.jwt_secret.as_deref(), &config.data_dir)?;
    accounts(config, store(config).await?, &signing_key)
}

/// The settings of the HTTP side.
pub(crate) fn transport(config: &Config) -> Result<TransportConfig> {
    let mut allowed_hosts = config.allowed_hosts.clone();
    let mut transport = TransportConfig {
        allowed_origins: config.allowed_origins.clone(),
        trusted_proxies: networks(&config.trusted_proxies)?,
        ..TransportConfig::default()
    };
    if let Some(url) = &config.public_url {
        let (scheme, rest) =
            url.split_once("://").context("public_url must start with http:// or https://")?;
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        allowed_hosts.push(host.to_owned());
        transport.allowed_origins.push(format!("{scheme}://{authority}"));
        transport.secure_cookies = Some(scheme == "https");
    }
    transport.allowed_hosts = allowed_hosts;
    Ok(transport)
}

fn networks(texts: &[String]) -> Result<Vec<Network>> {
    let parse = |text: &String| text.parse().map_err(|error| anyhow!("trusted_proxies: `{text}`: {error}"));
    texts.iter().map(parse).collect()
}

/// Makes the data folder, for the owner alone: it holds secrets and people's messages.
fn prepare_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot create the data folder {}", folder.display()))
}

async fn store(config: &Config) -> Result<Arc<dyn Store>> {
    let durability = if config.database.synchronous_full { Durability::Full } else { Durability::Normal };
    let url = format!("sqlite://{}", config.database.path.display());
    let store = SqliteStore::connect_with(SqliteConfig::new(url).durability(durability)).await?;
    store.migrate().await?;
    Ok(Arc::new(store))
}

fn accounts(config: &Config, store: Arc<dyn Store>, signing_key: &str) -> Result<Accounts> {
    let mut keys = TokenKeys::new(TokenKey::new(signing_key.as_bytes())?);
    for secret in &config.previous_secrets {
        keys = keys.with_previous(TokenKey::new(secret.as_bytes())?);
    }
    let registration = match config.registration {
        Registration::Closed => accounts::Registration::Closed,
        Registration::Invite => accounts::Registration::Invite,
        Registration::Open => accounts::Registration::Open,
    };
    let settings = AccountsConfig {
        min_password_score: config.min_password_score,
        registration,
        ..AccountsConfig::new(keys)
    };
    Ok(Accounts::new(store, Arc::new(SystemClock), settings)?)
}

fn media(config: &Config) -> Result<Arc<dyn MediaStore>> {
    let media = match &config.media_url {
        Some(url) if url.starts_with("s3://") => OpendalMedia::open(url)?,
        Some(folder) => OpendalMedia::folder(Path::new(folder.trim_start_matches("file://")))?,
        None => OpendalMedia::folder(&config.data_dir.join("media"))?,
    };
    Ok(Arc::new(media))
}
