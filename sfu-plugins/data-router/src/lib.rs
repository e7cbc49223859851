//! Delivers data channel messages to the peers, groups and topics that they name.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_data_router::DataRouter ];
//! }
//! ```
//!
//! Each message says itself whom it is for, in a binary header or a JSON envelope; the worker delivers it in the turn of its loop in
//! which it came, with nothing of signaling in between. Peers need one data channel each way, however many they are.
#![forbid(unsafe_code)]

mod budget;
mod care;
mod circle;
mod counts;
mod directory;
mod envelope;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz_support;
mod header;
mod json;
mod label;
mod message;
mod notice;
mod peer;
mod plugin;
mod presence;
mod requests;
mod room;
mod routing;
mod settings;
mod slab;

pub use plugin::DataRouter;
pub use settings::{Config, Options, Plain, Request, To};
