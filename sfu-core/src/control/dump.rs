//! All that is known of an entity, for people who debug.
use std::net::SocketAddr;

use super::*;

/// All that is known of an entity.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dump {
    /// A server of ports for WebRTC transports.
    WebRtcServer(WebRtcServerDump),
    /// A transport.
    Transport(Box<TransportDump>),
    /// A producer.
    Producer(Box<ProducerDump>),
    /// A consumer.
    Consumer(Box<ConsumerDump>),
    /// A data producer.
    DataProducer(DataProducerDump),
    /// A data consumer.
    DataConsumer(DataConsumerDump),
}

/// A server of ports for WebRTC transports.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebRtcServerDump {
    /// Its id.
    pub id: WebRtcServerId,
    /// UDP sockets.
    pub udp: Vec<SocketAddr>,
    /// TCP sockets that listen.
    pub tcp: Vec<SocketAddr>,
    /// Transports on it.
    pub transports: Vec<TransportId>,
    /// Whose ICE username fragments peers may use.
    pub username_fragments: Vec<(String, TransportId)>,
}

impl WebRtcServerDump {
    /// Adds what a part on another media thread has.
    pub(crate) fn merge(&mut self, part: WebRtcServerDump) {
        self.udp.extend(part.udp);
        self.tcp.extend(part.tcp);
        self.transports.extend(part.transports);
        self.username_fragments.extend(part.username_fragments);
    }
}

/// A transport.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransportDump {
    /// Its id.
    pub id: TransportId,
    /// Its router.
    pub router: RouterId,
    /// Ids of the header extensions that arrive, by what they are.
    pub extensions: ReceivedExtensions,
    /// SSRCs that arrive.
    pub ssrcs: Vec<(u32, ProducerId)>,
    /// MIDs that arrive.
    pub mids: Vec<(String, ProducerId)>,
    /// RIDs that arrive.
    pub rids: Vec<(String, ProducerId)>,
    /// SSRCs that leave.
    pub consumer_ssrcs: Vec<(u32, ConsumerId)>,
    /// SSRCs of RTX that leave.
    pub consumer_rtx_ssrcs: Vec<(u32, ConsumerId)>,
    /// Its SCTP association.
    pub sctp: Option<SctpDump>,
    /// What it traces.
    #[serde(skip)]
    pub trace: TraceEvents,
    /// How it reaches its peer.
    pub link: LinkDump,
}

/// Ids of the header extensions that arrive on a transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedExtensions {
    /// RFC 9143.
    pub mid: Option<u8>,
    /// RFC 8852.
    pub rid: Option<u8>,
    /// RFC 8852.
    pub repaired_rid: Option<u8>,
    /// Absolute send time.
    pub abs_send_time: Option<u8>,
    /// Transport-wide sequence number.
    pub transport_cc: Option<u8>,
}

/// An SCTP association.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SctpDump {
    /// What it was made with.
    pub options: SctpOptions,
    /// Its state.
    pub state: SctpState,
    /// Streams, once agreed.
    pub streams: Option<SctpStreams>,
    /// It carries data channels: the reset of a stream closes one.
    pub is_data_channel: bool,
    /// Who takes what arrives on which stream.
    pub data_producers: Vec<(u16, DataProducerId)>,
}

/// How a transport reaches its peer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LinkDump {
    /// ICE, DTLS and SRTP.
    WebRtc {
        /// Our credentials.
        ice_parameters: IceParameters,
        /// Our candidates.
        ice_candidates: Vec<IceCandidate>,
        /// State of ICE.
        ice_state: IceState,
        /// Path in use.
        tuple: Option<TransportTuple>,
        /// Our certificate and role.
        dtls_parameters: DtlsParameters,
        /// State of DTLS.
        dtls_state: DtlsState,
    },
    /// An address.
    Plain {
        /// RTP and RTCP on one port.
        rtcp_mux: bool,
        /// The peer's address is learnt.
        comedia: bool,
        /// Path of RTP.
        tuple: TransportTuple,
        /// Path of RTCP without `rtcp_mux`.
        rtcp_tuple: Option<TransportTuple>,
        /// Our key.
        srtp_parameters: Option<SrtpParameters>,
    },
    /// Another worker.
    Pipe {
        /// Path.
        tuple: TransportTuple,
        /// Repair by RTX.
        rtx: bool,
        /// Our key.
        srtp_parameters: Option<SrtpParameters>,
    },
    /// Signaling itself.
    Direct {
        /// Longest message to a data consumer, bytes.
        max_send_message_size: u32,
        /// Longest message of a data producer, bytes.
        max_receive_message_size: u32,
    },
}

