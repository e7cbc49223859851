//! One incoming encoding: a primary SSRC and, if negotiated, its retransmission SSRC.

use std::time::{Duration, Instant};

use super::ntp;
use super::rate::RateCounter;
use super::report::{ClockMapping, ReportBlock};
use super::score::{Interval, MAX_SCORE, Score};
pub(crate) use super::sequence::Arrival;
use super::sequence::{SequenceTracker, Totals, fraction_lost};

/// Silence after which a stream is inactive.
pub(crate) const INACTIVE_AFTER: Duration = Duration::from_millis(1500);
/// Silence after which a stream with discontinuous transmission (Opus DTX) is inactive.
pub(crate) const INACTIVE_AFTER_DTX: Duration = Duration::from_secs(5);
/// A jump of timestamp against arrival time by more than this is a new timeline, not jitter.
const MAX_TRANSIT_JUMP_SECONDS: u32 = 5;
/// Silence after which a sender may have been started again: nothing that was on its way comes so late.
const STARTOVER_SILENCE: Duration = Duration::from_secs(1);
/// A sender that only paused goes on at most so many numbers later.
const STARTOVER_NEAR: u16 = 64;

/// What a [`ReceiveStream`] must know of the negotiation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceiveConfig {
    /// SSRC of the media.
    pub(crate) ssrc: u32,
    /// SSRC of the retransmissions (RFC 4588).
    pub(crate) rtx_ssrc: Option<u32>,
    /// Ticks of the RTP timestamp per second.
    pub(crate) clock_rate: u32,
    /// How many sequence numbers back a duplicate is recognised: 1024 for audio, 4096 for video.
    pub(crate) window: usize,
    /// Silence after which the stream is inactive; `None` switches the check off.
    pub(crate) inactive_after: Option<Duration>,
}

/// The retransmission SSRC: it has numbers, losses and reports of its own.
#[derive(Debug, Clone)]
struct Retransmissions {
    ssrc: u32,
    sequence: SequenceTracker,
    rate: RateCounter,
    last_report: Option<(u64, Instant)>,
}

impl Retransmissions {
    fn new(ssrc: u32) -> Self {
        Retransmissions {
            ssrc,
            sequence: SequenceTracker::new(256),
            rate: RateCounter::default(),
            last_report: None,
        }
    }
}

/// State of one incoming encoding: which packets are new, what was lost, jitter, rate, activity and score.
#[derive(Debug, Clone)]
pub(crate) struct ReceiveStream {
    config: ReceiveConfig,
    sequence: SequenceTracker,
    rate: RateCounter,
    rtx: Option<Box<Retransmissions>>,
    /// Where the clock for jitter begins.
    epoch: Option<Instant>,
    transit: Option<u32>,
    /// Scaled by 16 (RFC 3550 A.8).
    jitter: u32,
    last_report: Option<(u64, Instant)>,
    mapping: Option<ClockMapping>,
    /// Packets and octets that the sender has sent, by its last report.
    sent: (u32, u32),
    repaired: u64,
    /// Of those: came on the primary SSRC, where they are no longer counted as lost.
    repaired_in_place: u64,
    retransmitted: u64,
    /// Of those: brought nothing that was missing.
    needless: u64,
    reported_repaired: u64,
    reported_in_place: u64,
    reported_retransmitted: u64,
    fraction_lost: u8,
    score: Score,
    last_packet: Option<Instant>,
    active: bool,
}

impl ReceiveStream {
    /// A stream that has seen no packet yet: not active, score 10.
    pub(crate) fn new(config: ReceiveConfig) -> Self {
        let rtx = config.rtx_ssrc.map(|ssrc| Box::new(Retransmissions::new(ssrc)));
        Self {
            config,
            sequence: SequenceTracker::new(config.window),
            rate: RateCounter::default(),
            rtx,
            epoch: None,
            transit: None,
            jitter: 0,
            last_report: None,
            mapping: None,
            sent: (0, 0),
            repaired: 0,
            repaired_in_place: 0,
            retransmitted: 0,
            needless: 0,
            reported_repaired: 0,
            reported_in_place: 0,
            reported_retransmitted: 0,
            fraction_lost: 0,
            score: Score::new(MAX_SCORE),
            last_packet: None,
            active: false,
        }
    }

