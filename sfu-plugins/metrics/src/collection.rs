//! Who waits for figures: one collection at a time answers all.
use std::time::{Duration, Instant};

use sfu_core::plugin::Responder;

use crate::format::Format;

/// Requests that may wait.
const MAX_WAITING: usize = 64;
/// After this a collection counts as lost, such as when the instance that ran it was made anew.
const LOST: Duration = Duration::from_secs(5);

/// What is to be done for a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Begin a collection.
    Collect,
    /// One is on its way and will answer it.
    Wait,
}

/// The requests that wait for the collection of the moment.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    waiting: Vec<(Format, Responder)>,
    begun: Option<Instant>,
}

impl Collection {
    /// Takes a request; gives it back where too many wait.
    pub(crate) fn ask(&mut self, format: Format, re: Responder, now: Instant) -> Result<Next, Responder> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(re);
        }
        self.waiting.push((format, re));
        if self.begun.is_some_and(|begun| now.saturating_duration_since(begun) < LOST) {
            return Ok(Next::Wait);
        }
        self.begun = Some(now);
        Ok(Next::Collect)
    }

    /// The collection is over: who is to be answered.
    pub(crate) fn finish(&mut self) -> Vec<(Format, Responder)> {
        self.begun = None;
        std::mem::take(&mut self.waiting)
    }
}
