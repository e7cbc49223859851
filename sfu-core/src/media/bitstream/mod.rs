//! What the bitstream of a key frame says of itself, read without decoding: size of the picture, and what containers want to
//! know of the codec. Input is a [`Frame`](super::Frame) of the depacketizer, and hostile: whatever isn't understood is `None`.

mod av1;
mod h264;
mod vp8;
mod vp9;

pub use av1::{Av1Obus, Av1SequenceHeader};
pub use h264::{AnnexBNals, H264Sps};
pub use vp8::vp8_size;
pub use vp9::{Vp9Header, vp9_key_frame};

#[cfg(test)]
mod tests;