    /// Takes a packet of the primary SSRC; `size` is what the rate counts, in bytes.
    ///
    /// Everything but [`Arrival::New`] is to be dropped.
    pub(crate) fn on_packet(&mut self, now: Instant, seq: u16, timestamp: u32, size: usize) -> Arrival {
        let arrival = match self.is_startover(now, seq, timestamp) {
            false => self.sequence.on_packet(seq),
            true => self.sequence.on_jump(seq),
        };
        if let Arrival::New { in_order, restarted, .. } = arrival {
            self.rate.add(now, size);
            self.touch(now);
            if restarted {
                self.transit = None;
            }
            if in_order {
                self.update_jitter(now, timestamp);
            }
        }
        arrival
    }

    /// Takes a packet of the retransmission SSRC: its own number, and the original number that it carries (RFC 4588 §4).
    ///
    /// The answer is about the original. Before the first packet of the primary SSRC everything is rejected.
    pub(crate) fn on_rtx_packet(
        &mut self,
        now: Instant,
        rtx_seq: u16,
        original_seq: u16,
        size: usize,
    ) -> Arrival {
        let own = self.count_rtx(now, rtx_seq, size);
        if !matches!(own, Arrival::New { .. }) {
            return own;
        }
        let arrival = self.sequence.on_repair(original_seq);
        self.retransmitted += 1;
        if matches!(arrival, Arrival::New { .. }) {
            self.repaired += 1;
            self.touch(now);
        } else {
            self.needless += 1;
        }
        arrival
    }

    /// Takes a packet that was restored from others in the place of a lost one. It did not come, so reports count it as lost.
    pub(crate) fn on_restored(&mut self, now: Instant, seq: u16) -> Arrival {
        let highest = self.sequence.highest();
        // Only what lies behind others can have been lost.
        if highest.is_none_or(|highest| (seq.wrapping_sub(highest as u16) as i16) > 0) {
            return Arrival::Rejected;
        }
        let arrival = self.sequence.on_repair(seq);
        if matches!(arrival, Arrival::New { .. }) {
            self.repaired += 1;
            self.touch(now);
        }
        arrival
    }

    /// The retransmission SSRC was learnt from a packet, or changed: its numbers begin anew.
    pub(crate) fn set_rtx_ssrc(&mut self, ssrc: u32) {
        self.config.rtx_ssrc = Some(ssrc);
        self.rtx = Some(Box::new(Retransmissions::new(ssrc)));
    }

    /// Takes a packet of the retransmission SSRC that carries no original (probing): it is only counted.
    pub(crate) fn on_rtx_padding(&mut self, now: Instant, rtx_seq: u16, size: usize) {
        self.count_rtx(now, rtx_seq, size);
    }

    /// Notes that a packet of the primary SSRC was itself an answer to a NACK (a sender without RTX): score and statistics need it.
    pub(crate) fn on_plain_repair(&mut self) {
        self.repaired += 1;
        self.repaired_in_place += 1;
        self.retransmitted += 1;
    }

    /// Takes the sender's report for `ssrc` (the primary's or the retransmissions'); `ntp` is the sender's clock, 32.32 fixed point.
    pub(crate) fn on_sender_report(&mut self, now: Instant, ssrc: u32, ntp: u64, rtp_timestamp: u32) {
        if ssrc == self.config.ssrc {
            self.last_report = Some((ntp, now));
            // Senders without a clock write 0 (RFC 3550 §6.4.1).
            if ntp != 0 {
                self.mapping = Some(ClockMapping { ntp, rtp_timestamp });
            }
        } else if let Some(rtx) = self.rtx.as_mut().filter(|rtx| rtx.ssrc == ssrc) {
            rtx.last_report = Some((ntp, now));
        }
    }

    /// Takes what the sender's report for `ssrc` says that was sent; counts only for the primary.
    pub(crate) fn on_sender_counts(&mut self, ssrc: u32, packets: u32, octets: u32) {
        if ssrc == self.config.ssrc {
            self.sent = (packets, octets);
        }
    }

    /// Packets and octets that the sender has sent, by its last report.
    pub(crate) fn sent(&self) -> (u32, u32) {
        self.sent
    }

