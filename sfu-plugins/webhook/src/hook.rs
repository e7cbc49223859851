//! One hook as it runs.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ClientConfig;
use sfu_core::serde_json::{Value, json};
use tokio::sync::Notify;

use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::pattern::Pattern;
use crate::queue::Queue;
use crate::settings::Hook;
use crate::signature::Signer;

/// What became of events and posts.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Events that were delivered.
    pub(crate) delivered: AtomicU64,
    /// Posts that were answered with success.
    pub(crate) posts: AtomicU64,
    /// Attempts after the first.
    pub(crate) retries: AtomicU64,
    /// Events in posts that were answered with a status that is not worth another attempt.
    pub(crate) refused: AtomicU64,
    /// Events in posts of which every attempt failed.
    pub(crate) failed: AtomicU64,
}

/// One hook as it runs.
pub(crate) struct HookState {
    pub(crate) endpoint: Endpoint,
    patterns: Vec<Pattern>,
    pub(crate) signer: Signer,
    pub(crate) timeout: Duration,
    pub(crate) attempts: u32,
    pub(crate) backoff: (Duration, Duration),
    pub(crate) batch: usize,
    pub(crate) queue: Queue,
    pub(crate) client: tokio::sync::Mutex<Client>,
    pub(crate) figures: Figures,
    last_error: Mutex<Option<String>>,
    /// The worker stops: nothing waits for long any more.
    closing: AtomicBool,
    pub(crate) hurry: Notify,
}

impl HookState {
    /// A hook, from its checked settings.
    pub(crate) fn new(
        settings: &Hook,
        (endpoint, patterns): (Endpoint, Vec<Pattern>),
        tls: Option<Arc<ClientConfig>>,
    ) -> Self {
        HookState {
            client: tokio::sync::Mutex::new(Client::new(endpoint.clone(), tls)),
            endpoint,
            patterns,
            signer: Signer::new(&settings.secret.0),
            timeout: Duration::from_millis(settings.timeout_ms),
            attempts: settings.attempts,
            backoff: (
                Duration::from_millis(settings.backoff_ms),
                Duration::from_millis(settings.max_backoff_ms),
            ),
            batch: settings.batch,
            queue: Queue::new(settings.queue),
            figures: Figures::default(),
            last_error: Mutex::default(),
            closing: AtomicBool::new(false),
            hurry: Notify::new(),
        }
    }

    /// Whether it wants events of this name.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    /// The worker stops.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.hurry.notify_waiters();
    }

    /// Whether the worker stops.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Notes why an attempt failed.
    pub(crate) fn note(&self, error: Option<String>) {
        *self.last_error.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = error;
    }

    /// What is known of it; neither path nor secret.
    pub(crate) fn status(&self) -> Value {
        let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        json!({
            "to": self.endpoint.to_string(),
            "delivered": of(&self.figures.delivered),
            "posts": of(&self.figures.posts),
            "retries": of(&self.figures.retries),
            "refused": of(&self.figures.refused),
            "failed": of(&self.figures.failed),
            "dropped": self.queue.dropped(),
            "waiting": self.queue.len(),
            "lastError": *self.last_error.lock().unwrap_or_else(|poisoned| poisoned.into_inner()),
        })
    }
}
