//! The open sockets. Hyper forgets a connection once it is upgraded, so they are counted and ended here.

use std::time::Duration;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Owns the tasks of open sockets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets {
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl Sockets {
    /// Runs a socket's task until it ends or the drain's time is over.
    pub(crate) fn spawn(&self, socket: impl Future<Output = ()> + Send + 'static) {
        // Boxed first: an async block that only takes a future in and awaits it is twice as large.
        let socket = Box::pin(socket);
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = socket => {}
                () = cut.cancelled() => {}
            }
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Waits for the sockets to close and cuts those that do not within `limit`.
    pub(crate) async fn drain(&self, limit: Duration) {
        self.tasks.close();
        if tokio::time::timeout(limit, self.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.tasks.len(), "sockets were still open at the end of the drain");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}
