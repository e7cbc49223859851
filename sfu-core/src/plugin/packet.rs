//! The packets that hooks see.
pub use crate::rtcp::RtcpPacket;
pub use crate::rtp::{AudioLevel, Codec, ExtensionKind, MediaKind, PacketError, RtpPacket, VideoOrientation};
