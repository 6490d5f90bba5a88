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

#[cfg(test)]
mod tests {
    use super::readiness;
    use async_trait::async_trait;
    use chat_core::{
        Chat, Result,
        media::{ByteStream, MediaStore},
        store::memory::MemoryStore,
    };
    use std::{future::pending, ops::Range, sync::Arc, time::Duration};

    /// A media store whose backend has gone silent.
    #[derive(Debug)]
    struct Silent;

    #[async_trait]
    impl MediaStore for Silent {
        async fn put(&self, _: &str, _: ByteStream) -> Result<u64> {
            pending().await
        }
        async fn get(&self, _: &str, _: Option<Range<u64>>) -> Result<ByteStream> {
            pending().await
        }
        async fn delete(&self, _: &[String]) -> Result<()> {
            pending().await
        }
        async fn presign(&self, _: &str, _: &str, _: Duration) -> Result<Option<String>> {
            pending().await
        }
        async fn sweep(&self, _: Duration) -> Result<()> {
            pending().await
        }
        async fn ping(&self) -> Result<()> {
            pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_hangs_is_named_within_three_seconds() {
        let chat = Chat::builder(MemoryStore::new()).media(Arc::new(Silent)).build().unwrap();
        let started = tokio::time::Instant::now();
        let found = readiness(&chat).await;
        assert!(started.elapsed() < Duration::from_secs(3));
        assert!(!found.ready);
        assert_eq!(found.checks["media"], "no answer within 2500 ms");
        assert_eq!(found.checks["store"], "ok");
    }
}
