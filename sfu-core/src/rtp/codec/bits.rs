//! Bits in the order in which a descriptor has them, most significant first.

/// Reads bits; `None` from where they end.
#[derive(Clone, Debug)]
pub(crate) struct Bits<'p> {
    bytes: &'p [u8],
    at: usize,
}

impl<'p> Bits<'p> {
    pub(crate) fn new(bytes: &'p [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// At most 32 bits.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value)
    }

    /// A number below `n`, in the spec's `ns(n)`: short numbers take a bit less.
    pub(super) fn non_symmetric(&mut self, n: u32) -> Option<u32> {
        let width = u32::BITS - n.leading_zeros();
        let short = (1_u64 << width).checked_sub(u64::from(n))? as u32;
        let value = self.take(width.saturating_sub(1))?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + u32::from(self.bit()?))
    }
}

/// Writes bits to a buffer that is all zeroes; what has no room is not written, and [`BitWriter::len`] says so.
#[derive(Debug)]
pub(super) struct BitWriter<'b> {
    bytes: &'b mut [u8],
    at: usize,
}

impl<'b> BitWriter<'b> {
    pub(super) fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn put(&mut self, value: u32, count: u32) {
        for shift in (0..count).rev() {
            if let Some(byte) = self.bytes.get_mut(self.at / 8) {
                *byte |= ((value >> shift & 1) as u8) << (7 - self.at % 8);
            }
            self.at += 1;
        }
    }

    /// Bytes begun; `None` if they did not fit.
    pub(super) fn len(&self) -> Option<usize> {
        let len = self.at.div_ceil(8);
        (len <= self.bytes.len()).then_some(len)
    }
}
