//! Data producers.
use super::sctp_parameters::SctpStreamParameters;
use crate::flat::schema;

schema! {
    namespace "DataProducer";

    enum Type {
        Sctp = 0,
        Direct = 1,
    }

    table DumpResponse {
        id: String,
        r#type: Type,
        sctp_stream_parameters: Option<SctpStreamParameters>,
        label: String,
        protocol: String,
        paused: bool,
    }

    table GetStatsResponse {
        /// Milliseconds.
        timestamp: u64,
        label: String,
        protocol: String,
        messages_received: u64,
        bytes_received: u64,
        buffered_amount: u32,
    }

    table SendNotification {
        /// RFC 8831, section 8.
        ppid: u32,
        data: Vec<u8>,
        subchannels: Option<Vec<u16>>,
        required_subchannel: Option<u16>,
        ignored_subchannel: Option<u16>,
    }
}
