//! Feedback: NACK, PLI (RFC 4585), FIR (RFC 5104), REMB (draft-alvestrand-rmcat-remb).

use super::split_u32;

/// Marks application feedback as REMB.
pub(crate) const REMB_NAME: [u8; 4] = *b"REMB";

/// Sender SSRC, media SSRC and the rest of a feedback packet.
fn split_ssrcs(body: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (sender_ssrc, rest) = split_u32(body)?;
    let (media_ssrc, rest) = split_u32(rest)?;
    Some((sender_ssrc, media_ssrc, rest))
}

/// A generic NACK: packets that a receiver misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack<'p> {
    /// Who misses them.
    pub sender_ssrc: u32,
    /// The stream they belong to.
    pub media_ssrc: u32,
    pairs: &'p [u8],
}

impl<'p> Nack<'p> {
    pub(crate) fn parse(body: &'p [u8]) -> Option<Self> {
        let (sender_ssrc, media_ssrc, pairs) = split_ssrcs(body)?;
        (pairs.len() % 4 == 0).then_some(Self { sender_ssrc, media_ssrc, pairs })
    }

    /// The missing sequence numbers, in the order they are named: at most 17 per 4 bytes of the packet.
    pub fn lost(&self) -> impl Iterator<Item = u16> + use<'p> {
        self.pairs.as_chunks::<4>().0.iter().flat_map(|&[p0, p1, b0, b1]| {
            let (first, mask) = (u16::from_be_bytes([p0, p1]), u16::from_be_bytes([b0, b1]));
            // Bit 0 stands for the first packet itself.
            let mut bits = u32::from(mask) << 1 | 1;
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.checked_sub(1)?;
                Some(first.wrapping_add(bit as u16))
            })
        })
    }
}

/// A picture loss indication: please send a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender_ssrc: u32,
    /// The stream that should have a key frame.
    pub media_ssrc: u32,
}

impl Pli {
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let (sender_ssrc, media_ssrc, _) = split_ssrcs(body)?;
        Some(Self { sender_ssrc, media_ssrc })
    }
}

/// A full intra request: key frames for one or several streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fir<'p> {
    /// Who asks.
    pub sender_ssrc: u32,
    entries: &'p [u8],
}

/// One stream of a full intra request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// The stream that should have a key frame.
    pub ssrc: u32,
    /// Number of the command; the same number again is a repetition.
    pub sequence_number: u8,
}

impl<'p> Fir<'p> {
    pub(crate) fn parse(body: &'p [u8]) -> Option<Self> {
        let (sender_ssrc, _, entries) = split_ssrcs(body)?;
        (entries.len() % 8 == 0).then_some(Self { sender_ssrc, entries })
    }

    /// The streams.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = FirEntry> + use<'p> {
        let (entries, _) = self.entries.as_chunks::<8>();
        entries.iter().map(|&[a, b, c, d, sequence_number, ..]| FirEntry {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            sequence_number,
        })
    }
}

/// The bitrate that a receiver believes it can take, over all the streams it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remb<'p> {
    /// Who estimates.
    pub sender_ssrc: u32,
    /// Bits per second; `u64::MAX` if it doesn't fit.
    pub bitrate: u64,
    ssrcs: &'p [u8],
}

impl<'p> Remb<'p> {
    pub(crate) fn is_remb(body: &[u8]) -> bool {
        body.get(8..12) == Some(&REMB_NAME)
    }

    pub(crate) fn parse(body: &'p [u8]) -> Option<Self> {
        let (sender_ssrc, _, rest) = split_ssrcs(body)?;
        let (_, rest) = split_u32(rest)?;
        let (word, rest) = split_u32(rest)?;
        let (exponent, mantissa) = (word >> 18 & 0x3F, u64::from(word & 0x3_FFFF));
        let bitrate = if mantissa.leading_zeros() >= exponent { mantissa << exponent } else { u64::MAX };
        let ssrcs = rest.get(..4 * (word >> 24) as usize)?;
        Some(Self { sender_ssrc, bitrate, ssrcs })
    }

    /// The streams it is about, at most 255.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'p> {
        self.ssrcs.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }
}
