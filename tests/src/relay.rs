//! A UDP relay that drops, delays and limits by seed: what happens to the n-th datagram of a direction is decided by
//! the seed and n alone.
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::numbers::Numbers;

/// Datagrams that wait for a limited rate at the most; what comes on top is dropped, as a router would.
const QUEUE: Duration = Duration::from_millis(300);

/// What happens to datagrams, in each direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Impairment {
    /// Share of datagrams dropped, 0 to 1.
    pub loss: f64,
    /// Added to each datagram's way.
    pub delay: Duration,
    /// Up to so much more, different for each datagram, so that they overtake each other.
    pub jitter: Duration,
    /// Bit/s at the most.
    pub rate: Option<u64>,
    /// Sends a datagram of one byte to a client that often, from its first media on: FFmpeg with GnuTLS forgets that its
    /// socket shall not block, and waits for a datagram before each one it sends.
    pub nudge: Option<Duration>,
    /// Lets everything to the target pass untouched: only the way back is impaired.
    pub spares_up: bool,
}

impl Impairment {
    /// Loses this share of the datagrams.
    pub fn loss(loss: f64) -> Self {
        Impairment { loss, ..Impairment::default() }
    }
}

/// Datagrams of one direction.
#[derive(Debug, Default)]
pub struct Counts {
    /// Passed on.
    pub passed: AtomicU64,
    /// Dropped.
    pub dropped: AtomicU64,
}

/// One direction: its random numbers, its rate, its counts.
struct Lane {
    numbers: Numbers,
    free_at: Instant,
}

/// When a datagram leaves, or that it is dropped.
impl Lane {
    fn new(seed: u64) -> Self {
        Lane { numbers: Numbers::new(seed), free_at: Instant::now() }
    }

    fn departure(&mut self, how: &Impairment, len: usize, now: Instant) -> Option<Instant> {
        // Always two numbers a datagram, so that one setting does not shift the sequence of another.
        let (luck, spread) = (self.numbers.fraction(), self.numbers.fraction());
        if luck < how.loss {
            return None;
        }
        let mut at = now;
        if let Some(rate) = how.rate {
            at = at.max(self.free_at);
            if at - now > QUEUE {
                return None;
            }
            at += Duration::from_secs_f64(len as f64 * 8.0 / rate.max(1) as f64);
            self.free_at = at;
        }
        Some(at + how.delay + how.jitter.mul_f64(spread))
    }
}

/// A relay in front of one UDP address. Ends when dropped.
pub struct Relay {
    address: SocketAddr,
    how: Arc<Mutex<Impairment>>,
    up: Arc<Counts>,
    down: Arc<Counts>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Starts a relay to `target` on the same host and any free port.
    pub async fn start(target: SocketAddr, how: Impairment, seed: u64) -> std::io::Result<Relay> {
        let socket = Arc::new(UdpSocket::bind((target.ip(), 0)).await?);
        let address = socket.local_addr()?;
        let how = Arc::new(Mutex::new(how));
        let (up, down) = (Arc::new(Counts::default()), Arc::new(Counts::default()));
        let paths = Paths { socket, target, how: how.clone(), up: up.clone(), down: down.clone(), seed };
        Ok(Relay { address, how, up, down, task: tokio::spawn(paths.run()) })
    }

    /// Where clients send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens to the datagrams from now on.
    pub fn set(&self, how: Impairment) {
        *self.how.lock().unwrap() = how;
    }

    /// Datagrams to the target.
    pub fn up(&self) -> &Counts {
        &self.up
    }

