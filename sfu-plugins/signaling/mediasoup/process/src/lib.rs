//! What a worker of the mediasoup library needs of its process: file descriptors 3 and 4, and what it used.
//!
//! A crate of its own because it can't do without `unsafe`, which the rest of the worker's side forbids.
#![allow(unsafe_code)]

mod fds;
mod usage;

pub use fds::{ChannelFds, ChannelFdsError, take_channel};
pub use usage::{Usage, usage};
