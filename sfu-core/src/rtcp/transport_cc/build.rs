//! Writing transport-wide congestion control feedback.

use super::super::writer::NoRoom;
use super::{Arrival, HEADER_LEN, Symbol, feedback_type, packet_type};

/// Ticks of 250 µs in one unit of the reference time (64 ms).
const TICKS_PER_REFERENCE: u64 = 256;
/// Longest run that a run-length chunk holds.
const MAX_RUN: u16 = 0x1FFF;

/// What went into a feedback packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportCcWritten {
    /// Length of the packet in bytes, a multiple of 4.
    pub len: usize,
    /// How many of the arrivals are in it; the rest belongs into another packet.
    pub consumed: usize,
    /// The sequence number after the last one reported: the base of the next packet.
    pub next_base: u64,
}

/// Writes one feedback packet at the start of `buf`: the packets from `base` on, of which `arrivals` (ascending) came.
///
/// Stops early when `buf` is full, when 65535 packets are reported, or when a delta needs more than 16 bits. Arrivals before
/// `base` are skipped. Fails if not even one arrival fits (32 bytes always hold one), if there is none, or if the first one
/// is 65535 or more after `base`: then choose a later base.
pub(crate) fn write(
    buf: &mut [u8],
    (sender_ssrc, media_ssrc): (u32, u32),
    feedback_count: u8,
    base: u64,
    arrivals: &[Arrival],
) -> Result<TransportCcWritten, NoRoom> {
    let skipped = arrivals.iter().take_while(|arrival| arrival.sequence < base).count();
    let arrivals = arrivals.get(skipped..).unwrap_or_default();
    let first = arrivals.first().ok_or(NoRoom)?;
    let reference = first.ticks / TICKS_PER_REFERENCE;
    // The RTCP length field has 16 bits, and so many bytes are no datagram anyway.
    let room = buf.len().min(usize::from(u16::MAX)) & !3;
    let body = buf.get_mut(..room).and_then(|buf| buf.get_mut(HEADER_LEN..)).ok_or(NoRoom)?;
    let body_len = body.len();

    let mut chunks = ChunkWriter { out: body, len: 0, symbols: [Symbol::Lost; 14], count: 0, same: true };
    let (mut previous, mut next, mut deltas_len, mut consumed) =
        (reference * TICKS_PER_REFERENCE, base, 0, 0);
    for arrival in arrivals {
        let Some(symbol) = symbol_of(arrival.ticks, previous) else { break };
        let Some(lost) = arrival.sequence.checked_sub(next) else { break };
        if arrival.sequence.saturating_sub(base) >= u64::from(u16::MAX) {
            break;
        }
        // One chunk for what is pending, one for each full run of lost packets and one for the rest of it, one for this.
        let new_chunks = 4 + (lost / u64::from(MAX_RUN)) as usize;
        if chunks.len + 2 * new_chunks + deltas_len + symbol.len() > body_len {
            break;
        }
        for _ in 0..lost {
            chunks.push(Symbol::Lost)?;
        }
        chunks.push(symbol)?;
        deltas_len += symbol.len();
        previous = arrival.ticks;
        next = arrival.sequence + 1;
        consumed += 1;
    }
    if consumed == 0 {
        return Err(NoRoom);
    }
    let chunks_len = chunks.finish()?;

    let mut previous = reference * TICKS_PER_REFERENCE;
    let mut deltas = body.get_mut(chunks_len..).ok_or(NoRoom)?;
    for arrival in arrivals.iter().take(consumed) {
        let delta = arrival.ticks.wrapping_sub(previous) as i16;
        match symbol_of(arrival.ticks, previous) {
            Some(Symbol::Large) => {
                let (slot, rest) = deltas.split_first_chunk_mut().ok_or(NoRoom)?;
                *slot = delta.to_be_bytes();
                deltas = rest;
            }
            _ => {
                let (slot, rest) = deltas.split_first_mut().ok_or(NoRoom)?;
                *slot = delta as u8;
                deltas = rest;
            }
        }
        previous = arrival.ticks;
    }
    let end = HEADER_LEN + chunks_len + deltas_len;
    let len = end.next_multiple_of(4);
    let padding = len - end;
    if let Some(slot) = buf.get_mut(end..len) {
        slot.fill(0);
        if let Some(last) = slot.last_mut() {
            *last = padding as u8;
        }
    }
    let mut header = [0; HEADER_LEN];
    let [_, c0, c1, c2] = (reference as u32 & 0x00FF_FFFF).to_be_bytes();
    let first = 0x80 | feedback_type::TRANSPORT_CC | (u8::from(padding != 0) << 5);
    let [l0, l1] = ((len / 4 - 1) as u16).to_be_bytes();
    let [b0, b1] = (base as u16).to_be_bytes();
    let [n0, n1] = ((next - base) as u16).to_be_bytes();
    let parts: [[u8; 4]; 5] = [
        [first, packet_type::TRANSPORT_FEEDBACK, l0, l1],
        sender_ssrc.to_be_bytes(),
        media_ssrc.to_be_bytes(),
        [b0, b1, n0, n1],
        [c0, c1, c2, feedback_count],
    ];
    for (slot, part) in header.chunks_exact_mut(4).zip(parts) {
        slot.copy_from_slice(&part);
    }
    *buf.first_chunk_mut().ok_or(NoRoom)? = header;
    Ok(TransportCcWritten { len, consumed: skipped + consumed, next_base: next })
}

