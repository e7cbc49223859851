//! Sender and receiver reports (RFC 3550 section 6.4).

use super::ntp::NtpTime;
use super::split_u32;

/// Length of a report block in bytes.
pub const REPORT_BLOCK_LEN: usize = 24;

/// What a sender tells about its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// Wall clock of the sender when the report left.
    pub ntp: NtpTime,
    /// The same instant on the stream's RTP clock.
    pub rtp_timestamp: u32,
    /// Packets sent, wraps.
    pub packet_count: u32,
    /// Payload bytes sent, wraps.
    pub octet_count: u32,
}

/// What a receiver tells about one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream the block is about.
    pub ssrc: u32,
    /// Packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all, -2^23 to 2^23 - 1; negative with duplicates.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with its cycles in the upper 16 bits.
    pub highest_sequence: u32,
    /// Interarrival jitter in units of the stream's RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 if none came yet.
    pub last_sr: u32,
    /// Time since that report, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    #[inline]
    fn parse(bytes: &[u8; REPORT_BLOCK_LEN]) -> Option<Self> {
        let (ssrc, rest) = split_u32(bytes)?;
        let (lost, rest) = split_u32(rest)?;
        let (highest_sequence, rest) = split_u32(rest)?;
        let (jitter, rest) = split_u32(rest)?;
        let (last_sr, rest) = split_u32(rest)?;
        let (delay_since_last_sr, _) = split_u32(rest)?;
        Some(Self {
            ssrc,
            fraction_lost: (lost >> 24) as u8,
            // Shifted up and down to extend the sign of the 24 bits.
            cumulative_lost: (lost << 8) as i32 >> 8,
            highest_sequence,
            jitter,
            last_sr,
            delay_since_last_sr,
        })
    }

    /// The bytes of the block. The cumulative loss is clamped to 24 bits.
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; REPORT_BLOCK_LEN] {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0x00FF_FFFF;
        let words = [
            self.ssrc,
            u32::from(self.fraction_lost) << 24 | lost,
            self.highest_sequence,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        ];
        let mut bytes = [0; REPORT_BLOCK_LEN];
        for (slot, word) in bytes.chunks_exact_mut(4).zip(words) {
            slot.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

/// The report blocks in `bytes`.
fn blocks(bytes: &[u8]) -> impl ExactSizeIterator<Item = ReportBlock> + '_ {
    let (chunks, _) = bytes.as_chunks::<REPORT_BLOCK_LEN>();
    chunks.iter().map(|chunk| ReportBlock::parse(chunk).unwrap_or_default())
}

/// A sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport<'p> {
    /// The stream the report is about.
    pub ssrc: u32,
    /// What it tells.
    pub info: SenderInfo,
    blocks: &'p [u8],
}

impl<'p> SenderReport<'p> {
    pub(crate) fn parse(count: u8, body: &'p [u8]) -> Option<Self> {
        let (ssrc, rest) = split_u32(body)?;
        let (ntp, rest) = rest.split_first_chunk()?;
        let (rtp_timestamp, rest) = split_u32(rest)?;
        let (packet_count, rest) = split_u32(rest)?;
        let (octet_count, rest) = split_u32(rest)?;
        let ntp = NtpTime::from_bits(u64::from_be_bytes(*ntp));
        let blocks = rest.get(..usize::from(count) * REPORT_BLOCK_LEN)?;
        Some(Self { ssrc, info: SenderInfo { ntp, rtp_timestamp, packet_count, octet_count }, blocks })
    }

    /// What the sender receives, at most 31 blocks.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = ReportBlock> + 'p {
        blocks(self.blocks)
    }
}

/// A receiver report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'p> {
    /// Who reports.
    pub ssrc: u32,
    blocks: &'p [u8],
}

impl<'p> ReceiverReport<'p> {
    pub(crate) fn parse(count: u8, body: &'p [u8]) -> Option<Self> {
        let (ssrc, rest) = split_u32(body)?;
        Some(Self { ssrc, blocks: rest.get(..usize::from(count) * REPORT_BLOCK_LEN)? })
    }

    /// The reports, at most 31.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = ReportBlock> + 'p {
        blocks(self.blocks)
    }
}
