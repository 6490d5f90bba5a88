//! `chat-server token`: a token for scripts and bots.

use crate::{assemble, cli::TokenRequest, config::Config};
use anyhow::Result;
use std::time::Duration;

/// Prints a token that belongs to no session: it is good to its end.
pub(crate) async fn run(config: &Config, request: TokenRequest) -> Result<()> {
    let accounts = assemble::accounts_only(config).await?;
    let life = Duration::from_secs(u64::from(request.hours) * 3_600);
    println!("{}", accounts.mint_token(&request.username, life).await?.token);
    Ok(())
}
