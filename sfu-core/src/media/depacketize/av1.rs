//! AV1 payloads to a low-overhead bitstream (AV1 RTP specification section 4.4, AV1 specification section 5.3).

use crate::rtp::codec::Av1Aggregation;

const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;

/// Puts open bitstream units together that are spread over packets.
#[derive(Debug, Default)]
pub(super) struct Av1Assembler {
    partial: Vec<u8>,
    continued: bool,
}

impl Av1Assembler {
    /// Forgets an unfinished unit.
    pub(super) fn clear(&mut self) {
        self.partial = Vec::new();
        self.continued = false;
    }

    /// Bytes of the unfinished unit; at least 1 if there is one.
    pub(super) fn pending(&self) -> usize {
        self.partial.len().max(usize::from(self.continued))
    }

    /// Appends the units that `payload` completes to `out`; `None` if it is malformed.
    pub(super) fn add(&mut self, out: &mut Vec<u8>, payload: &[u8]) -> Option<()> {
        let header = Av1Aggregation::parse(payload)?;
        if header.continues != self.continued {
            return None;
        }
        let mut rest = payload.get(1..)?;
        let mut index = 0;
        while !rest.is_empty() {
            index += 1;
            let element = if index == header.obu_count {
                std::mem::take(&mut rest)
            } else {
                let (len, tail) = split_leb128(rest)?;
                let (element, tail) = tail.split_at_checked(len)?;
                rest = tail;
                element
            };
            if rest.is_empty() && header.continued {
                self.partial.extend_from_slice(element);
                self.continued = true;
            } else if self.continued {
                self.partial.extend_from_slice(element);
                self.continued = false;
                push_unit(out, &std::mem::take(&mut self.partial))?;
            } else {
                push_unit(out, element)?;
            }
        }
        (index >= header.obu_count.max(1)).then_some(())
    }
}

/// Appends one unit with its size.
fn push_unit(out: &mut Vec<u8>, unit: &[u8]) -> Option<()> {
    let (first, mut rest) = unit.split_first()?;
    let extension = if first & 0x04 != 0 {
        let (extension, tail) = rest.split_first()?;
        rest = tail;
        Some(*extension)
    } else {
        None
    };
    if first & 0x02 != 0 {
        let (len, tail) = split_leb128(rest)?;
        rest = tail.get(..len)?;
    }
    // Delimiters and tile lists aren't to be sent, and are to be ignored (AV1 RTP specification section 5).
    if matches!(first >> 3 & 0x0F, TEMPORAL_DELIMITER | TILE_LIST) {
        return Some(());
    }
    out.push(first | 0x02);
    out.extend(extension);
    let mut len = rest.len();
    while len > 0x7F {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(rest);
    Some(())
}

/// A little-endian base 128 number of at most five bytes, and what follows it.
fn split_leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, bytes.get(index + 1..)?));
        }
    }
    None
}
