//! A worker inside the program of whoever drives it: no file descriptors 3 and 4, no process of its own.
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use sfu_core::WorkerConfig;
use sfu_core::control::ControlHandle;
use sfu_core::signaling::Shutdown;
use sfu_mediasoup_process::ChannelFds;
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;

use crate::arguments::Settings;
use crate::log_layer::{self, LogLines, LogSwitch};
use crate::{door, takeover, v3_27};

/// A worker of mediasoup's Rust library. A program may have many.
///
/// They speak the protocol of 3.27, with what that library has more at the end of some tables.
pub struct InProcess {
    settings: Settings,
    log: Dispatch,
    switch: LogSwitch,
    lines: LogLines,
}

impl InProcess {
    /// A worker with these settings, which does nothing yet.
    pub fn new(settings: Settings) -> Self {
        let (layer, switch, lines) = log_layer::log(settings.log);
        let log = Dispatch::new(tracing_subscriber::registry().with(layer));
        Self { settings, log, switch, lines }
    }

    /// What the engine is to be configured with.
    pub fn configure(&self, config: &mut WorkerConfig) {
        takeover::configure(&self.settings, 1)(config);
    }

    /// Where the threads of this worker are to log to: the library gets it, at the level that it asks for.
    pub fn log(&self) -> &Dispatch {
        &self.log
    }

    /// Serves the library at the other end of `channel` until it closes the worker, is gone, or `stop` says so.
    ///
    /// Frames are those of a process of its own. Must be called on tokio.
    pub async fn serve(self, control: ControlHandle, channel: UnixStream, stop: Shutdown) -> io::Result<()> {
        channel.set_nonblocking(true)?;
        let channel =
            ChannelFds { input: OwnedFd::from(channel.try_clone()?), output: OwnedFd::from(channel) };
        let feed = control.follow().ok_or_else(|| {
            io::Error::other(
                "signaling.mediasoup: somebody else follows this worker; give the library one of its own",
            )
        })?;
        let streams = door::Streams::new(channel)?;
        let desk = v3_27::Desk::new(v3_27::Library::Rust, control, self.switch, &self.settings);
        door::run(desk, streams, feed, self.lines, stop).await;
        Ok(())
    }
}
