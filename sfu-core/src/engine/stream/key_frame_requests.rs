//! When to ask the sender for a key frame (PLI, RFC 4585 §6.3.1; FIR, RFC 5104 §4.3.1).

use std::time::{Duration, Instant};

/// Shortest time between two requests unless configured otherwise.
#[cfg(test)]
pub(crate) const DEFAULT_INTERVAL: Duration = Duration::from_millis(1000);
/// Least time between two requests that are shared.
const SHARED_INTERVAL: Duration = Duration::from_millis(900);
/// A request that brought no key frame is repeated once, after this time.
const RETRY_AFTER: Duration = Duration::from_millis(1000);

/// The answer to a wish for a key frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFrameStep {
    /// Send a PLI or FIR now.
    SendNow,
    /// Nothing to send: a request is on its way, or will be sent at [`KeyFrameRequests::next_deadline`].
    Pending,
}

#[derive(Debug, Clone, Copy)]
struct Awaited {
    retry_at: Instant,
    retried: bool,
    /// Someone asked again after the repeat.
    wished: bool,
}

/// Coalesces the wishes of all consumers of one encoding into few requests.
///
/// One request is on its way at a time. If no key frame comes within a second it is repeated once. Between two requests at least
/// the interval passes; a wish within it is served when it ends, unless a key frame came meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct KeyFrameRequests {
    interval: Duration,
    last_sent: Option<Instant>,
    awaited: Option<Awaited>,
    /// A wish that has to wait until then.
    delayed: Option<Instant>,
    sent: u64,
}

