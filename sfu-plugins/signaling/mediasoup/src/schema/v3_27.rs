//! The protocol of mediasoup 3.27.
//!
//! One file per subject, as the protocol has namespaces; [`read`] makes a message of the library's bytes, and
//! [`call::Call`], [`notice::Notice`] and [`report::Report`] are what messages say.
// The names of tables and fields speak for themselves, or are documented where they come from.
#![allow(missing_docs)]

pub mod active_speaker_observer;
pub mod audio_level_observer;
pub mod call;
pub mod common;
pub mod consumer;
pub mod data_consumer;
pub mod data_producer;
pub mod direct_transport;
mod incoming;
pub mod log;
pub mod message;
mod method_name;
pub mod notice;
pub mod notification;
pub mod pipe_transport;
pub mod plain_transport;
pub mod producer;
pub mod report;
pub mod request;
pub mod response;
pub mod router;
pub mod rtp_observer;
pub mod rtp_packet;
pub mod rtp_parameters;
pub mod rtp_stream;
pub mod rtx_stream;
pub mod sctp_association;
pub mod sctp_parameters;
pub mod srtp_parameters;
#[cfg(test)]
mod tests;
pub mod transport;
mod urgency;
pub mod webrtc_server;
pub mod webrtc_transport;
pub mod worker;

pub use incoming::{Incoming, IncomingNotification, IncomingRequest, Refused, read};
