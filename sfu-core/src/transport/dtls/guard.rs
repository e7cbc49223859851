//! Keeps forged and damaged plaintext records away from the handshake.
//!
//! Until keys are in use, anyone who can send from the peer's address can add records, and the library ends the
//! association at the first that makes no sense, as RFC 6347 section 4.1.2.7 allows. The guard lets through what fits
//! the messages the peer's flights consist of, every byte of every message once: what came first counts. Nobody is
//! kept from being first, which only encryption could do.
use arrayvec::ArrayVec;
use sfu_dtls_sys::Role;

const RECORD_HEADER: usize = 13;
const FRAGMENT_HEADER: usize = 12;
/// Largest handshake message, in bytes: the library's own limit.
const MAX_MESSAGE: usize = 16384;
/// Separate pieces of one message kept track of; in-order arrival needs one.
const MAX_PIECES: usize = 32;
/// Plaintext messages a peer sends at most: HelloVerifyRequest to ServerHelloDone.
const MAX_MESSAGES: usize = 6;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const FATAL: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// Filter for the datagrams of one handshake.
pub(super) struct Guard {
    role: Role,
    /// Record sequence numbers are ours: a forged high one would make all later records look old.
    next_sequence: u64,
    messages: [Option<Message>; MAX_MESSAGES],
    alert: Option<u8>,
}

/// What has come of one handshake message.
struct Message {
    kind: u8,
    len: usize,
    /// Disjoint, in order, not adjacent.
    pieces: ArrayVec<(usize, usize), MAX_PIECES>,
}

impl Guard {
    /// A guard for our side `role`.
    pub(super) fn new(role: Role) -> Self {
        Self { role, next_sequence: 0, messages: Default::default(), alert: None }
    }

    /// The last fatal alert that came in plaintext. It may be forged: a reason to give up soon, not at once.
    pub(super) fn take_alert(&mut self) -> Option<u8> {
        self.alert.take()
    }

    /// Writes to `out`, emptied first, what of `datagram` is to reach the library. At most 2.1 times as long, as
    /// every handshake fragment gets a record of its own.
    pub(super) fn filter(&mut self, mut datagram: &[u8], out: &mut Vec<u8>) {
        out.clear();
        while let Some((header, rest)) = datagram.split_first_chunk::<RECORD_HEADER>() {
            let &[kind, major, minor, e0, e1, _, _, _, _, _, _, l0, l1] = header;
            let Some((body, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1]))) else {
                return;
            };
            datagram = rest;
            if major != 0xfe {
                continue;
            }
            if (e0, e1) != (0, 0) {
                out.extend_from_slice(header);
                out.extend_from_slice(body);
                continue;
            }
            match (kind, body) {
                (CHANGE_CIPHER_SPEC, &[1]) => self.record(kind, minor, &[body], out),
                (ALERT, &[FATAL, alert]) => self.alert = Some(alert),
                (HANDSHAKE, _) => self.handshake(minor, body, out),
                _ => {}
            }
        }
    }

    fn record(&mut self, kind: u8, minor: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let Ok(len) = u16::try_from(len) else { return };
        out.extend_from_slice(&[kind, 0xfe, minor]);
        // The epoch is zero, and so are the upper bytes of a number that counts what was let through.
        out.extend_from_slice(&self.next_sequence.to_be_bytes());
        out.extend_from_slice(&len.to_be_bytes());
        parts.iter().for_each(|part| out.extend_from_slice(part));
        self.next_sequence += 1;
    }

    fn handshake(&mut self, minor: u8, mut body: &[u8], out: &mut Vec<u8>) {
        while let Some((header, rest)) = body.split_first_chunk::<FRAGMENT_HEADER>() {
            let &[kind, m0, m1, m2, s0, s1, o0, o1, o2, f0, f1, f2] = header;
            let u24 = |a, b, c| u32::from_be_bytes([0, a, b, c]) as usize;
            let (len, start, fragment_len) = (u24(m0, m1, m2), u24(o0, o1, o2), u24(f0, f1, f2));
            let Some((fragment, rest)) = rest.split_at_checked(fragment_len) else { return };
            body = rest;
            let end = start + fragment_len;
            if len > MAX_MESSAGE || end > len {
                continue;
            }
            let sequence = u16::from_be_bytes([s0, s1]);
            for (from, to) in self.take_new(kind, sequence, len, start, end) {
                let Some(piece) = fragment.get(from - start..to - start) else { continue };
                let [_, p0, p1, p2] = (from as u32).to_be_bytes();
                let [_, q0, q1, q2] = (piece.len() as u32).to_be_bytes();
                let header = [kind, m0, m1, m2, s0, s1, p0, p1, p2, q0, q1, q2];
                self.record(HANDSHAKE, minor, &[&header, piece], out);
            }
        }
    }

    /// The parts of `start..end` that have not come yet, marked as come; nothing if the message is not one the peer
    /// would send there.
    fn take_new(
        &mut self,
        kind: u8,
        sequence: u16,
        len: usize,
        start: usize,
        end: usize,
    ) -> ArrayVec<(usize, usize), { MAX_PIECES + 1 }> {
        if !self.is_expected(kind, sequence) {
            return ArrayVec::new();
        }
        let Some(slot) = self.messages.get_mut(usize::from(sequence)) else { return ArrayVec::new() };
        if let Some(message) = slot {
            return if message.kind == kind && message.len == len {
                message.take_new(start, end)
            } else {
                ArrayVec::new()
            };
        }
        let mut message = Message { kind, len, pieces: ArrayVec::new() };
        let new = if len == 0 { ArrayVec::from_iter([(0, 0)]) } else { message.take_new(start, end) };
        *slot = Some(message);
        new
    }

    /// The order of RFC 6347 section 4.2.4 for a full handshake with both certificates and without tickets. Finished
    /// comes encrypted.
    fn is_expected(&self, kind: u8, sequence: u16) -> bool {
        match self.role {
            // ClientHello, Certificate, ClientKeyExchange, CertificateVerify.
            Role::Server => matches!((sequence, kind), (0, 1) | (1, 11) | (2, 16) | (3, 15)),
            Role::Client => {
                let verify = self.messages[0].as_ref().is_some_and(|m| m.kind == HELLO_VERIFY_REQUEST);
                let Some(step) = sequence.checked_sub(u16::from(verify)) else {
                    return kind == HELLO_VERIFY_REQUEST;
                };
                // ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone. The request may be
                // absent.
                matches!((step, kind), (0, 2) | (1, 11) | (2, 12) | (3, 13 | 14) | (4, 14))
                    || (sequence, kind) == (0, HELLO_VERIFY_REQUEST)
            }
        }
    }
}

