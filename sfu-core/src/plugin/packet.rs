//! The packets that hooks see.

/// Stand-in until the RTP view is merged: `pub use crate::rtp::RtpPacket`.
#[derive(Debug)]
pub struct RtpPacket<'a> {
    bytes: &'a mut [u8],
}

impl<'a> RtpPacket<'a> {
    /// Over a whole packet.
    pub(crate) fn over(bytes: &'a mut [u8]) -> Self {
        RtpPacket { bytes }
    }

    /// The packet's bytes.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
    }
}

/// Stand-in until the RTCP view is merged: `pub use crate::rtcp::RtcpPacket`.
#[derive(Debug)]
pub struct RtcpPacket<'a> {
    bytes: &'a mut [u8],
}

impl<'a> RtcpPacket<'a> {
    /// Over a whole compound packet.
    pub(crate) fn over(bytes: &'a mut [u8]) -> Self {
        RtcpPacket { bytes }
    }

    /// The packet's bytes.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
    }
}
