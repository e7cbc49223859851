//! Why a worker can't start.

/// Why a worker can't start; the text begins with where, and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The configuration file, or something in it, is wrong.
    #[error("{0}")]
    Config(String),
    /// A plugin did not start.
    #[error("{0}")]
    Plugin(#[from] crate::plugin::Error),
    /// Signaling did not start.
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
    /// The system gave no thread or descriptor.
    #[error("worker: {0}")]
    System(#[from] std::io::Error),
}
