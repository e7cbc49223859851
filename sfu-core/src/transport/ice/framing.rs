//! The framing of RFC 4571 that ICE-TCP uses (RFC 6544 §3): two bytes of length before each packet.

/// Bytes of the longest frame that is accepted or written.
///
/// RFC 4571 allows 65535. What peers send over a TCP candidate are datagrams made for a path of about 1500 bytes;
/// a longer length is a peer that speaks something else, and is refused before memory is spent on it.
pub(crate) const MAX_FRAME_LEN: usize = 4096;

const LENGTH_LEN: usize = 2;

/// Why a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// A frame of more than [`MAX_FRAME_LEN`] bytes was announced; the number is its length.
    #[error("ice-tcp: frame of {0} bytes is too long; close the connection")]
    TooLong(usize),
}

/// Splits a byte stream into frames.
///
/// A frame that lies whole in what was read is handed out where it lies; only a frame that spans two reads is copied.
/// Keeps at most [`MAX_FRAME_LEN`] + 2 bytes, and none before the first split frame.
#[derive(Debug, Default)]
pub(crate) struct FrameDecoder {
    /// The start of a frame, length included, whose end has not come yet.
    partial: Vec<u8>,
    /// The frame in `partial` was handed out and can be dropped.
    delivered: bool,
    failed: Option<usize>,
}

impl FrameDecoder {
    /// A decoder at the start of a stream.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes the next frame off the front of `input`; `None` when `input` is used up. Empty frames are passed over.
    ///
    /// Call it with the same `input` until `None`. After an error the stream has lost its bounds and every further
    /// call fails.
    pub(crate) fn next_frame<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<&'s mut [u8]>, FrameError> {
        if let Some(length) = self.failed {
            return Err(FrameError::TooLong(length));
        }
        if self.delivered {
            self.partial.clear();
            self.delivered = false;
        }
        loop {
            if !self.partial.is_empty() {
                if !self.complete_partial(input)? {
                    return Ok(None);
                }
                if self.partial.len() == LENGTH_LEN {
                    self.partial.clear();
                    continue;
                }
                self.delivered = true;
                return Ok(self.partial.get_mut(LENGTH_LEN..));
            }
            let Some(length) = announced(input) else {
                self.keep(input, LENGTH_LEN);
                return Ok(None);
            };
            let length = self.admit(length)?;
            if input.len() < LENGTH_LEN + length {
                self.keep(input, LENGTH_LEN + length);
                return Ok(None);
            }
            let (frame, rest) = std::mem::take(input).split_at_mut(LENGTH_LEN + length);
            *input = rest;
            if length > 0 {
                return Ok(frame.get_mut(LENGTH_LEN..));
            }
        }
    }

    /// Fills up the frame in `partial`; `true` when it is whole.
    fn complete_partial(&mut self, input: &mut &mut [u8]) -> Result<bool, FrameError> {
        if self.partial.len() < LENGTH_LEN {
            self.keep(input, LENGTH_LEN);
        }
        let Some(length) = announced(&self.partial) else { return Ok(false) };
        let length = self.admit(length)?;
        self.keep(input, LENGTH_LEN + length);
        Ok(self.partial.len() == LENGTH_LEN + length)
    }

    /// Moves bytes from `input` to `partial` until that holds `wanted` bytes.
    fn keep(&mut self, input: &mut &mut [u8], wanted: usize) {
        let count = wanted.saturating_sub(self.partial.len()).min(input.len());
        let (taken, rest) = std::mem::take(input).split_at_mut(count);
        self.partial.reserve_exact(wanted.saturating_sub(self.partial.len()));
        self.partial.extend_from_slice(taken);
        *input = rest;
    }

    fn admit(&mut self, length: usize) -> Result<usize, FrameError> {
        if length > MAX_FRAME_LEN {
            self.failed = Some(length);
            return Err(FrameError::TooLong(length));
        }
        Ok(length)
    }
}

/// The length that the first two bytes announce.
fn announced(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)))
}

/// The two bytes before a frame of `len` bytes; `None` when it is longer than [`MAX_FRAME_LEN`].
pub(crate) fn frame_header(len: usize) -> Option<[u8; 2]> {
    if len > MAX_FRAME_LEN {
        return None;
    }
    u16::try_from(len).ok().map(u16::to_be_bytes)
}

/// Writes `packet` with its length before it to `out`; returns the bytes written, `None` when it does not fit.
pub(crate) fn encode_frame(packet: &[u8], out: &mut [u8]) -> Option<usize> {
    let header = frame_header(packet.len())?;
    let (place, rest) = out.split_first_chunk_mut()?;
    rest.get_mut(..packet.len())?.copy_from_slice(packet);
    *place = header;
    Some(LENGTH_LEN + packet.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `stream` in pieces that end at `cuts`.
    fn decode(stream: &[u8], cuts: &[usize]) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut decoder = FrameDecoder::new();
        let mut frames = Vec::new();
        let mut start = 0;
        for end in cuts.iter().copied().chain([stream.len()]) {
            let mut piece = stream[start..end].to_vec();
            let mut input = piece.as_mut_slice();
            while let Some(frame) = decoder.next_frame(&mut input)? {
                frames.push(frame.to_vec());
            }
            assert!(input.is_empty() && decoder.partial.capacity() <= MAX_FRAME_LEN + LENGTH_LEN);
            start = end;
        }
        Ok(frames)
    }

    #[test]
    fn a_frame_is_found_however_the_stream_is_cut() {
        let stream = [0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 1, 9];
        for cut in 0..stream.len() {
            assert_eq!(decode(&stream, &[cut]).unwrap(), [vec![1, 2, 3], vec![9]], "cut at {cut}");
        }
        assert_eq!(
            decode(&stream, &(0..stream.len()).collect::<Vec<_>>()).unwrap(),
            [vec![1, 2, 3], vec![9]]
        );
    }

    #[test]
    fn a_frame_that_is_too_long_ends_the_stream() {
        let mut decoder = FrameDecoder::new();
        let mut bytes = [0x10, 0x01, 1, 2, 3];
        for _ in 0..2 {
            let mut input = bytes.as_mut_slice();
            assert_eq!(decoder.next_frame(&mut input), Err(FrameError::TooLong(4097)));
        }
        assert_eq!(decode(&[0x10, 0x01], &[1]), Err(FrameError::TooLong(4097)));
        assert_eq!(decode(&[&[0x10, 0x00][..], &[7; 4096]].concat(), &[]).unwrap(), [vec![7; 4096]]);
    }

    #[test]
    fn what_does_not_fit_is_not_encoded() {
        assert_eq!(encode_frame(&[1, 2, 3], &mut [0; 4]), None);
        assert_eq!(encode_frame(&[0; MAX_FRAME_LEN + 1], &mut [0; 9000]), None);
        let mut out = [0; 5];
        assert_eq!(encode_frame(&[1, 2, 3], &mut out), Some(5));
        assert_eq!(out, [0, 3, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn frames_come_back_in_order(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                let mut out = vec![0; frame.len() + 2];
                encode_frame(frame, &mut out).unwrap();
                stream.extend(out);
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            prop_assert_eq!(decode(&stream, &cuts).unwrap(), frames);
        }

        #[test]
        fn arbitrary_streams_never_panic(
            stream in prop::collection::vec(any::<u8>(), 0..600),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            let _ = decode(&stream, &cuts);
        }
    }
}
