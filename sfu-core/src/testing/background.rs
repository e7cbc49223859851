//! Background work of plugins, run between packets and in order.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::plugin::Spawner;

/// Rounds that background work gets each time; work that needs more goes on the next time.
const ROUNDS: usize = 64;

/// A tokio runtime of one thread, which works only while the bench lets it.
pub(super) struct Background {
    runtime: Option<tokio::runtime::Runtime>,
    /// Pieces of work that are not finished.
    unfinished: Arc<AtomicUsize>,
}

impl Background {
    pub(super) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Background { runtime: runtime.ok(), unfinished: Arc::default() }
    }

    /// Gives work to it.
    pub(super) fn spawner(&self) -> Spawner {
        let handle = self.runtime.as_ref().map(|runtime| runtime.handle().clone());
        let unfinished = self.unfinished.clone();
        Arc::new(move |work| {
            let Some(handle) = &handle else { return };
            unfinished.fetch_add(1, Ordering::Relaxed);
            let done = Done(unfinished.clone());
            handle.spawn(async move {
                let _done = done;
                work.await;
            });
        })
    }

    /// Whether there is something to do.
    pub(super) fn is_idle(&self) -> bool {
        self.unfinished.load(Ordering::Relaxed) == 0
    }

    /// Lets the work go on until all of it is done or waits for something.
    pub(super) fn run(&self) {
        if self.is_idle() {
            return;
        }
        let Some(runtime) = &self.runtime else { return };
        runtime.block_on(async {
            for _ in 0..ROUNDS {
                if self.is_idle() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        });
    }

    /// Waits in real time until all work is done; false if it is not after `patience`.
    pub(super) fn finish(&self, patience: std::time::Duration) -> bool {
        let end = std::time::Instant::now() + patience;
        while !self.is_idle() {
            if std::time::Instant::now() >= end {
                return false;
            }
            let Some(runtime) = &self.runtime else { return false };
            runtime.block_on(tokio::time::sleep(std::time::Duration::from_millis(1)));
        }
        true
    }

    /// Runs a future with background work beside it, for so long in real time; `None` if it needs more.
    pub(super) fn wait<T>(
        &self,
        patience: std::time::Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let runtime = self.runtime.as_ref()?;
        runtime.block_on(async { tokio::time::timeout(patience, future).await.ok() })
    }
}

struct Done(Arc<AtomicUsize>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
