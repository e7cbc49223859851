//! The middle of several measurements, and how far they lie apart.

/// What several runs of the same came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The one in the middle; of an even number the upper one.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Summary {
    /// Of some measurements; `None` without any.
    pub fn of(mut runs: Vec<f64>) -> Option<Self> {
        runs.sort_by(f64::total_cmp);
        Some(Summary { median: *runs.get(runs.len() / 2)?, least: *runs.first()?, most: *runs.last()? })
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places = if self.median < 100.0 { 1 } else { 0 };
        write!(f, "{:.places$} ({:.places$} – {:.places$})", self.median, self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_that_is_far_off() {
        let summary = Summary::of(vec![3.0, 900.0, 1.0, 2.5, 2.0]).unwrap();
        assert_eq!((summary.median, summary.least, summary.most), (2.5, 1.0, 900.0));
        assert_eq!(summary.to_string(), "2.5 (1.0 – 900.0)");
        assert_eq!(Summary::of(Vec::new()), None);
    }
}
