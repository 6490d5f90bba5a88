//! `chat-server user …` and `invite`: accounts without HTTP.

use crate::{assemble, cli::UserRequest, config::Config};
use anyhow::{Context as _, Result, bail};
use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

/// Carries a request out and says so on standard output.
pub(crate) async fn run(config: &Config, request: UserRequest) -> Result<()> {
    let accounts = assemble::accounts_only(config).await?;
    match request {
        UserRequest::Add { username, password } => {
            let user = accounts.add_user(&username, password_or_ask(password)?).await?;
            println!("added {} with id {}", user.handle(), user.id);
        }
        UserRequest::GrantAdmin { username } => {
            let user = accounts.grant_admin(&username).await?;
            println!("{} is an administrator", user.handle());
        }
        UserRequest::Invite { hours } => {
            println!("{}", accounts.invite(Duration::from_secs(u64::from(hours) * 3_600))?);
        }
        UserRequest::ResetPassword { username, password } => {
            accounts.reset_password(&username, password_or_ask(password)?).await?;
            println!("{username} has another password, and every session has ended");
        }
    }
    Ok(())
}

/// Reads the password from standard input, so that it need not stand in the shell's history.
fn password_or_ask(given: Option<String>) -> Result<String> {
    if let Some(password) = given {
        return Ok(password);
    }
    if io::stdin().is_terminal() {
        eprint!("password: ");
        io::stderr().flush()?;
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("cannot read the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password: give --password, or write it to standard input");
    }
    Ok(password.to_owned())
}
