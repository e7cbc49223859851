//! How the process ends; the library acts on the numbers.

/// The exit code of the worker's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Closed in order: by WORKER_CLOSE, SIGINT, SIGTERM, or because the library is gone.
    Closed = 0,
    /// `MEDIASOUP_VERSION` is not in the environment: nobody who knows the protocol started this.
    NoVersion = 41,
    /// Wrong arguments; `createWorker()` fails with a TypeError.
    WrongSettings = 42,
    /// `MEDIASOUP_VERSION` has a protocol that this worker does not know.
    UnknownVersion = 43,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        (code as u8).into()
    }
}
