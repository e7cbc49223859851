//! What the network between a worker and a peer does to datagrams.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Conditions of one direction of a path. Chance is drawn from the bench's seed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Conditions {
    /// How long each datagram takes.
    pub delay: Duration,
    /// At most so much is added to the delay, at random.
    pub jitter: Duration,
    /// Share of datagrams that get lost, 0–1.
    pub loss: f64,
    /// Share of datagrams that take three times as long and 5 ms more, so that later ones overtake them, 0–1.
    pub reorder: f64,
    /// Share of datagrams that arrive twice, 0–1.
    pub duplicate: f64,
    /// What passes, bit/s; 0: anything. More waits in a queue of half a second, and what that has no room for is lost.
    pub rate: u32,
    /// So many datagrams wait there at the most, and what comes then is lost; 0: as many as there is time for.
    pub queue: usize,
}

/// How long datagrams wait at most where a path is narrow.
const QUEUE: Duration = Duration::from_millis(500);

/// IPv4 and UDP headers, in bytes.
const OVERHEAD: u64 = 28;

impl Conditions {
    /// Nothing is lost or late.
    pub fn perfect() -> Self {
        Self::default()
    }

    /// So much delay.
    pub fn delay(delay: Duration) -> Self {
        Conditions { delay, ..Self::default() }
    }

    /// So much loss, 0–1.
    #[must_use]
    pub fn loss(mut self, loss: f64) -> Self {
        self.loss = loss;
        self
    }

    /// So much jitter.
    #[must_use]
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// So much reordering, 0–1.
    #[must_use]
    pub fn reorder(mut self, reorder: f64) -> Self {
        self.reorder = reorder;
        self
    }

    /// So many bit/s and no more.
    #[must_use]
    pub fn rate(mut self, rate: u32) -> Self {
        self.rate = rate;
        self
    }

    /// A queue of so many datagrams before the narrow path, as shallow as those of cheap switches.
    #[must_use]
    pub fn queue(mut self, datagrams: usize) -> Self {
        self.queue = datagrams;
        self
    }

    /// So many duplicates, 0–1.
    #[must_use]
    pub fn duplicate(mut self, duplicate: f64) -> Self {
        self.duplicate = duplicate;
        self
    }
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the peer to the worker.
    ToWorker,
    /// From the worker to the peer.
    ToPeer,
}

/// A datagram on its way, as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram(pub Vec<u8>);

impl Datagram {
    /// Payload type, sequence number and SSRC, if it is (S)RTP.
    pub fn rtp(&self) -> Option<(u8, u16, u32)> {
        let bytes: &[u8; 12] = self.0.first_chunk()?;
        if bytes[0] >> 6 != 2 || crate::rtcp::is_rtcp(&self.0) {
            return None;
        }
        let ssrc = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        Some((bytes[1] & 0x7f, u16::from_be_bytes([bytes[2], bytes[3]]), ssrc))
    }

    /// What follows the header, if it is RTP. With SRTP that is ciphertext and tag, with RTX the original sequence number comes
    /// first (RFC 4588 §4).
    pub fn rtp_payload(&self) -> Option<&[u8]> {
        self.rtp()?;
        let header = crate::rtp::RtpHeader::parse(&self.0).ok()?;
        self.0.get(usize::from(header.payload_offset)..)
    }

    /// Whether it is (S)RTCP.
    pub fn is_rtcp(&self) -> bool {
        crate::rtcp::is_rtcp(&self.0)
    }

    /// Whether it is STUN.
    pub fn is_stun(&self) -> bool {
        self.0.first().is_some_and(|first| *first <= 3)
    }

    /// Whether it is DTLS.
    pub fn is_dtls(&self) -> bool {
        self.0.first().is_some_and(|first| (20..=63).contains(first))
    }
}

/// Decides over a datagram; false loses it.
pub(super) type Filter = Box<dyn FnMut(&Datagram) -> bool>;

/// One direction of a peer's path.
#[derive(Default)]
pub(super) struct Way {
    pub(super) conditions: Conditions,
    /// When everything has left that waits.
    free: Option<Instant>,
    /// When each datagram that waits will have left, where they are counted.
    leaving: VecDeque<Instant>,
    pub(super) filter: Option<Filter>,
    /// Every datagram that set out, if somebody wants to see them.
    pub(super) tap: Option<Vec<Datagram>>,
}

impl Way {
    /// When copies of a datagram arrive: none if it is lost.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        bytes: &[u8],
        random: &mut crate::engine::Random,
    ) -> arrayvec::ArrayVec<Duration, 2> {
        let mut arrivals = arrayvec::ArrayVec::new();
        if self.tap.is_some() || self.filter.is_some() {
            let datagram = Datagram(bytes.to_vec());
            let passes = self.filter.as_mut().is_none_or(|filter| filter(&datagram));
            if let Some(tap) = &mut self.tap {
                tap.push(datagram);
            }
            if !passes {
                return arrivals;
            }
        }
        let conditions = self.conditions;
        if chance(random, conditions.loss) {
            return arrivals;
        }
        let mut waits = Duration::ZERO;
        if conditions.rate > 0 {
            waits = self.free.map_or(Duration::ZERO, |free| free.saturating_duration_since(now));
            while self.leaving.front().is_some_and(|at| *at <= now) {
                self.leaving.pop_front();
            }
            if waits > QUEUE || (conditions.queue > 0 && self.leaving.len() >= conditions.queue) {
                return arrivals;
            }
            waits += Duration::from_nanos(
                (bytes.len() as u64 + OVERHEAD) * 8_000_000_000 / u64::from(conditions.rate),
            );
            self.free = Some(now + waits);
            if conditions.queue > 0 {
                self.leaving.push_back(now + waits);
            }
        }
        let copies = 1 + usize::from(chance(random, conditions.duplicate));
        for _ in 0..copies {
            let mut delay = conditions.delay + waits;
            if !conditions.jitter.is_zero() {
                delay += conditions.jitter.mul_f64(f64::from(random.u32()) / f64::from(u32::MAX));
            }
            if chance(random, conditions.reorder) {
                delay = delay * 3 + Duration::from_millis(5);
            }
            arrivals.push(delay);
        }
        arrivals
    }
}

fn chance(random: &mut crate::engine::Random, share: f64) -> bool {
    share > 0.0 && f64::from(random.u32()) < share * 4_294_967_296.0
}
