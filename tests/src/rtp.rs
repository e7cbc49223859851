//! Reading the fixed header of RTP, independently of the code under test.

/// The fields of RFC 3550 §5.1 that tests look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Media time.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
}

/// Reads the fixed header; `None` if this is no RTP.
pub fn header(packet: &[u8]) -> Option<Header> {
    let fixed: &[u8; 12] = packet.first_chunk()?;
    (fixed[0] >> 6 == 2).then_some(Header {
        payload_type: fixed[1] & 0x7f,
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
    })
}

/// Whether a payload of VP8 is the first of a key frame (RFC 7741 §4.2, §4.3).
pub fn vp8_begins_key_frame(payload: &[u8]) -> bool {
    let begins = |payload: &[u8]| {
        let (first, mut rest) = payload.split_first()?;
        if first & 0x80 != 0 {
            let (extensions, tail) = rest.split_first()?;
            rest = tail;
            if extensions & 0x80 != 0 {
                let (picture, tail) = rest.split_first()?;
                rest = if picture & 0x80 != 0 { tail.get(1..)? } else { tail };
            }
            let more = usize::from(extensions & 0x40 != 0) + usize::from(extensions & 0x30 != 0);
            rest = rest.get(more..)?;
        }
        // The first partition from its beginning, and a frame header with P = 0.
        Some(first & 0x17 == 0x10 && rest.first()? & 1 == 0)
    };
    begins(payload).unwrap_or(false)
}

/// One record of a Janus recording: milliseconds since the first, and the packet.
pub type Record = (u32, Vec<u8>);

/// The JSON header of an MJR file.
pub fn mjr_header(file: &[u8]) -> Result<serde_json::Value, String> {
    let rest = file.strip_prefix(b"MJR00002").ok_or("the file does not begin with MJR00002")?;
    let (len, rest) = rest.split_first_chunk::<2>().ok_or("the file has no header")?;
    let text = rest.get(..usize::from(u16::from_be_bytes(*len))).ok_or("the header is cut off")?;
    serde_json::from_slice(text).map_err(|error| format!("the header is no JSON: {error}"))
}

/// Reads the whole records of an MJR file; what a crash cut off at the end is left out.
pub fn mjr_records(file: &[u8]) -> Result<Vec<Record>, String> {
    let rest = file.strip_prefix(b"MJR00002").ok_or("the file does not begin with MJR00002")?;
    let mut records = Vec::new();
    let Some((len, rest)) = rest.split_first_chunk::<2>() else { return Ok(records) };
    let mut rest = rest.get(usize::from(u16::from_be_bytes(*len))..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_first_chunk::<10>() {
        if &head[..4] != b"MEET" {
            return Err(format!("record {} does not begin with MEET", records.len()));
        }
        let at = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let len = usize::from(u16::from_be_bytes([head[8], head[9]]));
        let Some((packet, tail)) = tail.split_at_checked(len) else { break };
        records.push((at, packet.to_vec()));
        rest = tail;
    }
    Ok(records)
}

/// Unix time of the last packet in a recording, in seconds.
pub fn last_packet(file: &[u8]) -> Result<f64, String> {
    let header = mjr_header(file)?;
    let first =
        header["u"].as_f64().ok_or("no `u`: when the first packet was written, in microseconds")? / 1e6;
    let records = mjr_records(file)?;
    Ok(first + f64::from(records.last().ok_or("no packet")?.0) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_key_frame_is_found_behind_any_descriptor() {
        for key in
            [&[0x10, 0][..], &[0x90, 0x80, 5, 0], &[0x90, 0x80, 0x85, 1, 0], &[0x90, 0xf0, 0x85, 1, 2, 3, 0]]
        {
            assert!(vp8_begins_key_frame(key), "{key:?}");
        }
        for other in [&[0x10, 1][..], &[0x00, 0], &[0x11, 0], &[0x90, 0x80, 0x85, 1, 1], &[0x90], &[]] {
            assert!(!vp8_begins_key_frame(other), "{other:?}");
        }
    }

    #[test]
    fn a_cut_recording_gives_its_whole_records() {
        let mut file = b"MJR00002\x00\x02{}".to_vec();
        let packet = [0x80, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9];
        for at in [0u32, 20] {
            file.extend(b"MEET");
            file.extend(at.to_be_bytes());
            file.extend(13u16.to_be_bytes());
            file.extend(packet);
        }
        let whole = mjr_records(&file).unwrap();
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[1].0, 20);
        let first = header(&whole[0].1).unwrap();
        assert_eq!((first.payload_type, first.sequence, first.timestamp, first.ssrc), (111, 1, 2, 3));
        for cut in 1..=23 {
            assert_eq!(mjr_records(&file[..file.len() - cut]).unwrap().len(), 1);
        }
        assert_eq!(mjr_records(b"MJR00002").unwrap(), []);
        assert!(mjr_records(b"MJR00001xxxx").is_err());
    }
}
