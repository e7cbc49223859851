//! ORTC: what a router can carry, what a producer sends, what a consumer receives.
//!
//! A producer's parameters are mapped to the router's own payload types and SSRCs ("consumable" parameters); from
//! those a receiver gets parameters in its own terms. Nothing here allocates ids by itself: randomness comes from the
//! caller, through [`SsrcSource`].
mod capabilities;
mod codec_match;
mod consume;
mod error;
mod extension;
mod produce;
mod quality;
mod red;
mod router_codecs;
mod ssrc_source;

pub use capabilities::{ExtensionDirection, RtpCapabilities, RtpCodecCapability, RtpHeaderExtension};
pub use codec_match::{H264Profile, ProfileMatch, same_codec};
pub use consume::{ReceiverOptions, can_consume, consumer_parameters};
pub use error::OrtcError;
pub use extension::uri;
pub use produce::{ProduceFilter, ProducedMedia, consumable_parameters, producer_from_section};
pub(crate) use red::with_red;
pub use red::{offers_red_first, without_red};
pub use ssrc_source::SsrcSource;

#[cfg(test)]
mod tests;
