//! What all transports have in common.
use super::common::{StringString, TraceDirection, Uint16String, Uint32String};
use super::consumer::{ConsumerLayers, ConsumerScore};
use super::rtp_parameters::{MediaKind, RtpEncodingParameters, RtpMapping, RtpParameters, Type};
use super::sctp_association::{SctpNegotiatedCapabilities, SctpState};
use super::sctp_parameters::{SctpParameters, SctpStreamParameters};
use super::{data_consumer, data_producer};
use crate::flat::schema;

schema! {
    namespace "Transport";

    enum Protocol {
        Udp = 1,
        Tcp = 2,
    }

    /// 0 and 0: no range.
    table PortRange {
        min: u16,
        max: u16,
    }

    table SocketFlags {
        ipv6_only: bool,
        udp_reuse_port: bool,
    }

    table ListenInfo {
        protocol: Protocol = Protocol::Udp,
        ip: String,
        /// An IP address or a host name.
        announced_address: Option<String>,
        expose_internal_ip: bool,
        /// 0: any.
        port: u16,
        port_range: PortRange,
        flags: SocketFlags,
        /// Bytes, as `recv_buffer_size`; 0: the system's.
        send_buffer_size: u32,
        recv_buffer_size: u32,
    }

    table RestartIceResponse {
        username_fragment: String,
        password: String,
        ice_lite: bool,
    }

    table ProduceRequest {
        producer_id: String,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        rtp_mapping: RtpMapping,
        paused: bool,
        /// Milliseconds.
        key_frame_request_delay: u32,
        enable_mediasoup_packet_id_header_extension: bool,
    }

    table ProduceResponse {
        r#type: Type,
    }

    table ConsumeRequest {
        consumer_id: String,
        producer_id: String,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        r#type: Type,
        consumable_rtp_encodings: Vec<RtpEncodingParameters>,
        paused: bool,
        preferred_layers: Option<ConsumerLayers>,
        ignore_dtx: bool,
    }

    table ConsumeResponse {
        paused: bool,
        producer_paused: bool,
        score: ConsumerScore,
        preferred_layers: Option<ConsumerLayers>,
    }

    table ProduceDataRequest {
        data_producer_id: String,
        r#type: data_producer::Type,
        sctp_stream_parameters: Option<SctpStreamParameters>,
        label: Option<String>,
        protocol: Option<String>,
        paused: bool,
    }

    table ConsumeDataRequest {
        data_consumer_id: String,
        data_producer_id: String,
        r#type: data_consumer::Type,
        sctp_stream_parameters: Option<SctpStreamParameters>,
        label: Option<String>,
        protocol: Option<String>,
        paused: bool,
        subchannels: Option<Vec<u16>>,
    }

    table Tuple {
        local_address: String,
        local_port: u16,
        remote_ip: Option<String>,
        remote_port: u16,
        protocol: Protocol = Protocol::Udp,
    }

    table RtpListener {
        ssrc_table: Vec<Uint32String>,
        mid_table: Vec<StringString>,
        rid_table: Vec<StringString>,
    }

    table SctpListener {
        stream_id_table: Vec<Uint16String>,
    }

    /// The ids of header extensions.
    table RecvRtpHeaderExtensions {
        mid: Option<u8>,
        rid: Option<u8>,
        rrid: Option<u8>,
        abs_send_time: Option<u8>,
        transport_wide_cc01: Option<u8>,
    }

    /// Sizes are bytes.
    table Options {
        direct: bool,
        /// Bits per second.
        initial_available_outgoing_bitrate: Option<u64>,
        enable_sctp: bool,
        max_send_message_size: u32,
        max_receive_message_size: u32,
        sctp_send_buffer_size: u32,
        sctp_per_stream_send_queue_limit: u32,
        sctp_max_receiver_window_buffer_size: u32,
        sctp_default_stream_buffered_amount_low_threshold: u32,
        is_data_channel: bool,
        ..
        /// Bitrates count only with this. Which feedback there is, RTP parameters say.
        enable_bwe: bool = true,
        /// Bits per second, as the two that follow.
        max_incoming_bitrate: Option<u64>,
        max_outgoing_bitrate: Option<u64>,
        min_outgoing_bitrate: Option<u64>,
    }

    enum TraceEventType {
        Probation = 0,
        Bwe = 1,
    }

    table Dump {
        id: String,
        direct: bool,
        producer_ids: Vec<String>,
        consumer_ids: Vec<String>,
        map_ssrc_consumer_id: Vec<Uint32String>,
        map_rtx_ssrc_consumer_id: Vec<Uint32String>,
        data_producer_ids: Vec<String>,
        data_consumer_ids: Vec<String>,
        recv_rtp_header_extensions: RecvRtpHeaderExtensions,
        rtp_listener: RtpListener,
        max_send_message_size: u32,
        max_receive_message_size: u32,
        sctp_parameters: Option<SctpParameters>,
        sctp_state: Option<SctpState>,
        sctp_negotiated_capabilities: Option<SctpNegotiatedCapabilities>,
        sctp_listener: Option<SctpListener>,
        trace_event_types: Vec<TraceEventType>,
    }

    /// Bitrates are bits per second.
    table Stats {
        transport_id: String,
        /// Milliseconds.
        timestamp: u64,
        sctp_state: Option<SctpState>,
        bytes_received: u64,
        recv_bitrate: u64,
        bytes_sent: u64,
        send_bitrate: u64,
        rtp_bytes_received: u64,
        rtp_recv_bitrate: u64,
        rtp_bytes_sent: u64,
        rtp_send_bitrate: u64,
        rtx_bytes_received: u64,
        rtx_recv_bitrate: u64,
        rtx_bytes_sent: u64,
        rtx_send_bitrate: u64,
        probation_bytes_sent: u64,
        probation_send_bitrate: u64,
        available_outgoing_bitrate: Option<u64>,
        available_incoming_bitrate: Option<u64>,
        max_incoming_bitrate: Option<u64>,
        max_outgoing_bitrate: Option<u64>,
        min_outgoing_bitrate: Option<u64>,
        /// 0 to 1, as `rtp_packet_loss_sent`.
        rtp_packet_loss_received: Option<f64>,
        rtp_packet_loss_sent: Option<f64>,
        ..
        /// Milliseconds.
        round_trip_time: Option<f32>,
    }

    table SetMaxIncomingBitrateRequest {
        max_incoming_bitrate: u64,
    }

    table SetMaxOutgoingBitrateRequest {
        max_outgoing_bitrate: u64,
    }

    table SetMinOutgoingBitrateRequest {
        min_outgoing_bitrate: u64,
    }

    table EnableTraceEventRequest {
        events: Vec<TraceEventType>,
    }

    table CloseProducerRequest {
        producer_id: String,
    }

    table CloseConsumerRequest {
        consumer_id: String,
    }

    table CloseDataProducerRequest {
        data_producer_id: String,
    }

    table CloseDataConsumerRequest {
        data_consumer_id: String,
    }

    table SendRtcpNotification {
        data: Vec<u8>,
    }

    table SctpStateChangeNotification {
        sctp_state: SctpState,
    }

    table SctpNegotiatedCapabilitiesNotification {
        negotiated_capabilities: Option<SctpNegotiatedCapabilities>,
    }

    union TraceInfo {
        BweTraceInfo(BweTraceInfo) = 1,
    }

    enum BweType {
        TransportCc = 0,
        Remb = 1,
    }

    /// Bits per second.
    table BweTraceInfo {
        bwe_type: BweType,
        desired_bitrate: u64,
        effective_desired_bitrate: u64,
        min_bitrate: u64,
        max_bitrate: u64,
        start_bitrate: u64,
        max_padding_bitrate: u64,
        available_bitrate: u64,
    }

    table TraceNotification {
        r#type: TraceEventType,
        /// Milliseconds.
        timestamp: u64,
        direction: TraceDirection,
        info: Option<TraceInfo>,
    }
}