/// The symbol for an arrival after another; `None` if the delta needs more than 16 bits.
fn symbol_of(ticks: u64, previous: u64) -> Option<Symbol> {
    match ticks.wrapping_sub(previous) as i64 {
        0..=255 => Some(Symbol::Small),
        delta if i16::try_from(delta).is_ok() => Some(Symbol::Large),
        _ => None,
    }
}

/// Packs symbols into chunks: as long as they are all the same a run, else 14 of one bit or 7 of two.
struct ChunkWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    /// The first 14 pending symbols.
    symbols: [Symbol; 14],
    /// Pending symbols; more than 14 only if they are all the same.
    count: u16,
    same: bool,
}

impl ChunkWriter<'_> {
    fn push(&mut self, symbol: Symbol) -> Result<(), NoRoom> {
        let extends_run = self.same && (self.count == 0 || self.symbols[0] == symbol);
        if extends_run && self.count < MAX_RUN {
            if let Some(slot) = self.symbols.get_mut(usize::from(self.count)) {
                *slot = symbol;
            }
            self.count += 1;
            return Ok(());
        }
        if self.same && (self.count > 14 || extends_run) {
            self.emit_run()?;
            return self.push(symbol);
        }
        if self.capacity(symbol) <= self.count {
            if self.same {
                self.emit_run()?;
            } else {
                self.emit_vector(false)?;
            }
            return self.push(symbol);
        }
        if let Some(slot) = self.symbols.get_mut(usize::from(self.count)) {
            *slot = symbol;
        }
        self.count += 1;
        self.same = false;
        if self.capacity(symbol) == self.count {
            self.emit_vector(false)?;
        }
        Ok(())
    }

    fn pending(&self) -> &[Symbol] {
        self.symbols.get(..usize::from(self.count)).unwrap_or(&self.symbols)
    }

    /// How many symbols one vector holds, if `symbol` is among them.
    fn capacity(&self, symbol: Symbol) -> u16 {
        if symbol == Symbol::Large || self.pending().contains(&Symbol::Large) { 7 } else { 14 }
    }

    fn emit_run(&mut self) -> Result<(), NoRoom> {
        let word = (self.symbols[0] as u16) << 13 | self.count;
        self.count = 0;
        self.symbols = [Symbol::Lost; 14];
        self.emit(word)
    }

    /// One vector of as many pending symbols as it holds; what is left stays pending. The `last` one may be short.
    fn emit_vector(&mut self, last: bool) -> Result<(), NoRoom> {
        let one_bit = (last || self.count == 14) && !self.pending().contains(&Symbol::Large);
        let (word, used) = if one_bit {
            (self.symbols.iter().fold(0b10, |word, symbol| word << 1 | (*symbol as u16 & 1)), 14)
        } else {
            (self.symbols.iter().take(7).fold(0b11, |word, symbol| word << 2 | *symbol as u16), 7)
        };
        self.symbols.rotate_left(usize::from(used));
        self.count = self.count.saturating_sub(used);
        let count = usize::from(self.count);
        // Symbols beyond the pending ones fill up a short vector, and mean nothing there.
        self.symbols.iter_mut().skip(count).for_each(|symbol| *symbol = Symbol::Lost);
        let first = self.symbols[0];
        self.same = self.pending().iter().all(|symbol| *symbol == first);
        self.emit(word)
    }

    fn emit(&mut self, word: u16) -> Result<(), NoRoom> {
        let slot = self.out.get_mut(self.len..self.len + 2).ok_or(NoRoom)?;
        slot.copy_from_slice(&word.to_be_bytes());
        self.len += 2;
        Ok(())
    }

    /// Writes what is pending and answers the length of all chunks.
    fn finish(mut self) -> Result<usize, NoRoom> {
        if self.same && self.count > 0 {
            self.emit_run()?;
        }
        while self.count > 0 {
            self.emit_vector(true)?;
        }
        Ok(self.len)
    }
}
