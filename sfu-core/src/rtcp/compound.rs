//! Compound packets (RFC 3550 section 6.1): one datagram, several RTCP packets.

use super::feedback::{Fir, Nack, Pli, Remb};
use super::report::{ReceiverReport, SenderReport};
use super::sdes::{Bye, Sdes};
use super::transport_cc::TransportCc;
use super::xr::Xr;
use super::{feedback_type, packet_type};

/// What is wrong with an RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// The header or the announced length goes beyond the datagram; what follows can't be read.
    #[error("rtcp: a packet goes beyond the {0} bytes left of the datagram, drop the rest")]
    Truncated(usize),
    /// The version field isn't 2; what follows can't be read.
    #[error("rtcp: version {0} isn't 2, drop the rest")]
    Version(u8),
    /// The padding is zero or longer than the packet.
    #[error("rtcp: padding doesn't fit a packet of type {0}, ignore the packet")]
    Padding(u8),
    /// The body is too short for its own counts.
    #[error("rtcp: the body of a packet of type {0} doesn't match its counts, ignore the packet")]
    Malformed(u8),
}

/// Whether a datagram that isn't STUN or DTLS is RTCP rather than RTP (RFC 5761 section 4).
#[inline]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

/// A packet of a type or feedback format that isn't looked into: APP, SLI, CCFB and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown<'p> {
    /// Packet type.
    pub packet_type: u8,
    /// The 5-bit count, subtype or format field.
    pub count: u8,
    /// What follows the 4-byte header, without padding.
    pub body: &'p [u8],
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RtcpItem<'p> {
    /// Sender report.
    SenderReport(SenderReport<'p>),
    /// Receiver report.
    ReceiverReport(ReceiverReport<'p>),
    /// Source description.
    Sdes(Sdes<'p>),
    /// Goodbye.
    Bye(Bye<'p>),
    /// Generic NACK.
    Nack(Nack<'p>),
    /// Picture loss indication.
    Pli(Pli),
    /// Full intra request.
    Fir(Fir<'p>),
    /// Receiver estimated maximum bitrate.
    Remb(Remb<'p>),
    /// Transport-wide congestion control feedback.
    TransportCc(TransportCc<'p>),
    /// Extended report.
    Xr(Xr<'p>),
    /// Anything else.
    Unknown(Unknown<'p>),
}

impl<'p> RtcpItem<'p> {
    /// Reads one packet; `packet` is exactly its bytes, header and padding included.
    #[inline]
    pub fn parse(packet: &'p [u8]) -> Result<Self, RtcpError> {
        let Some((&[first, packet_type, _, _], body)) = packet.split_first_chunk::<4>() else {
            return Err(RtcpError::Truncated(packet.len()));
        };
        let count = first & 0x1F;
        let body = if first & 0x20 == 0 {
            body
        } else {
            let padding = usize::from(body.last().copied().unwrap_or(0));
            let len = body.len().checked_sub(padding).filter(|_| padding != 0);
            len.and_then(|len| body.get(..len)).ok_or(RtcpError::Padding(packet_type))?
        };
        let unknown = Some(Self::Unknown(Unknown { packet_type, count, body }));
        match packet_type {
            packet_type::SENDER_REPORT => SenderReport::parse(count, body).map(Self::SenderReport),
            packet_type::RECEIVER_REPORT => ReceiverReport::parse(count, body).map(Self::ReceiverReport),
            packet_type::SDES => Sdes::parse(count, body).map(Self::Sdes),
            packet_type::BYE => Bye::parse(count, body).map(Self::Bye),
            packet_type::TRANSPORT_FEEDBACK => match count {
                feedback_type::NACK => Nack::parse(body).map(Self::Nack),
                feedback_type::TRANSPORT_CC => TransportCc::parse(body).map(Self::TransportCc),
                _ => unknown,
            },
            packet_type::PAYLOAD_FEEDBACK => match count {
                feedback_type::PLI => Pli::parse(body).map(Self::Pli),
                feedback_type::FIR => Fir::parse(body).map(Self::Fir),
                feedback_type::APPLICATION if Remb::is_remb(body) => Remb::parse(body).map(Self::Remb),
                _ => unknown,
            },
            packet_type::XR => Xr::parse(body).map(Self::Xr),
            _ => unknown,
        }
        .ok_or(RtcpError::Malformed(packet_type))
    }
}

/// Iterator over the packets of one datagram. A malformed packet is an error and the next one is read; after
/// [`RtcpError::Truncated`] or [`RtcpError::Version`] nothing follows.
#[derive(Clone, Debug)]
pub struct Compound<'p> {
    rest: &'p [u8],
}

impl<'p> Compound<'p> {
    /// Iterates the packets of `datagram`, after decryption.
    pub fn new(datagram: &'p [u8]) -> Self {
        Self { rest: datagram }
    }

    /// The next packet with its bytes, for plugin hooks and for forwarding it as it is.
    #[inline]
    pub fn next_packet(&mut self) -> Option<Result<RtcpPacket<'p>, RtcpError>> {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        let Some(&[first, _, w0, w1]) = rest.first_chunk::<4>() else {
            return Some(Err(RtcpError::Truncated(rest.len())));
        };
        if first >> 6 != 2 {
            return Some(Err(RtcpError::Version(first >> 6)));
        }
        let len = 4 * (usize::from(u16::from_be_bytes([w0, w1])) + 1);
        let Some((packet, rest)) = rest.split_at_checked(len) else {
            return Some(Err(RtcpError::Truncated(rest.len())));
        };
        self.rest = rest;
        Some(RtcpItem::parse(packet).map(|item| RtcpPacket { item, bytes: packet, consumed: false }))
    }
}

impl<'p> Iterator for Compound<'p> {
    type Item = Result<RtcpItem<'p>, RtcpError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.next_packet().map(|packet| packet.map(|packet| packet.item))
    }
}

/// The RTCP packet that plugin hooks get: one packet of a compound.
#[derive(Clone, Debug)]
pub struct RtcpPacket<'p> {
    item: RtcpItem<'p>,
    bytes: &'p [u8],
    consumed: bool,
}

impl<'p> RtcpPacket<'p> {
    /// The packet, read.
    pub fn item(&self) -> &RtcpItem<'p> {
        &self.item
    }

    /// The bytes of the packet, with its header.
    pub fn as_bytes(&self) -> &'p [u8] {
        self.bytes
    }

    /// Whether the core has acted on the packet (answered a NACK, requested a key frame …).
    pub fn is_consumed(&self) -> bool {
        self.consumed
    }

    /// Marks that the core has acted on the packet.
    pub(crate) fn set_consumed(&mut self) {
        self.consumed = true;
    }
}
