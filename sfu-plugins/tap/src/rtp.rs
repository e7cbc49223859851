//! RTP packets as the media thread left them in the ring (RFC 3550 section 5.1).

/// What of a packet matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rtp<'a> {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Without padding.
    pub(crate) payload: &'a [u8],
}

impl<'a> Rtp<'a> {
    /// Reads a packet; `None` if it is none.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[first, second, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3], rest) = bytes.split_first_chunk()?;
        if first >> 6 != 2 {
            return None;
        }
        let mut payload = rest.get(4 * usize::from(first & 0x0F)..)?;
        if first & 0x10 != 0 {
            let (&[_, _, high, low], rest) = payload.split_first_chunk()?;
            payload = rest.get(4 * usize::from(u16::from_be_bytes([high, low]))..)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            payload = payload.get(..payload.len().checked_sub(padding)?)?;
        }
        Some(Rtp {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7F,
            sequence_number: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_payload_is_what_lies_behind_sources_and_extensions_and_before_padding() {
        let mut bytes = vec![0xB1, 0x80 | 96, 1, 2, 0, 0, 0, 9, 0, 0, 0, 7];
        bytes.extend([1; 4]);
        bytes.extend([0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]);
        bytes.extend([5, 6, 0, 2]);
        let rtp = Rtp::parse(&bytes).unwrap();
        assert_eq!((rtp.marker, rtp.payload_type, rtp.sequence_number), (true, 96, 0x0102));
        assert_eq!((rtp.timestamp, rtp.ssrc, rtp.payload), (9, 7, &[5, 6][..]));
        *bytes.last_mut().unwrap() = 200;
        assert_eq!(Rtp::parse(&bytes), None);
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(rtp) = Rtp::parse(&bytes) {
                prop_assert!(rtp.payload.len() + 12 <= bytes.len());
            }
        }
    }
}
