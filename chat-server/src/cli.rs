//! The command line: one flag for each key of the configuration, and the commands.

use crate::config::{Layers, SETTINGS};
use anyhow::Result;
use clap::{Arg, ArgMatches, Command};
use std::path::PathBuf;

/// What the operator asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Print the configuration in force.
    Config,
    /// Run the server.
    Serve,
    /// Mint a token for a user.
    Token(TokenRequest),
    /// Change accounts.
    User(UserRequest),
}

/// Arguments of `token`.
#[derive(Debug)]
pub(crate) struct TokenRequest {
    /// For whom.
    pub(crate) username: String,
    /// For how long.
    pub(crate) hours: u32,
}

/// Arguments of `user`.
#[derive(Debug)]
pub(crate) enum UserRequest {
    /// Create an account.
    Add { username: String, password: Option<String> },
    /// Make somebody an administrator.
    GrantAdmin { username: String },
    /// Print an invitation.
    Invite { hours: u32 },
    /// Set another password and end all sessions.
    ResetPassword { username: String, password: Option<String> },
}

/// Reads the command line of this process and the layers of configuration below it.
pub(crate) fn parse() -> Result<(Request, Layers)> {
    let matches = command().get_matches();
    let layers = layers(&matches)?;
    Ok((request(&matches), layers))
}

fn command() -> Command {
    let flags = SETTINGS.iter().map(|setting| {
        let help = setting.default.map_or_else(
            || setting.help.to_owned(),
            |default| format!("{} [default: {default}]", setting.help),
        );
        Arg::new(setting.path)
            .long(setting.flag())
            .value_name("VALUE")
            .help(format!("{help} [env: {}]", setting.variable()))
            .hide_short_help(setting.path.contains('.'))
            .global(true)
    });
    let file = Arg::new("config-file")
        .long("config-file")
        .value_name("PATH")
        .env("CHAT_CONFIG")
        .help("configuration file [default: chat.toml, if it is there]")
        .global(true);
    Command::new("chat-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A chat server in one binary, with a web UI and an embedded database")
        .after_help(
            "Every flag is also a key of chat.toml and an environment variable; --help lists all of them.",
        )
        .args(flags)
        .arg(file)
        .subcommand(Command::new("serve").about("Run the server (the default)"))
        .subcommand(
            Command::new("config").about("Print the configuration in force and where each value comes from"),
        )
        .subcommand(user_command())
        .subcommand(token_command())
}

fn user_command() -> Command {
    let username = || Arg::new("username").required(true);
    let password = || Arg::new("password").long("password").help("read from standard input when absent");
    Command::new("user")
        .about("Change accounts, without HTTP")
        .subcommand_required(true)
        .subcommand(Command::new("add").about("Create an account").arg(username()).arg(password()))
        .subcommand(
            Command::new("reset-password")
                .about("Set a password and end all sessions")
                .arg(username())
                .arg(password()),
        )
        .subcommand(
            Command::new("invite")
                .about("Print an invitation for `registration = \"invite\"`")
                .arg(hours("168")),
        )
        .subcommand(Command::new("grant-admin").about("Make somebody an administrator").arg(username()))
}

fn token_command() -> Command {
    Command::new("token")
        .about("Mint a token for a user, for scripts and bots")
        .arg(Arg::new("username").required(true))
        .arg(hours("24"))
}

fn hours(default: &'static str) -> Arg {
    Arg::new("hours")
        .long("hours")
        .default_value(default)
        .value_parser(clap::value_parser!(u32).range(1..=8_760))
}

fn layers(matches: &ArgMatches) -> Result<Layers> {
    let asked: Option<&String> = matches.get_one("config-file");
    let path = asked.map_or_else(|| PathBuf::from("chat.toml"), PathBuf::from);
    // A variable that is not UTF-8 cannot be a key of ours.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let layers = Layers::defaults().with_file(&path, asked.is_some())?.with_variables(variables);
    Ok(SETTINGS.iter().fold(layers, |layers, setting| match matches.get_one::<String>(setting.path) {
        Some(value) => layers.with_flag(setting, value.clone()),
        None => layers,
    }))
}

fn request(matches: &ArgMatches) -> Request {
    let text = |matches: &ArgMatches, name| matches.get_one::<String>(name).cloned();
    let required = |matches: &ArgMatches, name| text(matches, name).expect("clap requires it");
    match matches.subcommand() {
        Some(("config", _)) => Request::Config,
        Some(("token", matches)) => Request::Token(TokenRequest {
            username: required(matches, "username"),
            hours: *matches.get_one("hours").expect("it has a default"),
        }),
        Some(("user", matches)) => Request::User(match matches.subcommand() {
            Some(("add", matches)) => UserRequest::Add {
                username: required(matches, "username"),
                password: text(matches, "password"),
            },
            Some(("reset-password", matches)) => UserRequest::ResetPassword {
                username: required(matches, "username"),
                password: text(matches, "password"),
            },
            Some(("invite", matches)) => {
                UserRequest::Invite { hours: *matches.get_one("hours").expect("it has a default") }
            }
            Some((_, matches)) => UserRequest::GrantAdmin { username: required(matches, "username") },
            None => unreachable!("clap requires a subcommand of user"),
        }),
        _ => Request::Serve,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }
}
