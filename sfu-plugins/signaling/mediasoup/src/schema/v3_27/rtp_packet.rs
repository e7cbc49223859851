//! RTP packets in traces.
use crate::flat::schema;

schema! {
    namespace "RtpPacket";

    table Dump {
        payload_type: u8,
        sequence_number: u16,
        timestamp: u32,
        marker: bool,
        ssrc: u32,
        is_key_frame: bool,
        /// Bytes, as `payload_size`.
        size: u64,
        payload_size: u64,
        spatial_layer: u8,
        temporal_layer: u8,
        mid: Option<String>,
        rid: Option<String>,
        rrid: Option<String>,
        wide_sequence_number: Option<u16>,
    }
}
