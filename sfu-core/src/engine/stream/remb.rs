//! The bitrate that a sender is told to stay below (REMB, draft-alvestrand-rmcat-remb-03).

use std::time::{Duration, Instant};

use super::rate::RateCounter;

/// Time between two messages of an estimate.
const ESTIMATE_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two messages of a mere limit.
const LIMIT_INTERVAL: Duration = Duration::from_millis(1500);
/// Below this share lost (of 256; 2 %) the estimate rises.
const LOW_LOSS: u8 = 5;
/// Above this share lost (of 256; 10 %) it falls.
const HIGH_LOSS: u8 = 26;
/// No estimate goes below this.
const MIN_BITRATE: u64 = 30_000;
/// What is told while nothing limits.
const NO_LIMIT: u64 = 100_000_000;

/// What a [`Remb`] is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RembMode {
    /// The sender has no transport-cc: estimate for it, each second.
    Estimate,
    /// The sender estimates for itself: only tell it the limit, if there is one, each 1.5 s.
    Limit,
}

/// Receiver-side bitrate estimate of one transport, for senders without transport-cc: additive and multiplicative steps on loss and the rate that arrives.
///
/// It knows nothing of delay, so it fills queues before it notices; transport-cc is better wherever the sender has it.
#[derive(Debug, Clone)]
pub(crate) struct Remb {
    mode: RembMode,
    rate: RateCounter,
    estimate: u64,
    limit: Option<u64>,
    /// Worst loss since the last message.
    loss: u8,
    next: Option<Instant>,
    last_packet: Option<Instant>,
}

impl Remb {
    /// Starts from `start` bits per second; it says nothing before the first packet.
    pub(crate) fn new(mode: RembMode, start: u64) -> Self {
        Self {
            mode,
            rate: RateCounter::default(),
            estimate: start.max(MIN_BITRATE),
            limit: None,
            loss: 0,
            next: None,
            last_packet: None,
        }
    }

    /// The most that the sender may ever send, in bits per second; `None` for no limit. The next message tells it at once.
    pub(crate) fn set_limit(&mut self, now: Instant, limit: Option<u64>) {
        self.limit = limit;
        if self.last_packet.is_some() {
            self.next = Some(now);
        }
    }

    /// Takes a packet of any stream of the transport.
    pub(crate) fn on_packet(&mut self, now: Instant, size: usize) {
        self.rate.add(now, size);
        self.last_packet = Some(now);
        self.next.get_or_insert(now + self.interval());
    }

    /// Takes the loss of a stream in its last report interval, in 1/256; the worst counts.
    pub(crate) fn on_loss(&mut self, now: Instant, fraction_lost: u8) {
        self.loss = self.loss.max(fraction_lost);
        if self.mode == RembMode::Estimate && fraction_lost > HIGH_LOSS && self.next.is_some() {
            // Bad news don't wait (section 2 of the draft wants a decrease told immediately), but leave time to take effect.
            self.next = self.next.map(|next| next.min(now + ESTIMATE_INTERVAL / 4));
        }
    }

