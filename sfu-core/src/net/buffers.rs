//! The kernel's buffers of a socket, and what to do where it grants smaller ones than asked for.
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::Socket;

/// One of the two buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buffer {
    Receive,
    Send,
}

/// Asks for both buffers. Smaller ones than asked for are no reason not to start, but worth a warning.
pub(super) fn set(socket: &Socket, receive: usize, send: usize) {
    for (buffer, wanted) in [(Buffer::Receive, receive), (Buffer::Send, send)] {
        if let Some(advice) = buffer.set(socket, wanted)
            && !buffer.told().swap(true, Ordering::Relaxed)
        {
            tracing::warn!("{advice}");
        }
    }
}

impl Buffer {
    /// Asks for a buffer of `wanted` bytes; what to do about it where less was granted.
    fn set(self, socket: &Socket, wanted: usize) -> Option<String> {
        let granted = match self {
            Self::Receive => {
                let _ = socket.set_recv_buffer_size(wanted);
                socket.recv_buffer_size()
            }
            Self::Send => {
                let _ = socket.set_send_buffer_size(wanted);
                socket.send_buffer_size()
            }
        };
        // The kernel doubles what it is told, for what it needs around the bytes.
        let granted = granted.ok()? / 2;
        (granted < wanted).then(|| self.advice(wanted, granted))
    }

    /// Whether it was said: once is enough, for what the system grants one socket it grants all.
    fn told(self) -> &'static AtomicBool {
        static RECEIVE: AtomicBool = AtomicBool::new(false);
        static SEND: AtomicBool = AtomicBool::new(false);
        match self {
            Self::Receive => &RECEIVE,
            Self::Send => &SEND,
        }
    }

    fn advice(self, wanted: usize, granted: usize) -> String {
        let (name, option, sysctl, what) = match self {
            Self::Receive => ("receive", "rtc.recv_buffer", "net.core.rmem_max", "media that comes is lost"),
            Self::Send => {
                ("send", "rtc.send_buffer", "net.core.wmem_max", "media that leaves waits, or is lost")
            }
        };
        format!(
            "net: the system grants {granted} of {wanted} bytes of {name} buffer: in bursts beyond that {what}; \
             run `sysctl -w {sysctl}={wanted}` before the worker starts, or ask for less ({option})"
        )
    }
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Type};

    use super::*;

    #[test]
    fn a_buffer_that_the_system_caps_is_told_of_with_the_setting_that_caps_it() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        for (buffer, sysctl) in [(Buffer::Receive, "rmem_max"), (Buffer::Send, "wmem_max")] {
            assert_eq!(buffer.set(&socket, 8192), None);
            // More than any system allows.
            let advice = buffer.set(&socket, 1 << 30).unwrap();
            assert!(advice.contains(&format!("sysctl -w net.core.{sysctl}=1073741824")), "{advice}");
        }
    }
}
