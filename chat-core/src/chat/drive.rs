//! The one future that drives a chat, and its end.

use super::Chat;
use crate::{Result, realtime::meters::Meters};
use std::sync::Arc;

impl Chat {
    /// Drives the chat: commits what people do, sends large broadcasts, tells the application. Ends after [`Chat::shutdown`] once
    /// everything that was accepted is stored. Until it is polled, sends and connections are `unavailable`.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store cannot be read at the start.
    pub fn run(&self) -> impl Future<Output = Result<()>> + Send + 'static {
        let chat = self.clone();
        async move {
            let epoch = chat.inner.store.epoch().await?;
            *chat.inner.epoch.write() = Some(epoch);
            chat.inner.pipeline.open();
            let stop = &chat.inner.stop;
            let cursors = Arc::clone(&chat.inner.cursors).run(
                chat.inner.pipeline.clone(),
                Arc::clone(&chat.inner.clock),
                chat.inner.config.pacing.flush_cursors,
            );
            tokio::join!(
                crate::commit::run(chat.clone(), chat.inner.pipeline.clone(), Arc::new(Meters::new())),
                stop.run_until_cancelled(cursors),
                chat.run_broadcasts(stop.clone()),
                chat.run_after_commit(stop.clone()),
            );
            Ok(())
        }
    }

    /// Starts the end of [`Chat::run`].
    pub fn shutdown(&self) {
        self.inner.stop.cancel();
        self.inner.pipeline.close();
    }
}
