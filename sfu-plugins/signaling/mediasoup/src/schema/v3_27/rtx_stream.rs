//! Streams of retransmissions.
use crate::flat::schema;

schema! {
    namespace "RtxStream";

    table Params {
        ssrc: u32,
        payload_type: u8,
        mime_type: String,
        /// Hertz.
        clock_rate: u32,
        rrid: Option<String>,
        cname: String,
    }

    table RtxDump {
        params: Params,
    }
}
