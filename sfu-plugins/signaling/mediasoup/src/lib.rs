//! The front door of mediasoup: its unmodified Node library starts this program as its worker, and drives it.
//!
//! - [`flat`]: FlatBuffers, read from bytes that nobody has checked.
//! - [`schema`]: the messages, one module per version of the protocol.
//! - [`channel`]: the two byte streams as frames, and what is given up when the library does not read.
//! - [`arguments`], [`exit_code`], [`log`], [`refusal`]: how the process is started, how it ends, what it
//!   tells people, and how it says no.
//! - [`in_process`]: a worker inside the program of whoever drives it.
//! - [`Mediasoup`]: the signaling crate, for `worker!`.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod channel;
mod door;
pub mod exit_code;
pub mod flat;
pub mod in_process;
pub mod log;
mod log_layer;
mod plugin_door;
pub mod refusal;
mod registry;
pub mod schema;
mod signaling;
mod takeover;
mod v3_27;

pub use signaling::{Config, Mediasoup};
