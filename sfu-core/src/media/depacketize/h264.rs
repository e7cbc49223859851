//! H.264 payloads to Annex B (RFC 6184 sections 5.6 to 5.8).

use crate::rtp::codec::H264Nals;

pub(super) const SPS: u8 = 7;
pub(super) const DELIMITER: u8 = 9;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Appends the NAL units of `payload` to `out`; `None` if it is malformed or of a kind that WebRTC doesn't use.
pub(super) fn add(out: &mut Vec<u8>, payload: &[u8]) -> Option<()> {
    let first = *payload.first()?;
    match first & 0x1F {
        1..=23 => {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(payload);
        }
        24 => {
            let mut len = 1;
            for nal in H264Nals::new(payload).filter(|nal| !nal.is_empty()) {
                len += 2 + nal.len();
                out.extend_from_slice(&START_CODE);
                out.extend_from_slice(nal);
            }
            // One that is cut off ended the iteration early.
            (len > 1 && len == payload.len()).then_some(())?;
        }
        28 => {
            let (&[_, header], rest) = payload.split_first_chunk::<2>()?;
            if header & 0x80 != 0 {
                out.extend_from_slice(&START_CODE);
                out.push(first & 0xE0 | header & 0x1F);
            } else if out.is_empty() {
                return None;
            }
            out.extend_from_slice(rest);
        }
        _ => return None,
    }
    Some(())
}
