//! Loss, size, order and reliability in all combinations: what is promised is kept.
use super::*;

/// Of a thousand packets so many are lost, either way.
const LOSSES: [u64; 3] = [0, 20, 50];
/// Bytes of a message: the least, what just does not fit a packet of ours, and what takes many.
const SIZES: [usize; 4] = [1, 1191, 64 << 10, 256 << 10];
const LIMITS: [ReliabilityLimit; 3] =
    [ReliabilityLimit::None, ReliabilityLimit::Lifetime(2000), ReliabilityLimit::Retransmits(3)];

/// One combination.
#[derive(Debug, Clone, Copy)]
struct Cell {
    loss: u64,
    size: usize,
    reliability: Reliability,
}

impl Cell {
    /// 10 000 messages of at most 20 MB in all without loss, 500 of at most 2 MB with loss. Unless there is time, 20 MB are 2 MB: the
    /// state machine looks for the fragments of long unordered messages among all that it has.
    fn count(self) -> usize {
        let whole = if std::env::var_os("SFU_TEST_LONG").is_some() { 20_000_000 } else { 2_000_000 };
        let (most, bytes) = if self.loss == 0 { (10_000, whole) } else { (500, 2_000_000) };
        most.min(bytes / self.size)
    }

    /// Whether every message has to arrive.
    fn is_reliable(self) -> bool {
        self.loss == 0 || self.reliability.limit == ReliabilityLimit::None
    }

    fn run(self) {
        let mut path = Path::connected(SctpConfig::default(), self.reliability);
        path.loss = self.loss;
        let (began, count) = (path.now, self.count());
        let mut sent = 0;
        while !self.is_done(&path, count) {
            assert!(path.now < began + Duration::from_secs(900), "{self:?}: {} came", path.messages(1).len());
            // What has a lifetime is not put into a queue that is longer: all that is promised is for what is sent.
            let room = if self.reliability.limit == ReliabilityLimit::None { 1 << 20 } else { 0 };
            while sent < count && path.sides[0].buffered_amount(0) <= Some(room) {
                path.send(0, 0, &numbered(sent as u32, self.size)).unwrap();
                sent += 1;
            }
            path.run_for(Duration::from_millis(20));
            if sent == count && !self.is_reliable() && path.now > began + Duration::from_secs(300) {
                break;
            }
        }
        let took = path.now - began;
        // What was given up is forgotten, and the stream goes on.
        path.loss = 0;
        path.run_for(Duration::from_secs(10));
        path.send(0, 0, &numbered(u32::MAX, 4)).unwrap();
        path.run_for(Duration::from_secs(10));
        self.judge(&path, count, took);
    }

    fn is_done(self, path: &Path, count: usize) -> bool {
        path.messages_seen[1] == count
    }

    fn judge(self, path: &Path, count: usize, took: Duration) {
        let mut came = path.messages(1);
        assert_eq!(came.pop(), Some(&numbered(u32::MAX, 4)[..]), "{self:?}: the stream does not go on");
        let sent: Vec<Vec<u8>> = (0..count).map(|number| numbered(number as u32, self.size)).collect();
        let mut sent: Vec<&[u8]> = sent.iter().map(|message| &message[..]).collect();
        println!(
            "loss {:4} %, {:6} B, ordered {:5}, {:?}: {} of {count} in {took:.1?}, {:.0} kB/s",
            self.loss as f64 / 10.0,
            self.size,
            self.reliability.ordered,
            self.reliability.limit,
            came.len(),
            (came.len() * self.size) as f64 / took.as_secs_f64() / 1000.0,
        );
        if !self.reliability.ordered {
            came.sort_unstable();
            sent.sort_unstable();
        }
        if self.is_reliable() {
            assert!(came == sent, "{self:?}: {} of {count} came", came.len());
            return;
        }
        // Each at most once, whole, in order where that is promised; and some do come.
        let mut rest = sent.iter();
        assert!(came.iter().all(|message| rest.any(|sent| sent == message)), "{self:?}: wrong ones came");
        // At a loss of 5 % little more than 100 kB pass a second: the longest is given up before it is through.
        let is_short =
            self.size < 256 << 10 || !matches!(self.reliability.limit, ReliabilityLimit::Lifetime(_));
        assert!(!is_short || came.len() * 10 >= count * 8, "{self:?}: {} of {count} came", came.len());
    }
}

fn run(ordered: bool, limit: ReliabilityLimit) {
    for loss in LOSSES {
        for size in SIZES {
            Cell { loss, size, reliability: Reliability { ordered, limit } }.run();
        }
    }
}

#[test]
fn ordered_and_reliable() {
    run(true, LIMITS[0]);
}

#[test]
fn unordered_and_reliable() {
    run(false, LIMITS[0]);
}

#[test]
fn ordered_with_a_lifetime() {
    run(true, LIMITS[1]);
}

#[test]
fn unordered_with_a_lifetime() {
    run(false, LIMITS[1]);
}

#[test]
fn ordered_with_few_retransmissions() {
    run(true, LIMITS[2]);
}

#[test]
fn unordered_with_few_retransmissions() {
    run(false, LIMITS[2]);
}
