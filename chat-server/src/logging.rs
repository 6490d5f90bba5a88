//! Log lines: for people on a terminal, as JSON otherwise. Contents, tokens and passwords are never logged.

use crate::config::{Config, LogFormat};
use anyhow::{Context as _, Result};
use std::io::{IsTerminal as _, stderr};
use tracing_subscriber::{EnvFilter, fmt};

/// Installs the process's subscriber; lines go to standard error, so that commands can print to standard output.
pub(crate) fn install(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log_level)
        .with_context(|| format!("log.level = `{}` is not a level or directive", config.log_level))?;
    let human = match config.log_format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = fmt().with_env_filter(filter).with_writer(stderr);
    if human {
        lines.with_target(false).init();
    } else {
        lines.json().flatten_event(true).init();
    }
    Ok(())
}
