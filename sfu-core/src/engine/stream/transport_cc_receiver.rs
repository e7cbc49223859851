//! When each packet of a transport arrived, for transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use std::time::{Duration, Instant};

/// Time from the first packet not reported to the feedback on it.
pub(crate) const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
/// So many packets not reported make feedback due at once.
pub(crate) const MAX_PENDING: u64 = 500;
/// The most numbers remembered; a jump as long begins anew.
pub(crate) const MAX_SPAN: u64 = 8192;
/// A packet late by up to so many numbers corrects a feedback that told it lost.
const MAX_CORRECTION: u64 = 500;
const FIRST_SLOTS: usize = 256;
/// Room below the first number for what comes late.
const FIRST_CYCLE: u64 = 1 << 16;

/// Packets to report: consecutive transport-wide numbers, each with its arrival or lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feedback<'a> {
    /// The first number not yet reported; it may be of a packet that is lost.
    pub(crate) base_seq: u16,
    /// How many numbers; the last of them arrived.
    pub(crate) count: usize,
    /// The number of this feedback.
    pub(crate) feedback_count: u8,
    ring: &'a Ring,
    base: u64,
}

impl<'a> Feedback<'a> {
    /// For each number, the time of arrival since the receiver's epoch in µs, or `None` for a packet that has not arrived.
    ///
    /// Times need not ascend: packets may overtake each other.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = Option<u64>> + use<'a> {
        let ring = self.ring;
        (self.base..self.base + self.count as u64).map(move |number| ring.get(number))
    }
}

/// Arrival times by number, in a ring of a power of two; 8 bytes each.
#[derive(Debug, Clone, Default)]
struct Ring {
    /// µs since the epoch and 1; 0 for not arrived.
    slots: Vec<u64>,
}

impl Ring {
    fn index(&self, number: u64) -> usize {
        number as usize & self.slots.len().wrapping_sub(1)
    }

    fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    fn get(&self, number: u64) -> Option<u64> {
        self.slots.get(self.index(number)).and_then(|stored| stored.checked_sub(1))
    }

    fn set(&mut self, number: u64, stored: u64) {
        let index = self.index(number);
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = stored;
        }
    }
}

/// Records arrivals by transport-wide number and says when feedback is due.
///
/// Idle it has no deadline and, before the first packet, no memory; it grows from 2 kB to at most 64 kB. Its owner writes the feedback, in several
/// packets if need be, and [`commit`](Self::commit)s what it wrote.
#[derive(Debug, Clone, Default)]
pub(crate) struct TransportCcReceiver {
    ring: Ring,
    epoch: Option<Instant>,
    newest: Option<u64>,
    /// The lowest number that the ring still stands for.
    floor: u64,
    /// The first number not reported.
    base: u64,
    /// When feedback is due; `None` while all is reported.
    due: Option<Instant>,
    /// The number that would make the previous implausible jump a restart.
    restart_at: Option<u16>,
    feedback_count: u8,
    ignored: u64,
}

impl TransportCcReceiver {
    /// Records a packet. Duplicates and packets far too late are ignored and counted; so is an implausible jump backwards, until a second packet
    /// in direct sequence makes it a restart.
    pub(crate) fn on_packet(&mut self, now: Instant, wide_seq: u16) {
        let epoch = *self.epoch.get_or_insert(now);
        let stored = now.saturating_duration_since(epoch).as_micros() as u64 + 1;
        let Some(newest) = self.newest else {
            self.begin(FIRST_CYCLE | u64::from(wide_seq));
            return self.store(now, FIRST_CYCLE | u64::from(wide_seq), stored);
        };
        let forward = wide_seq.wrapping_sub(newest as u16);
        if forward != 0 && u64::from(forward) < MAX_SPAN {
            self.advance(newest + u64::from(forward));
            return self.store(now, newest + u64::from(forward), stored);
        }
        let behind = u64::from(forward.wrapping_neg());
        if behind < MAX_SPAN {
            self.restart_at = None;
            return self.late(now, newest - behind, stored);
        }
        if self.restart_at == Some(wide_seq) {
            let number = newest + u64::from(forward);
            self.begin(number);
            return self.store(now, number, stored);
        }
        self.restart_at = Some(wide_seq.wrapping_add(1));
        self.ignored += 1;
    }

