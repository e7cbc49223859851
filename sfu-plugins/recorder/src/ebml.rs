//! EBML (RFC 8794): elements written into memory, and read from it.

/// An element id with its length marker, as in the specification of Matroska (RFC 9559).
pub type Id = u32;

pub const EBML: Id = 0x1A45_DFA3;
pub const EBML_VERSION: Id = 0x4286;
pub const EBML_READ_VERSION: Id = 0x42F7;
pub const EBML_MAX_ID_LENGTH: Id = 0x42F2;
pub const EBML_MAX_SIZE_LENGTH: Id = 0x42F3;
pub const DOC_TYPE: Id = 0x4282;
pub const DOC_TYPE_VERSION: Id = 0x4287;
pub const DOC_TYPE_READ_VERSION: Id = 0x4285;
pub const VOID: Id = 0xEC;
pub const SEGMENT: Id = 0x1853_8067;
pub const SEEK_HEAD: Id = 0x114D_9B74;
pub const SEEK: Id = 0x4DBB;
pub const SEEK_ID: Id = 0x53AB;
pub const SEEK_POSITION: Id = 0x53AC;
pub const INFO: Id = 0x1549_A966;
pub const TIMESTAMP_SCALE: Id = 0x2A_D7B1;
pub const DURATION: Id = 0x4489;
pub const DATE_UTC: Id = 0x4461;
pub const MUXING_APP: Id = 0x4D80;
pub const WRITING_APP: Id = 0x5741;
pub const TRACKS: Id = 0x1654_AE6B;
pub const TRACK_ENTRY: Id = 0xAE;
pub const TRACK_NUMBER: Id = 0xD7;
pub const TRACK_UID: Id = 0x73C5;
pub const TRACK_TYPE: Id = 0x83;
pub const FLAG_LACING: Id = 0x9C;
pub const NAME: Id = 0x536E;
pub const CODEC_ID: Id = 0x86;
pub const CODEC_PRIVATE: Id = 0x63A2;
pub const SEEK_PRE_ROLL: Id = 0x56BB;
pub const VIDEO: Id = 0xE0;
pub const PIXEL_WIDTH: Id = 0xB0;
pub const PIXEL_HEIGHT: Id = 0xBA;
pub const AUDIO: Id = 0xE1;
pub const SAMPLING_FREQUENCY: Id = 0xB5;
pub const CHANNELS: Id = 0x9F;
pub const CLUSTER: Id = 0x1F43_B675;
pub const TIMESTAMP: Id = 0xE7;
pub const SIMPLE_BLOCK: Id = 0xA3;
pub const CUES: Id = 0x1C53_BB6B;
pub const CUE_POINT: Id = 0xBB;
pub const CUE_TIME: Id = 0xB3;
pub const CUE_TRACK_POSITIONS: Id = 0xB7;
pub const CUE_TRACK: Id = 0xF7;
pub const CUE_CLUSTER_POSITION: Id = 0xF1;

/// The size that says that an element goes on to where its parent ends, in 8 bytes.
pub const UNKNOWN_SIZE: u64 = 0x01FF_FFFF_FFFF_FFFF;
/// Largest size that can be told.
const MAX_SIZE: u64 = (1 << 56) - 2;

/// Appends an id.
pub fn put_id(out: &mut Vec<u8>, id: Id) {
    let bytes = id.to_be_bytes();
    out.extend_from_slice(bytes.get(id.leading_zeros() as usize / 8..).unwrap_or_default());
}

/// Appends a size in as few bytes as it takes.
pub fn put_size(out: &mut Vec<u8>, size: u64) {
    let size = size.min(MAX_SIZE);
    // All ones is the unknown size, so that a size of seven ones takes two bytes.
    let len = (1..8).find(|len| size < (1 << (7 * len)) - 1).unwrap_or(8);
    let marked = size | 1 << (7 * len);
    out.extend_from_slice(marked.to_be_bytes().get(8 - len..).unwrap_or_default());
}

/// The 8 bytes of a size, to be written where there was another.
pub fn long_size(size: u64) -> [u8; 8] {
    (size.min(MAX_SIZE) | 1 << 56).to_be_bytes()
}

/// Appends an element with these bytes.
pub fn put(out: &mut Vec<u8>, id: Id, body: &[u8]) {
    put_id(out, id);
    put_size(out, body.len() as u64);
    out.extend_from_slice(body);
}

/// Appends an unsigned number.
pub fn put_uint(out: &mut Vec<u8>, id: Id, value: u64) {
    let zeroes = (value.leading_zeros() as usize / 8).min(7);
    put(out, id, value.to_be_bytes().get(zeroes..).unwrap_or_default());
}

/// Appends a number with 8 bytes of floating point.
pub fn put_float(out: &mut Vec<u8>, id: Id, value: f64) {
    put(out, id, &value.to_be_bytes());
}

/// Appends an element that holds others.
pub fn put_master(out: &mut Vec<u8>, id: Id, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    put(out, id, &body);
}

/// What makes an element of `total` bytes that says nothing, without its zeroes; `None` for 1 byte, which is none.
pub fn void_header(total: usize) -> Option<Vec<u8>> {
    Some(match total {
        0 => Vec::new(),
        1 => return None,
        2..=9 => vec![VOID as u8, 0x80 | (total - 2) as u8],
        _ => [&[VOID as u8][..], &long_size(total as u64 - 9)].concat(),
    })
}

