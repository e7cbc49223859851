//! Asks a peer that acknowledges nothing whether it is still there (RFC 9260 section 8.3), which `sctp-proto` does not.
//!
//! Only an answer to something of ours counts: what a peer says by itself does not tell whether it hears us.
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};

use super::packet::{self, HEARTBEAT, PORT};

/// After so long without an answer the peer is asked.
const INTERVAL: Duration = Duration::from_secs(30);
/// So long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The association ends when so many in a row were not answered (Association.Max.Retrans).
const MAX_UNANSWERED: u32 = 10;
/// The parameter whose value comes back: Heartbeat Info.
const INFO: u16 = 1;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing.
    Nothing,
    /// The peer is to be asked, with this number.
    Ask(u64),
    /// The peer is gone.
    Dead,
}

/// Whether the peer still answers.
#[derive(Debug, Default)]
pub(super) struct Heartbeat {
    due: Option<Instant>,
    /// When the last answer came, if that was after the timer was set: moving it for each would cost more.
    answered: Option<Instant>,
    unanswered: u32,
    number: u64,
}

impl Heartbeat {
    /// The association is established.
    pub(super) fn begin(&mut self, now: Instant) {
        *self = Heartbeat { due: Some(now + INTERVAL), number: self.number, ..Heartbeat::default() };
    }

    /// The association has ended.
    pub(super) fn stop(&mut self) {
        self.due = None;
    }

    /// The peer has acknowledged something.
    pub(super) fn answered(&mut self, now: Instant) {
        self.answered = Some(now);
        if std::mem::take(&mut self.unanswered) > 0 {
            self.begin(now);
        }
    }

    /// The peer has answered a heartbeat; one that was not the last counts for nothing.
    pub(super) fn answered_number(&mut self, now: Instant, number: u64) {
        if self.unanswered > 0 && number == self.number {
            self.answered(now);
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Beat {
        if self.due.is_none_or(|due| due > now) {
            return Beat::Nothing;
        }
        let next = self.answered.take().map(|at| at + INTERVAL).filter(|next| *next > now);
        if next.is_some() {
            self.due = next;
            return Beat::Nothing;
        }
        if self.unanswered >= MAX_UNANSWERED {
            return Beat::Dead;
        }
        self.unanswered += 1;
        self.number += 1;
        self.due = Some(now + PATIENCE);
        Beat::Ask(self.number)
    }
}

/// A packet that asks a peer.
pub(super) fn heartbeat(tag: u32, number: u64) -> Bytes {
    let mut packet = BytesMut::with_capacity(packet::HEADER + 16);
    packet.put_u16(PORT);
    packet.put_u16(PORT);
    packet.put_u32(tag);
    packet.put_u32(0);
    packet.extend_from_slice(&[HEARTBEAT, 0, 0, 16]);
    packet.put_u16(INFO);
    packet.put_u16(12);
    packet.put_u64(number);
    packet::write_checksum(&mut packet);
    packet.freeze()
}

/// The number in an answer.
pub(super) fn number(chunk: &packet::Chunk<'_>) -> Option<u64> {
    let info = chunk.u16_at(0)? == INFO && chunk.u16_at(2)? == 12;
    let value = chunk.bytes.get(8..).and_then(|rest| rest.first_chunk());
    value.filter(|_| info).map(|raw| u64::from_be_bytes(*raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_peer_that_acknowledges_is_not_asked() {
        let (mut heartbeat, now) = (Heartbeat::default(), Instant::now());
        heartbeat.begin(now);
        heartbeat.answered(now + after(20));
        assert_eq!(heartbeat.handle_timeout(now + after(30)), Beat::Nothing);
        assert_eq!(heartbeat.due(), Some(now + after(50)));
        assert_eq!(heartbeat.handle_timeout(now + after(50)), Beat::Ask(1));
    }

    #[test]
    fn an_old_answer_counts_for_nothing() {
        let (mut heartbeat, now) = (Heartbeat::default(), Instant::now());
        heartbeat.begin(now);
        assert_eq!(heartbeat.handle_timeout(now + after(30)), Beat::Ask(1));
        assert_eq!(heartbeat.handle_timeout(now + after(40)), Beat::Ask(2));
        heartbeat.answered_number(now + after(41), 1);
        assert_eq!(heartbeat.due(), Some(now + after(50)));
        heartbeat.answered_number(now + after(42), 2);
        assert_eq!(heartbeat.due(), Some(now + after(72)));
    }

    #[test]
    fn a_pause_of_our_own_is_not_held_against_the_peer() {
        let (mut heartbeat, now) = (Heartbeat::default(), Instant::now());
        heartbeat.begin(now);
        assert_eq!(heartbeat.handle_timeout(now + after(3600)), Beat::Ask(1));
        assert_eq!(heartbeat.due(), Some(now + after(3610)));
    }
}
