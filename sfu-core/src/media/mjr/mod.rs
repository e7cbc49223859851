//! The MJR recording format of Janus: one file per medium, RTP packets with their arrival times.
//!
//! All integers are big-endian. A file is `MJR00002`, a 16-bit length and a JSON header, then records of `MEET`, milliseconds
//! since the first record (32 bits), a 16-bit length, and an RTP packet or a wall clock time with a message.

mod header;
mod reader;
mod writer;

pub use header::{MjrHeader, MjrMedia};
pub use reader::{MjrReader, MjrRecord};
pub use writer::MjrWriter;

/// First bytes of every file.
const MAGIC: [u8; 8] = *b"MJR00002";
/// First bytes of every record.
const RECORD: [u8; 4] = *b"MEET";
/// Longest RTP packet in a record, in bytes: readers ignore longer ones.
pub const MAX_RTP_LEN: usize = 1500;
/// Longest JSON header in bytes: readers refuse longer ones.
const MAX_HEADER_LEN: usize = 1499;
/// Longest data message in a record, in bytes.
pub const MAX_MESSAGE_LEN: usize = u16::MAX as usize - 8;

/// Why a recording can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum MjrError {
    /// The file or stream failed.
    #[error("mjr: {0}")]
    Io(#[from] std::io::Error),
    /// An earlier write failed, so the end of the file is in doubt; it is readable up to there.
    #[error("mjr: an earlier write failed, begin a new recording")]
    Broken,
    /// The packet isn't RTP; nothing was written.
    #[error("mjr: {0}")]
    Rtp(#[from] crate::rtp::RtpError),
    /// The packet, message or header is too long; nothing was written.
    #[error("mjr: {len} bytes are too long, {max} are the most")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest that is possible.
        max: usize,
    },
    /// The kind of record doesn't match the medium, or the header is changed after the first record.
    #[error("mjr: {0}")]
    Misuse(&'static str),
    /// The file doesn't begin with `MJR00002`.
    #[error("mjr: the file doesn't begin with MJR00002, convert it with janus-pp-rec first")]
    NotMjr,
    /// The recording was ended before its first record, or its header is cut off.
    #[error("mjr: the recording has no header, so nothing was recorded")]
    Aborted,
    /// The JSON header lacks something or isn't JSON.
    #[error("mjr: the header is not understood: {0}")]
    Header(&'static str),
}

#[cfg(test)]
mod tests;
