//! The end of a worker, as signaling sees it.
use tokio::sync::watch;

/// Tells when the worker stops. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// A switch and what watches it.
    pub fn new() -> (watch::Sender<bool>, Shutdown) {
        let (switch, watch) = watch::channel(false);
        (switch, Shutdown(watch))
    }

    /// Whether the worker is stopping.
    pub fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the worker stops: peers should then be told, within 0.8 s.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}