/// One RTP stream.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamDump {
    /// Encoding index.
    pub encoding: u8,
    /// SSRC.
    pub ssrc: u32,
    /// Payload type.
    pub payload_type: u8,
    /// Codec, e.g. `video/VP8`.
    pub mime_type: String,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// RID.
    pub rid: Option<String>,
    /// CNAME.
    pub cname: String,
    /// SSRC of RTX.
    pub rtx_ssrc: Option<u32>,
    /// Payload type of RTX.
    pub rtx_payload_type: Option<u8>,
    /// Retransmissions are asked for by NACK.
    pub use_nack: bool,
    /// Key frames are asked for by PLI.
    pub use_pli: bool,
    /// Key frames are asked for by FIR.
    pub use_fir: bool,
    /// Forward error correction inside the codec.
    pub use_in_band_fec: bool,
    /// Discontinuous transmission.
    pub use_dtx: bool,
    /// Spatial layers.
    pub spatial_layers: u8,
    /// Temporal layers.
    pub temporal_layers: u8,
    /// 0–10.
    pub score: u8,
}

/// A producer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerDump {
    /// Its id.
    pub id: ProducerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// The kind of consumer that fits it.
    pub consumer_type: ConsumerType,
    /// What the peer sends.
    pub rtp_parameters: RtpParameters,
    /// How that maps to the router's payload types and SSRCs.
    pub rtp_mapping: RtpMapping,
    /// Streams that sent something.
    pub streams: Vec<StreamDump>,
    /// What it traces.
    #[serde(skip)]
    pub trace: TraceEvents,
    /// Nothing is forwarded.
    pub paused: bool,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerDump {
    /// Its id.
    pub id: ConsumerId,
    /// Its producer.
    pub producer: ProducerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// How it chooses among encodings.
    pub consumer_type: ConsumerType,
    /// What is sent.
    pub rtp_parameters: RtpParameters,
    /// The producer's encodings as the router knows them.
    pub consumable_encodings: Vec<RtpEncodingParameters>,
    /// Payload types of media that it sends.
    pub payload_types: Vec<u8>,
    /// What it traces.
    #[serde(skip)]
    pub trace: TraceEvents,
    /// Paused by command.
    pub paused: bool,
    /// Its producer is paused.
    pub producer_paused: bool,
    /// Weight against the others of its transport, 1–255.
    pub priority: u8,
    /// Streams that it sends.
    pub streams: Vec<StreamDump>,
    /// Layers that its receiver wants at the most; none where it has no layers.
    pub preferred_layers: Option<Layers>,
    /// Layers that it is on the way to.
    pub target_layers: Option<Layers>,
    /// Layers that it sends.
    pub current_layers: Option<Layers>,
    /// Scores.
    pub score: ConsumerScore,
}

/// A data producer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataProducerDump {
    /// Its id.
    pub id: DataProducerId,
    /// What its messages arrive by.
    pub path: DataPath,
    /// Label of the data channel.
    pub label: String,
    /// Sub-protocol of the data channel.
    pub protocol: String,
    /// Nothing is forwarded.
    pub paused: bool,
}

/// A data consumer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataConsumerDump {
    /// Its id.
    pub id: DataConsumerId,
    /// Its data producer.
    pub data_producer: DataProducerId,
    /// What messages leave by.
    pub path: DataPath,
    /// Label of the data channel.
    pub label: String,
    /// Sub-protocol of the data channel.
    pub protocol: String,
    /// Bytes that wait.
    pub buffered_amount: u32,
    /// Below it, that is an event.
    pub buffered_amount_low_threshold: u32,
    /// Paused by command.
    pub paused: bool,
    /// Its data producer is paused.
    pub producer_paused: bool,
    /// Subchannels that it wants.
    pub subchannels: Vec<u16>,
}
