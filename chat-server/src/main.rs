//! The reference chat server: reads its configuration, assembles the library's parts and runs them.
#![forbid(unsafe_code)]

mod assemble;
mod cli;
mod config;
mod health;
mod logging;
mod ops;
mod secrets;
mod serve;
mod site;
mod web;

use cli::Request;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let (request, layers) = cli::parse()?;
    if let Request::Config = request {
        config::Config::new(&layers)?;
        return Ok(ops::config::print(&layers, &mut std::io::stdout().lock())?);
    }
    let config = config::Config::new(&layers)?;
    logging::install(&config)?;
    for name in &layers.unknown_variables {
        tracing::warn!(variable = %name, "unknown configuration variable is ignored");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match request {
            Request::Config => Ok(()),
            Request::Serve => serve::run(config).await,
            Request::Token(request) => ops::token::run(&config, request).await,
            Request::User(request) => ops::user::run(&config, request).await,
        }
    })
}
