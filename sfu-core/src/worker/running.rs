//! A worker that runs.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::WorkerError;
use crate::control::{ControlHandle, Target};
use crate::net::Waker;
use crate::signaling::{Mounts, SignalingError};

/// How long the end may take, all in all: service managers and orchestrators lose patience, two seconds are promised.
pub(super) const END: Duration = Duration::from_millis(1800);
/// How long of it signaling may take to tell its peers.
const FAREWELL: Duration = Duration::from_millis(800);
/// What of it is left for the runtime, whose background work may hang.
const REST: Duration = Duration::from_millis(100);

/// Time between two looks at whether a worker that drains is empty.
const DRAINED: Duration = Duration::from_millis(500);

/// One media thread, seen from outside.
pub(super) struct MediaThread {
    pub(super) stop: Arc<AtomicBool>,
    pub(super) waker: Waker,
    pub(super) handle: JoinHandle<()>,
}

/// Held by a media thread: tells its number when the thread ends, by a panic too.
pub(super) struct TellsEnd {
    pub(super) worker: u8,
    pub(super) ended: mpsc::UnboundedSender<u8>,
}

impl Drop for TellsEnd {
    fn drop(&mut self) {
        let _ = self.ended.send(self.worker);
    }
}

/// A worker that runs; it goes on until [`Running::stop`].
pub struct Running {
    control: ControlHandle,
    mounts: Mounts,
    switch: watch::Sender<bool>,
    signaling: JoinSet<Result<(), SignalingError>>,
    http: Option<tokio::task::JoinHandle<()>>,
    media: Vec<MediaThread>,
    /// The numbers of media threads that ended.
    media_ended: mpsc::UnboundedReceiver<u8>,
}

impl Running {
    pub(super) fn new(
        control: ControlHandle,
        mounts: Mounts,
        switch: watch::Sender<bool>,
        signaling: JoinSet<Result<(), SignalingError>>,
        http: Option<tokio::task::JoinHandle<()>>,
        media: Vec<MediaThread>,
        media_ended: mpsc::UnboundedReceiver<u8>,
    ) -> Self {
        Running { control, mounts, switch, signaling, http, media, media_ended }
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
        self.media.len() as u8
    }

    /// Waits until the worker can't go on, and says why: a signaling crate failed, or a media thread ended by itself.
    ///
    /// A program ends then, so that whoever looks after it starts it again: a worker that lost a media thread would take calls
    /// that it can't carry.
    pub async fn failed(&mut self) -> WorkerError {
        loop {
            tokio::select! {
                Some(worker) = self.media_ended.recv() => return WorkerError::MediaThread(worker),
                Some(ended) = self.signaling.join_next() => match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return error.into(),
                    Err(panic) => {
                        return SignalingError { id: "?", text: format!("ended unexpectedly: {panic}") }.into();
                    }
                },
                else => return std::future::pending().await,
            }
        }
    }

    /// Waits until the worker drains and its last transport has closed.
    pub async fn drained(&self) {
        drained(&self.control).await;
    }

    /// Tells peers, closes everything, ends the threads; takes 1.8 s at the most, whatever hangs.
    pub async fn stop(self) {
        self.stop_by(Instant::now() + END).await;
    }

    /// Likewise, shortly before `end` at the latest.
    pub(super) async fn stop_by(mut self, end: Instant) {
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
        let _ = tokio::task::spawn_blocking(move || Self::stop_threads_by(media, end - REST)).await;
    }

    pub(super) fn stop_threads(media: Vec<MediaThread>) {
        Self::stop_threads_by(media, Instant::now() + END);
    }

    /// Ends the threads; one that hangs, in a plugin most likely, is left behind.
    fn stop_threads_by(media: Vec<MediaThread>, end: Instant) {
        for thread in &media {
            thread.stop.store(true, Ordering::Relaxed);
            thread.waker.wake();
        }
        for thread in media {
            while !thread.handle.is_finished() {
                if Instant::now() >= end {
                    tracing::error!("worker: a media thread does not end; a plugin hangs in `stop`, perhaps");
                    break;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            if thread.handle.is_finished() && thread.handle.join().is_err() {
                tracing::error!("worker: a media thread had panicked");
            }
        }
    }
}

/// See [`Running::drained`].
pub(super) async fn drained(control: &ControlHandle) {
    control.begins_to_drain().await;
    loop {
        match control.stats(Target::Worker).await {
            Ok(stats) if stats.transports.is_empty() => return,
            Ok(_) => tokio::time::sleep(DRAINED).await,
            // A media thread is gone: that is a failure, and told as one.
            Err(_) => std::future::pending().await,
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

#[cfg(test)]
mod tests;
