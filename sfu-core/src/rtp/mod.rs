//! RTP seen in place: an offset table over the received bytes, header extensions, header rewriting, and the packet that plugins see.
//!
//! Nothing here allocates, keeps time, or trusts a length it read: every parser answers a typed error on hostile bytes.

pub mod codec;
pub mod extension;
pub mod header;
pub mod packet;
pub mod rewrite;
pub mod rtx;
pub mod sequence;

pub use codec::{Codec, MediaKind, is_key_frame};
pub use extension::{AudioLevel, ExtensionIds, ExtensionKind, ExtensionTable, VideoOrientation};
pub use header::{ExtensionProfile, RtpError, RtpHeader};
pub use packet::{PacketError, PacketInfo, PacketOutcome, RtpPacket};
pub use rewrite::{
    EgressHeader, ExtensionMap, HeaderRewrite, MAX_HEADER_LEN, set_abs_send_time, set_sequence_number,
    set_transport_cc, write_header,
};
pub use sequence::{ExtendedSequence, ExtendedTimestamp};
