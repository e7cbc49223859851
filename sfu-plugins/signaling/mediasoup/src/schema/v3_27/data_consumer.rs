//! Data consumers: messages, subchannels, buffered amounts.
use super::sctp_parameters::SctpStreamParameters;
use crate::flat::schema;

schema! {
    namespace "DataConsumer";

    enum Type {
        Sctp = 0,
        Direct = 1,
    }

    table GetBufferedAmountResponse {
        /// Bytes.
        buffered_amount: u32,
    }

    table SetBufferedAmountLowThresholdRequest {
        /// Bytes.
        threshold: u32,
    }

    table DumpResponse {
        id: String,
        data_producer_id: String,
        r#type: Type,
        sctp_stream_parameters: Option<SctpStreamParameters>,
        label: String,
        protocol: String,
        buffered_amount: u32,
        buffered_amount_low_threshold: u32,
        paused: bool,
        data_producer_paused: bool,
        subchannels: Vec<u16>,
    }

    table GetStatsResponse {
        /// Milliseconds.
        timestamp: u64,
        label: String,
        protocol: String,
        messages_sent: u64,
        bytes_sent: u64,
        buffered_amount: u32,
    }

    table SendRequest {
        /// RFC 8831, section 8.
        ppid: u32,
        data: Vec<u8>,
    }

    table SendResponse {
        buffered_amount: u32,
    }

    table SetSubchannelsRequest {
        subchannels: Vec<u16>,
    }

    table SetSubchannelsResponse {
        subchannels: Vec<u16>,
    }

    table AddSubchannelRequest {
        subchannel: u16,
    }

    table AddSubchannelResponse {
        subchannels: Vec<u16>,
    }

    table RemoveSubchannelRequest {
        subchannel: u16,
    }

    table RemoveSubchannelResponse {
        subchannels: Vec<u16>,
    }

    table BufferedAmountLowNotification {
        buffered_amount: u32,
    }

    table MessageNotification {
        ppid: u32,
        data: Vec<u8>,
    }
}
