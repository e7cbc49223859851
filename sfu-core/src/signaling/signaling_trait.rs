//! What a signaling crate implements.
use serde::de::DeserializeOwned;

use super::takeover::{EarlyExit, Invocation, Takeover};
use super::{Mounts, Shutdown};
use crate::control::ControlHandle;

/// Turns a protocol into the typed control API, and events back.
///
/// Listed in `worker!`; those that the configuration chooses run side by side on tokio, never on a media thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a signaling crate",
    label = "this has no `impl Signaling`",
    note = "implement `sfu_core::signaling::Signaling` for `{Self}`, or list it under `plugins` if it is a plugin"
)]
pub trait Signaling: Sized + Send + 'static {
    /// Its id: the name of its table in the configuration (`[signaling.<id>]`).
    const ID: &'static str;
    /// One sentence for `plugins list`.
    const ABOUT: &'static str;
    /// Its configuration; unknown fields should be refused.
    type Config: DeserializeOwned + schemars::JsonSchema + Default + Send;

    /// Takes over the process, where the library that this crate serves started it; asked before the command line is read.
    ///
    /// `None`, the default, leaves the process to others, and [`Self::run`] has no library to serve.
    fn take_over(_invocation: &Invocation) -> Option<Result<Takeover, EarlyExit>> {
        None
    }

    /// Checks the configuration, before anything runs.
    fn new(config: Self::Config) -> Result<Self, SignalingError>;

    /// Runs until `stop`, then tells its peers and returns.
    ///
    /// Routes that it mounts before its first `.await` are served by the time the worker tells its URL.
    ///
    /// What stands before the first `await` runs before the worker says where it listens, so routes are mounted there; an
    /// error up to there keeps the worker from starting.
    fn run(
        self,
        control: ControlHandle,
        http: Mounts,
        stop: Shutdown,
    ) -> impl Future<Output = Result<(), SignalingError>> + Send;
}

/// Why a signaling crate can't run.
#[derive(Debug, thiserror::Error)]
#[error("signaling.{id}: {text}")]
pub struct SignalingError {
    /// Its id.
    pub id: &'static str,
    /// What is wrong and what to do.
    pub text: String,
}
