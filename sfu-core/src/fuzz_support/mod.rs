//! Storms of damaged input: valid messages of every kind, damaged before they are protected, against a worker in virtual time.
//!
//! Only compiled for tests and with the feature `fuzzing`; nothing of it is a stable interface.
mod chance;
mod entry;
mod mutate;
mod peers;
mod rtcp_seeds;
mod rtp_seeds;
mod sdp_seeds;
mod seeds;
mod storm;

pub use chance::Chance;
pub use entry::{datagram, dependency_descriptor, mjr, payload_descriptor, rtcp, rtp, sdp, stun};
pub use mutate::{mutate, mutate_text};
pub use sdp_seeds::OFFERS;
pub use seeds::seeds;
pub use storm::{Outcome, Storm, resident_bytes};

pub use crate::engine::Sizes;

#[cfg(test)]
mod tests;
