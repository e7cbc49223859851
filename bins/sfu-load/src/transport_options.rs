//! What transports of light peers have in common, in the terms of mediasoup's schema.
use sfu_mediasoup::schema::v3_27::transport::{ListenInfo, Options, PortRange, Protocol, SocketFlags};

/// Any port on loopback.
pub fn listen_info() -> ListenInfo {
    ListenInfo {
        protocol: Protocol::Udp,
        ip: "127.0.0.1".into(),
        announced_address: None,
        expose_internal_ip: false,
        port: 0,
        port_range: PortRange { min: 0, max: 0 },
        flags: SocketFlags { ipv6_only: false, udp_reuse_port: false },
        send_buffer_size: 0,
        recv_buffer_size: 0,
    }
}

/// Nothing but media, with a bandwidth estimate where peers give feedback.
pub fn options() -> Options {
    Options {
        direct: false,
        max_send_message_size: 262_144,
        max_receive_message_size: 262_144,
        initial_available_outgoing_bitrate: None,
        enable_sctp: false,
        sctp_send_buffer_size: 0,
        sctp_per_stream_send_queue_limit: 0,
        sctp_max_receiver_window_buffer_size: 0,
        sctp_default_stream_buffered_amount_low_threshold: 0,
        is_data_channel: false,
        enable_bwe: true,
        max_incoming_bitrate: None,
        max_outgoing_bitrate: None,
        min_outgoing_bitrate: None,
    }
}
