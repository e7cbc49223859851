//! The dominant speaker.
use crate::flat::schema;

schema! {
    namespace "ActiveSpeakerObserver";

    table ActiveSpeakerObserverOptions {
        /// Milliseconds.
        interval: u16,
    }

    table DominantSpeakerNotification {
        producer_id: String,
    }
}
