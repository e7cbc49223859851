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
mod target;

pub use chance::Chance;
pub use entry::{
    bitstream, datagram, dependency_descriptor, mjr, payload_descriptor, reorder, rtcp, rtp, sdp, stun,
};
pub use mutate::{mutate, mutate_text};
pub use sdp_seeds::OFFERS;
pub use seeds::seeds;
pub use storm::{Outcome, Storm, resident_bytes};
pub use target::{FuzzTarget, TARGETS};

pub use crate::engine::Sizes;

#[cfg(test)]
mod tests;
