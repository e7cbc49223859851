//! Session descriptions (SDP, RFC 8866) as WebRTC uses them (JSEP, RFC 9429), typed.
//!
//! `sdp-types` splits the text into lines; this module bounds it, gives the attributes types and lets sections
//! inherit what is said once for the whole session. Everything here is untrusted text: a description is at most
//! [`MAX_BYTES`] long, and what does not parse is an [`SdpError`] that names the line.
mod attribute;
mod candidate;
mod description;
mod error;
mod fragment;
mod lines;
mod media;
mod parse;
mod parse_media;
mod simulcast;
mod write;

pub use candidate::Candidate;
pub use description::{Direction, IceCredentials, Origin, SessionDescription, Setup};
pub use error::SdpError;
pub use fragment::{FragmentSection, IceFragment};
pub use lines::{MAX_BYTES, MAX_LINES, MAX_SECTIONS};
pub use media::{ExtMap, MediaDescription, SectionKind, SsrcDescription, SsrcGroup};
pub use simulcast::{Rid, RidDirection, Simulcast, SimulcastStream};

#[cfg(test)]
pub(crate) mod tests;
