//! A STUN message as it lies in the datagram (RFC 8489 §5).

#[cfg(any(test, feature = "fuzzing"))]
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::integrity;

/// Bytes of the STUN header.
pub(super) const HEADER_LEN: usize = 20;
/// The fixed value that tells STUN from everything else (RFC 8489 §5).
pub(super) const MAGIC_COOKIE: u32 = 0x2112_A442;
/// The only method ICE uses.
pub(super) const BINDING: u16 = 0x001;

/// The attribute types that ICE reads or writes.
pub(super) mod attribute {
    pub(crate) const USERNAME: u16 = 0x0006;
    pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(crate) const ERROR_CODE: u16 = 0x0009;
    pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(crate) const PRIORITY: u16 = 0x0024;
    pub(crate) const USE_CANDIDATE: u16 = 0x0025;
    /// The number that the nomination draft asks for.
    pub(crate) const NOMINATION: u16 = 0x0030;
    pub(crate) const FINGERPRINT: u16 = 0x8028;
    pub(crate) const ICE_CONTROLLED: u16 = 0x8029;
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) const ICE_CONTROLLING: u16 = 0x802A;
    /// The number that libwebrtc uses for NOMINATION.
    pub(crate) const GOOG_NOMINATION: u16 = 0xC001;

    /// Whether we understand an attribute of the comprehension-required range, were it only to know that it says
    /// nothing to us: MAPPED-ADDRESS, REALM, NONCE, the SHA-256 family, the address family and response attributes.
    pub(super) fn is_understood(kind: u16) -> bool {
        matches!(
            kind,
            0x0001 | USERNAME | MESSAGE_INTEGRITY | ERROR_CODE | UNKNOWN_ATTRIBUTES | 0x0014 | 0x0015 | 0x001C
                ..=0x001E | XOR_MAPPED_ADDRESS | PRIORITY | USE_CANDIDATE | NOMINATION
        )
    }
}

/// What a STUN message is (RFC 8489 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// Answers a request with success.
    Success,
    /// Answers a request with an error.
    Error,
}

/// Why bytes are not a STUN message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageError {
    /// Not a STUN header: cut short, wrong first bits or wrong magic cookie.
    #[error("stun: not a stun message; drop it")]
    NotStun,
    /// The length field does not say how long the message is.
    #[error("stun: message length does not fit; drop it")]
    Length,
    /// An attribute reaches beyond the end.
    #[error("stun: attribute is cut short; drop the message")]
    Attribute,
    /// FINGERPRINT is there and wrong: the bytes are something else, or damaged (RFC 8489 §14.7).
    #[error("stun: fingerprint is wrong; drop the message")]
    Fingerprint,
}

/// Whether a datagram looks like STUN: first byte 0 to 3 (RFC 7983) and the magic cookie.
#[inline]
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    let Some(header) = datagram.first_chunk::<HEADER_LEN>() else { return false };
    header[0] < 4 && u32::from_be_bytes([header[4], header[5], header[6], header[7]]) == MAGIC_COOKIE
}

/// The local and the remote fragment in the USERNAME of a STUN datagram, to find the agent it is for.
///
/// Nothing is authenticated by this: it only tells which agent shall look at the message. `None` without a USERNAME
/// of the form `local:remote`.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn parse_username(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    Message::parse(datagram).ok()?.ufrags()
}

/// A well-formed STUN message that borrows the datagram; all attributes lie inside it.
///
/// Attributes behind MESSAGE-INTEGRITY are not authentic and are passed over, but for FINGERPRINT (RFC 8489 §14.5).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    bytes: &'a [u8],
    class: Class,
    method: u16,
    /// End of the attributes that count: where MESSAGE-INTEGRITY starts, or FINGERPRINT, or the message ends.
    trusted_end: usize,
    /// Where MESSAGE-INTEGRITY starts, when there is one.
    integrity_at: Option<usize>,
    has_fingerprint: bool,
}

