use super::MESSAGE_MAX;

const PREFIX: usize = 4;

/// Memory that is kept between messages; bytes. What a longer message needed is given back after it.
const KEPT: usize = 64 << 10;

/// Cuts a byte stream into messages, in whatever pieces it comes.
#[derive(Debug, Default)]
pub struct Deframer {
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done.
    start: usize,
    /// Bytes of a message that is too long, which are still to come.
    skip: usize,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Without its length.
    Message(&'a [u8]),
    /// Longer than [`MESSAGE_MAX`] allows; its bytes are skipped as they come, without being kept.
    TooBig {
        /// What its prefix says.
        length: u32,
    },
}

impl Deframer {
    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.discard();
        self.buffer.extend_from_slice(&bytes[skipped..]);
    }

    /// The next message, if it is complete.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let Some((length, here)) = self.first() else {
            self.discard();
            return None;
        };
        let size = length as usize;
        if size > MESSAGE_MAX - PREFIX {
            let skipped = here.min(size);
            self.start += PREFIX + skipped;
            self.skip = size - skipped;
            return Some(Frame::TooBig { length });
        }
        if here < size {
            self.discard();
            return None;
        }
        let first = self.start + PREFIX;
        self.start = first + size;
        self.buffer.get(first..self.start).map(Frame::Message)
    }

    /// The length of the next message, and how much of it is there.
    fn first(&self) -> Option<(u32, usize)> {
        let (prefix, rest) = self.buffer.get(self.start..)?.split_first_chunk::<PREFIX>()?;
        Some((u32::from_le_bytes(*prefix), rest.len()))
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Forgets what is done, and gives back what it needed.
    fn discard(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.len() < KEPT {
            self.buffer.shrink_to(KEPT);
        }
    }
}
