//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).

use super::{feedback_type, packet_type, split_u16, split_u32};

mod build;
pub use build::TransportCcWritten;
pub(crate) use build::write;

/// Length in bytes of what precedes the status chunks, with the RTCP header.
const HEADER_LEN: usize = 20;

/// One packet that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Transport-wide sequence number, unrolled.
    pub sequence: u64,
    /// When it arrived, in units of 250 µs on any clock.
    pub ticks: u64,
}

/// Feedback about the packets from `base_sequence` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportCc<'p> {
    /// Who received the packets.
    pub sender_ssrc: u32,
    /// A stream of the transport.
    pub media_ssrc: u32,
    /// The first packet that is reported.
    pub base_sequence: u16,
    /// How many packets are reported.
    pub status_count: u16,
    /// Arrival time that the first delta counts from, in units of 64 ms, 24 bits signed; wraps.
    pub reference_time: i32,
    /// Number of this feedback packet; a gap means that feedback was lost.
    pub feedback_count: u8,
    chunks: &'p [u8],
    deltas: &'p [u8],
}

/// Whether a packet arrived, as its 2-bit symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Lost,
    Small,
    Large,
}

impl Symbol {
    /// `None` for the reserved symbol.
    fn from_bits(bits: u16) -> Option<Self> {
        match bits & 3 {
            0 => Some(Self::Lost),
            1 => Some(Self::Small),
            2 => Some(Self::Large),
            _ => None,
        }
    }

    /// Bytes of its delta.
    fn len(self) -> usize {
        self as usize
    }
}

/// One status chunk.
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Run { symbol: Symbol, len: u16 },
    OneBit(u16),
    TwoBit(u16),
}

impl Chunk {
    fn parse(word: u16) -> Option<Self> {
        match word >> 14 {
            0 | 1 => Some(Self::Run { symbol: Symbol::from_bits(word >> 13)?, len: word & 0x1FFF }),
            2 => Some(Self::OneBit(word)),
            _ => Some(Self::TwoBit(word)),
        }
    }

    /// How many symbols it has.
    fn len(self) -> u16 {
        match self {
            Self::Run { len, .. } => len,
            Self::OneBit(_) => 14,
            Self::TwoBit(_) => 7,
        }
    }

    fn symbol(self, index: u16) -> Option<Symbol> {
        match self {
            Self::Run { symbol, .. } => Some(symbol),
            Self::OneBit(word) => Symbol::from_bits(word >> 13_u16.checked_sub(index)? & 1),
            Self::TwoBit(word) => Symbol::from_bits(word >> 12_u16.checked_sub(2 * index)?),
        }
    }
}

impl<'p> TransportCc<'p> {
    pub(crate) fn parse(body: &'p [u8]) -> Option<Self> {
        let (sender_ssrc, rest) = split_u32(body)?;
        let (media_ssrc, rest) = split_u32(rest)?;
        let (base_sequence, rest) = split_u16(rest)?;
        let (status_count, rest) = split_u16(rest)?;
        let (word, all_chunks) = split_u32(rest)?;
        // One look at each chunk finds where the deltas start and that they are all there, so that iterating can't fail.
        let (mut left, mut deltas_len, mut rest) = (status_count, 0, all_chunks);
        while left > 0 {
            let (word, tail) = split_u16(rest)?;
            rest = tail;
            let chunk = Chunk::parse(word)?;
            let len = chunk.len().min(left);
            deltas_len += match chunk {
                Chunk::Run { symbol, .. } => usize::from(len) * symbol.len(),
                _ => {
                    let mut bytes = 0;
                    for index in 0..len {
                        bytes += chunk.symbol(index)?.len();
                    }
                    bytes
                }
            };
            left -= len;
        }
        let chunks = all_chunks.get(..all_chunks.len() - rest.len())?;
        let deltas = rest.get(..deltas_len)?;
        Some(Self {
            sender_ssrc,
            media_ssrc,
            base_sequence,
            status_count,
            reference_time: word as i32 >> 8,
            feedback_count: word as u8,
            chunks,
            deltas,
        })
    }

    /// Every reported packet in order: its sequence number, and the time since the arrival before it in units of 250 µs if
    /// it arrived. The first delta counts from the reference time.
    ///
    /// That can be 65535 packets from 36 bytes: where work per packet matters, use [`received`](Self::received).
    pub fn statuses(&self) -> impl Iterator<Item = (u16, Option<i16>)> + use<'p> {
        let mut walk = Walk::new(self);
        std::iter::from_fn(move || walk.next_status())
    }

    /// The packets that arrived, as [`statuses`](Self::statuses) has them. Each costs at least a byte of feedback, and lost
    /// ones are skipped by the chunk.
    pub fn received(&self) -> impl Iterator<Item = (u16, i16)> + use<'p> {
        let mut walk = Walk::new(self);
        std::iter::from_fn(move || {
            loop {
                walk.skip_lost_run();
                if let (sequence, Some(delta)) = walk.next_status()? {
                    return Some((sequence, delta));
                }
            }
        })
    }
}

/// Position inside the statuses of one feedback packet.
struct Walk<'p> {
    chunks: &'p [u8],
    deltas: &'p [u8],
    chunk: Chunk,
    index: u16,
    sequence: u16,
    left: u16,
}

impl<'p> Walk<'p> {
    fn new(feedback: &TransportCc<'p>) -> Self {
        Self {
            chunks: feedback.chunks,
            deltas: feedback.deltas,
            chunk: Chunk::Run { symbol: Symbol::Lost, len: 0 },
            index: 0,
            sequence: feedback.base_sequence,
            left: feedback.status_count,
        }
    }

    /// Goes to the next chunk if this one is used up.
    fn refill(&mut self) -> Option<()> {
        while self.index >= self.chunk.len() {
            let (word, rest) = split_u16(self.chunks)?;
            self.chunks = rest;
            self.chunk = Chunk::parse(word)?;
            self.index = 0;
        }
        Some(())
    }

    fn skip_lost_run(&mut self) {
        while self.left > 0 && self.refill().is_some() {
            let Chunk::Run { symbol: Symbol::Lost, len } = self.chunk else { return };
            let skipped = (len - self.index).min(self.left);
            self.index += skipped;
            self.left -= skipped;
            self.sequence = self.sequence.wrapping_add(skipped);
        }
    }

    fn next_status(&mut self) -> Option<(u16, Option<i16>)> {
        self.left = self.left.checked_sub(1)?;
        self.refill()?;
        let symbol = self.chunk.symbol(self.index)?;
        self.index += 1;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let delta = match symbol {
            Symbol::Lost => None,
            Symbol::Small => {
                let (delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                Some(i16::from(*delta))
            }
            Symbol::Large => {
                let (delta, rest) = split_u16(self.deltas)?;
                self.deltas = rest;
                Some(delta as i16)
            }
        };
        Some((sequence, delta))
    }
}
