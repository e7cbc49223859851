//! How speakers are chosen, and what can be asked.
use std::time::Duration;

use sfu_core::plugin::{config, request};

/// How speakers are chosen: the options of `enable`, and of `[plugins.audio-selector.options]`.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Audio producers of a room that are forwarded.
    pub speakers: u8,
    /// Who is louder than this speaks; in dBov, -127 to 0.
    pub threshold: i8,
    /// Decibels by which somebody has to be louder to take another's place.
    pub margin: u8,
    /// Milliseconds for which a speaker keeps the place, while not silent.
    pub hold_ms: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options { speakers: 3, threshold: -50, margin: 6, hold_ms: 2000 }
    }
}

impl Options {
    /// The threshold as loudness: 0 is silence, 127 the loudest.
    pub(crate) fn loudness(&self) -> f32 {
        127.0 + f32::from(self.threshold)
    }

    /// How long a speaker keeps the place.
    pub(crate) fn hold(&self) -> Duration {
        Duration::from_millis(self.hold_ms.into())
    }
}

/// Requests, about a router or anything in it, or about all.
#[request]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Who speaks in each room, and who is forwarded.
    Speakers {},
}
