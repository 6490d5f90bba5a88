//! Tasks of the realtime engine: everything that is spawned for a connection hangs here, and ends with the run of its chat.

use parking_lot::Mutex;
use std::future::Future;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tasks of one run.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    tracker: TaskTracker,
    stop: Mutex<CancellationToken>,
}

impl Jobs {
    /// Runs a future beside everything else until it ends or the jobs are [stopped](Self::stop).
    pub(crate) fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.lock().clone();
        self.tracker.spawn(async move {
            // `None` means that the run ended first, which is all there is to know.
            let _stopped = stop.run_until_cancelled(job).await;
        });
    }

    /// Waits until all that was spawned has ended by itself.
    pub(crate) async fn finish(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.tracker.reopen();
    }

    /// Ends all that runs. What is spawned later belongs to the next run.
    pub(crate) fn stop(&self) {
        std::mem::take(&mut *self.stop.lock()).cancel();
    }
}
