//! AV1: open bitstream units with sizes, and the sequence header (AV1 specification sections 5.3 and 5.5).

use crate::rtp::codec::bits::Bits;

const SEQUENCE_HEADER: u8 = 1;

/// The open bitstream units of a frame in the low-overhead format, as the depacketizer gives it out: type, payload, and all of it.
#[derive(Clone, Debug)]
pub struct Av1Obus<'f> {
    rest: &'f [u8],
}

impl<'f> Av1Obus<'f> {
    /// Iterates a frame; a unit without a size, or one that is cut off, ends the iteration.
    pub fn new(frame: &'f [u8]) -> Self {
        Self { rest: frame }
    }
}

impl<'f> Iterator for Av1Obus<'f> {
    type Item = (u8, &'f [u8], &'f [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let whole = self.rest;
        let first = *whole.first()?;
        let mut at = if first & 0x04 != 0 { 2 } else { 1 };
        let mut len = 0_usize;
        for shift in (0..35).step_by(7) {
            let byte = *whole.get(at)?;
            at += 1;
            len |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if first & 0x02 == 0 {
            return None;
        }
        let end = at.checked_add(len)?;
        let unit = (first >> 3 & 0x0F, whole.get(at..end)?, whole.get(..end)?);
        self.rest = whole.get(end..)?;
        Some(unit)
    }
}

/// What a sequence header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Av1SequenceHeader {
    /// Profile, 0 to 2.
    pub profile: u8,
    /// Level of the first operating point, 0 to 31.
    pub level: u8,
    /// High tier.
    pub high_tier: bool,
    /// More than 8 bits.
    pub high_bit_depth: bool,
    /// 12 bits.
    pub twelve_bits: bool,
    /// No colours.
    pub monochrome: bool,
    /// Colours are halved across.
    pub subsampled_x: bool,
    /// Colours are halved down.
    pub subsampled_y: bool,
    /// Where colours lie, 0 to 3.
    pub chroma_sample_position: u8,
    /// Greatest width in pixels, 1 to 65536.
    pub width: u32,
    /// Greatest height in pixels, 1 to 65536.
    pub height: u32,
}

impl Av1SequenceHeader {
    /// The first sequence header among the units of a frame, and the whole unit.
    pub fn find(frame: &[u8]) -> Option<(Self, &[u8])> {
        let (_, payload, unit) = Av1Obus::new(frame).find(|(kind, ..)| *kind == SEQUENCE_HEADER)?;
        Some((Self::parse(payload)?, unit))
    }

    /// Reads the payload of a unit of type 1.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let bits = &mut Bits::new(payload);
        let profile = bits.take(3)? as u8;
        let _still_picture = bits.bit()?;
        let reduced = bits.bit()?;
        let mut header = Self { profile, ..Self::default() };
        if reduced {
            header.level = bits.take(5)? as u8;
        } else {
            header.operating_points(bits)?;
        }
        let (width, height) = (bits.take(4)? + 1, bits.take(4)? + 1);
        (header.width, header.height) = (bits.take(width)? + 1, bits.take(height)? + 1);
        if !reduced && bits.bit()? {
            bits.take(7)?;
        }
        // Superblocks of 128, filter intra, intra edge filter.
        bits.take(3)?;
        if !reduced {
            // Interintra and masked compound, warped motion, dual filter.
            bits.take(4)?;
            let order_hint = bits.bit()?;
            if order_hint {
                bits.take(2)?;
            }
            let screen_content = if bits.bit()? { true } else { bits.bit()? };
            if screen_content && !bits.bit()? {
                bits.bit()?;
            }
            if order_hint {
                bits.take(3)?;
            }
        }
        // Superres, CDEF, restoration.
        bits.take(3)?;
        header.colour(bits)?;
        (profile <= 2).then_some(header)
    }

    fn operating_points(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let mut delay_bits = None;
        if bits.bit()? {
            bits.take(32)?;
            bits.take(32)?;
            if bits.bit()? {
                skip_uvlc(bits)?;
            }
            if bits.bit()? {
                delay_bits = Some(bits.take(5)? + 1);
                bits.take(32)?;
                bits.take(10)?;
            }
        }
        let initial_display_delay = bits.bit()?;
        for point in 0..=bits.take(5)? {
            bits.take(12)?;
            let level = bits.take(5)? as u8;
            let high_tier = level > 7 && bits.bit()?;
            if point == 0 {
                (self.level, self.high_tier) = (level, high_tier);
            }
            if let Some(len) = delay_bits
                && bits.bit()?
            {
                bits.take(len)?;
                bits.take(len)?;
                bits.bit()?;
            }
            if initial_display_delay && bits.bit()? {
                bits.take(4)?;
            }
        }
        Some(())
    }

    fn colour(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        self.high_bit_depth = bits.bit()?;
        self.twelve_bits = self.profile == 2 && self.high_bit_depth && bits.bit()?;
        self.monochrome = self.profile != 1 && bits.bit()?;
        let description =
            if bits.bit()? { Some((bits.take(8)?, bits.take(8)?, bits.take(8)?)) } else { None };
        (self.subsampled_x, self.subsampled_y) = (true, true);
        if self.monochrome {
            bits.bit()?;
            return Some(());
        }
        // sRGB.
        if description == Some((1, 13, 0)) {
            (self.subsampled_x, self.subsampled_y) = (false, false);
            return Some(());
        }
        bits.bit()?;
        (self.subsampled_x, self.subsampled_y) = match self.profile {
            0 => (true, true),
            1 => (false, false),
            _ if self.twelve_bits => {
                let across = bits.bit()?;
                (across, across && bits.bit()?)
            }
            _ => (true, false),
        };
        if self.subsampled_x && self.subsampled_y {
            self.chroma_sample_position = bits.take(2)? as u8;
        }
        Some(())
    }
}

fn skip_uvlc(bits: &mut Bits<'_>) -> Option<()> {
    let mut zeroes = 0;
    while !bits.bit()? {
        zeroes += 1;
    }
    bits.take(if zeroes < 32 { zeroes } else { 0 })?;
    Some(())
}
