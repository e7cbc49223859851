//! Transports between routers.
use super::srtp_parameters::SrtpParameters;
use super::transport::{Dump, ListenInfo, Options, Stats, Tuple};
use crate::flat::schema;

schema! {
    namespace "PipeTransport";

    table PipeTransportOptions {
        base: Options,
        listen_info: ListenInfo,
        enable_rtx: bool,
        enable_srtp: bool,
    }

    table ConnectRequest {
        ip: String,
        port: Option<u16>,
        srtp_parameters: Option<SrtpParameters>,
    }

    table ConnectResponse {
        tuple: Tuple,
    }

    table DumpResponse {
        base: Dump,
        tuple: Tuple,
        rtx: bool,
        srtp_parameters: Option<SrtpParameters>,
    }

    table GetStatsResponse {
        base: Stats,
        tuple: Tuple,
    }
}
