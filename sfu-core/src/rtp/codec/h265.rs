//! H.265 payload structures (RFC 7798 section 4.4), as far as key frames need them.

/// Whether `payload` holds a parameter set or the start of a random access picture (NAL types 16 to 21 and 32 to 34).
pub fn is_h265_key_frame(payload: &[u8]) -> bool {
    const AGGREGATE: u8 = 48;
    const FRAGMENT: u8 = 49;
    let Some((&[first, _], rest)) = payload.split_first_chunk::<2>() else { return false };
    match nal_type(first) {
        AGGREGATE => {
            let mut rest = rest;
            while let Some((len, tail)) = rest.split_first_chunk::<2>() {
                let Some((nal, tail)) = tail.split_at_checked(usize::from(u16::from_be_bytes(*len))) else {
                    return false;
                };
                if nal.first().is_some_and(|byte| is_key(nal_type(*byte))) {
                    return true;
                }
                rest = tail;
            }
            false
        }
        FRAGMENT => rest.first().is_some_and(|header| header & 0x80 != 0 && is_key(header & 0x3F)),
        other => is_key(other),
    }
}

const fn nal_type(first: u8) -> u8 {
    (first >> 1) & 0x3F
}

const fn is_key(nal_type: u8) -> bool {
    matches!(nal_type, 16..=21 | 32..=34)
}