    /// The report block on the primary SSRC; ends the interval of fraction and score. `None` before the first packet.
    pub(crate) fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let highest = self.sequence.highest()?;
        let interval = self.sequence.take_interval();
        self.fraction_lost = fraction_lost(interval);
        self.update_score(interval);
        Some(ReportBlock {
            ssrc: self.config.ssrc,
            fraction_lost: self.fraction_lost,
            cumulative_lost: clamp_24(self.sequence.totals().lost),
            ext_highest_seq: highest as u32,
            jitter: self.jitter(),
            ..echo(self.last_report, now)
        })
    }

    /// The report block on the retransmission SSRC; `None` without one or before its first packet.
    pub(crate) fn rtx_report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let rtx = self.rtx.as_mut()?;
        let highest = rtx.sequence.highest()?;
        Some(ReportBlock {
            ssrc: rtx.ssrc,
            fraction_lost: fraction_lost(rtx.sequence.take_interval()),
            cumulative_lost: clamp_24(rtx.sequence.totals().lost),
            ext_highest_seq: highest as u32,
            jitter: 0,
            ..echo(rtx.last_report, now)
        })
    }

    /// Notices silence: true once when the stream becomes inactive (its score is then 0).
    pub(crate) fn poll(&mut self, now: Instant) -> bool {
        let Some(deadline) = self.next_deadline() else { return false };
        if now < deadline {
            return false;
        }
        self.active = false;
        self.score.reset(0);
        true
    }

    /// When [`poll`](Self::poll) has something to notice unless a packet comes before.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let after = self.config.inactive_after?;
        if !self.active {
            return None;
        }
        self.last_packet.map(|last| last + after)
    }

    /// Whether packets are coming.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// The score, 0–10.
    pub(crate) fn score(&self) -> u8 {
        self.score.get()
    }

    /// The score if it changed since this last returned it.
    pub(crate) fn take_score_change(&mut self) -> Option<u8> {
        self.score.take_change()
    }

    /// The score that was told last, where a stream goes on under another SSRC.
    pub(crate) fn told_score(&self) -> u8 {
        self.score.told()
    }

    /// Takes the score of the stream before this one for the last that was told.
    pub(crate) fn set_told_score(&mut self, score: u8) {
        self.score.set_told(score);
    }

    /// The stream is received elsewhere, and this is its score there; 0: it is inactive.
    pub(crate) fn take_over_score(&mut self, score: u8) {
        self.score.reset(score);
        self.active = score > 0;
    }

    /// Jitter in timestamp units.
    pub(crate) fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// Share lost in the last report's interval, in 1/256.
    pub(crate) fn fraction_lost(&self) -> u8 {
        self.fraction_lost
    }

    /// Packets expected, received and lost on the primary SSRC.
    pub(crate) fn totals(&self) -> Totals {
        self.sequence.totals()
    }

    /// Packets that never came, neither by themselves nor by a retransmission; below 0 where more came than were expected.
    pub(crate) fn lost_for_good(&self) -> i64 {
        self.totals().lost as i64 - (self.repaired - self.repaired_in_place) as i64
    }

    /// Lost packets that a retransmission brought.
    pub(crate) fn repaired(&self) -> u64 {
        self.repaired
    }

    /// Retransmissions that came, needed or not.
    pub(crate) fn retransmitted(&self) -> u64 {
        self.retransmitted
    }

    /// Packets dropped: duplicates, too old and implausible ones.
    pub(crate) fn discarded(&self) -> u64 {
        (self.sequence.duplicates() + self.sequence.rejected()).saturating_sub(self.needless)
    }

    /// Packets dropped on the retransmission SSRC: duplicates of its own numbering and implausible ones.
    pub(crate) fn rtx_discarded(&self) -> u64 {
        self.rtx.as_ref().map_or(0, |rtx| rtx.sequence.duplicates() + rtx.sequence.rejected())
    }

    /// Retransmissions that brought nothing that was missing.
    pub(crate) fn needless(&self) -> u64 {
        self.needless
    }

    /// Rate and totals of the primary SSRC.
    pub(crate) fn rate(&mut self) -> &mut RateCounter {
        &mut self.rate
    }

    /// Rate and totals of the retransmission SSRC.
    #[cfg(test)]
    pub(crate) fn rtx_rate(&mut self) -> Option<&mut RateCounter> {
        self.rtx.as_mut().map(|rtx| &mut rtx.rate)
    }

    /// The last sender report's correspondence of NTP and RTP time, when the sender has a clock.
    pub(crate) fn mapping(&self) -> Option<ClockMapping> {
        self.mapping
    }

    /// The highest extended sequence number.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.sequence.highest()
    }

    /// Judges a retransmission by its own number; rejected when there is no such stream.
    fn count_rtx(&mut self, now: Instant, rtx_seq: u16, size: usize) -> Arrival {
        let Some(rtx) = &mut self.rtx else { return Arrival::Rejected };
        let arrival = rtx.sequence.on_packet(rtx_seq);
        if matches!(arrival, Arrival::New { .. }) {
            rtx.rate.add(now, size);
        }
        arrival
    }

    /// Whether a packet that ends a silence belongs to another timeline: a sender that was started again on the same SSRC begins with
    /// random numbers, which may look like late ones, or like a gap.
    #[inline]
    fn is_startover(&self, now: Instant, seq: u16, timestamp: u32) -> bool {
        self.last_packet.is_some_and(|last| now.saturating_duration_since(last) >= STARTOVER_SILENCE)
            && self.is_other_timeline(now, seq, timestamp)
    }

    #[cold]
    fn is_other_timeline(&self, now: Instant, seq: u16, timestamp: u32) -> bool {
        let ahead = self.sequence.highest().map_or(0, |highest| seq.wrapping_sub(highest as u16));
        // A sender that went on where it had stopped may have stopped its clock, too.
        if (1..=STARTOVER_NEAR).contains(&ahead) && !self.sequence.is_restart(seq) {
            return false;
        }
        let (Some(before), Some(epoch)) = (self.transit, self.epoch) else { return false };
        let arrival = ntp::duration_ticks(now.saturating_duration_since(epoch), self.config.clock_rate);
        let moved = (arrival.wrapping_sub(timestamp).wrapping_sub(before) as i32).unsigned_abs();
        moved > self.config.clock_rate.saturating_mul(MAX_TRANSIT_JUMP_SECONDS)
    }

    fn touch(&mut self, now: Instant) {
        self.last_packet = Some(now);
        if !self.active {
            self.active = true;
            self.score.reset(MAX_SCORE);
        }
    }

    fn update_jitter(&mut self, now: Instant, timestamp: u32) {
        let epoch = *self.epoch.get_or_insert(now);
        let arrival = ntp::duration_ticks(now.saturating_duration_since(epoch), self.config.clock_rate);
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(previous) = self.transit {
            let difference = (transit.wrapping_sub(previous) as i32).unsigned_abs();
            if difference < self.config.clock_rate.saturating_mul(MAX_TRANSIT_JUMP_SECONDS) {
                // RFC 3550 A.8, integer form.
                self.jitter = self
                    .jitter
                    .saturating_add(difference)
                    .saturating_sub((self.jitter.saturating_add(8)) >> 4);
            }
        }
        self.transit = Some(transit);
    }

    fn update_score(&mut self, interval: Totals) {
        let repaired = self.repaired - self.reported_repaired;
        let retransmitted = self.retransmitted - self.reported_retransmitted;
        let in_place = self.repaired_in_place - self.reported_in_place;
        self.reported_repaired = self.repaired;
        self.reported_in_place = self.repaired_in_place;
        self.reported_retransmitted = self.retransmitted;
        if !self.active {
            return;
        }
        let score = Interval {
            expected: saturate(interval.expected),
            // What was repaired on the primary SSRC is no longer missing there, but it was.
            lost: saturate(interval.lost + in_place),
            repaired: saturate(repaired),
            retransmitted: saturate(retransmitted),
        }
        .received_score();
        // Nothing was to come, so nothing was lost.
        self.score.push(score.unwrap_or(MAX_SCORE));
    }
}

/// LSR and DLSR for the sender report received then.
fn echo(report: Option<(u64, Instant)>, now: Instant) -> ReportBlock {
    let (lsr, dlsr) = report.map_or((0, 0), |(ntp, at)| {
        (ntp::compact(ntp), ntp::compact_from_duration(now.saturating_duration_since(at)))
    });
    ReportBlock { lsr, dlsr, ..ReportBlock::default() }
}

/// A count as a report block can carry it: a signed 24-bit field that saturates (RFC 3550 A.3).
fn clamp_24(lost: u64) -> i32 {
    i32::try_from(lost).unwrap_or(i32::MAX).min(0x7f_ffff)
}

fn saturate(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
