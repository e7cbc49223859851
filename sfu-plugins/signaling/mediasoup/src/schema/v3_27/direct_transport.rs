//! Transports whose peer is the library itself.
use super::transport::{Dump, Options, Stats};
use crate::flat::schema;

schema! {
    namespace "DirectTransport";

    table DirectTransportOptions {
        base: Options,
    }

    table DumpResponse {
        base: Dump,
    }

    table GetStatsResponse {
        base: Stats,
    }

    table RtcpNotification {
        data: Vec<u8>,
    }
}