impl<'a> Message<'a> {
    /// Checks header, length, every attribute's bounds, and FINGERPRINT when there is one.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        if !is_stun(bytes) {
            return Err(MessageError::NotStun);
        }
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or(MessageError::NotStun)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if length % 4 != 0 || HEADER_LEN + length != bytes.len() {
            return Err(MessageError::Length);
        }
        let (class, method) = split_type(u16::from_be_bytes([header[0], header[1]]));
        let mut message = Self {
            bytes,
            class,
            method,
            trusted_end: bytes.len(),
            integrity_at: None,
            has_fingerprint: false,
        };
        message.scan()?;
        Ok(message)
    }

    /// Finds the attributes that end the message and checks the bounds of all.
    fn scan(&mut self) -> Result<(), MessageError> {
        let mut at = HEADER_LEN;
        while at < self.bytes.len() {
            if self.has_fingerprint {
                return Err(MessageError::Attribute); // FINGERPRINT is the last attribute (RFC 8489 §14.7).
            }
            let (kind, value, next) = read_attribute(self.bytes, at).ok_or(MessageError::Attribute)?;
            match kind {
                attribute::MESSAGE_INTEGRITY if self.integrity_at.is_none() => {
                    if value.len() != integrity::MAC_LEN {
                        return Err(MessageError::Attribute);
                    }
                    self.integrity_at = Some(at);
                    self.trusted_end = at;
                }
                attribute::FINGERPRINT => {
                    self.check_fingerprint(at, value)?;
                    self.has_fingerprint = true;
                    self.trusted_end = self.trusted_end.min(at);
                }
                _ => {}
            }
            at = next;
        }
        Ok(())
    }

    fn check_fingerprint(&self, at: usize, value: &[u8]) -> Result<(), MessageError> {
        let covered = self.bytes.get(..at).ok_or(MessageError::Fingerprint)?;
        let expected = integrity::fingerprint(covered).to_be_bytes();
        if value == expected { Ok(()) } else { Err(MessageError::Fingerprint) }
    }

    /// Request, indication, success or error.
    pub(crate) fn class(&self) -> Class {
        self.class
    }

    /// The method; 1 is Binding.
    pub(crate) fn method(&self) -> u16 {
        self.method
    }

    /// The 96-bit transaction identifier.
    pub(crate) fn transaction_id(&self) -> [u8; 12] {
        let mut id = [0; 12];
        if let Some(bytes) = self.bytes.get(8..HEADER_LEN) {
            id.copy_from_slice(bytes);
        }
        id
    }

    /// Whether there is a FINGERPRINT; it is right, or the message would not have parsed.
    pub(crate) fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// Whether there is a MESSAGE-INTEGRITY; only [`Message::is_authentic`] tells whether it is right.
    pub(crate) fn has_integrity(&self) -> bool {
        self.integrity_at.is_some()
    }

    /// Whether MESSAGE-INTEGRITY is there and made with `password`; compares in constant time.
    pub(crate) fn is_authentic(&self, password: &[u8]) -> bool {
        let Some(at) = self.integrity_at else { return false };
        let (Some(covered), Some((_, mac, _))) = (self.bytes.get(..at), read_attribute(self.bytes, at))
        else {
            return false;
        };
        integrity::verify(password, covered, mac)
    }

    /// The attributes that count, in order, as type and value.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let (bytes, end) = (self.bytes, self.trusted_end);
        let mut at = HEADER_LEN;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let (kind, value, next) = read_attribute(bytes, at)?;
            at = next;
            Some((kind, value))
        })
    }

    /// The value of the first attribute of this type.
    pub(crate) fn attribute(&self, wanted: u16) -> Option<&'a [u8]> {
        self.attributes().find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// The USERNAME, as bytes.
    pub(crate) fn username(&self) -> Option<&'a [u8]> {
        self.attribute(attribute::USERNAME)
    }

    /// The USERNAME split at its colon: our fragment, the peer's fragment; both are not empty.
    pub(crate) fn ufrags(&self) -> Option<(&'a [u8], &'a [u8])> {
        let name = self.username()?;
        let colon = name.iter().position(|byte| *byte == b':')?;
        let (local, remote) = (name.get(..colon)?, name.get(colon + 1..)?);
        (!local.is_empty() && !remote.is_empty()).then_some((local, remote))
    }

    /// PRIORITY (RFC 8445 §16.1).
    pub(crate) fn priority(&self) -> Option<u32> {
        self.number(attribute::PRIORITY)
    }

    /// Whether USE-CANDIDATE is there (RFC 8445 §16.1).
    pub(crate) fn use_candidate(&self) -> bool {
        self.attribute(attribute::USE_CANDIDATE).is_some()
    }

    /// NOMINATION under either of its numbers.
    pub(crate) fn nomination(&self) -> Option<u32> {
        self.number(attribute::NOMINATION).or_else(|| self.number(attribute::GOOG_NOMINATION))
    }

    /// Whether the sender believes to be controlled.
    pub(crate) fn is_from_controlled(&self) -> bool {
        self.attribute(attribute::ICE_CONTROLLED).is_some()
    }

    /// The address in XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn xor_mapped_address(&self) -> Option<SocketAddr> {
        let value = self.attribute(attribute::XOR_MAPPED_ADDRESS)?;
        let (head, address) = value.split_first_chunk::<4>()?;
        let port = u16::from_be_bytes([head[2], head[3]]) ^ (MAGIC_COOKIE >> 16) as u16;
        let mask = address_mask(&self.transaction_id());
        let ip = match head[1] {
            1 => {
                let bits = u32::from_be_bytes(address.try_into().ok()?) ^ MAGIC_COOKIE;
                IpAddr::V4(Ipv4Addr::from_bits(bits))
            }
            2 => IpAddr::V6(Ipv6Addr::from_bits(u128::from_be_bytes(address.try_into().ok()?) ^ mask)),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// The number in ERROR-CODE: 300 to 699 (RFC 8489 §14.8).
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn error_code(&self) -> Option<u16> {
        let value = self.attribute(attribute::ERROR_CODE)?.first_chunk::<4>()?;
        Some(u16::from(value[2] & 7) * 100 + u16::from(value[3]))
    }

    /// The attributes that a receiver must understand and we do not.
    pub(crate) fn unknown_required(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.attributes()
            .map(|(kind, _)| kind)
            .filter(|kind| *kind < 0x8000 && !attribute::is_understood(*kind))
    }

    fn number(&self, wanted: u16) -> Option<u32> {
        self.attribute(wanted)?.try_into().ok().map(u32::from_be_bytes)
    }
}

