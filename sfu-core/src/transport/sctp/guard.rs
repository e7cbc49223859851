//! Keeps away from the protocol's state machine what ends associations or takes memory without a bound.
//!
//! `sctp-proto` ends an association at an ERROR chunk and at re-configuration requests that it does not know, drops a whole packet
//! for one unknown chunk, and counts the user data it keeps, but not that each fragment keeps its datagram alive.
use bytes::{Bytes, BytesMut};

use super::heartbeat;
use super::packet::{self, Chunk, DATA, ERROR, FORWARD_TSN, HEADER, HEARTBEAT_ACK, INIT, RE_CONFIG, SACK};

/// Fragments below [`SMALL`] bytes that may wait for the rest of their message.
const MAX_SMALL_FRAGMENTS: usize = 16_384;
/// A fragment of fewer bytes costs more to keep than it says.
const SMALL: usize = 256;
/// Outgoing Reset Request, Re-configuration Response (RFC 6525 section 4).
const KNOWN_PARAMETERS: [u16; 2] = [13, 16];
const OUTGOING_RESET: u16 = 13;

/// What came in and has not gone out.
#[derive(Debug, Default)]
pub(super) struct Guard {
    small_fragments: usize,
}

/// What a packet asks for that needs looking after.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The peer ends these streams as of this transmission sequence number; of all, if there are none.
    pub(super) reset: Option<(u32, Vec<u16>)>,
    /// The peer gives up messages of these streams.
    pub(super) skipped: Vec<u16>,
    /// The peer answers the heartbeat of this number.
    pub(super) heartbeat: Option<u64>,
    /// The peer acknowledges all data up to this number.
    pub(super) acknowledged: Option<u32>,
}

impl Guard {
    /// What of a packet may be seen; `None` if that is nothing.
    pub(super) fn admit(&mut self, datagram: &[u8], asked: &mut Asked) -> Option<Bytes> {
        let mut is_whole = true;
        let mut is_empty = true;
        for chunk in packet::chunks(datagram) {
            match chunk.kind {
                DATA if chunk.user_data_len() < SMALL => self.small_fragments += 1,
                RE_CONFIG if is_known(&chunk) => asked.reset = reset_request(&chunk).or(asked.reset.take()),
                FORWARD_TSN => asked.skipped.extend(skipped_streams(&chunk)),
                HEARTBEAT_ACK => asked.heartbeat = heartbeat::number(&chunk).or(asked.heartbeat),
                SACK => asked.acknowledged = chunk.u32_at(0),
                _ => {}
            }
            let passes = passes(&chunk);
            is_whole &= passes;
            is_empty &= !passes;
        }
        match (is_whole, is_empty) {
            (_, true) => None,
            (true, _) => Some(Bytes::copy_from_slice(datagram)),
            (false, _) => Some(without_foreign_chunks(datagram)),
        }
    }

    /// A message of so many fragments went to the application.
    pub(super) fn delivered(&mut self, fragments: usize) {
        self.small_fragments = self.small_fragments.saturating_sub(fragments);
    }

    /// Nothing is kept.
    pub(super) fn emptied(&mut self) {
        self.small_fragments = 0;
    }

    /// Whether the peer makes us keep more than it has a right to.
    pub(super) fn is_abused(&self) -> bool {
        self.small_fragments > MAX_SMALL_FRAGMENTS
    }
}

/// Whether the state machine knows what to do with a chunk.
fn passes(chunk: &Chunk<'_>) -> bool {
    match chunk.kind {
        // The first is taken care of here; the state machine knows neither it nor ECNE and CWR.
        HEARTBEAT_ACK | ERROR | 12 | 13 => false,
        RE_CONFIG => is_known(chunk),
        DATA..=14 | FORWARD_TSN => true,
        _ => false,
    }
}

fn without_foreign_chunks(datagram: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(datagram.len());
    out.extend_from_slice(datagram.get(..HEADER).unwrap_or_default());
    for chunk in packet::chunks(datagram) {
        if passes(&chunk) {
            out.extend_from_slice(chunk.bytes);
            out.resize(out.len().next_multiple_of(4), 0);
        } else if chunk.kind & 0x80 == 0 && !matches!(chunk.kind, HEARTBEAT_ACK | ERROR | 12 | 13) {
            // RFC 9260 section 3.2: an unknown chunk of these types ends the packet.
            break;
        }
    }
    packet::write_checksum(&mut out);
    out.freeze()
}