impl KeyFrameRequests {
    /// No request yet; at least `interval` between two (zero: no limit but one at a time).
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, last_sent: None, awaited: None, delayed: None, sent: 0 }
    }

    /// Someone needs a key frame to begin with, as many may within short time: those who come within 900 ms share one, so that ten
    /// within a second cost two, and nobody waits for longer than a second.
    pub(crate) fn request_shared(&mut self, now: Instant) -> KeyFrameStep {
        self.request_after(now, self.interval.max(SHARED_INTERVAL))
    }

    /// Someone needs a key frame as soon as the interval allows.
    pub(crate) fn request(&mut self, now: Instant) -> KeyFrameStep {
        self.request_after(now, self.interval)
    }

    fn request_after(&mut self, now: Instant, interval: Duration) -> KeyFrameStep {
        if let Some(awaited) = &mut self.awaited {
            awaited.wished |= awaited.retried;
            return KeyFrameStep::Pending;
        }
        match self.last_sent.map(|last| last + interval) {
            Some(free) if now < free => {
                // The earliest of those who wait.
                self.delayed = Some(self.delayed.map_or(free, |delayed| delayed.min(free)));
                KeyFrameStep::Pending
            }
            _ => {
                self.delayed = None;
                self.send(now)
            }
        }
    }

    /// A key frame has begun to arrive: all wishes up to now are met.
    pub(crate) fn on_key_frame(&mut self) {
        self.awaited = None;
        self.delayed = None;
    }

    /// Sends what has waited and repeats what was not answered.
    pub(crate) fn poll(&mut self, now: Instant) -> KeyFrameStep {
        if self.delayed.is_some_and(|at| now >= at) {
            self.delayed = None;
            return self.send(now);
        }
        let Some(awaited) = self.awaited.filter(|awaited| now >= awaited.retry_at) else {
            return KeyFrameStep::Pending;
        };
        if awaited.retried {
            // Given up, unless someone asked since; otherwise the next wish asks afresh.
            self.awaited = None;
            return if awaited.wished { self.send(now) } else { KeyFrameStep::Pending };
        }
        self.send(now);
        self.awaited = Some(Awaited { retry_at: now + self.patience(), retried: true, wished: false });
        KeyFrameStep::SendNow
    }

    /// When [`poll`](Self::poll) has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.delayed.or(self.awaited.map(|awaited| awaited.retry_at))
    }

    /// Whether a request is on its way or waiting.
    #[cfg(test)]
    pub(crate) fn is_pending(&self) -> bool {
        self.awaited.is_some() || self.delayed.is_some()
    }

    /// Requests sent since the beginning.
    #[cfg(test)]
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    fn send(&mut self, now: Instant) -> KeyFrameStep {
        self.last_sent = Some(now);
        self.sent += 1;
        self.awaited = Some(Awaited { retry_at: now + self.patience(), retried: false, wished: false });
        KeyFrameStep::SendNow
    }

    fn patience(&self) -> Duration {
        self.interval.max(RETRY_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn wishes_of_many_consumers_are_one_request() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::new(DEFAULT_INTERVAL);
        assert_eq!(requests.request(now), KeyFrameStep::SendNow);
        for i in 0..50 {
            assert_eq!(requests.request(now + ms(i)), KeyFrameStep::Pending);
        }
        requests.on_key_frame();
        assert_eq!((requests.next_deadline(), requests.sent()), (None, 1));
    }

    #[test]
    fn an_unanswered_request_is_repeated_once() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::new(ms(0));
        requests.request(now);
        assert_eq!(requests.next_deadline(), Some(now + ms(1000)));
        assert_eq!(requests.poll(now + ms(999)), KeyFrameStep::Pending);
        assert_eq!(requests.poll(now + ms(1000)), KeyFrameStep::SendNow);
        assert_eq!(requests.poll(now + ms(2000)), KeyFrameStep::Pending);
        assert!(!requests.is_pending());
        assert_eq!(requests.request(now + ms(2001)), KeyFrameStep::SendNow, "the next wish asks afresh");
    }

    #[test]
    fn a_wish_after_the_repeat_is_not_given_up_with_it() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::new(ms(0));
        requests.request(now);
        requests.poll(now + ms(1000));
        assert_eq!(requests.request(now + ms(1500)), KeyFrameStep::Pending);
        assert_eq!(requests.poll(now + ms(2000)), KeyFrameStep::SendNow);
        assert_eq!(requests.poll(now + ms(3000)), KeyFrameStep::SendNow);
        assert_eq!(requests.poll(now + ms(4000)), KeyFrameStep::Pending);
        assert!(!requests.is_pending());
    }

    #[test]
    fn a_wish_soon_after_a_key_frame_waits_for_the_interval() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::new(ms(1000));
        requests.request(now);
        requests.on_key_frame();
        assert_eq!(requests.request(now + ms(300)), KeyFrameStep::Pending);
        assert_eq!(requests.next_deadline(), Some(now + ms(1000)));
        assert_eq!(requests.poll(now + ms(999)), KeyFrameStep::Pending);
        assert_eq!(requests.poll(now + ms(1000)), KeyFrameStep::SendNow);
        assert_eq!(requests.poll(now + ms(1001)), KeyFrameStep::Pending);
    }

    #[test]
    fn ten_who_begin_within_a_second_cost_two_requests_and_who_can_not_wait_does_not() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::new(ms(0));
        for i in 0..10 {
            if requests.request_shared(now + ms(90 * i)) == KeyFrameStep::SendNow {
                requests.on_key_frame();
            }
        }
        requests.poll(now + ms(900));
        assert_eq!(requests.sent(), 2);
        requests.on_key_frame();
        assert_eq!(requests.request_shared(now + ms(1000)), KeyFrameStep::Pending);
        assert_eq!(requests.request(now + ms(1001)), KeyFrameStep::SendNow);
        assert_eq!(requests.next_deadline(), Some(now + ms(2001)));
    }

    #[test]
    fn a_key_frame_meets_the_wish_that_waited() {
        let now = Instant::now();
        let mut requests = KeyFrameRequests::new(ms(1000));
        requests.request(now);
        requests.on_key_frame();
        requests.request(now + ms(300));
        requests.on_key_frame();
        assert_eq!(requests.next_deadline(), None);
        assert_eq!(requests.poll(now + ms(1000)), KeyFrameStep::Pending);
    }

    proptest! {
        #[test]
        fn requests_are_never_closer_than_the_interval(
            interval in 0u64..3000,
            steps in proptest::collection::vec((0u64..700, 0u8..3), 1..300),
        ) {
            let mut now = Instant::now();
            let mut requests = KeyFrameRequests::new(ms(interval));
            let mut last: Option<Instant> = None;
            for (step, kind) in steps {
                now += ms(step);
                let step = match kind {
                    0 => requests.request(now),
                    1 => requests.poll(now),
                    _ => { requests.on_key_frame(); KeyFrameStep::Pending }
                };
                if step == KeyFrameStep::SendNow {
                    prop_assert!(last.is_none_or(|last| now - last >= ms(interval)));
                    last = Some(now);
                }
            }
        }

        #[test]
        fn every_wish_is_followed_by_a_request_or_a_key_frame(wishes in proptest::collection::vec(0u64..5000, 1..50)) {
            let start = Instant::now();
            let mut requests = KeyFrameRequests::new(DEFAULT_INTERVAL);
            let mut now = start;
            for wait in wishes {
                now += ms(wait);
                while let Some(at) = requests.next_deadline().filter(|at| *at <= now) {
                    requests.poll(at);
                }
                requests.request(now);
                let at = requests.next_deadline();
                prop_assert!(at.is_some_and(|at| at <= now + ms(1000)), "{:?}", at);
            }
        }
    }
}
