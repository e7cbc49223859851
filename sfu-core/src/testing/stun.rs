//! ICE checks as a full agent sends them (RFC 8445 §7.1), written here a second time: what tests the core shares no code with it.
use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// A connectivity check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Fragment of the worker's side.
    pub remote_ufrag: String,
    /// Password of the worker's side.
    pub remote_password: String,
    /// Fragment of the peer.
    pub local_ufrag: String,
    /// With USE-CANDIDATE.
    pub nominate: bool,
    /// Transaction id.
    pub transaction: [u8; 12],
}

const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();

impl Check {
    /// The message.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0, 1, 0, 0];
        out.extend(COOKIE);
        out.extend(self.transaction);
        attribute(&mut out, 0x0006, format!("{}:{}", self.remote_ufrag, self.local_ufrag).as_bytes());
        attribute(&mut out, 0x802a, &[7; 8]);
        attribute(&mut out, 0x0024, &0x6e00_01ff_u32.to_be_bytes());
        if self.nominate {
            attribute(&mut out, 0x0025, &[]);
        }
        seal(&mut out, self.remote_password.as_bytes());
        out
    }
}

/// Appends MESSAGE-INTEGRITY and FINGERPRINT.
fn seal(out: &mut Vec<u8>, password: &[u8]) {
    set_length(out, 24);
    let mac =
        Hmac::<Sha1>::new_from_slice(password).map(|mac| mac.chain_update(&*out).finalize().into_bytes());
    attribute(out, 0x0008, mac.as_deref().unwrap_or_default());
    set_length(out, 8);
    let value = crc32(out) ^ 0x5354_554e;
    attribute(out, 0x8028, &value.to_be_bytes());
}

/// The length field counts so many bytes more than are there.
fn set_length(out: &mut [u8], more: usize) {
    let length = (out.len() - 20 + more) as u16;
    if let Some(field) = out.get_mut(2..4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend((value.len() as u16).to_be_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    set_length(out, 0);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// The answer of an ICE Lite peer to a check that came from `from` (RFC 8445 §7.3), and whether the check nominates; none if it is no check.
pub(super) fn success(check: &[u8], from: SocketAddr, password: &str) -> Option<(Vec<u8>, bool)> {
    let (head, attributes) = check.split_at_checked(20)?;
    let ([0, 1], Some(transaction)) = (head.first_chunk()?, head.get(8..20)) else { return None };
    let mut rest = attributes;
    let mut nominates = false;
    while let Some([kind0, kind1, len0, len1]) = rest.first_chunk() {
        nominates |= [*kind0, *kind1] == [0, 0x25];
        let len = usize::from(u16::from_be_bytes([*len0, *len1]));
        rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
    }
    let mut out = vec![1, 1, 0, 0];
    out.extend(COOKIE);
    out.extend(transaction);
    let port = from.port() ^ 0x2112;
    let (family, ip) = match from.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mut mapped = vec![0, family, (port >> 8) as u8, port as u8];
    let key = COOKIE.iter().chain(transaction);
    mapped.extend(ip.iter().zip(key).map(|(byte, key)| byte ^ key));
    attribute(&mut out, 0x0020, &mapped);
    seal(&mut out, password.as_bytes());
    Some((out, nominates))
}

/// What a STUN message from the worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The check with this transaction id succeeded.
    Success([u8; 12]),
    /// It was refused, with this code.
    Refused(u16),
    /// Something else.
    Other,
}

/// Reads an answer.
pub(super) fn answer(message: &[u8]) -> Answer {
    let (Some([kind0, kind1]), Some(transaction)) =
        (message.first_chunk::<2>(), message.get(8..20).and_then(|id| id.first_chunk::<12>()))
    else {
        return Answer::Other;
    };
    match u16::from_be_bytes([*kind0, *kind1]) {
        0x0101 => Answer::Success(*transaction),
        0x0111 => {
            let mut rest = message.get(20..).unwrap_or_default();
            while let Some([k0, k1, l0, l1]) = rest.first_chunk::<4>() {
                let len = usize::from(u16::from_be_bytes([*l0, *l1]));
                let value = rest.get(4..4 + len).unwrap_or_default();
                if let (0x0009, Some([_, _, class, number])) =
                    (u16::from_be_bytes([*k0, *k1]), value.first_chunk::<4>())
                {
                    return Answer::Refused(u16::from(*class) * 100 + u16::from(*number));
                }
                rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
            }
            Answer::Refused(0)
        }
        _ => Answer::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_authentic_to_the_core_and_says_where_the_check_came_from() {
        let check = Check {
            remote_ufrag: "abcd".into(),
            remote_password: "p".repeat(22),
            local_ufrag: "efgh".into(),
            nominate: true,
            transaction: *b"twelve bytes",
        };
        for from in ["192.0.2.7:4660", "[2001:db8::7]:9"] {
            let from = from.parse().unwrap();
            let (bytes, nominates) = success(&check.bytes(), from, &"q".repeat(22)).unwrap();
            let message = Message::parse(&bytes).unwrap();
            assert!(message.is_authentic("q".repeat(22).as_bytes()) && nominates);
            assert_eq!(
                (message.transaction_id(), message.xor_mapped_address()),
                (*b"twelve bytes", Some(from))
            );
            assert_eq!(success(&bytes, from, "q"), None, "an answer is no check");
            let plain = Check { nominate: false, ..check.clone() };
            assert!(success(&plain.bytes(), from, "q").is_some_and(|(_, nominates)| !nominates));
        }
    }

    #[test]
    fn a_check_is_authentic_to_the_core() {
        let check = Check {
            remote_ufrag: "abcd".into(),
            remote_password: "p".repeat(22),
            local_ufrag: "efgh".into(),
            nominate: true,
            transaction: *b"transaction!",
        };
        let bytes = check.bytes();
        let message = crate::transport::ice::Message::parse(&bytes).unwrap();
        assert!(message.has_fingerprint() && message.use_candidate());
        assert!(message.is_authentic("p".repeat(22).as_bytes()));
        assert!(!message.is_authentic(b"another"));
    }
}
