//! Posts events of the worker and of its plugins as signed HTTP requests, in order and with retries.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_webhook::Webhook ];
//! }
//! ```
//!
//! The media thread that an event happens on puts it in a bounded queue and goes on; everything else happens on tokio.
mod backoff;
mod client;
mod delivery;
mod endpoint;
mod event_name;
mod hook;
mod pattern;
mod plugin;
mod queue;
mod roots;
mod settings;
mod signature;

pub use plugin::Webhook;
pub use settings::{Config, Hook, Request, Secret};

/// Code of an answer, as in the Janus API: something in the request is wrong.
const CODE_INVALID: u32 = 467;
