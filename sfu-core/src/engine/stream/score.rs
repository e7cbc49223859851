//! The score of a stream, 0 (nothing arrives) to 10 (perfect).

/// The best score.
pub(crate) const MAX_SCORE: u8 = 10;
const HISTORY: usize = 24;

/// What happened to a stream between two reports, in packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    /// Packets that were sent, by their sequence numbers.
    pub(crate) expected: u32,
    /// Packets of them that did not arrive at first.
    pub(crate) lost: u32,
    /// Lost packets that a retransmission brought.
    pub(crate) repaired: u32,
    /// Retransmissions spent, needed or not.
    pub(crate) retransmitted: u32,
}

impl Interval {
    /// The score of this interval alone; `None` when no packet was expected.
    ///
    /// The fourth power of the share delivered. A repaired packet counts as delivered, but for less the more repairs there were
    /// and the more retransmissions each took: it came late and cost bandwidth.
    pub(crate) fn score(&self) -> Option<u8> {
        if self.expected == 0 {
            return None;
        }
        let expected = f64::from(self.expected);
        let lost = f64::from(self.lost.min(self.expected));
        let repaired = f64::from(self.repaired).min(lost);
        let received = (expected - lost).max(1.0);
        let mut worth = (1.0 / (1.0 + repaired / received)).powi(4);
        if f64::from(self.retransmitted) > repaired && repaired > 0.0 {
            worth *= repaired / f64::from(self.retransmitted);
        }
        let delivered = (expected - lost + repaired * worth) / expected;
        Some((delivered.powi(4) * f64::from(MAX_SCORE)).round() as u8)
    }
}

/// Mean of the last 24 interval scores, the latest weighted most.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    history: [u8; HISTORY],
    len: u8,
    score: u8,
    reported: u8,
}

impl Score {
    /// Starts at `score`, which counts as reported already.
    pub(crate) fn new(score: u8) -> Self {
        let score = score.min(MAX_SCORE);
        Self { history: [0; HISTORY], len: 0, score, reported: score }
    }

    /// The current score, 0–10.
    pub(crate) fn get(&self) -> u8 {
        self.score
    }

    /// Adds one interval's score.
    pub(crate) fn push(&mut self, score: u8) {
        let len = usize::from(self.len);
        if len == HISTORY {
            self.history.rotate_left(1);
        } else {
            self.len += 1;
        }
        if let Some(last) = self.history.get_mut(usize::from(self.len).saturating_sub(1)) {
            *last = score.min(MAX_SCORE);
        }
        let mut total = 0u32;
        let mut weights = 0u32;
        for (weight, &score) in (1u32..).zip(self.history.iter().take(usize::from(self.len))) {
            total += weight * u32::from(score);
            weights += weight;
        }
        self.score = ((total + weights / 2) / weights.max(1)) as u8;
    }

    /// Forgets the history and continues from `score`: 0 when the stream went silent, 10 when it came back.
    pub(crate) fn reset(&mut self, score: u8) {
        self.len = 0;
        self.score = score.min(MAX_SCORE);
    }

    /// The score if it differs from what this returned last, to be told to the application.
    pub(crate) fn take_change(&mut self) -> Option<u8> {
        if self.score == self.reported {
            return None;
        }
        self.reported = self.score;
        Some(self.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(expected: u32, lost: u32, repaired: u32, retransmitted: u32) -> Option<u8> {
        Interval { expected, lost, repaired, retransmitted }.score()
    }

    #[test]
    fn an_interval_scores_by_what_was_delivered() {
        assert_eq!(interval(100, 0, 0, 0), Some(10));
        assert_eq!(interval(100, 10, 0, 0), Some(7));
        assert_eq!(interval(100, 50, 0, 0), Some(1));
        assert_eq!(interval(100, 100, 0, 0), Some(0));
        assert_eq!(interval(0, 0, 0, 0), None);
    }

    #[test]
    fn repairs_help_but_less_than_no_loss() {
        let unrepaired = interval(100, 20, 0, 0).unwrap();
        let wasteful = interval(100, 20, 20, 40).unwrap();
        let repaired = interval(100, 20, 20, 20).unwrap();
        assert!(
            unrepaired < wasteful && wasteful < repaired && repaired < 10,
            "{unrepaired} {wasteful} {repaired}"
        );
    }

    #[test]
    fn impossible_counts_stay_in_range() {
        for &(e, l, r, t) in &[(1, u32::MAX, u32::MAX, 0), (u32::MAX, 0, u32::MAX, u32::MAX), (1, 1, 1, 0)] {
            assert!(interval(e, l, r, t).unwrap() <= 10);
        }
    }

    #[test]
    fn the_latest_intervals_weigh_most() {
        let mut falling = Score::new(10);
        let mut rising = Score::new(10);
        for i in 0..10 {
            falling.push(if i < 5 { 10 } else { 0 });
            rising.push(if i < 5 { 0 } else { 10 });
        }
        assert!(falling.get() < 5 && rising.get() > 5);
    }

    #[test]
    fn the_history_is_forgotten_after_24_intervals() {
        let mut score = Score::new(10);
        for _ in 0..100 {
            score.push(0);
        }
        assert_eq!(score.get(), 0);
        for _ in 0..24 {
            score.push(10);
        }
        assert_eq!(score.get(), 10);
    }

    #[test]
    fn a_change_is_told_once() {
        let mut score = Score::new(10);
        assert_eq!(score.take_change(), None);
        score.reset(0);
        assert_eq!(score.take_change(), Some(0));
        assert_eq!(score.take_change(), None);
        score.reset(10);
        score.push(10);
        assert_eq!(score.take_change(), Some(10));
    }
}
