//! Opus table-of-contents byte (RFC 6716 section 3.1).

/// What the first bytes of an Opus packet tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusToc {
    /// Configuration, 0 to 31: mode, bandwidth and frame size.
    pub config: u8,
    /// Two channels.
    pub stereo: bool,
    /// Number of frames in the packet, 1 to 48.
    pub frames: u8,
    /// Duration of the packet in samples at 48 kHz, at most 5760 (120 ms).
    pub duration: u16,
}

impl OpusToc {
    /// Reads the table of contents; `None` if the packet is empty, has no frames, or is longer than 120 ms.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let config = first >> 3;
        let frames = match first & 0x03 {
            0 => 1,
            1 | 2 => 2,
            _ => payload.get(1)? & 0x3F,
        };
        let frame: u16 = match config {
            0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
            12..=15 => 480 << (config & 1),
            _ => 120 << (config & 3),
        };
        let duration = frame.checked_mul(u16::from(frames))?;
        ((1..=5760).contains(&duration)).then_some(Self {
            config,
            stereo: first & 0x04 != 0,
            frames,
            duration,
        })
    }
}

/// Whether a packet only says that nothing is transmitted (RFC 7587 section 3.1.3): at most two bytes.
#[inline]
pub fn is_opus_dtx(payload: &[u8]) -> bool {
    payload.len() <= 2
}
