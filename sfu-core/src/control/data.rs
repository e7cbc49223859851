//! Data channels: what carries them, who sends and who receives.
use bytes::Bytes;

use super::*;

/// Options of the SCTP association of a transport (RFC 8831). Sizes are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SctpOptions {
    /// Longest message that is sent.
    pub max_send_message_size: u32,
    /// Longest message that is taken.
    pub max_receive_message_size: u32,
    /// What may wait to be sent, all streams together.
    pub send_buffer_size: u32,
    /// What may wait to be sent on one stream.
    pub per_stream_send_queue_limit: u32,
    /// What we tell the peer that it may have on the way.
    pub max_receiver_window_buffer_size: u32,
    /// Low threshold of data consumers that set none.
    pub default_buffered_amount_low_threshold: u32,
}

impl Default for SctpOptions {
    fn default() -> Self {
        SctpOptions {
            max_send_message_size: 262_144,
            max_receive_message_size: 262_144,
            send_buffer_size: 2_000_000,
            per_stream_send_queue_limit: 2_000_000,
            max_receiver_window_buffer_size: 5_242_880,
            default_buffered_amount_low_threshold: 1024,
        }
    }
}

/// State of an SCTP association.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SctpState {
    /// Not begun.
    #[default]
    New,
    /// The handshake runs.
    Connecting,
    /// Messages flow.
    Connected,
    /// The handshake, or sending, was given up.
    Failed,
    /// Ended.
    Closed,
}

/// Streams that both sides of an association agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SctpStreams {
    /// From us.
    pub max_outbound: u16,
    /// To us.
    pub max_inbound: u16,
}

/// One stream of an SCTP association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SctpStreamParameters {
    /// Number of the stream.
    pub stream_id: u16,
    /// Messages arrive in order.
    pub ordered: bool,
    /// A message is given up after so many milliseconds (RFC 3758).
    pub max_packet_life_time: Option<u16>,
    /// A message is given up after so many retransmissions (RFC 3758).
    pub max_retransmits: Option<u16>,
}

/// What carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataPath {
    /// A stream of the transport's association.
    Sctp(SctpStreamParameters),
    /// The control API; direct transports only.
    Direct,
}

/// Options of a data producer.
#[derive(Debug, Clone, PartialEq)]
pub struct DataProducerOptions {
    /// What its messages arrive by.
    pub path: DataPath,
    /// Label of the data channel.
    pub label: String,
    /// Sub-protocol of the data channel.
    pub protocol: String,
    /// Begin paused.
    pub paused: bool,
    /// Labels.
    pub labels: Labels,
}

/// Options of a data consumer.
#[derive(Debug, Clone, PartialEq)]
pub struct DataConsumerOptions {
    /// Its data producer.
    pub data_producer: DataProducerId,
    /// What messages leave by. The stream of an SCTP path is free, on the side of the peer as well.
    pub path: DataPath,
    /// Label of the data channel.
    pub label: String,
    /// Sub-protocol of the data channel.
    pub protocol: String,
    /// Begin paused.
    pub paused: bool,
    /// Subchannels that it wants; messages without subchannels come anyway.
    pub subchannels: Vec<u16>,
    /// Labels.
    pub labels: Labels,
}

/// A message of a data producer, as signaling sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutgoingData {
    /// Payload protocol identifier (RFC 8831 §8).
    pub ppid: u32,
    /// Bytes.
    pub payload: Bytes,
    /// Only for data consumers that want one of these; empty: for all.
    pub subchannels: Vec<u16>,
    /// Only for data consumers that want this one.
    pub required_subchannel: Option<u16>,
    /// Not for data consumers that want this one.
    pub ignored_subchannel: Option<u16>,
}
