//! Records producers as Janus MJR, or as files that are played as they are (WebM, Matroska, Ogg), or as packet captures (pcapng),
//! off the media thread.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_recorder::Recorder ];
//! }
//! ```
//!
//! The media thread copies each packet into a ring of bytes and goes on; a thread of its own writes the files. A disk that
//! stalls costs packets of the recording, which are counted, and never delays media.
mod capture;
mod clock_reading;
mod ebml;
mod file;
#[cfg(test)]
mod film;
mod folder;
mod format;
mod gather;
mod lane;
mod matroska;
mod name;
mod ogg;
mod opening;
mod output;
mod participant;
mod pcapng;
mod playable;
#[cfg(test)]
mod played;
#[cfg(test)]
mod players;
mod plugin;
mod requests;
#[cfg(test)]
mod scratch;
mod settings;
mod sniff;
#[cfg(test)]
mod stalled;
mod status;
mod timeline;
mod track;
mod track_entry;
mod wishes;
mod writer;

pub use plugin::Recorder;
pub use settings::{AfterLoss, Config, FileFormat, Options, Per, Request};

/// Code of an answer, as in the Janus API: something is missing from the request.
const CODE_MISSING: u32 = 456;
/// Code of an answer, as in the Janus API: something in the request is wrong.
const CODE_INVALID: u32 = 467;
/// Code of an answer, as in the Janus API: it can't be done.
const CODE_FAILED: u32 = 490;
