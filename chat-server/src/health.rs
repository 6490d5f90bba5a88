//! Whether this process is alive, and whether it can do its work.

use chat_core::{Chat, Result};
use serde::Serialize;
use std::{collections::BTreeMap, future::Future, time::Duration};
use tokio::time::timeout;

/// A probe answers within three seconds, so that an orchestrator's own time-out never decides.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The answer of `/health/ready`.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    /// Whether everything that is needed works.
    pub(crate) ready: bool,
    /// Per part: `ok`, or why not.
    pub(crate) checks: BTreeMap<&'static str, String>,
}

/// Asks store, media and bus, all at once.
pub(crate) async fn readiness(chat: &Chat) -> Readiness {
    let store = check(async { chat.store().ping().await });
    let media = check(async {
        match chat.media_store() {
            Some(media) => media.ping().await,
            None => Ok(()),
        }
    });
    let bus = check(async { chat.bus().ping().await });
    let (store, media, bus) = tokio::join!(store, media, bus);
    let checks = BTreeMap::from([("store", store), ("media", media), ("bus", bus)]);
    Readiness { ready: checks.values().all(|state| state == "ok"), checks }
}

async fn check(probe: impl Future<Output = Result<()>>) -> String {
    match timeout(PATIENCE, probe).await {
        Ok(Ok(())) => "ok".to_owned(),
        Ok(Err(error)) => error.message().to_owned(),
        Err(_) => format!("no answer within {} ms", PATIENCE.as_millis()),
    }
}
