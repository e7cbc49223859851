//! Volumes.
use crate::flat::schema;

schema! {
    namespace "AudioLevelObserver";

    table AudioLevelObserverOptions {
        max_entries: u16,
        /// dBvo, -127 to 0.
        threshold: i8,
        /// Milliseconds.
        interval: u16,
    }

    table Volume {
        producer_id: String,
        /// dBvo, -127 to 0.
        volume: i8,
    }

    table VolumesNotification {
        volumes: Vec<Volume>,
    }
}
