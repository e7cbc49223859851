//! Figures of a worker for Prometheus and OpenMetrics.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_metrics::Metrics ];
//! }
//! ```
//!
//! One request collects the figures of all media threads and writes them as text, off the media threads. The admin API serves it
//! as `GET /metrics`.
mod collection;
mod exposition;
mod family;
mod format;
mod labels;
mod ledger;
mod plugin;
mod plugin_figures;
mod report;
mod router_figures;
mod settings;
mod stream_figures;
mod transport_figures;
mod worker_figures;

pub use plugin::Metrics;
pub use settings::{Config, Detail, LabelName, Request};

/// Code of an answer, as in the Janus API: something in the request is wrong.
const CODE_INVALID: u32 = 467;
/// Code of an answer, as in HTTP: not now.
const CODE_BUSY: u32 = 503;
