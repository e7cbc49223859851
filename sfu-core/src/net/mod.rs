//! Sockets, batches and timers: the only input and output of a media thread.
mod outbox;
mod route;

pub use outbox::Outbox;
pub use route::{Protocol, Route, SocketId};
