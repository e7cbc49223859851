//! The mediasoup worker's protocol: what a process must say and understand so that the unmodified Node
//! library of mediasoup drives it.
//!
//! - [`flat`]: FlatBuffers, read from bytes that nobody has checked.
//! - [`schema`]: the messages, one module per version of the protocol.
//! - [`channel`]: the two byte streams as frames, and what is given up when the library does not read.
//! - [`arguments`], [`exit_code`], [`log`], [`refusal`]: how the process is started, how it ends, what it
//!   tells people, and how it says no.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod channel;
pub mod exit_code;
pub mod flat;
pub mod log;
pub mod refusal;
pub mod schema;
