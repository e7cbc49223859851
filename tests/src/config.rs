//! The configuration that tests give a worker, in one place.

/// The recorder, writing every stream into [`Worker::recordings`](crate::worker::Worker::recordings).
pub const RECORDER: &str = "[plugins.recorder]\nenabled = true\nfolder = \"{recordings}\"";

/// A second publisher takes the stream over.
pub const TAKEOVER: &str = "[signaling.whip]\nsecond_publisher = \"takeover\"";

/// A peer that vanishes is noticed as soon as the configuration allows.
pub const IMPATIENT: &str = "[signaling.whip]\nconsent_timeout_s = 10\nlost_peer_timeout_s = 1";
