//! A simple estimate of what the path to a peer can carry: by the peer's own word (REMB), else by its transport-wide feedback.
//!
//! A queue that builds up, or much loss, takes the estimate down to a little less than what arrived. Until then it grows no higher than
//! twice what arrived or than what the next layer takes. After that it grows by what [`Probe`] shows, where padding can be sent.

use std::time::{Duration, Instant};

use super::probe::Probe;
use crate::rtcp::TransportCc;

/// Never less than this, bit/s.
const FLOOR: u32 = 30_000;

/// Packets whose sending is remembered at first, and at the most; both powers of two.
const FIRST_SENT: usize = 64;
const MAX_SENT: usize = 8192;

/// Feedback comes within this.
const FEEDBACK_AFTER: Duration = Duration::from_millis(1500);

/// Packets wait longer than this on the way: the path is overused. Less than [`QUEUE_CLEAR`]: it isn't used up.
const QUEUE_OVERUSED: i64 = 90_000;
const QUEUE_CLEAR: i64 = 40_000;

/// The shortest way within so long is one without waiting. Long enough that clocks drift apart by less than matters.
const BASE_WINDOW: Duration = Duration::from_secs(15);

/// Loss is judged over so long and so many packets.
const LOSS_INTERVAL: Duration = Duration::from_millis(500);
const LOSS_PACKETS: u64 = 20;

/// Between two steps down: the first has to show in the feedback.
const DECREASE_INTERVAL: Duration = Duration::from_millis(400);

/// After a step down it does not grow for so long.
const RECOVERY: Duration = Duration::from_secs(1);

/// Growth per second, 1/100; faster until the path was overused for the first time.
const GROWTH: u64 = 8;
const FIRST_GROWTH: u64 = 50;

/// Without a probe it grows no higher than this share of what arrived, once the path was overused.
const UNPROBED: (u32, u32) = (5, 4);

/// A probe is judged by what arrived in so long at the least, µs.
const PROBE_SPAN: i64 = 250_000;

/// The peer's word counts for so long.
const REMB_COUNTS: Duration = Duration::from_secs(20);

/// A packet that was sent; microseconds since the epoch, wrapping.
#[derive(Debug, Clone, Copy, Default)]
struct SentPacket {
    at: u32,
    sequence: u16,
    /// 0: acknowledged, or never sent.
    size: u16,
}

/// What one feedback message said about arrival.
#[derive(Debug, Clone, Copy)]
struct Batch {
    /// When its last packet arrived, microseconds of the peer's clock.
    last: i64,
    bytes: u64,
}

/// The estimate for one transport.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    epoch: Instant,
    sent: Vec<SentPacket>,
    last_sent: Option<Instant>,
    /// The highest number that feedback spoke of.
    reported: Option<u16>,
    /// 24 bits, and what it stands for in units of 250 µs.
    reference: Option<(i32, i64)>,
    last_feedback: Option<Instant>,
    /// The last second, newest last.
    batches: arrayvec::ArrayVec<Batch, 12>,
    /// The shortest way, of this window and the one before; microseconds between two clocks.
    base: Option<i64>,
    base_before: Option<i64>,
    base_since: Instant,
    expected: u64,
    received: u64,
    loss_since: Instant,
    loss: f32,
    /// It was measured since the last step down.
    loss_is_new: bool,
    queueing: i64,
    start: u32,
    estimate: u32,
    goal: u32,
    probe: Probe,
    /// Padding can be sent.
    can_probe: bool,
    last_change: Instant,
    last_decrease: Option<Instant>,
    remb: Option<(u32, Instant)>,
}

