//! AV1 aggregation header (AV1 RTP specification section 4.4).

/// The aggregation header of one AV1 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Av1Aggregation {
    /// The first OBU element continues one of the previous packet (Z).
    pub continues: bool,
    /// The last OBU element goes on in the next packet (Y).
    pub continued: bool,
    /// Number of OBU elements, 1 to 3; 0 if each element tells its length (W).
    pub obu_count: u8,
    /// First packet of a coded video sequence, so of a key frame (N).
    pub new_sequence: bool,
}

impl Av1Aggregation {
    /// Reads the header; `None` if the payload is empty, or starts a sequence in the middle of an OBU.
    #[inline]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let header = Self {
            continues: first & 0x80 != 0,
            continued: first & 0x40 != 0,
            obu_count: (first >> 4) & 0x03,
            new_sequence: first & 0x08 != 0,
        };
        (!(header.continues && header.new_sequence)).then_some(header)
    }
}
