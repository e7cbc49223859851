//! RTCP, written and read by hand.

/// One packet of a compound one.
#[derive(Debug, Clone, PartialEq)]
pub struct Rtcp {
    pub count: u8,
    pub kind: u8,
    /// Behind the first four bytes.
    pub body: Vec<u8>,
}

pub const SENDER_REPORT: u8 = 200;
pub const TRANSPORT_FEEDBACK: u8 = 205;
pub const PAYLOAD_FEEDBACK: u8 = 206;
pub const PLI: u8 = 1;
pub const FIR: u8 = 4;
pub const APPLICATION: u8 = 15;

impl Rtcp {
    /// Those that one datagram holds; none if it is no RTCP.
    pub fn parse(mut bytes: &[u8]) -> Vec<Self> {
        let mut packets = Vec::new();
        while bytes.len() >= 4 && (192..224).contains(&bytes[1]) {
            let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]])) * 4 + 4;
            let body = bytes[4..length].to_vec();
            packets.push(Self { count: bytes[0] & 31, kind: bytes[1], body });
            bytes = &bytes[length..];
        }
        packets
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0x80 | self.count, self.kind];
        bytes.extend((self.body.len() as u16 / 4).to_be_bytes());
        bytes.extend(&self.body);
        bytes
    }

    pub fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.body[at * 4..at * 4 + 4].try_into().unwrap())
    }

    pub fn is(&self, kind: u8, count: u8) -> bool {
        (self.kind, self.count) == (kind, count)
    }

    fn of(kind: u8, count: u8, words: &[u32]) -> Self {
        Self { count, kind, body: words.iter().flat_map(|word| word.to_be_bytes()).collect() }
    }

    /// A picture is wished for.
    pub fn pli(ssrc: u32) -> Self {
        Self::of(PAYLOAD_FEEDBACK, PLI, &[1, ssrc])
    }

    pub fn fir(ssrc: u32, number: u8) -> Self {
        Self::of(PAYLOAD_FEEDBACK, FIR, &[1, 0, ssrc, u32::from(number) << 24])
    }

    /// One packet is missing.
    pub fn nack(ssrc: u32, sequence: u16) -> Self {
        Self::of(TRANSPORT_FEEDBACK, 1, &[1, ssrc, u32::from(sequence) << 16])
    }

    /// What the receiver thinks that its path carries.
    pub fn remb(ssrc: u32, bitrate: u32) -> Self {
        let exponent = (32 - bitrate.leading_zeros()).saturating_sub(18);
        let number = 1 << 24 | exponent << 18 | bitrate >> exponent;
        Self::of(PAYLOAD_FEEDBACK, APPLICATION, &[1, 0, u32::from_be_bytes(*b"REMB"), number, ssrc])
    }

    /// Bit/s, if it is a REMB.
    pub fn remb_bitrate(&self) -> Option<u64> {
        let is_remb =
            self.is(PAYLOAD_FEEDBACK, APPLICATION) && self.body.len() >= 16 && &self.body[8..12] == b"REMB";
        is_remb.then(|| u64::from(self.word(3) & 0x3ffff) << (self.word(3) >> 18 & 63))
    }

    /// The answer to a sender's report, which came just now.
    pub fn receiver_report(report: &Self, highest: u16) -> Self {
        let last = report.word(1) << 16 | report.word(2) >> 16;
        Self::of(201, 1, &[1, report.word(0), 0, highest.into(), 0, last, 0])
    }

    /// A sender's report of this moment, which is any.
    pub fn sender_report(ssrc: u32, packets: u32) -> Self {
        Self::of(SENDER_REPORT, 0, &[ssrc, 0xe000_0000, 7, 5000, packets, packets * 40])
    }
}
