//! Layers: which of a producer's encodings, spatial and temporal layers a consumer gets.
//!
//! What a receiver prefers and what its path can carry make a target ([`choose`]); the gate lets pass what leads there and can be
//! decoded ([`gate`]); what was left out or switched away from leaves no trace in the numbers of payload descriptors
//! ([`picture_ids`]).
mod allocation;
mod choose;
mod edit;
mod forward;
mod gate;
mod layer;
mod layering;
mod picture_ids;
mod rates;
mod recent_frames;

pub(crate) use allocation::Wish;
pub(crate) use edit::Edit;
#[cfg(feature = "bench")]
pub(crate) use gate::{Arriving, Gate};
pub(crate) use layer::Layer;
pub(crate) use layering::Layering;
pub(crate) use rates::EncodingLayers;
