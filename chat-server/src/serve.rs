//! `chat-server serve`: listens, runs the chat, and drains when told to stop.

use crate::{
    assemble::{self, Parts},
    config::Config,
    site::Site,
    web::Web,
};
use anyhow::{Context as _, Result};
use chat_transport::{ChatService, Server};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::interval,
};
use tokio_util::sync::CancellationToken;

/// Buckets of latency histograms in seconds: 0.1 ms to 10 s.
const BUCKETS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(config: Config) -> Result<()> {
    let metrics = install_metrics()?;
    // The port comes first: a second server on the same data must fail before it touches the database.
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let parts = assemble::assemble(&config).await?;
    let site = Site { chat: parts.chat.clone(), web: web(&config), metrics: metrics.clone() };
    let service = ChatService::new(parts.chat.clone())
        .with_config(assemble::transport(&config)?)
        .with_accounts(parts.accounts.clone())
        .with_fallback(Arc::new(site));
    let address = listener.local_addr()?;
    let server =
        Server::new(service).with_connection_limit(config.max_connections).with_drain_timeout(config.drain);
    tracing::info!(%address, data_dir = %config.data_dir.display(), "serving on http://{address}");
    drive(parts, server, listener, metrics).await
}

async fn drive(parts: Parts, server: Server, listener: TcpListener, metrics: PrometheusHandle) -> Result<()> {
    let Parts { chat, .. } = parts;
    let stop = CancellationToken::new();
    let mut engine = tokio::spawn(chat.run());
    let mut serving = tokio::spawn(server.serve(listener, stop.clone()));
    let upkeep = async {
        let mut tick = interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            metrics.run_upkeep();
        }
    };
    tokio::select! {
        name = stop_signal() => tracing::info!(signal = name?, "draining"),
        ended = &mut engine => return ended?.context("the chat engine stopped"),
        ended = &mut serving => return ended?.context("the listener broke"),
        () = upkeep => {}
    }
    stop.cancel();
    chat.shutdown();
    serving.await??;
    engine.await??;
    tracing::info!("stopped");
    Ok(())
}

async fn stop_signal() -> Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

fn install_metrics() -> Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .install_recorder()
        .context("cannot install the metrics recorder")
}

fn web(config: &Config) -> Web {
    match &config.web_dir {
        Some(folder) => Web::Folder(folder.clone()),
        None => Web::embedded(config.media_public_url.as_deref()),
    }
}
