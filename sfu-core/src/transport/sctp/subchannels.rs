//! Subchannels across a pipe: a header in front of the message says whom the message is for.
//!
//! All big-endian: the magic, whose two lowest bits say which of the optional fields are there; the number of
//! subchannels; these; the required one, the ignored one.
use bytes::{BufMut, BytesMut};

/// Starts with a byte that no UTF-8 text starts with.
const MAGIC: u64 = 0xa5f0_9cb3_d6e1_f28c;
const REQUIRED: u64 = 2;
const IGNORED: u64 = 1;
/// Bytes of the longest header.
pub(crate) const MAX_HEADER: usize = 10 + 2 * 65535 + 4;

/// Whom a message is for, beyond subscribing to its data producer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subchannels {
    /// Only for those subscribed to any of these; empty: for all.
    pub(crate) any_of: Vec<u16>,
    /// Only for those subscribed to this one.
    pub(crate) required: Option<u16>,
    /// Not for those subscribed to this one.
    pub(crate) ignored: Option<u16>,
}

impl Subchannels {
    /// Whether the message is for everybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.any_of.is_empty() && self.required.is_none() && self.ignored.is_none()
    }

    /// Empties it, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.any_of.clear();
        (self.required, self.ignored) = (None, None);
    }

    /// Writes the header, with those of `any_of` that `is_carried` says yes to; nothing where the message would be for everybody.
    pub(crate) fn write(&self, out: &mut BytesMut, is_carried: impl Fn(u16) -> bool) {
        let carried = || self.any_of.iter().copied().filter(|subchannel| is_carried(*subchannel)).take(65535);
        let count = carried().count();
        if count == 0 && self.required.is_none() && self.ignored.is_none() {
            return;
        }
        let flag = |field: Option<u16>, bit| if field.is_some() { bit } else { 0 };
        out.put_u64(MAGIC | flag(self.required, REQUIRED) | flag(self.ignored, IGNORED));
        out.put_u16(count as u16);
        carried().for_each(|subchannel| out.put_u16(subchannel));
        [self.required, self.ignored].into_iter().flatten().for_each(|field| out.put_u16(field));
    }

    /// Reads the header of a message into `self`, emptied first; how long it is. 0 where there is none, or it is cut off: then
    /// all of the message is payload.
    pub(crate) fn read(&mut self, message: &[u8]) -> usize {
        self.clear();
        let Some((magic, rest)) =
            message.split_first_chunk().map(|(raw, rest)| (u64::from_be_bytes(*raw), rest))
        else {
            return 0;
        };
        let Some((count, rest)) =
            rest.split_first_chunk().map(|(raw, rest)| (u16::from_be_bytes(*raw), rest))
        else {
            return 0;
        };
        if magic & !(REQUIRED | IGNORED) != MAGIC {
            return 0;
        }
        let (has_required, has_ignored) = (magic & REQUIRED != 0, magic & IGNORED != 0);
        let fields = usize::from(count) + usize::from(has_required) + usize::from(has_ignored);
        let Some(fields) = rest.get(..2 * fields) else { return 0 };
        let (pairs, _) = fields.as_chunks::<2>();
        let mut numbers = pairs.iter().map(|raw| u16::from_be_bytes(*raw));
        self.any_of.extend(numbers.by_ref().take(usize::from(count)));
        self.required = if has_required { numbers.next() } else { None };
        self.ignored = if has_ignored { numbers.next() } else { None };
        10 + fields.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some() -> impl Strategy<Value = Subchannels> {
        let list = proptest::collection::vec(any::<u16>(), 0..40);
        (list, any::<Option<u16>>(), any::<Option<u16>>())
            .prop_map(|(any_of, required, ignored)| Subchannels { any_of, required, ignored })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_the_payload_is_left(header in some(), payload: Vec<u8>) {
            let mut wire = BytesMut::new();
            header.write(&mut wire, |_| true);
            let written = wire.len();
            prop_assert_eq!(written == 0, header.is_empty());
            wire.extend_from_slice(&payload);
            let mut read = Subchannels::default();
            let len = read.read(&wire);
            // A payload that begins like a header is taken for one, if there is none before it.
            prop_assume!(written > 0 || len == 0);
            prop_assert_eq!((len, read), (written, header));
        }

        #[test]
        fn any_bytes_are_read_without_harm(tail: Vec<u8>, flags in 0..4u64) {
            let mut read = Subchannels::default();
            let mut message = (MAGIC | flags).to_be_bytes().to_vec();
            message.extend_from_slice(&tail);
            prop_assert!(read.read(&message) <= message.len());
            prop_assert!(read.read(&tail) <= tail.len());
        }
    }

    #[test]
    fn the_header_has_the_layout_that_the_other_end_of_a_pipe_expects() {
        let mut wire = BytesMut::new();
        let header = Subchannels { any_of: vec![1, 0x203, 9], required: Some(4), ignored: Some(0x506) };
        header.write(&mut wire, |subchannel| subchannel != 9);
        let expected: &[u8] = &[0xa5, 0xf0, 0x9c, 0xb3, 0xd6, 0xe1, 0xf2, 0x8f, 0, 2, 0, 1, 2, 3, 0, 4, 5, 6];
        assert_eq!(&wire[..], expected);
    }

    #[test]
    fn a_header_that_is_cut_off_is_payload() {
        let mut wire = BytesMut::new();
        Subchannels { any_of: vec![1, 2, 3], required: Some(4), ignored: None }.write(&mut wire, |_| true);
        for cut in 0..wire.len() {
            let mut read = Subchannels::default();
            assert_eq!(read.read(&wire[..cut]), 0);
            assert!(read.is_empty());
        }
    }
}
