//! Sequence number validation, extension and loss accounting of one SSRC (RFC 3550 A.1 and A.3).

use super::received_window::ReceivedWindow;

/// A forward gap this long or longer is implausible (RFC 3550 A.1, MAX_DROPOUT).
pub(crate) const MAX_DROPOUT: u16 = 3000;
/// A packet this far behind the highest or farther is implausible (RFC 3550 A.1, MAX_MISORDER).
pub(crate) const MAX_MISORDER: u16 = 1500;
/// Extended numbers begin in this cycle: there is room below the first packet, and their low 32 bits begin at cycle 0, as RFC 3550 reports them.
const FIRST_CYCLE: u64 = 1 << 32;

/// What the sequence number of an arriving packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Not seen before: process it.
    New {
        /// The sequence number in the stream's endless numbering; later packets have larger ones, also after a restart.
        extended_seq: u64,
        /// It is ahead of everything before.
        in_order: bool,
        /// The sender started over with its numbering, and this is the first packet that is believed: what was known about gaps is void.
        restarted: bool,
    },
    /// Seen before: drop it.
    Duplicate,
    /// Behind the window in which duplicates can be told from late packets: drop it.
    TooOld,
    /// An implausible jump. Dropped; a second packet in direct sequence makes it a restart.
    Rejected,
}

/// Counts of packets since the beginning; always `expected == received + lost`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    /// Packets that the sender must have sent, by its sequence numbers.
    pub(crate) expected: u64,
    /// Of these, the ones that came (each counted once; repairs by RTX don't count).
    pub(crate) received: u64,
    /// Of these, the ones that did not come, or not yet.
    pub(crate) lost: u64,
}

/// Validates, extends and counts the sequence numbers of one SSRC.
#[derive(Debug, Clone)]
pub(crate) struct SequenceTracker {
    window: ReceivedWindow,
    /// Highest extended number; `None` before the first packet.
    highest: Option<u64>,
    /// First extended number of this run (a restart begins a new run).
    base: u64,
    received: u64,
    /// Totals of the runs before this one.
    expected_before: u64,
    /// The number that would make the previous implausible jump a restart.
    restart_at: Option<u16>,
    /// Totals at the last report, for the fraction.
    reported: Totals,
    duplicates: u64,
    rejected: u64,
}

impl SequenceTracker {
    /// Remembers the arrival of at least the last `window` numbers; a power of two from 64 up.
    pub(crate) fn new(window: usize) -> Self {
        Self {
            window: ReceivedWindow::new(window),
            highest: None,
            base: 0,
            received: 0,
            expected_before: 0,
            restart_at: None,
            reported: Totals::default(),
            duplicates: 0,
            rejected: 0,
        }
    }

    /// Takes the number of a packet that came on this SSRC itself.
    pub(crate) fn on_packet(&mut self, seq: u16) -> Arrival {
        let Some(highest) = self.highest else {
            let first = FIRST_CYCLE | u64::from(seq);
            self.begin(first);
            return Arrival::New { extended_seq: first, in_order: true, restarted: false };
        };
        let forward = seq.wrapping_sub(highest as u16);
        if forward != 0 && forward < MAX_DROPOUT {
            return self.advance(highest + u64::from(forward), true);
        }
        let behind = forward.wrapping_neg();
        if behind < MAX_MISORDER {
            self.restart_at = None;
            return self.late(highest - u64::from(behind), true);
        }
        self.jump(highest, seq)
    }

    /// Takes the number of a packet whose time says that the sender started over: it is no late packet and no gap, wherever it lies.
    pub(crate) fn on_jump(&mut self, seq: u16) -> Arrival {
        match self.highest {
            Some(highest) => self.jump(highest, seq),
            None => self.on_packet(seq),
        }
    }

    /// Whether a packet with this number would make the implausible jump before it a restart.
    pub(crate) fn is_restart(&self, seq: u16) -> bool {
        self.restart_at == Some(seq)
    }

