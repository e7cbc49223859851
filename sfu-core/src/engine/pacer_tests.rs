use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

const SIZE: usize = 1200;

/// A pacer and what waits behind it, as a transport drives them.
struct Path {
    pacer: Pacer,
    now: Instant,
    sent: u64,
    waiting: VecDeque<(Instant, usize)>,
    due: Option<Instant>,
    /// When each packet left, and its size.
    left: Vec<(Instant, usize)>,
    longest: Duration,
    fastest: u32,
    available: Option<u32>,
}

impl Path {
    fn new(limited: bool, available: Option<u32>) -> Self {
        Path {
            pacer: Pacer::new(limited),
            now: Instant::now(),
            sent: 0,
            waiting: VecDeque::new(),
            due: None,
            left: Vec::new(),
            longest: Duration::ZERO,
            fastest: 0,
            available,
        }
    }

    fn waiting_bytes(&self) -> u32 {
        self.waiting.iter().map(|(_, size)| *size as u32).sum()
    }

    fn leave(&mut self, size: usize) {
        self.sent += size as u64;
        self.left.push((self.now, size));
    }

    fn count(&mut self) {
        if self.pacer.is_to_measure(self.now) {
            self.pacer.measure(self.now, PathFigures { sent: self.sent, available: self.available });
            self.fastest = self.fastest.max(self.pacer.rate);
        }
    }

    fn send(&mut self, size: usize) {
        if self.pacer.take(self.now, size) {
            assert!(self.waiting.is_empty(), "nothing passes what waits");
            return self.leave(size);
        }
        if self.waiting.is_empty() {
            self.count();
            self.pacer.count(self.now);
            if self.pacer.take(self.now, size) {
                return self.leave(size);
            }
            self.pacer.begin_wait();
        }
        self.waiting.push_back((self.now, size));
        self.pacer.waits(self.waiting_bytes());
        self.fastest = self.fastest.max(self.pacer.rate.max(self.pacer.hurry));
        self.due.get_or_insert(Pacer::first_run(self.now));
    }

    fn run(&mut self) {
        self.count();
        self.pacer.earn(self.now);
        while self.pacer.has_room() {
            let Some((since, size)) = self.waiting.pop_front() else { break };
            self.longest = self.longest.max(self.now - since);
            self.pacer.spend(size);
            self.leave(size);
        }
        self.fastest = self.fastest.max(self.pacer.rate.max(self.pacer.hurry));
        self.due = match self.waiting.is_empty() {
            true => {
                self.pacer.end_wait();
                None
            }
            false => Some(self.pacer.next_run(self.now, self.waiting_bytes())),
        };
    }

    fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.due.filter(|due| *due <= end) {
            self.now = due;
            self.run();
        }
        self.now = end;
    }

    /// Lengths of what left at the same moment, in packets.
    fn runs(&self) -> Vec<usize> {
        self.left.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len).collect()
    }
}

#[test]
fn a_run_of_ten_full_packets_passes_at_once() {
    let mut path = Path::new(true, None);
    (0..10).for_each(|_| path.send(1250));
    assert_eq!(path.runs(), [10]);
}

#[test]
fn a_large_burst_is_spread_in_runs_and_is_out_in_time() {
    let mut path = Path::new(true, Some(4_000_000));
    (0..100).for_each(|_| path.send(SIZE));
    path.advance(LONGEST_WAIT);
    assert_eq!(path.left.len(), 100);
    let runs = path.runs();
    assert!(runs.iter().all(|run| *run <= 13), "{runs:?}");
    assert!((8..=20).contains(&runs.len()), "{runs:?}");
    assert!(
        path.left[99].0 - path.left[0].0 > Duration::from_millis(25),
        "it is spread over the time that it has"
    );
}

#[test]
fn the_rate_is_that_of_the_path_where_that_is_enough() {
    // Fifty packets take 4.8 ms at 100 Mbit/s.
    let mut path = Path::new(true, Some(40_000_000));
    (0..50).for_each(|_| path.send(SIZE));
    path.advance(Duration::from_millis(5));
    assert_eq!(path.left.len(), 50);
    assert!(path.runs().len() >= 4, "{:?}", path.runs());
}

#[test]
fn a_stream_that_is_faster_than_was_known_soon_does_not_wait() {
    let mut path = Path::new(true, None);
    // 80 Mbit/s of packets one by one.
    for n in 0..20_000 {
        if n == 10_000 {
            path.left.clear();
            path.longest = Duration::ZERO;
        }
        path.send(1000);
        path.advance(Duration::from_micros(100));
    }
    assert_eq!(path.longest, Duration::ZERO);
    assert_eq!(path.left.len(), 10_000);
}

#[test]
fn without_a_limit_nothing_ever_waits() {
    let mut path = Path::new(false, Some(30_000));
    for _ in 0..10 {
        // More than the budget of one that has no limit, too.
        (0..200_000).for_each(|_| path.send(15_000));
        path.advance(Duration::from_secs(5));
    }
    assert_eq!((path.left.len(), path.waiting.len()), (2_000_000, 0));
}

#[test]
fn after_a_pause_no_more_than_the_allowance_leaves_at_once() {
    let mut path = Path::new(true, Some(100_000_000));
    path.send(SIZE);
    path.advance(Duration::from_secs(3600));
    (0..100).for_each(|_| path.send(SIZE));
    assert_eq!(path.runs(), [1, 13]);
}

#[test]
fn a_clock_that_steps_back_does_no_harm() {
    let mut path = Path::new(true, None);
    (0..40).for_each(|_| path.send(SIZE));
    path.now -= Duration::from_millis(500);
    (0..40).for_each(|_| path.send(SIZE));
    path.advance(Duration::from_secs(1));
    assert_eq!(path.left.len(), 80);
}

proptest! {
    /// Over any span of time no more leaves than the highest rate brings in it, an allowance, a recount's delay and the last packet.
    #[test]
    fn never_more_than_rate_and_allowance_and_never_later_than_promised(
        available in proptest::option::of(10_000u32..200_000_000),
        steps in proptest::collection::vec((1usize..120, 40usize..1500, 0u64..60_000), 1..30),
    ) {
        let mut path = Path::new(true, available);
        for (count, size, pause) in steps {
            (0..count).for_each(|_| path.send(size));
            path.advance(Duration::from_micros(pause));
        }
        path.advance(LONGEST_WAIT);
        prop_assert!(path.waiting.is_empty(), "{} wait", path.waiting.len());
        prop_assert!(path.longest <= LONGEST_WAIT + Duration::from_millis(1), "{:?}", path.longest);
        let rate = u64::from(path.fastest);
        let sums: Vec<u64> = path.left.iter().scan(0, |sum, (_, size)| { *sum += *size as u64; Some(*sum) }).collect();
        for (from, (begin, size)) in path.left.iter().enumerate().step_by(5) {
            for (to, (end, _)) in path.left.iter().enumerate().skip(from).step_by(7) {
                let bytes = sums[to] - sums[from] + *size as u64;
                let time = (*end - *begin + RECOUNT).as_nanos() as u64;
                prop_assert!(bytes <= rate * time / 1_000_000_000 + ALLOWANCE as u64 + 2 * 1500);
            }
        }
    }
}