/// The 128 bits that an IPv6 address is XORed with: cookie and transaction identifier.
pub(super) fn address_mask(transaction_id: &[u8; 12]) -> u128 {
    let mut mask = [0; 16];
    for (byte, from) in mask.iter_mut().zip(MAGIC_COOKIE.to_be_bytes().iter().chain(transaction_id)) {
        *byte = *from;
    }
    u128::from_be_bytes(mask)
}

/// Class bits sit at 4 and 8, between the bits of the method (RFC 8489 §5, figure 3).
fn split_type(message_type: u16) -> (Class, u16) {
    let class = match message_type & 0x0110 {
        0x0000 => Class::Request,
        0x0010 => Class::Indication,
        0x0100 => Class::Success,
        _ => Class::Error,
    };
    let method = (message_type & 0x000F) | (message_type & 0x00E0) >> 1 | (message_type & 0x3E00) >> 2;
    (class, method)
}

/// The inverse of [`split_type`].
pub(super) fn join_type(class: Class, method: u16) -> u16 {
    let bits = match class {
        Class::Request => 0x0000,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    bits | (method & 0x000F) | (method & 0x0070) << 1 | (method & 0x0F80) << 2
}

/// Type and value of the attribute at `at`, and where the next one starts.
fn read_attribute(bytes: &[u8], at: usize) -> Option<(u16, &[u8], usize)> {
    let (head, rest) = bytes.get(at..)?.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let padded = length.next_multiple_of(4);
    rest.get(..padded)?;
    Some((u16::from_be_bytes([head[0], head[1]]), rest.get(..length)?, at + 4 + padded))
}