impl Bandwidth {
    /// Begins with `start` bit/s.
    pub(crate) fn new(now: Instant, start: u32) -> Self {
        Bandwidth {
            epoch: now,
            sent: Vec::new(),
            last_sent: None,
            reported: None,
            reference: None,
            last_feedback: None,
            batches: Default::default(),
            base: None,
            base_before: None,
            base_since: now,
            expected: 0,
            received: 0,
            loss_since: now,
            loss: 0.0,
            loss_is_new: false,
            queueing: 0,
            start,
            estimate: start.max(FLOOR),
            goal: 0,
            probe: Probe::new(now),
            can_probe: false,
            last_change: now,
            last_decrease: None,
            remb: None,
        }
    }

    /// The estimate in bit/s; `None` while nobody said anything about the path.
    pub(crate) fn estimate(&self, now: Instant) -> Option<u32> {
        self.peer_estimate(now).or(self.last_feedback.map(|_| self.estimate))
    }

    /// The peer's word, while it counts.
    pub(crate) fn peer_estimate(&self, now: Instant) -> Option<u32> {
        let (bitrate, at) = self.remb?;
        (now.saturating_duration_since(at) < REMB_COUNTS).then_some(bitrate)
    }

    /// Share of the packets lost on the way, 0–1; `None` without transport-wide feedback.
    #[cfg(test)]
    pub(crate) fn loss(&self) -> Option<f32> {
        self.last_feedback.map(|_| self.loss)
    }

    /// What it began with, bit/s.
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    /// Up to here growing makes sense, bit/s; 0 if nobody could have more.
    pub(crate) fn goal(&self) -> u32 {
        self.goal
    }

    /// Up to here growing makes sense, bit/s: somebody could then have more. `can_probe`: padding can be sent to find out.
    pub(crate) fn set_goal(&mut self, goal: u32, can_probe: bool) {
        (self.goal, self.can_probe) = (goal, can_probe);
    }

    /// When the path was last shown to carry more than what was sent.
    pub(crate) fn proven(&self) -> Option<Instant> {
        self.probe.proven()
    }

    /// Bytes of padding to send now; `None` while the path is not probed.
    pub(crate) fn padding(&mut self, now: Instant) -> Option<u64> {
        if self.probe.is_due(now) && self.is_worth_probing(now) {
            // What arrived before says nothing about it.
            self.batches.clear();
            self.probe.begin(now, self.goal.min(self.estimate.saturating_mul(2)));
        }
        self.probe.missing(now)
    }

    fn is_worth_probing(&self, now: Instant) -> bool {
        let before = |at: Option<Instant>, age| at.is_none_or(|at| now.saturating_duration_since(at) >= age);
        self.can_probe
            && self.goal > self.estimate
            // Until then it grows by itself.
            && self.last_decrease.is_some()
            && before(self.last_decrease, RECOVERY)
            && !before(self.last_feedback, RECOVERY)
            && self.queueing < QUEUE_CLEAR
            && self.loss < 0.02
            && self.peer_estimate(now).is_none()
    }

    /// A packet with a transport-wide number leaves.
    #[inline]
    pub(crate) fn on_sent(&mut self, now: Instant, sequence: u16, size: usize) {
        let at = self.micros(now);
        self.last_sent = Some(now);
        self.probe.on_sent(size);
        if self.sent.is_empty() {
            self.sent.resize(FIRST_SENT, SentPacket::default());
        }
        let mask = self.sent.len() - 1;
        if let Some(slot) = self.sent.get(usize::from(sequence) & mask)
            && slot.size != 0
            && at.wrapping_sub(slot.at) < FEEDBACK_AFTER.as_micros() as u32
        {
            self.grow();
        }
        let mask = self.sent.len() - 1;
        if let Some(slot) = self.sent.get_mut(usize::from(sequence) & mask) {
            *slot = SentPacket { at, sequence, size: size.clamp(1, usize::from(u16::MAX)) as u16 };
        }
    }

    /// The peer's estimate.
    pub(crate) fn on_remb(&mut self, now: Instant, bitrate: u32) {
        self.remb = Some((bitrate.max(FLOOR), now));
    }

