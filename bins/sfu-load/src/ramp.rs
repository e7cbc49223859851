//! The highest speed at which a call loses next to nothing.
use std::io;

use serde::Serialize;

use crate::call::Call;
use crate::measure::turn;
use crate::options::Options;
use crate::progress::Progress;

/// The share of its packets a source has to send in time; with less the load tool is what can do no more.
const KEPT_UP: f64 = 0.9;

/// The share of packets that may be lost.
pub const BOUND: f64 = 0.001;

/// Times the speed is doubled at the most, and halved.
const DOUBLINGS: usize = 12;

/// Steps between what held and what did not.
const STEPS: usize = 5;

/// One speed that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// How many times as fast as the sources' own speed.
    pub speed: f64,
    /// Packets a second that reached viewers.
    pub packets_per_second: f64,
    /// Share of packets that were lost, 0 to 1.
    pub loss: f64,
    /// Whether the sources sent as fast as they should.
    pub kept_up: bool,
}

impl Step {
    /// Whether the speed was reached and next to nothing was lost.
    pub fn holds(&self) -> bool {
        self.kept_up && self.loss < BOUND
    }
}

/// Tries speeds; those that were tried, in order. The highest that held is [`highest`].
pub fn search(call: &mut Call, options: &Options) -> io::Result<Vec<Step>> {
    let mut progress = Progress::new("speeds tried", DOUBLINGS + STEPS);
    let (mut steps, mut own_pace) = (Vec::new(), None);
    find(|speed| {
        progress.show(steps.len());
        let turn = turn(call, options.time(), speed)?;
        let packets_per_second = turn.counts.packets as f64 / turn.time.as_secs_f64();
        // Packets per second at the sources' own speed, as the first turn had it.
        let pace = turn.counts.sent as f64 / turn.time.as_secs_f64() / speed;
        let kept_up = pace >= *own_pace.get_or_insert(pace) * KEPT_UP;
        let step = Step { speed, packets_per_second, loss: turn.loss(), kept_up };
        steps.push(step);
        Ok(step.holds())
    })?;
    progress.show(DOUBLINGS + STEPS);
    Ok(steps)
}

/// The highest speed that held.
pub fn highest(steps: &[Step]) -> Option<Step> {
    let held = steps.iter().filter(|step| step.holds());
    held.max_by(|a, b| a.speed.total_cmp(&b.speed)).copied()
}

/// Doubles (or halves) until one holds and one does not, then halves the distance.
fn find(mut holds: impl FnMut(f64) -> io::Result<bool>) -> io::Result<()> {
    let (mut low, mut high) = (None, None);
    let mut speed = 1.0;
    for _ in 0..DOUBLINGS {
        if holds(speed)? {
            low = Some(speed);
            speed *= 2.0;
        } else {
            high = Some(speed);
            speed /= 2.0;
        }
        if low.is_some() && high.is_some() {
            break;
        }
    }
    let (Some(mut low), Some(mut high)) = (low, high) else { return Ok(()) };
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        if holds(middle)? { low = middle } else { high = middle }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_found_from_below_and_from_above() {
        for bound in [0.13, 0.9, 1.0, 7.7, 100.0] {
            let mut best = 0.0_f64;
            find(|speed| {
                let holds = speed <= bound;
                best = if holds { best.max(speed) } else { best };
                Ok(holds)
            })
            .unwrap();
            assert!(best <= bound && best > bound * 0.9, "{bound}: {best}");
        }
    }
}
