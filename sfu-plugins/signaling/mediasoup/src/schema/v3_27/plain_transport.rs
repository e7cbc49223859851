//! Transports without ICE and DTLS.
use super::srtp_parameters::{SrtpCryptoSuite, SrtpParameters};
use super::transport::{Dump, ListenInfo, Options, Stats, Tuple};
use crate::flat::schema;

schema! {
    namespace "PlainTransport";

    table PlainTransportOptions {
        base: Options,
        listen_info: ListenInfo,
        rtcp_listen_info: Option<ListenInfo>,
        rtcp_mux: bool,
        /// The peer's address is that of its first packet.
        comedia: bool,
        enable_srtp: bool,
        srtp_crypto_suite: Option<SrtpCryptoSuite>,
    }

    table ConnectRequest {
        ip: Option<String>,
        port: Option<u16>,
        rtcp_port: Option<u16>,
        srtp_parameters: Option<SrtpParameters>,
    }

    table ConnectResponse {
        tuple: Option<Tuple>,
        rtcp_tuple: Option<Tuple>,
        srtp_parameters: Option<SrtpParameters>,
    }

    table DumpResponse {
        base: Dump,
        rtcp_mux: bool,
        comedia: bool,
        tuple: Tuple,
        rtcp_tuple: Option<Tuple>,
        srtp_parameters: Option<SrtpParameters>,
    }

    table GetStatsResponse {
        base: Stats,
        rtcp_mux: bool,
        comedia: bool,
        tuple: Tuple,
        rtcp_tuple: Option<Tuple>,
    }

    table TupleNotification {
        tuple: Tuple,
    }

    table RtcpTupleNotification {
        tuple: Tuple,
    }
}
