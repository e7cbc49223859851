//! The packets that hooks see.
pub use crate::rtcp::RtcpPacket;
pub use crate::rtp::{AudioLevel, Codec, ExtensionKind, MediaKind, PacketError, RtpPacket, VideoOrientation};

/// What an RTCP packet may be; [`RtcpPacket::item`] says which.
pub mod rtcp {
    pub use crate::rtcp::{
        Bye, DlrrBlock, Fir, FirEntry, Nack, NtpTime, Pli, ReceiverReport, Remb, ReportBlock, RtcpItem, Sdes,
        SdesChunk, SenderInfo, SenderReport, TransportCc, Unknown, Xr, XrBlock,
    };
}
