//! One outgoing stream: a consumer's numbers, times, counts and reports.

use std::time::{Duration, Instant};

use super::ntp;
use super::rate::RateCounter;
use super::report::{ClockMapping, ReportBlock, SenderInfo};
use super::round_trip::{self, RoundTrip};
use super::score::{Interval, MAX_SCORE, Score};
use super::sequence_map::SequenceMap;
use super::timestamp_switch::{Switch, TimestampSwitch};

/// A source clock that places "now" farther than this from the last packet sent is not believed.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(2);

/// What a [`SendStream`] must know from its beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendConfig {
    /// SSRC of the media.
    pub(crate) ssrc: u32,
    /// SSRC of the retransmissions (RFC 4588).
    pub(crate) rtx_ssrc: Option<u32>,
    /// Ticks of the RTP timestamp per second.
    pub(crate) clock_rate: u32,
    /// The first sequence number; random (RFC 3550 §5.1).
    pub(crate) first_seq: u16,
    /// The first sequence number of the retransmissions; random.
    pub(crate) first_rtx_seq: u16,
    /// Added to the first source's timestamps; random, or 0 to pass them through.
    pub(crate) timestamp_offset: u32,
}

/// The clock of the source: its last sender report, and how its clock stands to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceClock {
    /// The source stream's last sender report.
    pub(crate) mapping: ClockMapping,
    /// The source's NTP clock minus ours, 32.32 fixed point seconds: one estimate for all streams of the source, or they drift apart.
    pub(crate) offset: i64,
}

/// Packets and payload octets of one SSRC, as sender reports count them.
#[derive(Debug, Clone, Default)]
struct Counts {
    packets: u32,
    octets: u32,
}

impl Counts {
    fn add(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
    }
}

/// State of one outgoing stream. Numbers are given to what is certain to leave, so a packet dropped before leaves no gap.
#[derive(Debug, Clone)]
pub(crate) struct SendStream {
    config: SendConfig,
    numbers: SequenceMap,
    next_rtx_seq: u16,
    timeline: TimestampSwitch,
    counts: Counts,
    rtx_counts: Counts,
    rate: RateCounter,
    rtx_rate: RateCounter,
    resent: u64,
    repaired: u64,
    late: u64,
    /// Packets that have their number and wait.
    waiting: u16,
    /// While some do: the highest number that left, not wrapped.
    left: u64,
    round_trip: RoundTrip,
    report: Option<ReportBlock>,
    /// At the previous receiver report: its highest number and loss, and our counts of resends.
    reported: Option<(u32, i32)>,
    reported_resent: u64,
    reported_repaired: u64,
    score: Score,
}

impl SendStream {
    /// A stream that has sent nothing yet; score 10.
    pub(crate) fn new(config: SendConfig) -> Self {
        Self {
            config,
            numbers: SequenceMap::new(config.first_seq),
            next_rtx_seq: config.first_rtx_seq,
            timeline: TimestampSwitch::new(config.clock_rate, config.timestamp_offset),
            counts: Counts::default(),
            rtx_counts: Counts::default(),
            rate: RateCounter::default(),
            rtx_rate: RateCounter::default(),
            resent: 0,
            repaired: 0,
            late: 0,
            waiting: 0,
            left: 0,
            round_trip: RoundTrip::default(),
            report: None,
            reported: None,
            reported_resent: 0,
            reported_repaired: 0,
            score: Score::new(MAX_SCORE),
        }
    }

    /// The outgoing timestamp for one of the current source.
    pub(crate) fn rewrite_timestamp(&self, timestamp: u32) -> u32 {
        self.timeline.rewrite(timestamp)
    }

    /// Changes the source (another layer, another producer, or the same one with a new timeline): its packet with timestamp `first` is next.
    ///
    /// Give both sources' sender reports only if they share a clock.
    pub(crate) fn switch_source(
        &mut self,
        now: Instant,
        first: u32,
        from: Option<ClockMapping>,
        to: Option<ClockMapping>,
    ) -> Switch {
        self.numbers.switch();
        self.timeline.switch(now, first, from, to)
    }

    /// The source begins anew, or goes on after a pause, and its timestamps pass through as before.
    pub(crate) fn switch_numbers(&mut self) {
        self.numbers.switch();
    }

    /// Gives the packet with number `extended` of the source its own number and counts it; `None` if it comes too late. `timestamp` is the outgoing one, `payload` the octets without header and
    /// padding, `size` what the rate counts.
    #[inline]
    pub(crate) fn depart(
        &mut self,
        now: Instant,
        extended: u64,
        timestamp: u32,
        payload: usize,
        size: usize,
    ) -> Option<u16> {
        debug_assert_eq!(self.waiting, 0, "nothing passes what waits");
        let Some(seq) = self.numbers.forward(extended) else {
            self.late += 1;
            return None;
        };
        self.timeline.left(now, timestamp);
        self.counts.add(payload);
        self.rate.add(now, size);
        Some(seq)
    }

