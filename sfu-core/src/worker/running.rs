//! A worker that runs.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::control::ControlHandle;
use crate::net::Waker;
use crate::signaling::{Mounts, SignalingError};

/// How long signaling may take to tell its peers.
const FAREWELL: Duration = Duration::from_secs(1);

/// One media thread, seen from outside.
pub(super) struct MediaThread {
    pub(super) stop: Arc<AtomicBool>,
    pub(super) waker: Waker,
    pub(super) handle: JoinHandle<()>,
}

/// A worker that runs; it goes on until [`Running::stop`].
pub struct Running {
    control: ControlHandle,
    mounts: Mounts,
    switch: watch::Sender<bool>,
    signaling: JoinSet<Result<(), SignalingError>>,
    http: Option<tokio::task::JoinHandle<()>>,
    media: Vec<MediaThread>,
    workers: u8,
}

impl Running {
    pub(super) fn new(
        control: ControlHandle,
        mounts: Mounts,
        switch: watch::Sender<bool>,
        signaling: JoinSet<Result<(), SignalingError>>,
        http: Option<tokio::task::JoinHandle<()>>,
        media: Vec<MediaThread>,
        workers: u8,
    ) -> Self {
        Running { control, mounts, switch, signaling, http, media, workers }
    }

    /// Commands in, events out.
    pub fn control(&self) -> &ControlHandle {
        &self.control
    }

    /// The routes of the HTTP server, to add some.
    pub fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    /// The URL of the HTTP server; none without one.
    pub fn url(&self) -> Option<String> {
        self.mounts.url()
    }

    /// Media threads.
    pub fn workers(&self) -> u8 {
        self.workers
    }

    /// Waits until a signaling crate ends: an error says why it can't go on.
    pub async fn signaling_ended(&mut self) -> Result<(), SignalingError> {
        while let Some(ended) = self.signaling.join_next().await {
            match ended {
                Ok(result) => result?,
                Err(panic) => {
                    return Err(SignalingError { id: "?", text: format!("ended unexpectedly: {panic}") });
                }
            }
        }
        std::future::pending().await
    }

    /// Tells peers, closes everything, ends the threads; takes about a second at the most.
    pub async fn stop(mut self) {
        let _ = self.switch.send(true);
        let farewell = async { while self.signaling.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("worker: signaling took too long to end");
            self.signaling.abort_all();
        }
        if let Some(http) = self.http.take() {
            http.abort();
        }
        let media = std::mem::take(&mut self.media);
        let _ = tokio::task::spawn_blocking(move || Self::stop_threads(media)).await;
    }

    pub(super) fn stop_threads(media: Vec<MediaThread>) {
        for thread in &media {
            thread.stop.store(true, Ordering::Relaxed);
            thread.waker.wake();
        }
        for thread in media {
            if thread.handle.join().is_err() {
                tracing::error!("worker: a media thread had panicked");
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.switch.send(true);
        for thread in &self.media {
            thread.stop.store(true, Ordering::Relaxed);
            thread.waker.wake();
        }
    }
}
