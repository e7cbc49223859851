//! H.264: NAL units of Annex B form, and the sequence parameter set (ITU-T H.264 section 7.3.2.1.1).

use crate::rtp::codec::bits::Bits;

/// The NAL units of a frame in Annex B form with 4-byte start codes, as the depacketizer gives it out.
#[derive(Clone, Debug)]
pub struct AnnexBNals<'f> {
    rest: Option<&'f [u8]>,
}

const START_CODE: [u8; 4] = [0, 0, 0, 1];

impl<'f> AnnexBNals<'f> {
    /// Iterates a frame; what is before its first start code is left out.
    pub fn new(frame: &'f [u8]) -> Self {
        Self { rest: split(frame).map(|(_, rest)| rest) }
    }
}

/// What is before and after the first start code.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(START_CODE.len()).position(|window| window == START_CODE)?;
    Some((bytes.get(..at)?, bytes.get(at + START_CODE.len()..)?))
}

impl<'f> Iterator for AnnexBNals<'f> {
    type Item = &'f [u8];

    fn next(&mut self) -> Option<&'f [u8]> {
        loop {
            let rest = self.rest.take()?;
            let (nal, after) = split(rest).map_or((rest, None), |(nal, after)| (nal, Some(after)));
            self.rest = after;
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    }
}

/// What a sequence parameter set says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H264Sps {
    /// `profile_idc`.
    pub profile: u8,
    /// The byte of constraint flags.
    pub constraints: u8,
    /// `level_idc`.
    pub level: u8,
    /// Width in pixels, after cropping.
    pub width: u32,
    /// Height in pixels, after cropping.
    pub height: u32,
}

/// Longest set that is read, in bytes.
const MAX_SPS: usize = 1024;

impl H264Sps {
    /// Reads a NAL unit of type 7, its header byte included; `None` if it is malformed or of more than 16384 pixels a side.
    pub fn parse(nal: &[u8]) -> Option<Self> {
        let (&[header, profile, constraints, level], rest) = nal.split_first_chunk::<4>()?;
        if header & 0x1F != 7 || nal.len() > MAX_SPS {
            return None;
        }
        let payload = without_emulation_prevention(rest);
        let bits = &mut Bits::new(&payload);
        golomb(bits)?;
        let mut chroma = 1;
        if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
            chroma = golomb(bits)?;
            if chroma == 3 && bits.bit()? {
                chroma = 0;
            }
            let lists = if chroma == 3 { 12 } else { 8 };
            let (_luma_depth, _chroma_depth) = (golomb(bits)?, golomb(bits)?);
            let _bypass = bits.bit()?;
            if bits.bit()? {
                for list in 0..lists {
                    if bits.bit()? {
                        skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        let _max_frame_num = golomb(bits)?;
        match golomb(bits)? {
            0 => {
                golomb(bits)?;
            }
            1 => {
                bits.bit()?;
                let (_non_reference, _top_to_bottom) = (golomb(bits)?, golomb(bits)?);
                for _ in 0..golomb(bits)?.min(255) {
                    golomb(bits)?;
                }
            }
            _ => {}
        }
        let (_references, _gaps) = (golomb(bits)?, bits.bit()?);
        let (width, height) = (golomb(bits)?.checked_add(1)?, golomb(bits)?.checked_add(1)?);
        let frames_only = bits.bit()?;
        if !frames_only {
            bits.bit()?;
        }
        let fields = if frames_only { 1 } else { 2 };
        let (width, height) = (width.checked_mul(16)?, height.checked_mul(16 * fields)?);
        let _direct_8x8 = bits.bit()?;
        let (mut across, mut down) = (0, 0);
        if bits.bit()? {
            let [left, right, top, bottom] = [golomb(bits)?, golomb(bits)?, golomb(bits)?, golomb(bits)?];
            let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
            let unit_y = fields * if chroma == 1 { 2 } else { 1 };
            across = left.checked_add(right)?.checked_mul(unit_x)?;
            down = top.checked_add(bottom)?.checked_mul(unit_y)?;
        }
        let (width, height) = (width.checked_sub(across)?, height.checked_sub(down)?);
        let sane = |side: u32| (1..=16_384).contains(&side);
        (sane(width) && sane(height)).then_some(Self { profile, constraints, level, width, height })
    }
}

/// An unsigned Exp-Golomb number of at most 32 bits. A signed one has the same length.
fn golomb(bits: &mut Bits<'_>) -> Option<u32> {
    let mut zeroes = 0;
    while !bits.bit()? {
        zeroes += 1;
        if zeroes > 31 {
            return None;
        }
    }
    // 2^zeroes - 1 and so many bits.
    Some(((1_u32 << zeroes) - 1).wrapping_add(bits.take(zeroes)?))
}

fn signed_golomb(bits: &mut Bits<'_>) -> Option<i64> {
    let code = i64::from(golomb(bits)?);
    Some(if code & 1 == 1 { (code + 1) / 2 } else { -(code / 2) })
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + signed_golomb(bits)?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// Takes out the 3 of each 0 0 3 (section 7.4.1).
fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut zeroes = 0;
    for byte in bytes {
        if zeroes >= 2 && *byte == 3 {
            zeroes = 0;
            continue;
        }
        zeroes = if *byte == 0 { zeroes + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}
