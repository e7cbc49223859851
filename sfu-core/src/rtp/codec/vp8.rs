//! VP8 payload descriptor (RFC 7741 section 4.2).

use super::Cursor;

/// The payload descriptor of one VP8 packet. Offsets count from the first byte of the payload; 0 means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vp8Descriptor {
    /// Length of the descriptor in bytes, 1 to 6.
    pub len: u8,
    /// The packet starts a partition (S).
    pub partition_start: bool,
    /// Partition index, 0 to 7.
    pub partition: u8,
    /// The frame isn't used as a reference (N).
    pub non_reference: bool,
    /// Picture id, 7 or 15 bits.
    pub picture_id: Option<u16>,
    /// The picture id has 15 bits.
    pub picture_id_is_long: bool,
    /// Offset of the picture id.
    pub picture_id_offset: u8,
    /// Index of the last frame of temporal layer 0, wraps at 256.
    pub tl0_pic_idx: Option<u8>,
    /// Offset of the temporal layer 0 index.
    pub tl0_pic_idx_offset: u8,
    /// Temporal layer, 0 to 3.
    pub temporal_layer: Option<u8>,
    /// The frame depends on temporal layer 0 only (Y).
    pub layer_sync: bool,
    /// Key frame index, 5 bits.
    pub key_idx: Option<u8>,
}

impl Vp8Descriptor {
    /// Reads the descriptor; `None` if it is cut off.
    #[inline]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let first = cursor.byte()?;
        let mut descriptor = Self {
            partition_start: first & 0x10 != 0,
            partition: first & 0x07,
            non_reference: first & 0x20 != 0,
            ..Self::default()
        };
        if first & 0x80 != 0 {
            let flags = cursor.byte()?;
            if flags & 0x80 != 0 {
                descriptor.picture_id_offset = cursor.offset as u8;
                let (id, long) = cursor.picture_id()?;
                descriptor.picture_id = Some(id);
                descriptor.picture_id_is_long = long;
            }
            if flags & 0x40 != 0 {
                descriptor.tl0_pic_idx_offset = cursor.offset as u8;
                descriptor.tl0_pic_idx = Some(cursor.byte()?);
            }
            if flags & 0x30 != 0 {
                let byte = cursor.byte()?;
                if flags & 0x20 != 0 {
                    descriptor.temporal_layer = Some(byte >> 6);
                    descriptor.layer_sync = byte & 0x20 != 0;
                }
                if flags & 0x10 != 0 {
                    descriptor.key_idx = Some(byte & 0x1F);
                }
            }
        }
        descriptor.len = cursor.offset as u8;
        Some(descriptor)
    }

    /// Whether this packet starts a frame.
    #[inline]
    pub fn is_frame_start(&self) -> bool {
        self.partition_start && self.partition == 0
    }

    /// Whether this packet starts a key frame (RFC 6386 section 9.1: the first bit is 0).
    #[inline]
    pub fn is_key_frame(&self, payload: &[u8]) -> bool {
        self.is_frame_start() && payload.get(usize::from(self.len)).is_some_and(|byte| byte & 1 == 0)
    }

    /// Width and height in pixels, if this packet starts a key frame.
    pub fn resolution(&self, payload: &[u8]) -> Option<(u16, u16)> {
        if !self.is_key_frame(payload) {
            return None;
        }
        let frame = payload.get(usize::from(self.len)..)?;
        let &[_, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1] = frame.first_chunk::<10>()? else { return None };
        // The upper two bits of each are a scaling hint.
        Some((u16::from_le_bytes([w0, w1]) & 0x3FFF, u16::from_le_bytes([h0, h1]) & 0x3FFF))
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
