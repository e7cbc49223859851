//! What plugin authors need to work with media: codecs and key frames, packets in order, frames out of packets and what their
//! headers say, packets to another thread, senders' clocks, continuous numbering over pauses and switches, and the MJR recording
//! format.

pub mod bitstream;
pub mod depacketize;
pub mod mjr;
mod packet_queue;
mod reorder;
mod switcher;

pub use crate::engine::stream::remote_clock::RemoteClock;
pub use crate::rtp::codec::{
    Av1Aggregation, Codec, H264Nals, H264Payload, MediaKind, OpusToc, Vp8Descriptor, Vp9Descriptor,
    Vp9Scalability, is_h265_key_frame, is_key_frame, is_opus_dtx,
};
pub use crate::rtp::extension::{AudioLevel, ExtensionKind, VideoOrientation};
pub use crate::rtp::{RtpError, RtpHeader};
pub use depacketize::{Depacketizer, Frame};
pub use packet_queue::{MAX_QUEUED_LEN, PacketLabel, PacketReceiver, PacketSender, QueueFull, packet_queue};
pub use reorder::{InOrder, Reorder};
pub use switcher::Switcher;
