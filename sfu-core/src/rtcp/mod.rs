//! RTCP seen in place: an iterator over compound packets with a view per packet type, and a writer into a caller's buffer.
//!
//! Reduced-size RTCP (RFC 5506) is accepted. Views are bounded by the bytes they were made from; nothing allocates.

pub mod compound;
pub mod feedback;
pub mod ntp;
pub mod report;
pub mod sdes;
pub mod transport_cc;
pub mod writer;
pub mod xr;

#[cfg(test)]
pub use compound::RtcpError;
pub use compound::{Compound, RtcpItem, RtcpPacket, Unknown, is_rtcp};
pub use feedback::{Fir, FirEntry, Nack, Pli, Remb};
pub use ntp::NtpTime;
pub use report::{ReceiverReport, ReportBlock, SenderInfo, SenderReport};
pub use sdes::{Bye, Sdes, SdesChunk};
pub use transport_cc::{Arrival, TransportCc};
#[cfg(test)]
pub use writer::NoRoom;
pub use writer::RtcpWriter;
pub use xr::{DlrrBlock, Xr, XrBlock};

/// Packet types (RFC 3550 section 12.1, RFC 4585 section 6.1, RFC 3611 section 2).
pub(crate) mod packet_type {
    pub(crate) const SENDER_REPORT: u8 = 200;
    pub(crate) const RECEIVER_REPORT: u8 = 201;
    pub(crate) const SDES: u8 = 202;
    pub(crate) const BYE: u8 = 203;
    pub(crate) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(crate) const PAYLOAD_FEEDBACK: u8 = 206;
    pub(crate) const XR: u8 = 207;
}

/// Feedback message types: the count field of transport and payload feedback (RFC 4585 section 6, RFC 5104 section 4.3).
pub(crate) mod feedback_type {
    pub(crate) const NACK: u8 = 1;
    pub(crate) const TRANSPORT_CC: u8 = 15;
    pub(crate) const PLI: u8 = 1;
    pub(crate) const FIR: u8 = 4;
    pub(crate) const APPLICATION: u8 = 15;
}

/// The big-endian word at the start of `bytes`, and the rest.
#[inline]
fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*word), rest))
}

/// The big-endian half word at the start of `bytes`, and the rest.
#[inline]
fn split_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (half, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*half), rest))
}

#[cfg(test)]
mod tests;
