//! The numbers inside sender and receiver reports (RFC 3550 §6.4), free of their wire form.

/// One report block of a receiver or sender report (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReportBlock {
    /// The stream this block is about.
    pub(crate) ssrc: u32,
    /// Share of packets lost since the previous report, in 1/256.
    pub(crate) fraction_lost: u8,
    /// Packets lost since the beginning; a signed 24-bit field on the wire, already clamped to it.
    pub(crate) cumulative_lost: i32,
    /// Highest sequence number received, with the count of wrap-arounds in the upper 16 bits.
    pub(crate) ext_highest_seq: u32,
    /// Interarrival jitter in timestamp units (RFC 3550 A.8).
    pub(crate) jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time; 0 when there was none.
    pub(crate) lsr: u32,
    /// Delay since that sender report in 1/65536 s; 0 when there was none.
    pub(crate) dlsr: u32,
}

/// The sender information of a sender report (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SenderInfo {
    /// The stream that reports.
    pub(crate) ssrc: u32,
    /// NTP time of this report, 32.32 fixed point.
    pub(crate) ntp: u64,
    /// The RTP timestamp of that moment, in the stream's clock.
    pub(crate) rtp_timestamp: u32,
    /// Packets sent since the beginning, modulo 2³².
    pub(crate) packet_count: u32,
    /// Payload octets sent since the beginning (no headers, no padding), modulo 2³².
    pub(crate) octet_count: u32,
}

/// Which moment of the sender's own clock an RTP timestamp stands for: the last sender report of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockMapping {
    /// The sender's NTP time, 32.32 fixed point.
    pub(crate) ntp: u64,
    /// The RTP timestamp of that moment.
    pub(crate) rtp_timestamp: u32,
}