    /// Transport-wide feedback; true if the estimate went down.
    pub(crate) fn on_feedback(&mut self, now: Instant, feedback: &TransportCc<'_>) -> bool {
        let mut ticks = self.unwrap_reference(feedback.reference_time);
        let now_micros = self.micros(now);
        let (mut bytes, mut count, mut waited) = (0u64, 0u64, 0i64);
        let (mut last, mut newest) = (i64::MIN, None);
        let mask = self.sent.len().wrapping_sub(1);
        for (sequence, delta) in feedback.received() {
            ticks += i64::from(delta);
            let Some(slot) = self.sent.get_mut(usize::from(sequence) & mask) else { continue };
            if slot.sequence != sequence || slot.size == 0 {
                continue;
            }
            let size = u64::from(std::mem::take(&mut slot.size));
            let age = now_micros.wrapping_sub(slot.at);
            let sent_at = now.saturating_duration_since(self.epoch).as_micros() as i64 - i64::from(age);
            let arrived = ticks * 250;
            let way = arrived - sent_at;
            if self.base.is_none_or(|base| way < base) {
                self.base = Some(way);
            }
            waited += way;
            last = last.max(arrived);
            (bytes, count, newest) = (bytes + size, count + 1, Some(sequence));
        }
        let Some(newest) = newest else { return false };
        self.last_feedback = Some(now);
        self.count_loss(now, newest, count);
        if self.batches.is_full() {
            self.batches.remove(0);
        }
        self.batches.push(Batch { last, bytes });
        let base = [self.base, self.base_before].into_iter().flatten().min().unwrap_or(0);
        self.queueing = waited / count as i64 - base;
        if now.saturating_duration_since(self.base_since) >= BASE_WINDOW {
            (self.base_before, self.base, self.base_since) = (self.base, None, now);
        }
        self.decide(now)
    }

    /// Without feedback for long the path is broken, or the feedback's is: the estimate halves each second.
    pub(crate) fn poll(&mut self, now: Instant) {
        let (Some(feedback), Some(sent)) = (self.last_feedback, self.last_sent) else { return };
        let silent = sent.saturating_duration_since(feedback) >= Duration::from_secs(2);
        if !silent || now.saturating_duration_since(self.last_change) < Duration::from_secs(1) {
            return;
        }
        self.decrease(now, self.estimate / 2);
    }

    fn decide(&mut self, now: Instant) -> bool {
        let settled =
            self.last_decrease.is_none_or(|at| now.saturating_duration_since(at) >= DECREASE_INTERVAL);
        let arrived = self.arrived();
        let overused = self.queueing > QUEUE_OVERUSED || (self.loss > 0.1 && self.loss_is_new);
        if self.probe.is_under_way() && self.probed(now, overused) {
            return false;
        }
        if self.probe.disturbs(now) {
            return false;
        }
        if self.queueing > QUEUE_OVERUSED {
            if settled && let Some(arrived) = arrived {
                // What waits is to get through as well.
                self.decrease(now, self.estimate.min((u64::from(arrived) * 85 / 100) as u32));
                return true;
            }
            return false;
        }
        if self.loss > 0.1 && self.loss_is_new {
            if settled {
                // What arrives does get through, whatever was lost beside it.
                let carried = (u64::from(arrived.unwrap_or(0)) * 85 / 100) as u32;
                let less = (self.estimate as f32 * (1.0 - 0.5 * self.loss)) as u32;
                self.decrease(now, less.max(carried).min(self.estimate));
                return true;
            }
            return false;
        }
        let recovered = self.last_decrease.is_none_or(|at| now.saturating_duration_since(at) >= RECOVERY);
        if recovered && self.probe.is_forgotten(now) && self.queueing < QUEUE_CLEAR && self.loss < 0.02 {
            let arrived = arrived.unwrap_or(0);
            let cap = match self.can_probe && self.last_decrease.is_some() {
                true => arrived / UNPROBED.1 * UNPROBED.0,
                false => arrived.saturating_mul(2).max(self.goal),
            };
            let passed = now.saturating_duration_since(self.last_change).as_millis().min(1000) as u64;
            let growth = if self.last_decrease.is_none() { FIRST_GROWTH } else { GROWTH };
            let grown = u64::from(self.estimate) * growth * passed / 100_000 + passed / 2;
            let grown = u32::try_from(u64::from(self.estimate) + grown).unwrap_or(u32::MAX);
            self.estimate = self.estimate.max(grown.min(cap));
        }
        self.last_change = now;
        false
    }

