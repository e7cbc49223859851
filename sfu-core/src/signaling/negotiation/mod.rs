//! Offers and answers (JSEP) in ORTC terms: what WHIP, WHEP and other front doors that speak SDP have in common.
//!
//! A plan is made of an offer alone, so that an offer that cannot be answered costs no transport. The plan then says
//! what to produce or consume, and becomes an answer once the transport is there:
//!
//! ```text
//! SessionDescription::parse → PublisherPlan::new → (create transport) → plan.answer → connect, produce
//!                             ViewerPlan::new                                       → connect, consume
//! ```
mod bundle;
mod data_channels;
mod error;
mod publisher;
mod restart;
mod section;
mod viewer;

pub use bundle::PeerTransport;
pub use data_channels::DataChannels;
pub use error::{NegotiationError, Refusal};
pub use publisher::{PublishedMedia, PublisherAnswer, PublisherPlan, PublisherPolicy, answer_publisher};
pub use restart::{is_restart, restart_fragment};
pub use section::LocalTransport;
pub use viewer::{ConsumedMedia, ProducerDescription, ViewerAnswer, ViewerPlan, ViewerPolicy, answer_viewer};

#[cfg(test)]
mod tests;
