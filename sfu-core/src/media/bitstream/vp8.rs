//! The header of a VP8 key frame (RFC 6386 section 9.1).

/// Width and height in pixels of a VP8 key frame; `None` if it is none, or cut off.
pub fn vp8_size(frame: &[u8]) -> Option<(u16, u16)> {
    let &[tag, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1] = frame.first_chunk::<10>()? else { return None };
    // The upper two bits of each are a scaling hint.
    let size = (u16::from_le_bytes([w0, w1]) & 0x3FFF, u16::from_le_bytes([h0, h1]) & 0x3FFF);
    (tag & 1 == 0 && size.0 > 0 && size.1 > 0).then_some(size)
}
