//! The numbers of a payload descriptor as one consumer gets them, instead of those that the producer sent.

use super::{Codec, Vp8Descriptor, Vp9Descriptor};

/// The bytes of a payload that an edit may change, from its beginning.
pub const MAX_EDITED: usize = 6;

/// New numbers for the payload descriptor of VP8 and VP9, and a marker bit. Applied to the same payload it always gives the same
/// bytes, so that what is sent again is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumberEdit {
    picture_id: u16,
    tl0_pic_idx: u8,
    flags: u8,
}

const NUMBERS: u8 = 1;
const MARKER: u8 = 2;

impl NumberEdit {
    /// Changes nothing.
    pub const NONE: Self = Self { picture_id: 0, tl0_pic_idx: 0, flags: 0 };

    /// Picture id (15 bits; where the payload has a short one its lower 7) and TL0PICIDX.
    pub fn numbers(picture_id: u16, tl0_pic_idx: u8) -> Self {
        Self { picture_id, tl0_pic_idx, flags: NUMBERS }
    }

    /// The packet ends what the consumer gets of its picture.
    #[must_use]
    pub fn with_marker(self, marker: bool) -> Self {
        Self { flags: self.flags | if marker { MARKER } else { 0 }, ..self }
    }

    /// Whether the marker bit is to be set.
    #[inline]
    pub fn marker(self) -> bool {
        self.flags & MARKER != 0
    }

    /// Whether the payload changes at all.
    #[inline]
    pub fn changes_payload(self) -> bool {
        self.flags & NUMBERS != 0
    }

    /// What stands instead of the first bytes of `payload`: as many as are answered, 0 to [`MAX_EDITED`].
    pub fn prefix(self, codec: Codec, payload: &[u8]) -> ([u8; MAX_EDITED], usize) {
        let mut bytes = [0; MAX_EDITED];
        let len = if self.changes_payload() { payload.len().min(MAX_EDITED) } else { 0 };
        for (to, from) in bytes.iter_mut().zip(payload).take(len) {
            *to = *from;
        }
        self.apply(codec, bytes.get_mut(..len).unwrap_or_default());
        (bytes, len)
    }

    /// Writes the numbers into a payload, or its first [`MAX_EDITED`] bytes.
    pub fn apply(self, codec: Codec, payload: &mut [u8]) {
        if !self.changes_payload() {
            return;
        }
        match codec {
            Codec::Vp8 => {
                if let Some(descriptor) = Vp8Descriptor::parse(payload) {
                    descriptor.set_picture_id(payload, self.picture_id);
                    descriptor.set_tl0_pic_idx(payload, self.tl0_pic_idx);
                }
            }
            Codec::Vp9 => {
                if let Some(descriptor) = Vp9Descriptor::parse_numbers(payload) {
                    descriptor.set_picture_id(payload, self.picture_id);
                    descriptor.set_tl0_pic_idx(payload, self.tl0_pic_idx);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_numbers_of_a_vp8_descriptor_are_replaced_in_front_of_its_payload() {
        // X, I L T K, 15-bit picture id, TL0PICIDX, TID and KEYIDX, then VP8.
        let payload = [0x90, 0xF0, 0x9F, 0x26, 0x05, 0x60, 0x10, 0x02];
        let (bytes, len) = NumberEdit::numbers(0x7ABC, 9).prefix(Codec::Vp8, &payload);
        assert_eq!(bytes[..len], [0x90, 0xF0, 0xFA, 0xBC, 0x09, 0x60]);
        let (_, len) = NumberEdit::NONE.with_marker(true).prefix(Codec::Vp8, &payload);
        assert_eq!(len, 0);
    }

    #[test]
    fn a_vp9_descriptor_may_be_longer_than_what_is_replaced_of_it() {
        // I L B V: picture id, layers, TL0PICIDX, then a scalability structure that reaches beyond.
        let payload = [
            0xAA, 0x81, 0x02, 0x01, 0x07, 0x38, 0x01, 0x40, 0x00, 0xF0, 0x02, 0x80, 0x01, 0xE0, 0x01, 0x04,
            0x01, 9,
        ];
        let (bytes, len) = NumberEdit::numbers(5, 6).prefix(Codec::Vp9, &payload);
        assert_eq!(bytes[..len], [0xAA, 0x80, 0x05, 0x01, 0x06, 0x38]);
    }

    proptest! {
        #[test]
        fn only_the_numbers_change(payload in proptest::collection::vec(any::<u8>(), 0..40), id in 0u16..0x8000, index: u8) {
            for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
                let edit = NumberEdit::numbers(id, index);
                let (bytes, len) = edit.prefix(codec, &payload);
                let whole = [&bytes[..len], &payload[len..]].concat();
                let mut applied = payload.clone();
                edit.apply(codec, &mut applied);
                prop_assert_eq!(&whole, &applied);
                if let (Codec::Vp8, Some(before)) = (codec, Vp8Descriptor::parse(&payload)) {
                    let after = Vp8Descriptor::parse(&whole).unwrap();
                    let mask = if before.picture_id_is_long { 0x7FFF } else { 0x7F };
                    prop_assert_eq!(after.picture_id, before.picture_id.map(|_| id & mask));
                    prop_assert_eq!(after.tl0_pic_idx, before.tl0_pic_idx.map(|_| index));
                    prop_assert_eq!(Vp8Descriptor { picture_id: before.picture_id, tl0_pic_idx: before.tl0_pic_idx, ..after }, before);
                }
                if let (Codec::Vp9, Some(before)) = (codec, Vp9Descriptor::parse(&payload)) {
                    let after = Vp9Descriptor::parse(&whole).unwrap();
                    let mask = if before.picture_id_is_long { 0x7FFF } else { 0x7F };
                    prop_assert_eq!(after.picture_id, before.picture_id.map(|_| id & mask));
                    prop_assert_eq!(after.tl0_pic_idx, before.tl0_pic_idx.map(|_| index));
                    prop_assert_eq!(Vp9Descriptor { picture_id: before.picture_id, tl0_pic_idx: before.tl0_pic_idx, ..after }, before);
                }
            }
        }
    }
}