impl Message {
    fn take_new(&mut self, start: usize, end: usize) -> ArrayVec<(usize, usize), { MAX_PIECES + 1 }> {
        let mut new = ArrayVec::new();
        let mut at = start;
        for &(from, to) in &self.pieces {
            if at < from.min(end) {
                new.push((at, from.min(end)));
            }
            at = at.max(to);
        }
        if at < end {
            new.push((at, end));
        }
        if new.is_empty() {
            return new;
        }
        // Grow the pieces by `start..end`, melting in what touches it.
        let mut whole = (start, end);
        let mut pieces: ArrayVec<(usize, usize), { MAX_PIECES + 1 }> = ArrayVec::new();
        for &(from, to) in &self.pieces {
            if to < whole.0 || from > whole.1 {
                pieces.push((from, to));
            } else {
                whole = (whole.0.min(from), whole.1.max(to));
            }
        }
        let position = pieces.iter().take_while(|piece| piece.1 < whole.0).count();
        pieces.insert(position, whole);
        if pieces.len() > MAX_PIECES {
            // Only someone who wants to fill memory sends so many holes.
            return ArrayVec::new();
        }
        self.pieces = pieces.into_iter().collect();
        new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fragment(kind: u8, sequence: u16, len: usize, start: usize, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend_from_slice(&(len as u32).to_be_bytes()[1..]);
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&(start as u32).to_be_bytes()[1..]);
        out.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
        out.extend_from_slice(body);
        out
    }

