use super::*;
use crate::rtcp::{Arrival, Compound, RtcpItem, RtcpWriter};
use proptest::prelude::*;

/// A path with a bottleneck, a queue before it, and feedback each 100 ms.
struct Path {
    now: Instant,
    start: Instant,
    bandwidth: Bandwidth,
    rate: u64,
    /// When the bottleneck is free again.
    free: Instant,
    queue: Duration,
    number: u64,
    arrivals: Vec<Arrival>,
    loss: u64,
    count: u8,
    /// Bytes of padding sent, and the longest time that a packet waited.
    padding: u64,
    longest: Duration,
}

/// Bytes of a packet of padding.
const PADDING: u64 = 250;

impl Path {
    fn new(start_rate: u32, rate: u64) -> Self {
        let now = Instant::now();
        Path {
            now,
            start: now,
            bandwidth: Bandwidth::new(now, start_rate),
            rate,
            free: now,
            queue: Duration::from_millis(500),
            number: 65_000,
            arrivals: Vec::new(),
            loss: 0,
            count: 0,
            padding: 0,
            longest: Duration::ZERO,
        }
    }

    /// Sends at `rate` bit/s for so long.
    fn send(&mut self, rate: u64, time: Duration) {
        let end = self.now + time;
        let size = 500u64;
        let interval = Duration::from_micros(size * 8_000_000 / rate);
        let mut feedback = self.now + Duration::from_millis(100);
        while self.now < end {
            self.packet(size);
            let mut padding = self.bandwidth.padding(self.now).unwrap_or(0);
            while padding >= PADDING {
                self.packet(PADDING);
                (padding, self.padding) = (padding - PADDING, self.padding + PADDING);
            }
            self.now += interval;
            if self.now >= feedback {
                feedback = self.now + Duration::from_millis(100);
                self.feedback();
            }
        }
    }

    fn packet(&mut self, size: u64) {
        self.bandwidth.on_sent(self.now, self.number as u16, size as usize);
        let is_lost = self.loss > 0 && self.number.is_multiple_of(self.loss);
        let waits = self.free.saturating_duration_since(self.now);
        self.longest = self.longest.max(waits);
        if !is_lost && waits < self.queue {
            self.free = self.free.max(self.now) + Duration::from_micros(size * 8_000_000 / self.rate);
            let at = self.free.duration_since(self.start) + Duration::from_millis(20);
            // The receiver's clock is another one.
            let ticks = at.as_micros() as u64 / 250 + 77_000;
            self.arrivals.push(Arrival { sequence: self.number, ticks });
        }
        self.number += 1;
    }

    fn feedback(&mut self) {
        let now = (self.now.duration_since(self.start).as_micros() as u64) / 250 + 77_000;
        let arrived: Vec<Arrival> = self.arrivals.iter().copied().filter(|a| a.ticks <= now).collect();
        self.arrivals.retain(|a| a.ticks > now);
        let Some(first) = arrived.first() else { return };
        let mut buffer = [0; 1200];
        let mut writer = RtcpWriter::new(&mut buffer);
        writer.transport_cc(1, 2, self.count, first.sequence, &arrived).unwrap();
        self.count = self.count.wrapping_add(1);
        let bytes = writer.as_bytes().to_vec();
        for item in Compound::new(&bytes).flatten() {
            let RtcpItem::TransportCc(feedback) = item else { panic!() };
            self.bandwidth.on_feedback(self.now, &feedback);
        }
    }

    fn estimate(&self) -> u32 {
        self.bandwidth.estimate(self.now).unwrap()
    }
}

#[test]
fn nothing_is_known_before_the_peer_says_something() {
    let path = Path::new(600_000, 1_000_000);
    assert_eq!(path.bandwidth.estimate(path.now), None);
    let mut path = Path::new(600_000, 1_000_000);
    path.bandwidth.on_remb(path.now, 400_000);
    assert_eq!(path.estimate(), 400_000);
}

#[test]
fn a_narrow_path_takes_the_estimate_down_to_what_it_carries() {
    let mut path = Path::new(2_000_000, 300_000);
    path.send(900_000, Duration::from_secs(2));
    let estimate = path.estimate();
    assert!((200_000..300_000).contains(&estimate), "{estimate}");
    // What waited leaves, which may cost one more step; then little is sent, and it does not fall on.
    path.send(100_000, Duration::from_secs(2));
    let settled = path.estimate();
    assert!(settled * 10 > estimate * 8, "{settled} after {estimate}");
    path.send(100_000, Duration::from_secs(10));
    assert!(path.estimate() >= settled, "{} after {settled}", path.estimate());
}

#[test]
fn it_grows_to_twice_of_what_arrives_or_to_the_goal_and_no_further() {
    let mut path = Path::new(300_000, 10_000_000);
    path.send(400_000, Duration::from_secs(60));
    let estimate = path.estimate();
    assert!((700_000..900_000).contains(&estimate), "{estimate}");
    path.bandwidth.set_goal(2_000_000, false);
    path.send(400_000, Duration::from_secs(60));
    let estimate = path.estimate();
    assert!((1_900_000..=2_000_000).contains(&estimate), "{estimate}");
}