    fn jump(&mut self, highest: u64, seq: u16) -> Arrival {
        if self.is_restart(seq) {
            self.expected_before = self.totals().expected;
            // The smallest number above the highest that ends in `seq`: nothing that is keyed by extended numbers can collide.
            let forward = match seq.wrapping_sub(highest as u16) {
                0 => 1 << 16,
                forward => u64::from(forward),
            };
            let first = highest + forward;
            self.begin(first);
            return Arrival::New { extended_seq: first, in_order: true, restarted: true };
        }
        self.restart_at = Some(seq.wrapping_add(1));
        self.rejected += 1;
        Arrival::Rejected
    }

    /// Takes the original number of a packet that a retransmission stream carried: it fills a gap but is no proof of arrival on
    /// this SSRC, so it isn't counted as received, and it can't restart the numbering.
    pub(crate) fn on_repair(&mut self, seq: u16) -> Arrival {
        let Some(highest) = self.highest else {
            self.rejected += 1;
            return Arrival::Rejected;
        };
        let forward = seq.wrapping_sub(highest as u16);
        if forward != 0 && forward < MAX_DROPOUT {
            return self.advance(highest + u64::from(forward), false);
        }
        let original = highest - u64::from(forward.wrapping_neg());
        if self.expected_before > 0 && original < self.base {
            // It could be taken for a packet of the run before the restart, which may have the same extended number.
            self.duplicates += 1;
            return Arrival::TooOld;
        }
        self.late(original, false)
    }

    /// The highest extended number; `None` before the first packet.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Counts since the beginning, over restarts.
    pub(crate) fn totals(&self) -> Totals {
        let run = self.highest.map_or(0, |highest| highest - self.base + 1);
        let expected = self.expected_before + run;
        Totals { expected, received: self.received, lost: expected.saturating_sub(self.received) }
    }

    /// Counts since this was last called: the interval of a report.
    pub(crate) fn take_interval(&mut self) -> Totals {
        let totals = self.totals();
        let expected = totals.expected - self.reported.expected;
        let received = totals.received - self.reported.received;
        self.reported = totals;
        // Late packets of the previous interval can make more arrive than was expected.
        Totals { expected, received, lost: expected.saturating_sub(received) }
    }

    /// Packets dropped as seen before or too old to tell.
    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets dropped as implausible.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected
    }

    fn begin(&mut self, first: u64) {
        self.window.restart(first);
        self.base = first;
        self.highest = Some(first);
        self.received += 1;
        self.restart_at = None;
    }

    fn advance(&mut self, to: u64, count: bool) -> Arrival {
        self.window.advance(to);
        self.highest = Some(to);
        if count {
            self.received += 1;
            self.restart_at = None;
        }
        Arrival::New { extended_seq: to, in_order: true, restarted: false }
    }

    fn late(&mut self, extended_seq: u64, count: bool) -> Arrival {
        match self.window.mark(extended_seq) {
            Some(true) => {
                // What was sent before the first packet that we saw was never expected, so it can't count as received either.
                if count && extended_seq >= self.base {
                    self.received += 1;
                }
                Arrival::New { extended_seq, in_order: false, restarted: false }
            }
            Some(false) => {
                self.duplicates += 1;
                Arrival::Duplicate
            }
            None => {
                self.duplicates += 1;
                Arrival::TooOld
            }
        }
    }
}