/// Appends an element of `total` bytes that says nothing, 2 at the least.
pub fn put_void(out: &mut Vec<u8>, total: usize) {
    let end = out.len() + total;
    out.extend_from_slice(&void_header(total).unwrap_or_default());
    out.resize(end, 0);
}

/// The elements in bytes, in order; what isn't understood ends it.
///
/// One whose end is missing, or that has no known size, has what is there.
#[derive(Debug, Clone)]
pub struct Elements<'b>(&'b [u8]);

impl<'b> Elements<'b> {
    /// Reads the inside of an element, or a file.
    pub fn new(bytes: &'b [u8]) -> Self {
        Elements(bytes)
    }

    /// The first element with this id.
    pub fn find(mut self, id: Id) -> Option<&'b [u8]> {
        self.find_map(|(found, body)| (found == id).then_some(body))
    }
}

impl<'b> Iterator for Elements<'b> {
    type Item = (Id, &'b [u8]);

    fn next(&mut self) -> Option<(Id, &'b [u8])> {
        let (id, rest) = split_vint(self.0, 4, true)?;
        let (size, rest) = split_vint(rest, 8, false)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        let (body, rest) = rest.split_at_checked(size)?;
        self.0 = rest;
        Some((id as Id, body))
    }
}

/// A number of variable length, at most `max` bytes, with its marker or without, and what follows it. An unknown size is the
/// largest number.
fn split_vint(bytes: &[u8], max: usize, with_marker: bool) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    if len > max {
        return None;
    }
    let (number, rest) = bytes.split_at_checked(len)?;
    let marked = number.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    let marker = 1 << (7 * len);
    let value = marked & (marker - 1);
    let unknown = value == marker - 1;
    Some((
        if with_marker {
            marked
        } else if unknown {
            u64::MAX
        } else {
            value
        },
        rest,
    ))
}

/// An unsigned number; 0 if it has more than 8 bytes.
pub fn uint(body: &[u8]) -> u64 {
    if body.len() > 8 {
        return 0;
    }
    body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_as_in_the_specification() {
        let mut out = Vec::new();
        put_uint(&mut out, EBML_VERSION, 1);
        put_uint(&mut out, TIMESTAMP_SCALE, 1_000_000);
        put_uint(&mut out, TRACK_NUMBER, 0);
        put_float(&mut out, DURATION, 1.0);
        assert_eq!(
            out,
            [
                0x42, 0x86, 0x81, 1, 0x2A, 0xD7, 0xB1, 0x83, 0x0F, 0x42, 0x40, 0xD7, 0x81, 0, 0x44, 0x89,
                0x88, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0
            ]
        );
    }

    #[test]
    fn a_size_of_ones_is_not_the_unknown_one() {
        let size = |size| {
            let mut out = Vec::new();
            put_size(&mut out, size);
            out
        };
        assert_eq!(size(126), [0xFE]);
        assert_eq!(size(127), [0x40, 127]);
        assert_eq!(size((1 << 14) - 2), [0x7F, 0xFE]);
        assert_eq!(size((1 << 14) - 1), [0x20, 0x3F, 0xFF]);
        assert_eq!(size(u64::MAX), [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]);
    }

    #[test]
    fn an_unknown_size_goes_to_the_end() {
        let mut file = Vec::new();
        put_id(&mut file, SEGMENT);
        file.extend(UNKNOWN_SIZE.to_be_bytes());
        put_uint(&mut file, TIMESTAMP, 7);
        let segment = Elements::new(&file).find(SEGMENT).unwrap();
        assert_eq!(Elements::new(segment).find(TIMESTAMP).map(uint), Some(7));
        assert_eq!(Elements::new(segment).find(VOID), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bodies in prop::collection::vec((0..5usize, 0..20_000usize), 0..6)) {
            let ids = [VOID, SEGMENT, DURATION, TIMESTAMP_SCALE, SIMPLE_BLOCK];
            let mut out = Vec::new();
            for (id, len) in &bodies {
                put(&mut out, ids[*id], &vec![*id as u8; *len]);
            }
            let read: Vec<_> = Elements::new(&out).map(|(id, body)| (id, body.to_vec())).collect();
            let expected: Vec<_> = bodies.iter().map(|(id, len)| (ids[*id], vec![*id as u8; *len])).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn sizes_and_numbers_come_back(size: u64, value: u64) {
            let mut out = Vec::new();
            put_size(&mut out, size);
            prop_assert_eq!(split_vint(&out, 8, false), Some((size.min(MAX_SIZE), &[][..])));
            let long = long_size(size);
            prop_assert_eq!(split_vint(&long, 8, false), Some((size.min(MAX_SIZE), &[][..])));
            let mut out = Vec::new();
            put_uint(&mut out, TIMESTAMP, value);
            prop_assert_eq!(Elements::new(&out).find(TIMESTAMP).map(uint), Some(value));
        }

        #[test]
        fn room_is_as_large_as_it_was_asked_for(total in 2..5000usize) {
            let mut out = Vec::new();
            put_void(&mut out, total);
            put_uint(&mut out, TIMESTAMP, 5);
            prop_assert_eq!(out.len(), total + 3);
            prop_assert_eq!(Elements::new(&out).find(TIMESTAMP).map(uint), Some(5));
        }

        #[test]
        fn hostile_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for (_, body) in Elements::new(&bytes) {
                prop_assert!(Elements::new(body).count() <= body.len() / 2);
            }
        }
    }
}
