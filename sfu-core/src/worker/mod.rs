//! A running worker: media threads, signaling, and the program around them.
mod builder;
mod cli;
mod config;
mod error;
mod file;
mod media_thread;
mod reload;
mod run;
mod running;
mod sockets;

pub use builder::Builder;
pub use config::{RtcConfig, WorkerConfig};
pub use error::WorkerError;
pub use run::run;
pub use running::Running;
