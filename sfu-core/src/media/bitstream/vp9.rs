//! The uncompressed header of a VP9 key frame (VP9 bitstream specification section 6.2).

use crate::rtp::codec::bits::Bits;

/// What a VP9 key frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Header {
    /// Profile, 0 to 3.
    pub profile: u8,
    /// Width in pixels, 1 to 65536.
    pub width: u32,
    /// Height in pixels, 1 to 65536.
    pub height: u32,
}

/// Reads the header of a VP9 key frame; of several layer frames that of the lowest. `None` if it isn't a key frame.
pub fn vp9_key_frame(frame: &[u8]) -> Option<Vp9Header> {
    const SYNC_CODE: u32 = 0x49_83_42;
    const RGB: u32 = 7;
    let mut bits = Bits::new(frame);
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = bits.take(1)? | bits.take(1)? << 1;
    if profile == 3 && bits.bit()? {
        return None;
    }
    let (show_existing, inter) = (bits.bit()?, bits.bit()?);
    let _show_and_resilience = bits.take(2)?;
    if show_existing || inter || bits.take(24)? != SYNC_CODE {
        return None;
    }
    if profile >= 2 {
        bits.bit()?;
    }
    let odd = profile & 1 == 1;
    // Colour range, and subsampling with a reserved bit; RGB has but the reserved bit.
    match (bits.take(3)?, odd) {
        (RGB, true) => bits.take(1)?,
        (RGB, false) => return None,
        (_, true) => bits.take(4)?,
        (_, false) => bits.take(1)?,
    };
    Some(Vp9Header { profile: profile as u8, width: bits.take(16)? + 1, height: bits.take(16)? + 1 })
}