    /// Gives the packet with number `extended` of the source its own number before it leaves; `None` if it comes too late. It counts once
    /// it [`left`](Self::left), or is [forgotten](Self::forget_placed) with all others.
    pub(crate) fn place(&mut self, now: Instant, extended: u64, timestamp: u32) -> Option<u16> {
        let before = self.numbers.last();
        let Some(seq) = self.numbers.forward(extended) else {
            self.late += 1;
            return None;
        };
        self.begin_to_wait(now, timestamp, before);
        Some(seq)
    }

    /// The same for a packet that no source sent: it gets the next number.
    pub(crate) fn place_inserted(&mut self, now: Instant, timestamp: u32) -> u16 {
        let before = self.numbers.last();
        let seq = self.numbers.insert();
        self.begin_to_wait(now, timestamp, before);
        seq
    }

    fn begin_to_wait(&mut self, now: Instant, timestamp: u32, before: u64) {
        // The time of a frame is when it came: what begins behind it goes by that.
        self.timeline.left(now, timestamp);
        if self.waiting == 0 {
            self.left = before;
        }
        self.waiting += 1;
    }

    /// A packet that was placed leaves.
    pub(crate) fn left(&mut self, now: Instant, seq: u16, payload: usize, size: usize) {
        self.waiting = self.waiting.saturating_sub(1);
        self.note_left(seq);
        self.counts.add(payload);
        self.rate.add(now, size);
    }

    /// What was placed and has not left never will: its numbers are given again.
    pub(crate) fn forget_placed(&mut self) {
        if std::mem::take(&mut self.waiting) > 0 {
            self.numbers.take_back(self.left);
        }
    }

    /// Keeps a number that left from being given again.
    fn note_left(&mut self, seq: u16) {
        let last = self.numbers.last();
        self.left = self.left.max(last.wrapping_sub(u64::from((last as u16).wrapping_sub(seq))));
    }

    /// A packet of the source is not sent: the numbers close up, or a number is returned that something empty must fill.
    #[inline]
    pub(crate) fn skip(&mut self, extended: u64) -> Option<u16> {
        let filled = self.numbers.drop_packet(extended);
        if let Some(seq) = filled {
            self.note_left(seq);
        }
        filled
    }

    /// What the source sent before `extended`, and nobody has seen, is not sent: the numbers close up.
    pub(crate) fn skip_until(&mut self, extended: u64) {
        self.numbers.drop_until(extended);
    }

    /// Gives a packet that no source sent the next number and counts it.
    pub(crate) fn depart_inserted(
        &mut self,
        now: Instant,
        timestamp: u32,
        payload: usize,
        size: usize,
    ) -> u16 {
        self.timeline.left(now, timestamp);
        self.counts.add(payload);
        self.rate.add(now, size);
        self.numbers.insert()
    }

    /// Gives a retransmission its number on the retransmission SSRC and counts it; `is_first` when this packet is resent for the first time.
    pub(crate) fn depart_rtx(&mut self, now: Instant, payload: usize, size: usize, is_first: bool) -> u16 {
        let seq = self.next_rtx_seq;
        self.next_rtx_seq = seq.wrapping_add(1);
        self.rtx_counts.add(payload);
        self.rtx_rate.add(now, size);
        self.resent += 1;
        self.repaired += u64::from(is_first);
        seq
    }

    /// Gives a padding packet (probing) its number on the retransmission SSRC.
    pub(crate) fn depart_rtx_padding(&mut self, now: Instant, size: usize) -> u16 {
        let seq = self.next_rtx_seq;
        self.next_rtx_seq = seq.wrapping_add(1);
        self.rtx_counts.add(0);
        self.rtx_rate.add(now, size);
        seq
    }

    /// Counts a retransmission that leaves under its old number (no RTX negotiated).
    pub(crate) fn depart_plain_resend(&mut self, now: Instant, payload: usize, size: usize, is_first: bool) {
        self.counts.add(payload);
        self.rate.add(now, size);
        self.resent += 1;
        self.repaired += u64::from(is_first);
    }

    /// RTP timestamp of the last packet; `None` before the first.
    pub(crate) fn last_timestamp(&self) -> Option<u32> {
        self.timeline.last().map(|(timestamp, _)| timestamp)
    }

