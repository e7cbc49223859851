//! A worker inside the program of whoever drives it: no file descriptors 3 and 4, no process of its own.
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use sfu_core::WorkerConfig;
use sfu_core::control::ControlHandle;
use sfu_core::signaling::Shutdown;
use sfu_mediasoup_process::ChannelFds;

use crate::arguments::Settings;
use crate::{door, log_layer, takeover, v3_27};

/// What a worker with these settings is configured with.
pub fn configure(settings: &Settings, config: &mut WorkerConfig) {
    takeover::configure(settings)(config);
}

/// Serves the library at the other end of `channel` until it closes the worker, is gone, or `stop` says so.
///
/// Frames are those of a process of its own. What the worker logs goes where the program has its log: one process may have
/// many workers, and `tracing` knows one subscriber. Must be called on tokio.
pub async fn serve(
    control: ControlHandle,
    settings: &Settings,
    channel: UnixStream,
    stop: Shutdown,
) -> io::Result<()> {
    channel.set_nonblocking(true)?;
    let channel = ChannelFds { input: OwnedFd::from(channel.try_clone()?), output: OwnedFd::from(channel) };
    let feed = control.follow().ok_or_else(|| {
        io::Error::other(
            "signaling.mediasoup: somebody else follows this worker; give the library one of its own",
        )
    })?;
    let streams = door::Streams::new(channel)?;
    let (_, switch, log) = log_layer::log(settings.log);
    door::run(v3_27::Desk::new(control, switch, settings), streams, feed, log, stop).await;
    Ok(())
}
