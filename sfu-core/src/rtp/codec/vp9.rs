//! VP9 payload descriptor (RFC 9628 section 4.2).

use super::Cursor;

/// The payload descriptor of one VP9 packet. Offsets count from the first byte of the payload; 0 means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp9Descriptor {
    /// Length of the descriptor in bytes.
    pub len: u16,
    /// Picture id, 7 or 15 bits.
    pub picture_id: Option<u16>,
    /// The picture id has 15 bits.
    pub picture_id_is_long: bool,
    /// Offset of the picture id.
    pub picture_id_offset: u8,
    /// The layer frame is predicted from earlier pictures (P).
    pub inter_picture: bool,
    /// Flexible mode (F): references are in the descriptor.
    pub flexible: bool,
    /// The packet starts a layer frame (B).
    pub start: bool,
    /// The packet ends a layer frame (E).
    pub end: bool,
    /// The layer frame is no reference for upper spatial layers (Z).
    pub not_for_upper_layers: bool,
    /// Temporal layer, 0 to 7.
    pub temporal_layer: Option<u8>,
    /// From here on upper temporal layers may be decoded (U).
    pub switching_up: bool,
    /// Spatial layer, 0 to 7.
    pub spatial_layer: Option<u8>,
    /// The layer frame is predicted from the spatial layer below (D).
    pub inter_layer: bool,
    /// Index of the last picture of temporal layer 0 (non-flexible mode), wraps at 256.
    pub tl0_pic_idx: Option<u8>,
    /// Offset of the temporal layer 0 index.
    pub tl0_pic_idx_offset: u8,
    /// Scalability structure, if the packet carries one.
    pub scalability: Option<Vp9Scalability>,
}

/// The scalability structure of a VP9 stream (RFC 9628 section 4.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp9Scalability {
    /// Number of spatial layers, 1 to 8.
    pub spatial_layers: u8,
    /// Width and height of each spatial layer in pixels; zeroes if not given.
    pub resolutions: [(u16, u16); 8],
}

impl Vp9Descriptor {
    /// Reads the descriptor; `None` if it is cut off or lists more than three references.
    #[inline]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let mut descriptor = Self::numbers(&mut cursor)?;
        let first = *payload.first()?;
        if descriptor.flexible && descriptor.inter_picture {
            let mut references = 0;
            while cursor.byte()? & 0x01 != 0 {
                references += 1;
                if references == 3 {
                    return None;
                }
            }
        }
        if first & 0x02 != 0 {
            descriptor.scalability = Some(Vp9Scalability::parse(&mut cursor)?);
        }
        descriptor.len = u16::try_from(cursor.offset).ok()?;
        Some(descriptor)
    }

    /// Reads the part with the numbers, at most [`MAX_EDITED`](super::MAX_EDITED) bytes; what is behind it need not be there.
    pub(super) fn parse_numbers(payload: &[u8]) -> Option<Self> {
        Self::numbers(&mut Cursor::new(payload))
    }

    #[inline]
    fn numbers(cursor: &mut Cursor<'_>) -> Option<Self> {
        let first = cursor.byte()?;
        let has = |bit: u8| first & bit != 0;
        let mut descriptor = Self {
            inter_picture: has(0x40),
            flexible: has(0x10),
            start: has(0x08),
            end: has(0x04),
            not_for_upper_layers: has(0x01),
            ..Self::default()
        };
        if has(0x80) {
            descriptor.picture_id_offset = cursor.offset as u8;
            let (id, long) = cursor.picture_id()?;
            descriptor.picture_id = Some(id);
            descriptor.picture_id_is_long = long;
        }
        if has(0x20) {
            let byte = cursor.byte()?;
            descriptor.temporal_layer = Some(byte >> 5);
            descriptor.switching_up = byte & 0x10 != 0;
            descriptor.spatial_layer = Some((byte >> 1) & 0x07);
            descriptor.inter_layer = byte & 0x01 != 0;
            if !descriptor.flexible {
                descriptor.tl0_pic_idx_offset = cursor.offset as u8;
                descriptor.tl0_pic_idx = Some(cursor.byte()?);
            }
        }
        Some(descriptor)
    }

    /// Whether this packet starts a key frame: lowest spatial layer, not predicted from another picture.
    #[inline]
    pub fn is_key_frame(&self) -> bool {
        self.start && !self.inter_picture && self.spatial_layer.unwrap_or(0) == 0
    }

    /// Width and height in pixels of the highest spatial layer, if the packet tells them.
    pub fn resolution(&self) -> Option<(u16, u16)> {
        let scalability = self.scalability?;
        let top = usize::from(scalability.spatial_layers.checked_sub(1)?);
        scalability.resolutions.get(top).copied().filter(|size| *size != (0, 0))
    }

    /// Overwrites the picture id in `payload`, keeping its length (a short one keeps 7 bits); nothing if there is none.
    #[inline]
    pub fn set_picture_id(&self, payload: &mut [u8], picture_id: u16) {
        let offset = usize::from(self.picture_id_offset);
        match payload.get_mut(offset..) {
            Some([high, low, ..]) if offset != 0 && self.picture_id_is_long => {
                [*high, *low] = (picture_id | 0x8000).to_be_bytes();
            }
            Some([byte, ..]) if offset != 0 && !self.picture_id_is_long => *byte = picture_id as u8 & 0x7F,
            _ => {}
        }
    }

    /// Overwrites the temporal layer 0 index in `payload`; nothing if there is none.
    #[inline]
    pub fn set_tl0_pic_idx(&self, payload: &mut [u8], index: u8) {
        let offset = usize::from(self.tl0_pic_idx_offset);
        if let Some(byte) = payload.get_mut(offset).filter(|_| offset != 0) {
            *byte = index;
        }
    }
}

impl Vp9Scalability {
    fn parse(cursor: &mut Cursor<'_>) -> Option<Self> {
        let first = cursor.byte()?;
        let mut scalability = Self { spatial_layers: (first >> 5) + 1, ..Self::default() };
        if first & 0x10 != 0 {
            for size in scalability.resolutions.iter_mut().take(usize::from(scalability.spatial_layers)) {
                *size = (cursor.u16()?, cursor.u16()?);
            }
        }
        if first & 0x08 != 0 {
            for _ in 0..cursor.byte()? {
                let references = (cursor.byte()? >> 2) & 0x03;
                for _ in 0..references {
                    cursor.byte()?;
                }
            }
        }
        Some(scalability)
    }
}
