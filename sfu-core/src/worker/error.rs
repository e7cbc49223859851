//! Why a worker can't start or go on.

/// Why a worker can't start or go on; the text begins with where, and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The configuration file, or something in it, is wrong.
    #[error("{0}")]
    Config(String),
    /// A plugin did not start.
    #[error("{0}")]
    Plugin(#[from] crate::plugin::Error),
    /// Signaling did not start, or ended.
    #[error("{0}")]
    Signaling(#[from] crate::signaling::SignalingError),
    /// The HTTP server did not start.
    #[error("{0}")]
    Http(String),
    /// A media socket could not be opened.
    #[error("rtc: {0}")]
    Socket(String),
    /// DTLS could not be set up.
    #[error("rtc.dtls: {0}")]
    Dtls(String),
    /// A media thread ended by itself, and all that it carried with it.
    #[error("worker: media thread {0} ended by itself, see what was logged before; start the worker again")]
    MediaThread(u8),
    /// The system gave no thread or descriptor.
    #[error("worker: {0}")]
    System(#[from] std::io::Error),
}
