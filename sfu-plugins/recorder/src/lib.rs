//! Records every producer as Janus MJR, one file per encoding, off the media thread.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_recorder::Recorder ];
//! }
//! ```
//!
//! The media thread copies each packet into a ring of bytes and goes on; a thread of its own writes the files. A disk that
//! stalls costs packets of the recording, which are counted, and never delays media.
mod file;
mod folder;
mod format;
mod gather;
mod name;
mod plugin;
mod requests;
#[cfg(test)]
mod scratch;
mod settings;
#[cfg(test)]
mod stalled;
mod status;
mod track;
mod wishes;
mod writer;

pub use plugin::Recorder;
pub use settings::{Config, Options, Request};

/// Code of an answer, as in the Janus API: something is missing from the request.
const CODE_MISSING: u32 = 456;
/// Code of an answer, as in the Janus API: something in the request is wrong.
const CODE_INVALID: u32 = 467;
/// Code of an answer, as in the Janus API: it can't be done.
const CODE_FAILED: u32 = 490;
