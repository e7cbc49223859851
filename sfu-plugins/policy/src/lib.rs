//! Says which codecs may be published, and how much a producer may send.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_policy::Policy ];
//! }
//! ```
//!
//! A codec that is not on the list is refused when its producer opens, and the client reads why in its protocol's own words. A
//! producer that sends more than it may loses what is too much before anything is forwarded: no receiver sees a gap.
mod allowance;
mod bound;
mod budget;
mod plugin;
mod settings;

pub use plugin::Policy;
pub use settings::{MimeType, Options, Request};
