//! One answer to a request that all media threads work on.
use std::sync::Mutex;

use sfu_core::plugin::{ProducerId, Responder};
use sfu_core::serde_json::json;

use crate::CODE_FAILED;
use crate::status::lock;

struct Found {
    /// None once answered.
    responder: Option<Responder>,
    producers: Vec<ProducerId>,
    missed: bool,
}

/// Gathers what the media threads found, and answers when the last of them let go of it.
pub struct Gather {
    stream: String,
    /// Locked by each media thread once per request, for one `extend`.
    found: Mutex<Found>,
}

impl Gather {
    /// For a request about a stream.
    pub fn new(stream: &str, responder: Responder) -> Self {
        let found = Found { responder: Some(responder), producers: Vec::new(), missed: false };
        Gather { stream: stream.to_owned(), found: Mutex::new(found) }
    }

    /// A media thread did it for these.
    pub fn add(&self, producers: Vec<ProducerId>) {
        lock(&self.found).producers.extend(producers);
    }

    /// A media thread could not be reached, or can't do it.
    pub fn miss(&self) {
        lock(&self.found).missed = true;
    }
}

impl Drop for Gather {
    fn drop(&mut self) {
        let mut found = lock(&self.found);
        let Some(responder) = found.responder.take() else { return };
        if found.missed && found.producers.is_empty() {
            return responder.error(CODE_FAILED, "plugins.recorder: too busy, try again");
        }
        found.producers.sort_unstable();
        responder.ok(json!({
            "stream": self.stream,
            "producers": found.producers,
            "waiting": found.producers.is_empty(),
            "complete": !found.missed,
        }));
    }
}
