//! The framing of datagrams on TCP (RFC 4571): a length of two bytes, big endian, and the datagram.
use super::MAX_DATAGRAM;

/// Bytes before each frame.
pub(super) const HEADER: usize = 2;

/// What the head of a stream holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// Not all of a frame yet.
    Partial,
    /// A datagram, perhaps an empty one.
    Whole(&'a mut [u8]),
    /// A frame over [`MAX_DATAGRAM`] bytes is announced.
    Oversize,
}

/// Splits the first frame off `stream`.
pub(super) fn split(stream: &mut [u8]) -> Frame<'_> {
    let Some((header, rest)) = stream.split_first_chunk_mut::<HEADER>() else { return Frame::Partial };
    let len = usize::from(u16::from_be_bytes(*header));
    if len > MAX_DATAGRAM {
        return Frame::Oversize;
    }
    rest.get_mut(..len).map_or(Frame::Partial, Frame::Whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_is_whole_only_with_its_last_byte() {
        assert_eq!(split(&mut []), Frame::Partial);
        assert_eq!(split(&mut [0]), Frame::Partial);
        assert_eq!(split(&mut [0, 2, 7]), Frame::Partial);
        assert_eq!(split(&mut [0, 2, 7, 8, 9]), Frame::Whole(&mut [7, 8]));
        assert_eq!(split(&mut [0, 0]), Frame::Whole(&mut []));
    }

    #[test]
    fn the_longest_frame_is_2048_bytes() {
        let mut stream = vec![0; HEADER + 2048];
        stream[..2].copy_from_slice(&2048_u16.to_be_bytes());
        assert!(matches!(split(&mut stream), Frame::Whole(frame) if frame.len() == 2048));
        stream[..2].copy_from_slice(&2049_u16.to_be_bytes());
        assert_eq!(split(&mut stream), Frame::Oversize);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
            split(&mut bytes);
        }

        #[test]
        fn frames_round_trip(mut frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..8)) {
            let mut stream: Vec<u8> = frames
                .iter()
                .flat_map(|frame| (frame.len() as u16).to_be_bytes().into_iter().chain(frame.iter().copied()))
                .collect();
            let mut rest = stream.as_mut_slice();
            for frame in &mut frames {
                prop_assert_eq!(split(rest), Frame::Whole(frame.as_mut_slice()));
                rest = &mut rest[HEADER + frame.len()..];
            }
            prop_assert_eq!(split(rest), Frame::Partial);
        }
    }
}