    fn record(kind: u8, epoch: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind, 0xfe, 0xfd];
        out.extend_from_slice(&epoch.to_be_bytes());
        out.extend_from_slice(&sequence.to_be_bytes()[2..]);
        out.extend_from_slice(&(body.len() as u16).to_be_bytes());
        out.extend_from_slice(body);
        out
    }

    fn filter(guard: &mut Guard, datagram: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        guard.filter(datagram, &mut out);
        out
    }

    #[test]
    fn a_message_passes_once_with_a_sequence_number_of_ours() {
        let mut guard = Guard::new(Role::Server);
        let hello = fragment(1, 0, 5, 0, b"hello");
        let forged_high = record(22, 0, 1 << 47, &hello);
        assert_eq!(filter(&mut guard, &forged_high), record(22, 0, 0, &hello));
        assert_eq!(filter(&mut guard, &record(22, 0, 1, &hello)), b"");
        assert_eq!(filter(&mut guard, &record(20, 0, 9, &[1])), record(20, 0, 1, &[1]));
    }

    #[test]
    fn overlapping_fragments_are_cut_to_what_is_new() {
        let mut guard = Guard::new(Role::Server);
        let middle = fragment(1, 0, 9, 3, b"def");
        assert_eq!(filter(&mut guard, &record(22, 0, 0, &middle)), record(22, 0, 0, &middle));
        let forged = fragment(1, 0, 9, 0, b"abcXXXghi");
        let mut expected = record(22, 0, 1, &fragment(1, 0, 9, 0, b"abc"));
        expected.extend(record(22, 0, 2, &fragment(1, 0, 9, 6, b"ghi")));
        assert_eq!(filter(&mut guard, &record(22, 0, 5, &forged)), expected);
        assert_eq!(filter(&mut guard, &record(22, 0, 6, &forged)), b"");
    }

    #[test]
    fn what_no_peer_would_send_is_dropped() {
        let mut guard = Guard::new(Role::Server);
        let cases = [
            record(22, 0, 0, &fragment(2, 0, 2, 0, b"ab")),
            record(22, 0, 0, &fragment(20, 4, 2, 0, b"ab")),
            record(22, 0, 0, &fragment(1, 9, 2, 0, b"ab")),
            record(22, 0, 0, &fragment(1, 0, 2, 1, b"ab")),
            record(22, 0, 0, &fragment(1, 0, MAX_MESSAGE + 1, 0, b"ab")),
            record(22, 0, 0, b"short"),
            record(20, 0, 0, &[2]),
            record(20, 0, 0, &[1, 1]),
            record(21, 0, 0, &[1, 0]),
            record(21, 0, 0, &[2, 40]),
            record(23, 0, 0, b"data"),
            record(99, 0, 0, b"data"),
            record(22, 0, 0, b"")[..12].to_vec(),
        ];
        for case in cases {
            assert_eq!(filter(&mut guard, &case), b"", "{case:?}");
        }
        assert_eq!(guard.take_alert(), Some(40));
        assert_eq!(guard.take_alert(), None);
        let first = record(22, 0, 0, &fragment(1, 0, 4, 0, b"ab"));
        assert!(!filter(&mut guard, &first).is_empty());
        assert_eq!(filter(&mut guard, &record(22, 0, 0, &fragment(1, 0, 5, 2, b"cde"))), b"");
    }

    #[test]
    fn a_client_takes_one_round_of_hello_verify_request() {
        let mut guard = Guard::new(Role::Client);
        let done = |sequence| record(22, 0, 0, &fragment(14, sequence, 0, 0, b""));
        assert!(filter(&mut guard, &record(22, 0, 0, &fragment(2, 1, 1, 0, b"x"))).is_empty());
        assert!(!filter(&mut guard, &record(22, 0, 0, &fragment(3, 0, 1, 0, b"x"))).is_empty());
        assert!(!filter(&mut guard, &record(22, 0, 0, &fragment(2, 1, 1, 0, b"x"))).is_empty());
        assert!(filter(&mut guard, &done(3)).is_empty());
        assert!(!filter(&mut guard, &done(5)).is_empty());
        assert!(filter(&mut guard, &done(5)).is_empty());
    }

    #[test]
    fn encrypted_records_pass_as_they_are() {
        let mut guard = Guard::new(Role::Client);
        let finished = record(22, 1, 7, b"ciphertext");
        assert_eq!(filter(&mut guard, &finished), finished);
    }

    proptest! {
        #[test]
        fn any_bytes_are_filtered_to_well_formed_records_of_bounded_length(
            server in any::<bool>(),
            datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..8),
        ) {
            let mut guard = Guard::new(if server { Role::Server } else { Role::Client });
            for datagram in datagrams {
                let out = filter(&mut guard, &datagram);
                prop_assert!(out.len() <= datagram.len() * 25 / 12 + 1);
            }
        }

        #[test]
        fn each_byte_of_a_message_passes_exactly_once_in_whatever_pieces(
            spans in proptest::collection::vec((0_usize..200, 0_usize..200), 1..100),
        ) {
            let mut guard = Guard::new(Role::Server);
            let mut seen = [0_u8; 200];
            let mut sent = [false; 200];
            for (a, b) in spans {
                let (start, end) = (a.min(b), a.max(b));
                sent[start..end].iter_mut().for_each(|byte| *byte = true);
                let body = vec![7; end - start];
                let out = filter(&mut guard, &record(22, 0, 0, &fragment(1, 0, 200, start, &body)));
                let mut rest = out.as_slice();
                while !rest.is_empty() {
                    let offset = usize::from(rest[13 + 8]);
                    let len = usize::from(rest[13 + 11]);
                    seen[offset..offset + len].iter_mut().for_each(|count| *count += 1);
                    rest = &rest[13 + 12 + len..];
                }
                prop_assert!(seen.iter().zip(sent).all(|(&count, sent)| count <= u8::from(sent)));
            }
        }
    }
}
