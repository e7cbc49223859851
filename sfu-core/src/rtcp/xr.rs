//! Extended reports (RFC 3611): receiver reference time and the answer to it; other blocks raw.

use super::ntp::NtpTime;
use super::{split_u16, split_u32};

/// Block types.
pub(crate) const RECEIVER_REFERENCE_TIME: u8 = 4;
pub(crate) const DLRR: u8 = 5;

/// An extended report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xr<'p> {
    /// Who reports.
    pub ssrc: u32,
    blocks: &'p [u8],
}

/// One block of an extended report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum XrBlock<'p> {
    /// Wall clock of a receiver that sends no sender reports (RFC 3611 section 4.4).
    ReceiverReferenceTime(NtpTime),
    /// Answers to such clocks (RFC 3611 section 4.5): read with [`XrBlock::dlrr`].
    Dlrr(&'p [u8]),
    /// Anything else.
    Other {
        /// Block type.
        block_type: u8,
        /// The byte after it.
        type_specific: u8,
        /// What follows the 4-byte block header.
        body: &'p [u8],
    },
}

/// How long ago somebody's receiver reference time came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DlrrBlock {
    /// Whose time it was.
    pub ssrc: u32,
    /// Middle 32 bits of that time; 0 if none came yet.
    pub last_rr: u32,
    /// Time since it came, in 1/65536 s.
    pub delay_since_last_rr: u32,
}

impl<'p> Xr<'p> {
    pub(crate) fn parse(body: &'p [u8]) -> Option<Self> {
        let (ssrc, blocks) = split_u32(body)?;
        let mut rest = blocks;
        while !rest.is_empty() {
            (_, rest) = split_block(rest)?;
        }
        Some(Self { ssrc, blocks })
    }

    /// The blocks.
    pub fn blocks(&self) -> impl Iterator<Item = XrBlock<'p>> + use<'p> {
        let mut rest = self.blocks;
        std::iter::from_fn(move || {
            let (block, tail) = split_block(rest)?;
            rest = tail;
            Some(block)
        })
    }
}

impl<'p> XrBlock<'p> {
    /// The answers of a DLRR block; none for other blocks.
    pub fn dlrr(&self) -> impl ExactSizeIterator<Item = DlrrBlock> + use<'p> {
        let bytes = match self {
            Self::Dlrr(bytes) => bytes,
            _ => &[][..],
        };
        bytes.as_chunks::<12>().0.iter().map(|&[a, b, c, d, e, f, g, h, i, j, k, l]| DlrrBlock {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            last_rr: u32::from_be_bytes([e, f, g, h]),
            delay_since_last_rr: u32::from_be_bytes([i, j, k, l]),
        })
    }
}

fn split_block(bytes: &[u8]) -> Option<(XrBlock<'_>, &[u8])> {
    let (&[block_type, type_specific], rest) = bytes.split_first_chunk()?;
    let (words, rest) = split_u16(rest)?;
    let (body, rest) = rest.split_at_checked(4 * usize::from(words))?;
    let block = match (block_type, body.first_chunk::<8>()) {
        (RECEIVER_REFERENCE_TIME, Some(ntp)) if body.len() == 8 => {
            XrBlock::ReceiverReferenceTime(NtpTime::from_bits(u64::from_be_bytes(*ntp)))
        }
        (DLRR, _) if body.len() % 12 == 0 => XrBlock::Dlrr(body),
        _ => XrBlock::Other { block_type, type_specific, body },
    };
    Some((block, rest))
}
