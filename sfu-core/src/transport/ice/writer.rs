//! Writing a STUN message into a given buffer.

use std::net::{IpAddr, SocketAddr};

use super::integrity;
use super::message::{Class, HEADER_LEN, MAGIC_COOKIE, address_mask, attribute, join_type};

/// Writes one STUN message attribute by attribute; allocates nothing.
///
/// A buffer that is too small makes [`MessageWriter::finish`] return `None`; nothing is written beyond its end.
pub(super) struct MessageWriter<'a> {
    out: &'a mut [u8],
    len: usize,
    transaction_id: [u8; 12],
    failed: bool,
}

impl<'a> MessageWriter<'a> {
    /// Starts a message with its header.
    pub(super) fn new(out: &'a mut [u8], class: Class, method: u16, transaction_id: [u8; 12]) -> Self {
        let mut writer = Self { out, len: 0, transaction_id, failed: false };
        writer.put(&join_type(class, method).to_be_bytes());
        writer.put(&[0, 0]);
        writer.put(&MAGIC_COOKIE.to_be_bytes());
        writer.put(&transaction_id);
        writer
    }

    /// Appends an attribute; its value is padded with zeros.
    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.attribute_of(kind, &[value]);
    }

    /// Appends an attribute whose value comes in pieces.
    fn attribute_of(&mut self, kind: u16, pieces: &[&[u8]]) {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let Ok(length) = u16::try_from(length) else {
            self.failed = true;
            return;
        };
        self.put(&kind.to_be_bytes());
        self.put(&length.to_be_bytes());
        for piece in pieces {
            self.put(piece);
        }
        let padding = usize::from(length).next_multiple_of(4) - usize::from(length);
        self.put([0; 3].get(..padding).unwrap_or_default());
        self.write_length(self.len);
    }

    /// Appends XOR-MAPPED-ADDRESS (RFC 8489 §14.2); an IPv4 address mapped into IPv6 is written as IPv4.
    pub(super) fn xor_mapped_address(&mut self, address: SocketAddr) {
        let port = (address.port() ^ (MAGIC_COOKIE >> 16) as u16).to_be_bytes();
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                let bits = (ip.to_bits() ^ MAGIC_COOKIE).to_be_bytes();
                self.attribute_of(attribute::XOR_MAPPED_ADDRESS, &[&[0, 1], &port, &bits]);
            }
            IpAddr::V6(ip) => {
                let bits = (ip.to_bits() ^ address_mask(&self.transaction_id)).to_be_bytes();
                self.attribute_of(attribute::XOR_MAPPED_ADDRESS, &[&[0, 2], &port, &bits]);
            }
        }
    }

    /// Appends ERROR-CODE with a number of 300 to 699 (RFC 8489 §14.8).
    pub(super) fn error_code(&mut self, code: u16, reason: &str) {
        let number = [0, 0, (code / 100) as u8, (code % 100) as u8];
        self.attribute_of(attribute::ERROR_CODE, &[&number, reason.as_bytes()]);
    }

    /// Appends UNKNOWN-ATTRIBUTES (RFC 8489 §14.9); the first eight are named.
    pub(super) fn unknown_attributes(&mut self, kinds: impl Iterator<Item = u16>) {
        let list: arrayvec::ArrayVec<u8, 16> = kinds.take(8).flat_map(u16::to_be_bytes).collect();
        self.attribute(attribute::UNKNOWN_ATTRIBUTES, &list);
    }

    /// Appends MESSAGE-INTEGRITY; only FINGERPRINT may follow.
    pub(super) fn message_integrity(&mut self, password: &[u8]) {
        match self.out.get(..self.len).and_then(|covered| integrity::mac(password, covered)) {
            Some(mac) => self.attribute(attribute::MESSAGE_INTEGRITY, &mac),
            None => self.failed = true,
        }
    }

    /// Appends FINGERPRINT, which ends the message.
    pub(super) fn fingerprint(&mut self) {
        // The CRC covers a length field that counts the FINGERPRINT.
        self.write_length(self.len + 8);
        let value = integrity::fingerprint(self.out.get(..self.len).unwrap_or_default());
        self.attribute(attribute::FINGERPRINT, &value.to_be_bytes());
    }

    /// The length of the message; `None` when it did not fit.
    pub(super) fn finish(self) -> Option<usize> {
        (!self.failed).then_some(self.len)
    }

    fn put(&mut self, bytes: &[u8]) {
        match self.out.get_mut(self.len..).and_then(|rest| rest.get_mut(..bytes.len())) {
            Some(place) if !self.failed => {
                place.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            _ => self.failed = true,
        }
    }

    fn write_length(&mut self, end: usize) {
        let length = end.checked_sub(HEADER_LEN).and_then(|length| u16::try_from(length).ok());
        match (length, self.out.get_mut(2..4)) {
            (Some(length), Some(place)) => place.copy_from_slice(&length.to_be_bytes()),
            _ => self.failed = true,
        }
    }
}