    /// The sender information for a report now; `ntp` is our clock now. `None` before the first packet.
    ///
    /// With the source's clock the timestamp is exact and streams of one source stay in step; without, it goes on from the last packet.
    pub(crate) fn sender_report(
        &self,
        now: Instant,
        ntp: u64,
        source: Option<&SourceClock>,
    ) -> Option<SenderInfo> {
        let (last, at) = self.timeline.last()?;
        let rate = self.config.clock_rate;
        let by_time = last.wrapping_add(ntp::duration_ticks(now.saturating_duration_since(at), rate));
        let by_clock = source.map(|source| {
            let since = ntp.wrapping_add_signed(source.offset).wrapping_sub(source.mapping.ntp) as i64;
            let timestamp = source.mapping.rtp_timestamp.wrapping_add(ntp::ticks(since, rate) as u32);
            self.timeline.rewrite(timestamp)
        });
        let believed = by_clock.filter(|place| {
            let error = (place.wrapping_sub(by_time) as i32).unsigned_abs();
            error <= ntp::duration_ticks(MAX_CLOCK_ERROR, rate)
        });
        Some(SenderInfo {
            ssrc: self.config.ssrc,
            ntp,
            rtp_timestamp: believed.unwrap_or(by_time),
            packet_count: self.counts.packets,
            octet_count: self.counts.octets,
        })
    }

    /// The sender information of the retransmission SSRC, which has the media's timeline; `None` before its first packet.
    pub(crate) fn rtx_sender_report(
        &self,
        now: Instant,
        ntp: u64,
        source: Option<&SourceClock>,
    ) -> Option<SenderInfo> {
        let ssrc = self.config.rtx_ssrc?;
        if self.rtx_counts.packets == 0 {
            return None;
        }
        let media = self.sender_report(now, ntp, source)?;
        Some(SenderInfo {
            ssrc,
            packet_count: self.rtx_counts.packets,
            octet_count: self.rtx_counts.octets,
            ..media
        })
    }

    /// Takes the receiver's report block; `ntp` is our clock at its arrival. A block on another SSRC is ignored, except that one on the
    /// retransmission SSRC still tells the round trip.
    pub(crate) fn on_report_block(&mut self, ntp: u64, block: &ReportBlock) {
        let on_rtx = Some(block.ssrc) == self.config.rtx_ssrc;
        if block.ssrc != self.config.ssrc && !on_rtx {
            return;
        }
        if let Some(sample) = round_trip::from_report(ntp::compact(ntp), block.lsr, block.dlsr) {
            self.round_trip.update(sample);
        }
        if on_rtx {
            return;
        }
        self.update_score(block);
        self.report = Some(*block);
    }

    /// The smoothed round-trip time to the receiver.
    pub(crate) fn round_trip(&self) -> &RoundTrip {
        &self.round_trip
    }

    /// The receiver's latest report block.
    pub(crate) fn report(&self) -> Option<&ReportBlock> {
        self.report.as_ref()
    }

    /// The score, 0–10.
    pub(crate) fn score(&self) -> u8 {
        self.score.get()
    }

    /// The score if it changed since this last returned it.
    pub(crate) fn take_score_change(&mut self) -> Option<u8> {
        self.score.take_change()
    }

    /// Another source begins: what was lost of the one before says nothing about it.
    pub(crate) fn begin_score(&mut self) {
        self.score.reset(MAX_SCORE);
    }

    /// Packets that came too late for their place.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Retransmissions sent since the beginning.
    pub(crate) fn resent(&self) -> u64 {
        self.resent
    }

    /// Packets retransmitted at least once.
    pub(crate) fn repaired(&self) -> u64 {
        self.repaired
    }

    /// Rate and totals of the media SSRC.
    pub(crate) fn rate(&mut self) -> &mut RateCounter {
        &mut self.rate
    }

    /// Rate and totals of the retransmission SSRC.
    #[cfg(test)]
    pub(crate) fn rtx_rate(&mut self) -> &mut RateCounter {
        &mut self.rtx_rate
    }

    fn update_score(&mut self, block: &ReportBlock) {
        let previous = self.reported.replace((block.ext_highest_seq, block.cumulative_lost));
        let resent = self.resent - self.reported_resent;
        let repaired = self.repaired - self.reported_repaired;
        self.reported_resent = self.resent;
        self.reported_repaired = self.repaired;
        // The first report only begins an interval.
        let Some((highest, lost)) = previous else { return };
        let expected = block.ext_highest_seq.wrapping_sub(highest);
        if expected > u32::from(u16::MAX) {
            // A receiver that restarted, or one that makes up numbers.
            return;
        }
        let interval = Interval {
            expected,
            lost: u32::try_from(block.cumulative_lost.saturating_sub(lost)).unwrap_or(0),
            repaired: u32::try_from(repaired).unwrap_or(u32::MAX),
            retransmitted: u32::try_from(resent).unwrap_or(u32::MAX),
        };
        // Who was sent nothing lost nothing.
        self.score.push(interval.sent_score().unwrap_or(MAX_SCORE));
    }
}

#[cfg(test)]
#[path = "send_stream_tests.rs"]
mod tests;