/// A path that was overused once, which 200 kbit/s are sent on since.
fn after_overuse(rate: u64) -> Path {
    let mut path = Path::new(2_000_000, 300_000);
    path.send(900_000, Duration::from_secs(2));
    path.rate = rate;
    path.bandwidth.set_goal(500_000, true);
    path.send(200_000, Duration::from_secs(4));
    (path.padding, path.longest) = (0, Duration::ZERO);
    path
}

#[test]
fn a_path_that_carries_more_again_is_found_out_by_padding() {
    let mut path = after_overuse(1_000_000);
    assert!(path.estimate() < 300_000, "{}", path.estimate());
    path.send(200_000, Duration::from_secs(10));
    assert!((440_000..=520_000).contains(&path.estimate()), "{}", path.estimate());
    // 300 kbit/s for less than a second.
    assert!((10_000..40_000).contains(&path.padding), "{}", path.padding);
    assert!(path.bandwidth.proven().is_some());
    let padding = path.padding;
    path.bandwidth.set_goal(0, true);
    path.send(200_000, Duration::from_secs(10));
    assert_eq!(path.padding, padding, "nobody wants more");
}

#[test]
fn a_path_that_carries_no_more_is_tried_less_and_less_often_and_never_for_long() {
    let mut path = after_overuse(300_000);
    let mut tries = Vec::new();
    for quarter in 0..8 {
        let padding = path.padding;
        path.send(200_000, Duration::from_secs(15));
        tries.push(path.padding - padding);
        assert!((200_000..310_000).contains(&path.estimate()), "{} in {quarter}", path.estimate());
    }
    assert!(tries[0] > 0 && tries.iter().skip(4).any(|padding| *padding == 0), "{tries:?}");
    assert!(path.padding < 8 * 20_000, "{tries:?}");
    assert!(path.longest < Duration::from_millis(350), "{:?}", path.longest);
    assert_eq!(path.bandwidth.proven(), None);
}

#[test]
fn a_probe_that_promised_too_much_makes_the_next_one_wait_longer() {
    let mut path = after_overuse(1_000_000);
    let mut proofs = Vec::new();
    for _ in 0..60 {
        path.send(200_000, Duration::from_secs(1));
        if path.bandwidth.proven().is_some_and(|at| proofs.last().is_none_or(|last| at > *last)) {
            proofs.extend(path.bandwidth.proven());
            // Bursts pass, a stream does not.
            path.rate = 300_000;
            path.send(500_000, Duration::from_secs(3));
            path.rate = 1_000_000;
        }
    }
    let pauses: Vec<u64> = proofs.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert!(pauses.len() >= 2 && pauses.windows(2).all(|pair| pair[1] > pair[0]), "{pauses:?}");
}

#[test]
fn much_loss_takes_it_down_and_little_loss_does_not() {
    let mut path = Path::new(1_000_000, 10_000_000);
    path.loss = 5;
    path.send(500_000, Duration::from_secs(5));
    assert!(path.estimate() < 700_000, "{}", path.estimate());
    let mut path = Path::new(1_000_000, 10_000_000);
    path.loss = 30;
    path.send(500_000, Duration::from_secs(5));
    assert!(path.estimate() >= 1_000_000, "{}", path.estimate());
    assert!((0.02..0.05).contains(&path.bandwidth.loss().unwrap()));
}

#[test]
fn feedback_that_stops_takes_it_down() {
    let mut path = Path::new(1_000_000, 10_000_000);
    path.send(500_000, Duration::from_secs(1));
    for _ in 0..60 {
        path.now += Duration::from_millis(100);
        path.bandwidth.on_sent(path.now, path.number as u16, 500);
        path.number += 1;
        path.bandwidth.poll(path.now);
    }
    assert!(path.estimate() < 200_000, "{}", path.estimate());
}

#[test]
fn at_a_high_rate_more_packets_are_remembered() {
    let mut path = Path::new(20_000_000, 30_000_000);
    path.send(10_000_000, Duration::from_secs(3));
    assert!(path.bandwidth.loss().unwrap() < 0.01);
    assert!(path.bandwidth.sent.len() <= 2048, "{}", path.bandwidth.sent.len());
}

proptest! {
    #[test]
    fn any_feedback_leaves_an_estimate_of_sense(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 16..60), 1..40)) {
        let mut path = Path::new(1_000_000, 10_000_000);
        path.send(500_000, Duration::from_secs(1));
        for body in bodies {
            let mut bytes = vec![0x8F, 205, 0, 0];
            bytes.extend(body);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            let words = (bytes.len() / 4 - 1) as u16;
            bytes[2..4].copy_from_slice(&words.to_be_bytes());
            for item in Compound::new(&bytes).flatten() {
                if let RtcpItem::TransportCc(feedback) = item {
                    path.now += Duration::from_millis(50);
                    path.bandwidth.on_feedback(path.now, &feedback);
                }
            }
        }
        prop_assert!(path.estimate() >= FLOOR && path.estimate() <= 4_000_000);
    }
}
