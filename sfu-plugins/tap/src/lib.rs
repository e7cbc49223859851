//! Hands encoded frames of producers to another process over a socket, for speech recognition or analysis.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_tap::Tap ];
//! }
//! ```
//!
//! The media thread copies each packet into a ring of bytes and goes on; one thread puts them in order, makes frames of them and
//! writes these to whoever reads. A reader that is slow loses whole frames, which are counted, and never delays media.
mod address;
mod capture;
mod exporter;
mod figures;
mod format;
mod plugin;
mod reader;
mod reorder;
mod rtp;
mod settings;
mod socket;
mod track;
mod wire;

pub use address::Address;
pub use plugin::Tap;
pub use settings::{Config, Options, Request};