    /// When feedback is due; `None` while all is reported.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.due
    }

    /// What to report, if feedback is due. Call again after [`commit`](Self::commit): it stays due until all is committed.
    pub(crate) fn poll(&self, now: Instant) -> Option<Feedback<'_>> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let newest = self.newest?;
        let count = (newest + 1).checked_sub(self.base)? as usize;
        Some(Feedback {
            base_seq: self.base as u16,
            count,
            feedback_count: self.feedback_count,
            ring: &self.ring,
            base: self.base,
        })
    }

    /// Notes that the first `count` numbers of the last [`poll`](Self::poll) were reported in one feedback packet; 0 gives up on all of them.
    pub(crate) fn commit(&mut self, count: usize) {
        let Some(newest) = self.newest else { return };
        let next = self.base.saturating_add(count as u64).min(newest + 1);
        self.base = if count == 0 { newest + 1 } else { next };
        self.feedback_count = self.feedback_count.wrapping_add(1);
        if self.base > newest {
            self.due = None;
        }
    }

    /// Packets ignored: duplicates, too late, implausible.
    #[cfg(test)]
    pub(crate) fn ignored(&self) -> u64 {
        self.ignored
    }

    fn begin(&mut self, first: u64) {
        self.ring.slots.fill(0);
        if self.ring.slots.is_empty() {
            self.ring.slots = vec![0; FIRST_SLOTS];
        }
        self.newest = Some(first);
        self.floor = first;
        self.base = first;
        self.due = None;
        self.restart_at = None;
    }

    fn store(&mut self, now: Instant, number: u64, stored: u64) {
        self.restart_at = None;
        self.ring.set(number, stored);
        let pending = self.newest.map_or(0, |newest| (newest + 1).saturating_sub(self.base));
        let due = *self.due.get_or_insert(now + FEEDBACK_INTERVAL);
        if pending > MAX_PENDING {
            self.due = Some(due.min(now));
        }
    }

    /// Makes `to` the newest number, forgetting what falls out.
    fn advance(&mut self, to: u64) {
        let Some(newest) = self.newest else { return };
        // What is not reported must fit; what is reported is only kept to correct it.
        self.grow(to - self.base.min(to) + 1);
        let len = self.ring.len();
        if to - newest >= len {
            self.ring.slots.fill(0);
        } else {
            (newest + 1..to).for_each(|number| self.ring.set(number, 0));
        }
        self.newest = Some(to);
        self.floor = self.floor.max((to + 1).saturating_sub(len));
        self.base = self.base.max(self.floor);
    }

    fn late(&mut self, now: Instant, number: u64, stored: u64) {
        let Some(newest) = self.newest else { return };
        let remembered = number >= self.floor && self.ring.get(number).is_none();
        let correctable = number >= self.base || self.base - number <= MAX_CORRECTION;
        // Before the first packet there is nothing to correct, but a neighbour that was overtaken is welcome while the ring has room.
        let before =
            number < self.floor && newest - number < self.ring.len() && self.base - number <= MAX_CORRECTION;
        if before {
            // The slots between are those of numbers never stored, or fallen out: they read as not arrived.
            (number..self.floor).for_each(|forgotten| self.ring.set(forgotten, 0));
            self.floor = number;
        } else if !(remembered && correctable) {
            self.ignored += 1;
            return;
        }
        self.base = self.base.min(number);
        self.store(now, number, stored);
    }

    fn grow(&mut self, span: u64) {
        if span <= self.ring.len() || self.ring.len() >= MAX_SPAN {
            return;
        }
        let len = span.next_power_of_two().min(MAX_SPAN) as usize;
        let mut grown = Ring { slots: vec![0; len] };
        let Some(newest) = self.newest else { return };
        for number in self.floor..=newest {
            if let Some(micros) = self.ring.get(number) {
                grown.set(number, micros + 1);
            }
        }
        self.ring = grown;
    }
}

#[cfg(test)]
#[path = "transport_cc_receiver_tests.rs"]
mod tests;