    /// Looks how a probe goes; true once it is over.
    fn probed(&mut self, now: Instant, overused: bool) -> bool {
        if overused {
            self.probe.overused(now);
        } else if let Some(arrived) = self.arrived()
            && self.span() >= PROBE_SPAN
            && let Some(carried) = self.probe.arrives(now, arrived)
        {
            self.estimate = self.estimate.max(carried);
        } else {
            return false;
        }
        self.last_change = now;
        // What arrived, and what was lost, was its doing.
        self.batches.clear();
        (self.expected, self.received, self.loss_since) = (0, 0, now);
        (self.loss, self.loss_is_new) = (0.0, false);
        true
    }

    fn decrease(&mut self, now: Instant, to: u32) {
        self.probe.overused(now);
        self.estimate = to.max(FLOOR);
        self.last_change = now;
        self.last_decrease = Some(now);
        // What was lost before says nothing about the new rate.
        (self.expected, self.received, self.loss_since, self.loss_is_new) = (0, 0, now, false);
    }

    /// Between the first and the last arrival that are remembered, µs.
    fn span(&self) -> i64 {
        let (first, last) = (self.batches.first(), self.batches.last());
        first.zip(last).map_or(0, |(first, last)| last.last - first.last)
    }

    /// What arrived in the last second, bit/s; `None` if that is not known yet.
    fn arrived(&self) -> Option<u32> {
        let span = self.span();
        if self.batches.len() < 2 || span < 100_000 {
            return None;
        }
        // The bytes of the first batch arrived before the span begins.
        let bytes: u64 = self.batches.iter().skip(1).map(|batch| batch.bytes).sum();
        u32::try_from(bytes * 8_000_000 / span as u64).ok()
    }

    fn count_loss(&mut self, now: Instant, newest: u16, count: u64) {
        let ahead = self.reported.map_or(count as i16, |before| newest.wrapping_sub(before) as i16);
        if ahead > 0 {
            self.expected += ahead as u64;
            self.reported = Some(newest);
        }
        self.received += count;
        if now.saturating_duration_since(self.loss_since) >= LOSS_INTERVAL && self.expected >= LOSS_PACKETS {
            self.loss = self.expected.saturating_sub(self.received) as f32 / self.expected as f32;
            (self.expected, self.received, self.loss_since, self.loss_is_new) = (0, 0, now, true);
        }
    }

    fn unwrap_reference(&mut self, reference: i32) -> i64 {
        let unwrapped = match self.reference {
            // Units of 64 ms, which are 256 ticks, in 24 bits.
            Some((before, ticks)) => ticks + i64::from((reference.wrapping_sub(before) << 8) >> 8) * 256,
            None => i64::from(reference) * 256,
        };
        self.reference = Some((reference, unwrapped));
        unwrapped
    }

    #[inline]
    fn micros(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.epoch).as_micros() as u32
    }

    #[cold]
    fn grow(&mut self) {
        if self.sent.len() >= MAX_SENT {
            return;
        }
        let len = self.sent.len() * 2;
        let old = std::mem::replace(&mut self.sent, vec![SentPacket::default(); len]);
        for packet in old.into_iter().filter(|packet| packet.size != 0) {
            if let Some(slot) = self.sent.get_mut(usize::from(packet.sequence) & (len - 1)) {
                *slot = packet;
            }
        }
    }
}

#[cfg(test)]
#[path = "bandwidth_tests.rs"]
mod tests;
