//! STUN as a peer of a test or a fuzzer writes it.
use super::integrity;
use super::message::{Class, HEADER_LEN, attribute};
use super::writer::MessageWriter;

/// Kinds of attributes that checks have, and some that nobody knows.
pub(crate) const KINDS: [u16; 12] = [
    attribute::USERNAME,
    attribute::ERROR_CODE,
    attribute::UNKNOWN_ATTRIBUTES,
    attribute::XOR_MAPPED_ADDRESS,
    attribute::PRIORITY,
    attribute::USE_CANDIDATE,
    attribute::NOMINATION,
    attribute::GOOG_NOMINATION,
    attribute::ICE_CONTROLLED,
    attribute::ICE_CONTROLLING,
    0x7abc,
    0xc057,
];

/// A message with the given class bits, method and attributes, not yet protected.
pub(crate) fn message(class: u8, method: u16, id: [u8; 12], attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let class = match class & 3 {
        0 => Class::Request,
        1 => Class::Indication,
        2 => Class::Success,
        _ => Class::Error,
    };
    let mut out = [0; 2048];
    let mut writer = MessageWriter::new(&mut out, class, method, id);
    for (kind, value) in attributes {
        writer.attribute(*kind, value);
    }
    let len = writer.finish().unwrap_or(0);
    out.get(..len).unwrap_or_default().to_vec()
}

/// Appends MESSAGE-INTEGRITY under `password` and FINGERPRINT, whatever the message is worth.
pub(crate) fn protect(mut bytes: Vec<u8>, password: &[u8]) -> Option<Vec<u8>> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let mac = integrity::mac(password, &bytes)?;
    bytes.extend(attribute::MESSAGE_INTEGRITY.to_be_bytes());
    bytes.extend([0, 20]);
    bytes.extend(mac);
    let length = u16::try_from(bytes.len() + 8 - HEADER_LEN).ok()?;
    bytes.get_mut(2..4)?.copy_from_slice(&length.to_be_bytes());
    let crc = integrity::fingerprint(&bytes);
    bytes.extend(attribute::FINGERPRINT.to_be_bytes());
    bytes.extend([0, 4]);
    bytes.extend(crc.to_be_bytes());
    Some(bytes)
}
