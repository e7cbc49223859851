//! Programs that are started by a library, which brings its own command line.
use std::ffi::OsString;

use tokio::sync::oneshot;

use crate::worker::WorkerConfig;

/// How the program was started.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
}

impl Invocation {
    /// That of this process.
    pub fn of_process() -> Self {
        Self::new(std::env::args_os().skip(1), std::env::vars_os())
    }

    /// With these arguments, which leave out the program's name, and this environment.
    pub fn new(
        arguments: impl IntoIterator<Item = OsString>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        Self { arguments: arguments.into_iter().collect(), variables: variables.into_iter().collect() }
    }

    /// The arguments, without the program's name.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// A variable of the environment.
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// A process that a signaling crate has taken over: a library started it, and ends it.
///
/// The command line is the crate's then, and so is logging: it has set a `tracing` subscriber of its own. The environment
/// (`SFU_CONFIG`, `SFU_SET` …) configures the rest as ever. No port is open but those that the library asks for: the HTTP
/// server runs, and other signaling with it, only where `SFU_LISTEN` or the configuration file says where.
pub struct Takeover {
    /// Puts what the library demands on top of the configuration.
    pub configure: Box<dyn FnOnce(&mut WorkerConfig) + Send>,
    /// The process ends in order when this is sent.
    pub ended: oneshot::Receiver<()>,
}

/// Why a process that was meant to be taken over can't run.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct EarlyExit {
    /// For standard error.
    pub text: String,
    /// Exit code.
    pub code: u8,
}