    /// The bitrate to send in a REMB now, in bits per second; `None` while none is due.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<u64> {
        if self.next.is_none_or(|next| now < next) {
            return None;
        }
        // With nothing arriving there is no one to tell and nothing to learn.
        let silent =
            self.last_packet.is_none_or(|last| now.saturating_duration_since(last) > 2 * LIMIT_INTERVAL);
        self.next = (!silent).then(|| now + self.interval());
        if silent {
            return None;
        }
        match self.mode {
            RembMode::Limit => self.limit,
            RembMode::Estimate => {
                self.step(now);
                Some(self.bitrate())
            }
        }
    }

    /// When [`poll`](Self::poll) has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.next
    }

    /// The bitrate allowed at present, in bits per second.
    pub(crate) fn bitrate(&self) -> u64 {
        let limit = self.limit.unwrap_or(NO_LIMIT);
        match self.mode {
            RembMode::Limit => limit,
            RembMode::Estimate => self.estimate.min(limit),
        }
    }

    fn step(&mut self, now: Instant) {
        let arriving = self.rate.bits_per_second(now);
        let loss = std::mem::take(&mut self.loss);
        if loss > HIGH_LOSS {
            // What arrives is what the path carries; go below it by half the loss, so that the queue drains.
            let keep = 512 - u64::from(loss);
            self.estimate = self.estimate.min(arriving * keep / 512);
        } else if loss <= LOW_LOSS {
            // A sender that doesn't use what it has proves nothing about more: rise to at most twice what arrives.
            let risen = self.estimate + self.estimate / 12 + 10_000;
            self.estimate = self.estimate.max(risen.min(arriving.saturating_mul(2)));
        }
        self.estimate = self.estimate.clamp(MIN_BITRATE, NO_LIMIT);
    }

    fn interval(&self) -> Duration {
        match self.mode {
            RembMode::Estimate => ESTIMATE_INTERVAL,
            RembMode::Limit => LIMIT_INTERVAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Sends at the rate told (at most `want`) through a path of `capacity` bits per second for so many seconds; what it was told.
    fn drive(remb: &mut Remb, start: Instant, seconds: u64, want: u64, capacity: u64) -> Vec<u64> {
        let mut told = Vec::new();
        for step in 0..seconds * 100 {
            let now = start + ms(step * 10);
            let sending = remb.bitrate().min(want);
            remb.on_packet(now, (sending.min(capacity) / 800) as usize);
            if step % 100 == 99 && sending > capacity {
                remb.on_loss(now, ((sending - capacity) * 256 / sending).min(255) as u8);
            }
            told.extend(remb.poll(now));
        }
        told
    }

    #[test]
    fn the_estimate_is_told_each_second_and_rises_without_loss() {
        let mut remb = Remb::new(RembMode::Estimate, 300_000);
        let told = drive(&mut remb, Instant::now(), 30, u64::MAX, 100_000_000);
        assert!((28..=30).contains(&told.len()), "{}", told.len());
        assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
        assert!(remb.bitrate() > 2_000_000);
    }

    #[test]
    fn the_estimate_finds_the_capacity() {
        let mut remb = Remb::new(RembMode::Estimate, 4_000_000);
        let told = drive(&mut remb, Instant::now(), 60, u64::MAX, 1_000_000);
        let late = &told[told.len() - 20..];
        assert!(late.iter().all(|bps| (700_000..1_400_000).contains(bps)), "{late:?}");
    }

    #[test]
    fn heavy_loss_brings_the_estimate_below_what_arrives() {
        let start = Instant::now();
        let mut remb = Remb::new(RembMode::Estimate, 2_000_000);
        for i in 0..200 {
            remb.on_packet(start + ms(10 * i), 1000);
        }
        remb.poll(start + ms(1995));
        remb.on_loss(start + ms(1995), 128);
        let told = remb.poll(start + ms(2245)).unwrap();
        let arriving = remb.rate.bits_per_second(start + ms(2245));
        assert_eq!(told, arriving * 3 / 4);
    }

    #[test]
    fn a_sender_that_sends_little_does_not_raise_the_estimate() {
        let mut remb = Remb::new(RembMode::Estimate, 300_000);
        drive(&mut remb, Instant::now(), 60, 200_000, 100_000_000);
        assert!(remb.bitrate() <= 420_000, "{}", remb.bitrate());
        assert!(remb.bitrate() >= 300_000);
    }

    #[test]
    fn the_limit_is_told_at_once_and_then_each_interval() {
        let start = Instant::now();
        let mut remb = Remb::new(RembMode::Limit, 300_000);
        assert!(drive(&mut remb, start, 5, 1_000_000, u64::MAX).is_empty(), "no limit, no message");
        let later = start + ms(5000);
        remb.set_limit(later, Some(500_000));
        assert_eq!(remb.poll(later), Some(500_000));
        let told = drive(&mut remb, later + ms(10), 6, 1_000_000, u64::MAX);
        assert_eq!(told, [500_000; 4]);
    }

    #[test]
    fn a_limit_caps_the_estimate() {
        let mut remb = Remb::new(RembMode::Estimate, 300_000);
        let start = Instant::now();
        remb.set_limit(start, Some(250_000));
        let told = drive(&mut remb, start, 10, u64::MAX, u64::MAX);
        assert!(told.iter().all(|&bps| bps == 250_000));
    }

    #[test]
    fn a_silent_transport_has_no_deadline() {
        let start = Instant::now();
        let mut remb = Remb::new(RembMode::Estimate, 300_000);
        assert_eq!(remb.next_deadline(), None);
        remb.on_packet(start, 100);
        while let Some(at) = remb.next_deadline() {
            assert!(at < start + ms(10_000));
            remb.poll(at);
        }
    }

    proptest! {
        #[test]
        fn the_estimate_stays_in_bounds(steps in proptest::collection::vec(any::<(u16, u32, u8)>(), 1..200), start in any::<u64>()) {
            let mut now = Instant::now();
            let mut remb = Remb::new(RembMode::Estimate, start.min(NO_LIMIT));
            for (step, size, loss) in steps {
                now += ms(u64::from(step) % 400);
                remb.on_packet(now, size as usize);
                remb.on_loss(now, loss);
                if let Some(bps) = remb.poll(now) {
                    prop_assert!((MIN_BITRATE..=NO_LIMIT).contains(&bps));
                }
            }
        }
    }
}
