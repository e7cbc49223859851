//! Sockets, batches and timers: the only input and output of a media thread.
//!
//! One turn of the loop: [`Net::poll`] waits and hands over what came, the engine works and fills the [`Outbox`],
//! [`Net::flush`] sends it. Nothing here blocks but the wait, and nothing allocates in the steady state.
mod admission;
mod backlog;
mod buffers;
mod counters;
mod error;
#[cfg(feature = "bench")]
pub(crate) mod floor;
mod framing;
mod interfaces;
mod io;
mod outbox;
mod poll;
mod receive;
mod refusals;
mod route;
mod send;
mod sockaddr;
mod sys;
mod tcp;
mod udp;
mod waker;

pub use admission::NetOptions;
pub use error::BindError;
pub use interfaces::local_addresses;
pub use io::{Net, NetEvent};
pub use outbox::{Outbox, RunHint};
pub use route::{Listening, Protocol, Route, SocketId};
#[cfg(feature = "bench")]
pub(crate) use sys::thread_time;
pub use tcp::TcpOptions;
pub use udp::UdpOptions;
pub use waker::Waker;

/// The longest datagram that is received, in bytes, over UDP and TCP alike; no WebRTC peer sends longer ones.
pub const MAX_DATAGRAM: usize = 2048;
