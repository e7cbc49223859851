//! SCTP: what an association and a stream were set up with.
use crate::flat::schema;

schema! {
    namespace "SctpParameters";

    /// Sizes are bytes.
    table SctpParameters {
        port: u16,
        max_send_message_size: u32,
        max_receive_message_size: u32,
        send_buffer_size: u32,
        per_stream_send_queue_limit: u32,
        max_receiver_window_buffer_size: u32,
        is_data_channel: bool,
    }

    table SctpStreamParameters {
        stream_id: u16,
        ordered: Option<bool>,
        /// Milliseconds.
        max_packet_life_time: Option<u16>,
        max_retransmits: Option<u16>,
    }
}
