//! How long to wait before the next attempt.
use std::time::Duration;

/// The wait after so many failed attempts: from half of what is doubled each time up to all of it, by chance, so that many workers
/// do not come back at once. `chance` is from 0 to 1.
pub(crate) fn wait(failed: u32, first: Duration, most: Duration, chance: f64) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
    doubled.min(most).mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
}

/// A number by chance, from 0 to 1; where there is no chance, 1.
pub(crate) fn chance() -> f64 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_are_spread() {
        let (first, most) = (Duration::from_millis(500), Duration::from_secs(60));
        let wait = |failed, chance| wait(failed, first, most, chance).as_millis();
        assert_eq!([wait(1, 1.0), wait(2, 1.0), wait(3, 1.0)], [500, 1000, 2000]);
        assert_eq!([wait(1, 0.0), wait(3, 0.5)], [250, 1500]);
        assert_eq!([wait(20, 1.0), wait(u32::MAX, 1.0)], [60_000, 60_000]);
    }
}
