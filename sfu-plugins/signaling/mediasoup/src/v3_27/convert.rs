//! The library's terms and ours, one file per subject.
mod dtls;
mod ice;
mod listen;
mod rtp_parameters;
mod sctp;
mod srtp;
mod stream;
mod trace;
mod tuple;

pub(super) use dtls::{dtls_parameters, dtls_parameters_of, dtls_role, dtls_state};
pub(super) use ice::{ice_candidate, ice_parameters, ice_state};
pub(super) use listen::listen_info;
pub(super) use rtp_parameters::{
    consumer_type, consumer_type_of, layers, layers_of, media_kind, media_kind_of, rtp_encodings,
    rtp_mapping, rtp_parameters,
};
pub(super) use sctp::{
    sctp_options, sctp_parameters, sctp_state, sctp_streams, stream_parameters, stream_parameters_of,
};
pub(super) use srtp::{crypto_suite, srtp_parameters, srtp_parameters_of};
pub(super) use stream::{received, sent, stream_dump};
pub(super) use trace::{consumer_trace, producer_trace, transport_trace};
pub(super) use tuple::{ip_address, tuple};

/// A bitrate of the library as far as ours go, bit/s.
pub(super) fn bitrate(given: u64) -> u32 {
    u32::try_from(given).unwrap_or(u32::MAX)
}
