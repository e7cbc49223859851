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
    /// The score of this interval alone, of what we sent; `None` when we sent nothing.
    pub(crate) fn sent_score(&self) -> Option<u8> {
        self.score_against(self.expected)
    }

    /// The score of this interval alone, of what we received; `None` when nothing was to come.
    ///
    /// Losses are measured against what arrived, so they weigh more than where we send: at half of it the score is 0.
    pub(crate) fn received_score(&self) -> Option<u8> {
        match self.expected.saturating_sub(self.lost) {
            _ if self.expected == 0 => None,
            0 => Some(0),
            received => self.score_against(received),
        }
    }

    /// The fourth power of the share delivered of `whole`. A repaired packet counts as delivered, but for less the more repairs
    /// there were and the more retransmissions each took: it came late and cost bandwidth.
    fn score_against(&self, whole: u32) -> Option<u8> {
        if whole == 0 {
            return None;
        }
        let lost = self.lost.min(whole);
        let repaired = self.repaired.min(lost);
        let (repaired, whole) = (f64::from(repaired), f64::from(whole));
        let mut worth = (1.0 / (1.0 + repaired / whole)).powi(4);
        if f64::from(self.retransmitted) > repaired {
            worth *= repaired / f64::from(self.retransmitted);
        }
        // Part of a packet is not lost.
        let lost = (f64::from(lost) - repaired * worth).floor();
        let delivered = (whole - lost) / whole;
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

    /// The score that was told last.
    pub(crate) fn told(&self) -> u8 {
        self.reported
    }

    /// Takes `score` for the one that was told last.
    pub(crate) fn set_told(&mut self, score: u8) {
        self.reported = score;
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
        Interval { expected, lost, repaired, retransmitted }.sent_score()
    }

    #[test]
    fn what_is_lost_of_what_we_receive_weighs_more() {
        let score = |expected, lost, repaired, retransmitted| {
            Interval { expected, lost, repaired, retransmitted }.received_score()
        };
        assert_eq!(score(0, 0, 0, 0), None);
        assert_eq!(score(100, 0, 0, 0), Some(10));
        // 80 of 90 to the fourth power, and so on.
        assert_eq!([score(100, 10, 0, 0), score(100, 20, 0, 0), score(100, 50, 0, 0)], [6, 3, 0].map(Some));
        assert_eq!(score(100, 100, 100, 100), Some(0), "repairs alone are no stream");
        assert_eq!(score(100, 20, 20, 20), Some(6));
        assert_eq!(score(100, 20, 20, 40), Some(4));
        assert_eq!(score(100, 1, 1, 1), Some(10));
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
            let received = Interval { expected: e, lost: l, repaired: r, retransmitted: t }.received_score();
            assert!(received.unwrap() <= 10);
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
