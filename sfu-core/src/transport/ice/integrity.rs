//! MESSAGE-INTEGRITY (HMAC-SHA1) and FINGERPRINT (CRC-32) of STUN (RFC 8489 §14.5 and §14.7).

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Bytes of the value of MESSAGE-INTEGRITY.
pub(super) const MAC_LEN: usize = 20;
/// Bytes of the whole MESSAGE-INTEGRITY attribute.
const MAC_ATTRIBUTE_LEN: usize = 24;
/// Bytes of the STUN header, which the length field does not count.
const HEADER_LEN: usize = 20;
/// "STUN": what the CRC is XORed with, so that it differs from a CRC of the application's own.
const FINGERPRINT_XOR: u32 = 0x5354_554E;

/// The value of a MESSAGE-INTEGRITY that follows `covered`; `None` when `covered` is no header or too long.
///
/// The MAC counts the message as if it ended with MESSAGE-INTEGRITY, whatever its length field says now.
pub(super) fn mac(password: &[u8], covered: &[u8]) -> Option<[u8; MAC_LEN]> {
    keyed(password, covered).map(|hmac| hmac.finalize().into_bytes().into())
}

/// Whether `mac` is the value of a MESSAGE-INTEGRITY that follows `covered`; compares in constant time.
pub(super) fn verify(password: &[u8], covered: &[u8], mac: &[u8]) -> bool {
    keyed(password, covered).is_some_and(|hmac| hmac.verify_slice(mac).is_ok())
}

fn keyed(password: &[u8], covered: &[u8]) -> Option<Hmac<Sha1>> {
    let length = u16::try_from(covered.len().checked_sub(HEADER_LEN)? + MAC_ATTRIBUTE_LEN).ok()?;
    let mut hmac = <Hmac<Sha1> as Mac>::new_from_slice(password).ok()?;
    hmac.update(covered.get(..2)?);
    hmac.update(&length.to_be_bytes());
    hmac.update(covered.get(4..)?);
    Some(hmac)
}

/// The value of a FINGERPRINT that follows `covered`, whose length field already counts the FINGERPRINT.
pub(super) fn fingerprint(covered: &[u8]) -> u32 {
    crc32(covered) ^ FINGERPRINT_XOR
}

/// The CRC-32 of ISO 3309, as in Ethernet and zip.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let at = (crc as u8 ^ byte) as usize;
        CRC_TABLE.get(at).copied().unwrap_or_default() ^ (crc >> 8)
    })
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
