//! The reports of light peers (RFC 3550 §6.4).
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// A sender report without blocks.
pub fn sender_report(ssrc: u32, timestamp: u32, packets: u32, octets: u32) -> [u8; 28] {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = (since.as_secs() + NTP_TO_UNIX) as u32;
    let fraction = ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000) as u32;
    let words = [0x80c8_0006, ssrc, seconds, fraction, timestamp, packets, octets];
    let mut out = [0; 28];
    out.chunks_exact_mut(4).zip(words).for_each(|(slot, word)| slot.copy_from_slice(&word.to_be_bytes()));
    out
}

/// What a receiver says of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// SSRC of the stream.
    pub ssrc: u32,
    /// Share of packets lost since the last report, of 256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning.
    pub lost: u32,
    /// Highest sequence number, with the number of its rounds above.
    pub highest: u32,
}

/// A receiver report; at most 31 blocks have room in it.
pub fn receiver_report(ssrc: u32, blocks: &[Block]) -> Vec<u8> {
    let blocks = blocks.get(..31).unwrap_or(blocks);
    let mut out = Vec::with_capacity(8 + 24 * blocks.len());
    out.extend([0x80 | blocks.len() as u8, 201]);
    out.extend((1 + 6 * blocks.len() as u16).to_be_bytes());
    out.extend(ssrc.to_be_bytes());
    for block in blocks {
        let lost = u32::from(block.fraction_lost) << 24 | block.lost.min(0x7f_ffff);
        // No jitter, and no sender report that it would refer to.
        for word in [block.ssrc, lost, block.highest, 0, 0, 0] {
            out.extend(word.to_be_bytes());
        }
    }
    out
}

/// Whether a compound asks for a key frame: PLI or FIR (RFC 4585 §6.3.1, RFC 5104 §4.3.1).
pub fn asks_for_key_frame(mut compound: &[u8]) -> bool {
    while let Some([first, kind, l0, l1]) = compound.first_chunk::<4>() {
        if *kind == 206 && matches!(first & 0x1f, 1 | 4) {
            return true;
        }
        let len = (usize::from(u16::from_be_bytes([*l0, *l1])) + 1) * 4;
        compound = compound.get(len..).unwrap_or_default();
    }
    false
}

/// Whether a datagram is RTCP where RTP comes to the same port (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_have_the_length_that_they_say() {
        let block = Block { ssrc: 1, fraction_lost: 2, lost: 3, highest: 4 };
        let reports = [sender_report(9, 1, 2, 3).to_vec(), receiver_report(9, &[block; 2])];
        for report in reports {
            let words = u16::from_be_bytes([report[2], report[3]]);
            assert_eq!(report.len(), (usize::from(words) + 1) * 4);
            assert!(is_rtcp(&report) && !asks_for_key_frame(&report));
        }
    }

    #[test]
    fn a_request_for_a_key_frame_is_found_behind_a_report() {
        let mut compound = receiver_report(9, &[]);
        compound.extend([0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        assert!(asks_for_key_frame(&compound));
        assert!(!asks_for_key_frame(&compound[..8]));
        assert!(!asks_for_key_frame(&[0x81]));
    }
}
