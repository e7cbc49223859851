//! Stand-in for the crate `mediasoup-sys`: what the crate `mediasoup` calls, on sfukit's engine.
//!
//! - [`fbs`]: the messages, from `fbs/`.
//! - [`mediasoup_worker_run`]: a worker on the thread that calls it, until it is closed.
//! - [`uv_async_send`]: there is something to read.

mod bridge;
// Tests of what is here have no use for it, and it takes long to compile.
#[cfg(not(test))]
mod schema;
mod surface;
mod wake;
mod worker;

#[cfg(not(test))]
pub use schema::fbs;
pub use surface::{
    ChannelReadCtx, ChannelReadFn, ChannelReadFreeFn, ChannelWriteCtx, ChannelWriteFn, UvAsyncT,
    mediasoup_worker_run, uv_async_send,
};
