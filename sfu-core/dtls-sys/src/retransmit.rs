//! When a flight is sent again (RFC 6347 section 4.2.4.1).
use std::time::{Duration, Instant};

/// Doubles from flight to flight, up to a limit; a new flight starts afresh.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retransmit {
    initial: Duration,
    max: Duration,
    current: Duration,
    deadline: Option<Instant>,
}

impl Retransmit {
    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max: max.max(initial), current: initial, deadline: None }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// A new flight is on its way.
    pub(crate) fn start(&mut self, now: Instant) {
        self.current = self.initial;
        self.deadline = now.checked_add(self.current);
    }

    /// The flight was repeated.
    pub(crate) fn back_off(&mut self, now: Instant) {
        self.current = self.current.saturating_mul(2).min(self.max);
        self.deadline = now.checked_add(self.current);
    }

    pub(crate) fn stop(&mut self) {
        self.deadline = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_double_up_to_the_limit_and_a_new_flight_starts_afresh() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut timer = Retransmit::new(ms(50), ms(150));
        assert_eq!(timer.deadline(), None);
        timer.start(start);
        assert_eq!(timer.deadline(), Some(start + ms(50)));
        assert!(timer.is_due(start + ms(50)) && !timer.is_due(start + ms(49)));
        timer.back_off(start);
        assert_eq!(timer.deadline(), Some(start + ms(100)));
        timer.back_off(start);
        timer.back_off(start);
        assert_eq!(timer.deadline(), Some(start + ms(150)));
        timer.start(start);
        assert_eq!(timer.deadline(), Some(start + ms(50)));
        timer.stop();
        assert!(!timer.is_due(start + ms(1000)));
    }
}
