//! What senders say of their clocks, on its way to the writer.

/// What the sender of a track reports of its clock, on the way to the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The sender's wall clock in 1/2^32 s.
    pub ntp: u64,
    /// The same instant on the track's RTP clock.
    pub rtp_timestamp: u32,
    /// The same instant by our clock: nanoseconds since the track was opened, negative before.
    pub at: i64,
    /// Packets that the sender has sent.
    pub packets: u32,
    /// Octets of payload in them.
    pub octets: u32,
}

impl ClockReading {
    /// As it lies in the queue.
    pub fn to_bytes(self) -> [u8; 28] {
        let mut bytes = [0; 28];
        let (ntp, rest) = bytes.split_at_mut(8);
        let (at, rest) = rest.split_at_mut(8);
        let (rtp, rest) = rest.split_at_mut(4);
        let (packets, octets) = rest.split_at_mut(4);
        ntp.copy_from_slice(&self.ntp.to_ne_bytes());
        at.copy_from_slice(&self.at.to_ne_bytes());
        rtp.copy_from_slice(&self.rtp_timestamp.to_ne_bytes());
        packets.copy_from_slice(&self.packets.to_ne_bytes());
        octets.copy_from_slice(&self.octets.to_ne_bytes());
        bytes
    }

    /// Out of the queue.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ntp, rest) = bytes.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (rtp, rest) = rest.split_first_chunk()?;
        let (packets, rest) = rest.split_first_chunk()?;
        let octets = rest.first_chunk()?;
        Some(ClockReading {
            ntp: u64::from_ne_bytes(*ntp),
            rtp_timestamp: u32::from_ne_bytes(*rtp),
            at: i64::from_ne_bytes(*at),
            packets: u32::from_ne_bytes(*packets),
            octets: u32::from_ne_bytes(*octets),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_reading_comes_out_as_it_went_in() {
        let reading =
            ClockReading { ntp: u64::MAX - 7, rtp_timestamp: 0x1234_5678, at: -5, packets: 7, octets: 9 };
        assert_eq!(ClockReading::from_bytes(&reading.to_bytes()), Some(reading));
        assert_eq!(ClockReading::from_bytes(&[0; 27]), None);
    }
}
