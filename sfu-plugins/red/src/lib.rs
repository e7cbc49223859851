//! Redundant audio (RED, RFC 2198): taken off what senders send, with what was lost restored from it, and added for receivers that
//! negotiated it.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_red::Red ];
//! }
//! ```
//!
//! What the worker forwards, records and looks into is plain Opus; each receiver gets what it can read.
mod history;
mod incoming;
mod plugin;
mod rfc2198;
mod settings;

pub use plugin::Red;
pub use settings::{Options, Request};
