//! Loss over the last reports, the newest counting most.

/// Reports that count.
const REPORTS: usize = 24;

/// A weighted average of the loss that each of the last 24 transport-wide reports told.
#[derive(Debug, Clone, Default)]
pub(crate) struct LossAverage {
    recent: [f32; REPORTS],
    len: u8,
    next: u8,
}

impl LossAverage {
    /// A report of so many packets, of which so many did not arrive.
    pub(crate) fn report(&mut self, lost: usize, packets: usize) {
        if packets == 0 {
            return;
        }
        if let Some(slot) = self.recent.get_mut(usize::from(self.next)) {
            *slot = lost.min(packets) as f32 / packets as f32;
        }
        self.next = (self.next + 1) % REPORTS as u8;
        self.len = (self.len + 1).min(REPORTS as u8);
    }

    /// The average, 0 to 1; `None` before the first report. The newest report weighs as many times as there are reports, the
    /// oldest once.
    pub(crate) fn average(&self) -> Option<f64> {
        let count = usize::from(self.len);
        let (mut sum, mut weights) = (0.0, 0.0);
        for age in 0..count {
            let index = (usize::from(self.next) + REPORTS - 1 - age) % REPORTS;
            let weight = (count - age) as f64;
            sum += weight * f64::from(*self.recent.get(index)?);
            weights += weight;
        }
        (count > 0).then(|| sum / weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_report_weighs_most_and_old_ones_are_forgotten() {
        let mut loss = LossAverage::default();
        assert_eq!(loss.average(), None);
        loss.report(0, 0);
        assert_eq!(loss.average(), None, "a report of nothing says nothing");
        loss.report(0, 10);
        loss.report(5, 10);
        let average = loss.average().unwrap();
        assert!((average - 1.0 / 3.0).abs() < 1e-6, "two thirds of a half: {average}");
        for _ in 0..REPORTS {
            loss.report(9, 3);
        }
        assert_eq!(loss.average(), Some(1.0));
    }
}
