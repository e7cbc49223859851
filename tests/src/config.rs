//! The configuration that tests give a worker, in one place.
use std::path::Path;

/// The recorder, writing every stream into `folder`.
pub fn recorder(folder: &Path) -> String {
    format!("[plugins.recorder]\nfolder = {:?}\nrecord = \"all\"\n", folder.display().to_string())
}

/// A second publisher takes the stream over.
pub fn takeover() -> &'static str {
    "[signaling.whip]\nsecond_publisher = \"takeover\"\n"
}