/// Share lost of an interval in 1/256, as in a report block (RFC 3550 A.3).
pub(crate) fn fraction_lost(interval: Totals) -> u8 {
    if interval.expected == 0 {
        return 0;
    }
    u8::try_from((interval.lost << 8) / interval.expected).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seq_of(arrival: Arrival) -> u64 {
        let Arrival::New { extended_seq, .. } = arrival else { panic!("{arrival:?} is not new") };
        extended_seq
    }

    #[test]
    fn numbers_go_on_over_the_wrap_around() {
        let mut tracker = SequenceTracker::new(1024);
        let first = seq_of(tracker.on_packet(65_534));
        assert_eq!(first as u32, 65_534, "reported from cycle 0");
        assert_eq!(seq_of(tracker.on_packet(65_535)), first + 1);
        assert_eq!(seq_of(tracker.on_packet(1)), first + 3);
        assert_eq!(
            tracker.on_packet(0),
            Arrival::New { extended_seq: first + 2, in_order: false, restarted: false }
        );
        assert_eq!(tracker.totals(), Totals { expected: 4, received: 4, lost: 0 });
        assert_eq!(tracker.highest().unwrap() as u32, 0x1_0001);
    }

    #[test]
    fn a_duplicate_is_dropped_and_not_counted() {
        let mut tracker = SequenceTracker::new(1024);
        tracker.on_packet(7);
        assert_eq!(tracker.on_packet(7), Arrival::Duplicate);
        tracker.on_packet(9);
        assert_eq!(tracker.on_packet(7), Arrival::Duplicate);
        assert_eq!(tracker.totals(), Totals { expected: 3, received: 2, lost: 1 });
        assert_eq!(tracker.duplicates(), 2);
    }

    #[test]
    fn one_implausible_jump_is_dropped() {
        let mut tracker = SequenceTracker::new(1024);
        tracker.on_packet(100);
        assert_eq!(tracker.on_packet(30_000), Arrival::Rejected);
        assert!(matches!(tracker.on_packet(101), Arrival::New { in_order: true, restarted: false, .. }));
        assert_eq!(tracker.on_packet(30_001), Arrival::Rejected, "no longer in direct sequence");
        assert_eq!(tracker.totals(), Totals { expected: 2, received: 2, lost: 0 });
        assert_eq!(tracker.rejected(), 2);
    }

    #[test]
    fn two_consecutive_numbers_restart_the_stream_and_keep_the_counts() {
        for restart in [30_000u16, 0, 65_000] {
            let mut tracker = SequenceTracker::new(1024);
            let before = seq_of(tracker.on_packet(10_000));
            tracker.on_packet(10_002);
            assert_eq!(tracker.on_packet(restart), Arrival::Rejected);
            let arrival = tracker.on_packet(restart + 1);
            assert!(matches!(arrival, Arrival::New { in_order: true, restarted: true, .. }));
            assert!(seq_of(arrival) > before + 2);
            assert_eq!(seq_of(arrival) as u16, restart + 1);
            assert_eq!(tracker.totals(), Totals { expected: 4, received: 3, lost: 1 });
        }
    }

    #[test]
    fn a_stale_suspicion_is_forgotten() {
        let mut tracker = SequenceTracker::new(1024);
        tracker.on_packet(100);
        tracker.on_packet(40_000);
        tracker.on_packet(99);
        assert_eq!(tracker.on_packet(40_001), Arrival::Rejected);
    }

    #[test]
    fn the_limits_of_rfc_3550_are_exact() {
        let mut tracker = SequenceTracker::new(4096);
        tracker.on_packet(0);
        assert!(matches!(tracker.on_packet(2_999), Arrival::New { .. }));
        assert_eq!(tracker.on_packet(2_999 + 3_000), Arrival::Rejected);
        assert!(matches!(tracker.on_packet(2_999 - 1_499), Arrival::New { in_order: false, .. }));
        assert_eq!(tracker.on_packet(2_999 - 1_500), Arrival::Rejected);
    }

    #[test]
    fn a_repair_fills_the_gap_without_hiding_the_loss() {
        let mut tracker = SequenceTracker::new(1024);
        assert_eq!(tracker.on_repair(5), Arrival::Rejected, "nothing to repair yet");
        tracker.on_packet(5);
        tracker.on_packet(7);
        assert!(matches!(tracker.on_repair(6), Arrival::New { in_order: false, .. }));
        assert_eq!(tracker.on_repair(6), Arrival::Duplicate);
        assert_eq!(tracker.on_packet(6), Arrival::Duplicate);
        assert_eq!(tracker.totals(), Totals { expected: 3, received: 2, lost: 1 });
    }

    #[test]
    fn a_repair_cannot_restart_the_stream() {
        let mut tracker = SequenceTracker::new(1024);
        tracker.on_packet(5);
        for seq in 30_000..30_010 {
            assert_eq!(tracker.on_repair(seq), Arrival::TooOld);
        }
        assert!(matches!(tracker.on_packet(6), Arrival::New { restarted: false, .. }));
    }

    #[test]
    fn a_repair_from_before_a_restart_is_not_taken_for_another_packet() {
        let mut tracker = SequenceTracker::new(4096);
        tracker.on_packet(10_000);
        tracker.on_packet(13_500);
        assert!(matches!(tracker.on_packet(13_501), Arrival::New { restarted: true, .. }));
        assert_eq!(tracker.on_repair(10_000), Arrival::TooOld);
        assert_eq!(tracker.on_repair(13_501), Arrival::Duplicate);
    }

    #[test]
    fn a_packet_from_before_the_first_is_passed_but_not_counted() {
        let mut tracker = SequenceTracker::new(1024);
        tracker.on_packet(0);
        let arrival = tracker.on_packet(65_530);
        assert!(matches!(arrival, Arrival::New { in_order: false, .. }));
        assert_eq!(tracker.totals(), Totals { expected: 1, received: 1, lost: 0 });
    }

    #[test]
    fn an_interval_counts_since_the_last_one() {
        let mut tracker = SequenceTracker::new(1024);
        for seq in [0u16, 1, 2, 4] {
            tracker.on_packet(seq);
        }
        let interval = tracker.take_interval();
        assert_eq!(interval, Totals { expected: 5, received: 4, lost: 1 });
        assert_eq!(fraction_lost(interval), 51);
        tracker.on_packet(3);
        assert_eq!(fraction_lost(tracker.take_interval()), 0);
        assert_eq!(fraction_lost(Totals { expected: 1, received: 0, lost: 1 }), 255);
    }

    proptest! {
        #[test]
        fn any_numbers_keep_the_books_balanced(seqs in proptest::collection::vec(any::<(u16, bool)>(), 1..500)) {
            let mut tracker = SequenceTracker::new(256);
            let mut last = 0;
            for (seq, repair) in seqs {
                let arrival = if repair { tracker.on_repair(seq) } else { tracker.on_packet(seq) };
                if let Arrival::New { extended_seq, in_order, .. } = arrival {
                    prop_assert_eq!(extended_seq as u16, seq);
                    prop_assert_eq!(in_order, extended_seq > last);
                    last = last.max(extended_seq);
                }
                let totals = tracker.totals();
                prop_assert_eq!(totals.expected, totals.received + totals.lost);
            }
        }

        #[test]
        fn random_loss_and_reordering_are_counted_exactly(
            start in any::<u16>(),
            fates in proptest::collection::vec((any::<bool>(), 0usize..40), 2..800),
        ) {
            // Each packet is lost or delayed by up to 40 places; the first and the last arrive.
            let mut order: Vec<(usize, u16)> = Vec::new();
            for (i, &(arrives, delay)) in fates.iter().enumerate() {
                let edge = i == 0 || i + 1 == fates.len();
                if arrives || edge {
                    let at = if i == 0 { 0 } else { i + delay };
                    order.push((at, start.wrapping_add(i as u16)));
                }
            }
            order.sort_by_key(|&(at, _)| at);
            let mut tracker = SequenceTracker::new(1024);
            for &(_, seq) in &order {
                let arrival = tracker.on_packet(seq);
                prop_assert!(matches!(arrival, Arrival::New { .. }), "{:?}", arrival);
            }
            let totals = tracker.totals();
            prop_assert_eq!(totals.expected, fates.len() as u64);
            prop_assert_eq!(totals.received, order.len() as u64);
        }
    }
}
