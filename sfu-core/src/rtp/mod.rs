//! RTP seen in place: an offset table over the received bytes, header extensions, header rewriting, and the packet that plugins see.
//!
//! Nothing here allocates, keeps time, or trusts a length it read: every parser answers a typed error on hostile bytes.

mod append;
mod carried;
pub mod codec;
pub mod extension;
pub mod header;
pub mod packet;
pub mod rewrite;
pub mod rtx;
pub mod sequence;

pub(crate) use append::append_element;
pub(crate) use carried::Carried;
pub use codec::{Codec, MediaKind, is_key_frame};
pub use extension::{AudioLevel, ExtensionIds, ExtensionKind, ExtensionTable, VideoOrientation};
pub use header::{RtpError, RtpHeader};
pub use packet::{PacketError, PacketInfo, RtpPacket};
pub use rewrite::{EgressHeader, ExtensionMap, HeaderRewrite, MAX_HEADER_LEN};
