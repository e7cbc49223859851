//! Observers of the audio of a router.
use std::time::Duration;

use super::*;

/// Options of an observer of volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevelObserverOptions {
    /// Producers that are told at the most, loudest first.
    pub max_entries: u16,
    /// Quieter ones are not told; dBvo, −127 to 0.
    pub threshold: i8,
    /// How often.
    pub interval: Duration,
}

impl Default for AudioLevelObserverOptions {
    fn default() -> Self {
        AudioLevelObserverOptions { max_entries: 1, threshold: -80, interval: Duration::from_secs(1) }
    }
}

/// Options of an observer of who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveSpeakerObserverOptions {
    /// How often it decides.
    pub interval: Duration,
}

impl Default for ActiveSpeakerObserverOptions {
    fn default() -> Self {
        ActiveSpeakerObserverOptions { interval: Duration::from_millis(300) }
    }
}

/// How loud a producer was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct AudioVolume {
    /// The producer.
    pub producer: ProducerId,
    /// Average over the interval in dBvo, −127 to 0.
    pub volume: i8,
}
