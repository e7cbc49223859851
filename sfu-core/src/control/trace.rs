//! Traces: single packets and decisions, told one by one to who debugs.

/// What an entity tells of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TraceEvents(u16);

impl TraceEvents {
    /// Nothing.
    pub const NONE: Self = TraceEvents(0);
    /// Each RTP packet (producer, consumer).
    pub const RTP: Self = TraceEvents(1);
    /// Packets that begin a key frame (producer, consumer).
    pub const KEY_FRAME: Self = TraceEvents(2);
    /// NACK (producer: sent; consumer: received).
    pub const NACK: Self = TraceEvents(4);
    /// PLI, likewise.
    pub const PLI: Self = TraceEvents(8);
    /// FIR, likewise.
    pub const FIR: Self = TraceEvents(16);
    /// Sender reports (producer).
    pub const SENDER_REPORT: Self = TraceEvents(32);
    /// Probing (transport).
    pub const PROBATION: Self = TraceEvents(64);
    /// Bandwidth estimates (transport).
    pub const BANDWIDTH: Self = TraceEvents(128);

    /// These and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        TraceEvents(self.0 | other.0)
    }

    /// Whether one of `other` is among these.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceDirection {
    /// To us.
    In,
    /// From us.
    Out,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Trace {
    /// When; wall clock in milliseconds since 1970.
    pub timestamp: u64,
    /// Which way.
    pub direction: TraceDirection,
    /// What.
    pub info: TraceInfo,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "type", content = "info", rename_all = "snake_case")]
pub enum TraceInfo {
    /// A packet.
    Rtp {
        /// The packet.
        packet: TracedPacket,
        /// It came, or went, by RTX.
        is_rtx: bool,
    },
    /// A packet that begins a key frame.
    KeyFrame {
        /// The packet.
        packet: TracedPacket,
        /// It came, or went, by RTX.
        is_rtx: bool,
    },
    /// A NACK.
    Nack,
    /// A PLI about this SSRC.
    Pli(u32),
    /// A FIR about this SSRC.
    Fir(u32),
    /// A sender report (RFC 3550 §6.4.1).
    SenderReport {
        /// SSRC of the sender.
        ssrc: u32,
        /// NTP time, seconds.
        ntp_seconds: u32,
        /// NTP time, fraction.
        ntp_fraction: u32,
        /// RTP time.
        rtp_timestamp: u32,
        /// Packets sent so far.
        packet_count: u32,
        /// Bytes sent so far.
        octet_count: u32,
    },
    /// A packet that probes for bandwidth.
    Probation(TracedPacket),
    /// What is known of the bandwidth to the peer.
    Bandwidth(BandwidthTrace),
}

/// An RTP packet, without its payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TracedPacket {
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence_number: u16,
    /// RTP time.
    pub timestamp: u32,
    /// Marker.
    pub marker: bool,
    /// SSRC.
    pub ssrc: u32,
    /// It begins a key frame.
    pub is_key_frame: bool,
    /// Bytes in all.
    pub size: u32,
    /// Bytes of payload.
    pub payload_size: u32,
    /// Spatial layer.
    pub spatial_layer: u8,
    /// Temporal layer.
    pub temporal_layer: u8,
    /// MID.
    pub mid: Option<String>,
    /// RID.
    pub rid: Option<String>,
    /// RID that it repairs.
    pub repaired_rid: Option<String>,
    /// Transport-wide sequence number.
    pub transport_sequence_number: Option<u16>,
}

/// How bandwidth is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BandwidthEstimator {
    /// By us, from transport-wide feedback.
    TransportCc,
    /// By the peer (REMB).
    Remb,
}

/// What is known of the bandwidth to the peer, bit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BandwidthTrace {
    /// How.
    pub estimator: BandwidthEstimator,
    /// What all consumers would like to have.
    pub desired: u32,
    /// That, as far as estimation is told to look for it.
    pub effective_desired: u32,
    /// It is not less than this.
    pub min: u32,
    /// It is not more than this.
    pub max: u32,
    /// What it began with.
    pub start: u32,
    /// Padding to probe with at the most.
    pub max_padding: u32,
    /// The estimate.
    pub available: u32,
}
