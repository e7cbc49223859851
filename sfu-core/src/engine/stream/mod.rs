//! Per-stream state machines: what one RTP stream remembers between two packets.
//!
//! Everything here is sans-IO and takes plain numbers: `now` comes in, decisions and deadlines come out. Nothing parses or
//! writes a packet. In the steady state nothing allocates: rings grow while a stream speeds up and then stay.
//!
//! * Ingress: [`receive`] validates and counts, [`nack_generator`] asks again, [`key_frame_requests`] asks for a fresh start,
//!   [`transport_cc_receiver`] and [`remb`] tell the sender what arrived.
//! * Egress: [`send_stream`] numbers and times what leaves, [`send_history`] knows what left under which number, and
//!   [`retransmission_store`] still holds the bytes.
//!
//! Inside a worker packets are named by their *extended* sequence number (64 bits, never wraps, see [`sequence`]); 16-bit numbers exist
//! only on the wire.

pub(crate) mod bandwidth;
pub(crate) mod key_frame_requests;
pub(crate) mod loss_average;
pub(crate) mod nack_generator;
pub(crate) mod ntp;
mod probe;
pub(crate) mod rate;
pub(crate) mod receive;
pub(crate) mod received_window;
pub(crate) mod remb;
pub(crate) mod remote_clock;
pub(crate) mod report;
pub(crate) mod retransmission_store;
pub(crate) mod round_trip;
pub(crate) mod score;
pub(crate) mod send_history;
pub(crate) mod send_stream;
pub(crate) mod sequence;
pub(crate) mod sequence_map;
pub(crate) mod timestamp_switch;
pub(crate) mod transport_cc_receiver;

#[cfg(test)]
mod scenario_tests;
