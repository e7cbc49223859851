//! The protocol of mediasoup 3.27 at work: what each request does, and what each event says.
//!
//! One file per subject, as the schema has it; [`Desk`] does a message at a time.
mod check;
mod consumer;
mod convert;
mod data_consumer;
mod data_producer;
mod desk;
mod detail;
mod direct_transport;
mod limits;
mod lookup;
mod notifications;
mod perform;
mod pipe_transport;
mod plain_transport;
mod plugins;
mod producer;
mod router;
mod rtp_observer;
mod transport;
mod transport_dump;
mod transport_stats;
mod webrtc_server;
mod webrtc_transport;
mod worker;

pub(crate) use desk::{Desk, Library};
