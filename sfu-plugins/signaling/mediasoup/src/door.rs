//! The way between the library's channel and the worker: whatever the protocol's version.
mod protocol;
mod streams;
#[cfg(test)]
pub(crate) mod tests;
mod thread;

use std::time::Duration;

use sfu_core::control::Feed;
use sfu_core::signaling::Shutdown;

pub(crate) use protocol::{Flow, Protocol};
pub(crate) use streams::Streams;
pub(crate) use thread::on_own_thread;

use crate::channel::{Channel, Frame};
use crate::log_layer::LogLines;

/// How long the library may take to read what is left at the end.
const FAREWELL: Duration = Duration::from_millis(100);

/// Serves the library until it closes the worker, is gone, or the worker stops.
///
/// Messages are done one at a time, each to its end. What the worker tells meanwhile follows the answer; it is taken at all
/// times, also while the library does not read: then messages wait, and [`Channel`] gives up what may be lost.
pub(crate) async fn run<P: Protocol>(
    mut protocol: P,
    streams: Streams,
    mut feed: Feed,
    mut log: LogLines,
    mut stop: Shutdown,
) {
    let Streams { mut input, mut output } = streams;
    let mut channel = Channel::default();
    protocol.begin(channel.output());
    loop {
        while let Some(told) = feed.try_next() {
            protocol.tell(told, channel.output());
        }
        while let Some(line) = log.try_next() {
            protocol.log(line, channel.output());
        }
        output.write(channel.output());
        if let Some(frame) = channel.next_frame() {
            let message = match frame {
                Frame::Message(bytes) => P::read(bytes),
                Frame::TooBig { length } => {
                    tracing::error!(
                        "signaling.mediasoup: a message of {length} bytes is too long, and skipped"
                    );
                    continue;
                }
            };
            match protocol.handle(message, channel.output()).await {
                Flow::On => continue,
                Flow::Close => break,
            }
        }
        let (is_blocked, wants_input) = (channel.output().is_blocked(), channel.wants_input());
        tokio::select! {
            () = stop.wait() => break,
            told = feed.next() => match told {
                Some(told) => protocol.tell(told, channel.output()),
                None => break,
            },
            line = log.next() => protocol.log(line, channel.output()),
            work = protocol.work() => protocol.done(work, channel.output()),
            () = output.writable(), if is_blocked => {}
            () = input.readable(), if wants_input => {
                if !input.read(&mut channel) {
                    // Nobody may be left to read the log.
                    eprintln!("signaling.mediasoup: channel remotely closed, closing myself");
                    break;
                }
            }
        }
    }
    channel.close();
    while let Some(line) = log.try_next() {
        protocol.log(line, channel.output());
    }
    let _ = tokio::time::timeout(FAREWELL, output.drain(channel.output())).await;
}
