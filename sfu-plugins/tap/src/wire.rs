//! The bytes that readers get; the README has the table.
use sfu_core::serde_json::Value;

/// Version of the format, in the greeting.
pub(crate) const VERSION: u32 = 1;
/// Bytes before the payload of a frame.
pub(crate) const FRAME_HEAD: usize = 24;

const TEXT: u8 = 0;
const FRAME: u8 = 1;

/// Flag of a frame: decoding can begin with it.
pub(crate) const KEY_FRAME: u8 = 1;
/// Flag of a frame: something is missing before it.
pub(crate) const DISCONTINUITY: u8 = 2;
/// Flag of a frame: its time of capture is known from sender reports; otherwise it is the time of arrival.
pub(crate) const CAPTURE_KNOWN: u8 = 4;

/// A frame without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHead {
    /// Number of the stream.
    pub(crate) stream: u32,
    /// [`KEY_FRAME`] and the others.
    pub(crate) flags: u8,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// Microseconds since 1970.
    pub(crate) captured: i64,
}

impl FrameHead {
    /// The bytes before a payload of so many bytes.
    pub(crate) fn to_bytes(self, payload_len: usize) -> [u8; FRAME_HEAD] {
        let len = (FRAME_HEAD - 4 + payload_len) as u32;
        let [l0, l1, l2, l3] = len.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3, c4, c5, c6, c7] = self.captured.to_be_bytes();
        [
            l0, l1, l2, l3, FRAME, self.flags, 0, 0, s0, s1, s2, s3, t0, t1, t2, t3, c0, c1, c2, c3, c4, c5,
            c6, c7,
        ]
    }
}

/// A JSON message.
pub(crate) fn text(body: &Value) -> Vec<u8> {
    let body = body.to_string().into_bytes();
    let mut message = (1 + body.len() as u32).to_be_bytes().to_vec();
    message.push(TEXT);
    message.extend(body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfu_core::serde_json::json;

    #[test]
    fn messages_are_laid_out_as_documented() {
        assert_eq!(text(&json!({})), [0, 0, 0, 3, 0, b'{', b'}']);
        let head =
            FrameHead { stream: 7, flags: KEY_FRAME | CAPTURE_KNOWN, timestamp: 0x0102_0304, captured: -2 };
        let mut expected = vec![0, 0, 0, 30, 1, 5, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4];
        expected.extend([0xFF; 7]);
        expected.push(0xFE);
        assert_eq!(head.to_bytes(10).to_vec(), expected);
    }
}