    /// Datagrams from the target.
    pub fn down(&self) -> &Counts {
        &self.down
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Paths {
    socket: Arc<UdpSocket>,
    target: SocketAddr,
    how: Arc<Mutex<Impairment>>,
    up: Arc<Counts>,
    down: Arc<Counts>,
    seed: u64,
}

impl Paths {
    async fn run(self) {
        // A client is known by its address; each gets a socket of its own towards the target. All of them share one
        // lane a direction: the order of datagrams decides, not who sent them.
        let mut clients: HashMap<SocketAddr, (Arc<UdpSocket>, JoinOnDrop)> = HashMap::new();
        let mut lane = Lane::new(self.seed);
        let down_lane = Arc::new(Mutex::new(Lane::new(self.seed ^ 0x5bd1_e995)));
        let (mut nudged, mut nudges) = (HashSet::new(), JoinSet::new());
        let mut buffer = vec![0; 65536];
        loop {
            let Ok((len, client)) = self.socket.recv_from(&mut buffer).await else { continue };
            if let Entry::Vacant(place) = clients.entry(client) {
                let Ok(up) = UdpSocket::bind((self.target.ip(), 0)).await else { continue };
                if up.connect(self.target).await.is_err() {
                    continue;
                }
                let up = Arc::new(up);
                let task = tokio::spawn(bring_back(
                    up.clone(),
                    self.socket.clone(),
                    client,
                    self.how.clone(),
                    self.down.clone(),
                    down_lane.clone(),
                ));
                place.insert((up, JoinOnDrop(task)));
            }
            let Some((up, _)) = clients.get(&client) else { continue };
            let how = *self.how.lock().unwrap();
            let is_media = buffer.first().is_some_and(|first| (128..192).contains(first));
            if let Some(interval) = how.nudge.filter(|_| is_media && nudged.insert(client)) {
                nudges.spawn(nudge(self.socket.clone(), client, interval));
            }
            let now = Instant::now();
            let how = if how.spares_up { Impairment::default() } else { how };
            let departure = lane.departure(&how, len, now);
            forward(departure, now, &buffer[..len], &self.up, up.clone(), None).await;
        }
    }
}

async fn nudge(socket: Arc<UdpSocket>, client: SocketAddr, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let _ = socket.send_to(&[0], client).await;
    }
}

async fn bring_back(
    up: Arc<UdpSocket>,
    socket: Arc<UdpSocket>,
    client: SocketAddr,
    how: Arc<Mutex<Impairment>>,
    counts: Arc<Counts>,
    lane: Arc<Mutex<Lane>>,
) {
    let mut buffer = vec![0; 65536];
    loop {
        // Refused (the target is gone) comes as an error and passes.
        let Ok(len) = up.recv(&mut buffer).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let how = *how.lock().unwrap();
        let now = Instant::now();
        let departure = lane.lock().unwrap().departure(&how, len, now);
        forward(departure, now, &buffer[..len], &counts, socket.clone(), Some(client)).await;
    }
}

/// Sends a datagram at its time, or counts it as dropped.
async fn forward(
    departure: Option<Instant>,
    now: Instant,
    datagram: &[u8],
    counts: &Counts,
    socket: Arc<UdpSocket>,
    to: Option<SocketAddr>,
) {
    let Some(at) = departure else {
        counts.dropped.fetch_add(1, Ordering::Relaxed);
        return;
    };
    counts.passed.fetch_add(1, Ordering::Relaxed);
    if at <= now {
        let _ = send(&socket, datagram, to).await;
        return;
    }
    let datagram = datagram.to_vec();
    tokio::spawn(async move {
        tokio::time::sleep_until(at).await;
        let _ = send(&socket, &datagram, to).await;
    });
}

async fn send(socket: &UdpSocket, datagram: &[u8], to: Option<SocketAddr>) -> std::io::Result<usize> {
    match to {
        Some(to) => socket.send_to(datagram, to).await,
        None => socket.send(datagram).await,
    }
}

struct JoinOnDrop(JoinHandle<()>);

impl Drop for JoinOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of 400 numbered datagrams come back from an echo behind a relay.
    async fn survivors(loss: f64, seed: u64) -> Vec<u16> {
        let echo = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let target = echo.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 16];
            while let Ok((len, from)) = echo.recv_from(&mut buffer).await {
                let _ = echo.send_to(&buffer[..len], from).await;
            }
        });
        let relay = Relay::start(target, Impairment::loss(loss), seed).await.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(relay.address()).await.unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 16];
        for number in 0..400u16 {
            client.send(&number.to_be_bytes()).await.unwrap();
            let wait = Duration::from_millis(if loss == 0.0 { 1000 } else { 10 });
            if let Ok(Ok(2)) = tokio::time::timeout(wait, client.recv(&mut buffer)).await {
                seen.push(u16::from_be_bytes([buffer[0], buffer[1]]));
            }
        }
        let dropped =
            relay.up().dropped.load(Ordering::Relaxed) + relay.down().dropped.load(Ordering::Relaxed);
        if loss == 0.0 {
            assert_eq!(dropped, 0);
        } else {
            assert!((10..80).contains(&dropped), "{dropped} of 800 dropped");
        }
        seen
    }

    #[tokio::test]
    async fn without_impairment_everything_passes_in_order() {
        assert_eq!(survivors(0.0, 1).await, (0..400).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn loss_drops_about_its_share_both_ways() {
        let seen = survivors(0.05, 1).await.len();
        assert!((320..395).contains(&seen), "{seen} of 400 came back");
    }

    #[test]
    fn what_is_dropped_depends_on_the_seed_alone() {
        let fate = |seed, rate| {
            let mut lane = Lane::new(seed);
            let how = Impairment { loss: 0.1, rate, ..Impairment::default() };
            let now = Instant::now();
            (0..500)
                .map(|i| lane.departure(&how, 100, now + Duration::from_secs(i)).is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(fate(3, None), fate(3, None));
        assert_eq!(fate(3, None), fate(3, Some(1_000_000)));
        assert_ne!(fate(3, None), fate(4, None));
    }

    #[test]
    fn a_limited_rate_queues_and_then_drops() {
        let mut lane = Lane::new(1);
        let how = Impairment { rate: Some(8_000), ..Impairment::default() };
        let now = Instant::now();
        // 100 bytes take 0.1 s at 8 kbit/s, so after the fourth the queue is longer than 0.3 s.
        let at: Vec<_> =
            (0..6).map(|_| lane.departure(&how, 100, now).map(|at| (at - now).as_millis())).collect();
        assert_eq!(at, [Some(100), Some(200), Some(300), Some(400), None, None]);
    }
}
