//! H.264 payload structures (RFC 6184 section 5.2).

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// What an SFU needs to know of one H.264 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H264Payload {
    /// Type of the NAL unit, of the first one in an aggregate, or of the one that a fragment is part of.
    pub nal_type: u8,
    /// The packet holds the start of at least one NAL unit (all but later fragments do).
    pub start: bool,
    /// The packet holds the end of its last NAL unit (all but earlier fragments do).
    pub end: bool,
    /// The packet holds a sequence parameter set, or the start of an IDR slice.
    pub key_frame: bool,
}

impl H264Payload {
    /// Reads the payload; `None` if it is cut off or empty.
    #[inline]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let whole = |nal_type, key_frame| Some(Self { nal_type, start: true, end: true, key_frame });
        match payload.first()? & 0x1F {
            STAP_A => {
                let mut nals = H264Nals::new(payload);
                let first = nals.next()?.first()? & 0x1F;
                let key =
                    is_key(first) || nals.any(|nal| nal.first().is_some_and(|byte| is_key(byte & 0x1F)));
                whole(first, key)
            }
            FU_A => {
                let header = *payload.get(1)?;
                let (nal_type, start) = (header & 0x1F, header & 0x80 != 0);
                Some(Self { nal_type, start, end: header & 0x40 != 0, key_frame: start && is_key(nal_type) })
            }
            nal_type => whole(nal_type, is_key(nal_type)),
        }
    }
}

const fn is_key(nal_type: u8) -> bool {
    nal_type == IDR || nal_type == SPS
}

/// The NAL units in a STAP-A payload; one that is cut off ends the iteration.
#[derive(Clone, Debug)]
pub struct H264Nals<'p> {
    rest: &'p [u8],
}

impl<'p> H264Nals<'p> {
    /// Iterates `payload`, which starts with the STAP-A indicator byte.
    pub fn new(payload: &'p [u8]) -> Self {
        Self { rest: payload.get(1..).unwrap_or_default() }
    }
}

impl<'p> Iterator for H264Nals<'p> {
    type Item = &'p [u8];

    fn next(&mut self) -> Option<&'p [u8]> {
        let (len, rest) = self.rest.split_first_chunk::<2>()?;
        let (nal, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        self.rest = rest;
        Some(nal)
    }
}