/// The parameters of a re-configuration: type and value behind the four bytes of header.
fn parameters<'a>(chunk: &Chunk<'a>) -> impl Iterator<Item = (u16, &'a [u8])> {
    let mut rest = chunk.bytes.get(4..).unwrap_or_default();
    std::iter::from_fn(move || {
        let &[k0, k1, l0, l1] = rest.first_chunk()?;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let value = rest.get(4..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_be_bytes([k0, k1]), value))
    })
}

fn is_known(chunk: &Chunk<'_>) -> bool {
    parameters(chunk).all(|(kind, _)| KNOWN_PARAMETERS.contains(&kind))
}

fn reset_request(chunk: &Chunk<'_>) -> Option<(u32, Vec<u16>)> {
    let (_, value) = parameters(chunk).find(|(kind, _)| *kind == OUTGOING_RESET)?;
    let last = value.get(8..).and_then(|rest| rest.first_chunk()).map(|raw| u32::from_be_bytes(*raw))?;
    let (ids, _) = value.get(12..).unwrap_or_default().as_chunks::<2>();
    Some((last, ids.iter().map(|raw| u16::from_be_bytes(*raw)).collect()))
}

/// The streams of a FORWARD-TSN (RFC 3758 section 3.2): behind the new number, pairs of a stream and the last message given up.
fn skipped_streams(chunk: &Chunk<'_>) -> impl Iterator<Item = u16> {
    let (pairs, _) = chunk.bytes.get(8..).unwrap_or_default().as_chunks::<4>();
    pairs.iter().map(|[high, low, ..]| u16::from_be_bytes([*high, *low]))
}

/// The initiate tag, if a packet is an INIT as it must be: alone, without verification tag (RFC 9260 section 8.5.1).
pub(super) fn init_tag(datagram: &[u8]) -> Option<u32> {
    let mut chunks = packet::chunks(datagram);
    let first = chunks.next().filter(|chunk| chunk.kind == INIT)?;
    let alone = chunks.next().is_none() && packet::verification_tag(datagram) == Some(0);
    if alone { first.u32_at(0).filter(|tag| *tag != 0) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(chunks: &[&[u8]]) -> Vec<u8> {
        let mut packet = vec![0x13, 0x88, 0x13, 0x88, 0, 0, 0, 9, 0, 0, 0, 0];
        chunks.iter().for_each(|chunk| packet.extend_from_slice(chunk));
        packet::write_checksum(&mut packet);
        packet
    }

    #[test]
    fn chunks_that_end_associations_or_packets_are_taken_out() {
        let (data, error, pad, unknown) = ([0, 3, 0, 4], [9, 0, 0, 4], [0x84, 0, 0, 4], [0x3f, 0, 0, 4]);
        let answer = [5, 0, 0, 16, 0, 1, 0, 12, 0, 0, 0, 0, 0, 0, 0, 7];
        let incoming_reset = [130, 0, 0, 12, 0, 14, 0, 8, 0, 0, 0, 1];
        let admit = |chunks: &[&[u8]]| Guard::default().admit(&packet(chunks), &mut Asked::default());
        assert_eq!(admit(&[&error]), None);
        assert_eq!(admit(&[&incoming_reset]), None);
        let both = packet(&[&data, &data]);
        assert_eq!(admit(&[&data, &pad, &error, &data]).as_deref(), Some(&both[..]));
        assert_eq!(admit(&[&data, &unknown, &data]).as_deref(), Some(&packet(&[&data])[..]));
        assert_eq!(admit(&[&data, &data]).as_deref(), Some(&both[..]));
        assert_eq!(admit(&[&data, &answer, &data]).as_deref(), Some(&both[..]));
        let mut asked = Asked::default();
        assert_eq!(Guard::default().admit(&packet(&[&answer]), &mut asked), None);
        assert_eq!(asked.heartbeat, Some(7));
    }

    #[test]
    fn a_reset_is_read_with_its_streams_and_its_boundary() {
        let reset = [130, 0, 0, 24, 0, 13, 0, 20, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4, 0, 5];
        let mut asked = Asked::default();
        assert!(Guard::default().admit(&packet(&[&reset]), &mut asked).is_some());
        assert_eq!(asked.reset, Some((3, vec![4, 5])));
    }
}
