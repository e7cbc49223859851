//! Speeds that are looked for: the highest at which a call loses next to nothing, and that of a given load.
use std::io;

use serde::Serialize;

use crate::call::Call;
use crate::measure::{Turn, loss, measure, turn};
use crate::options::Options;
use crate::progress::Progress;
use crate::tally::Counts;

/// The share of its packets a source has to send in time; with less the load tool is what can do no more.
const KEPT_UP: f64 = 0.9;

/// The share of packets that may be lost.
pub const BOUND: f64 = 0.001;

/// Times the speed is doubled at the most, and halved.
const DOUBLINGS: usize = 12;

/// Steps between what held and what did not.
const STEPS: usize = 5;

/// What is left of a speed that a longer measurement did not confirm.
const LESS: f64 = 0.93;

/// How often a speed is lowered.
const LOWERINGS: usize = 12;

/// Times a speed is corrected on the way to a load.
const APPROACHES: usize = 4;

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

/// Looks for the highest speed of a call, and measures that in rounds: the speed, the rounds, and all speeds that were tried.
///
/// A short try may have been lucky. So what is told is a speed whose own rounds held.
pub fn measure_highest(call: &mut Call, options: &Options) -> io::Result<(f64, Vec<Turn>, Vec<Step>)> {
    let mut progress = Progress::new("speeds tried", DOUBLINGS + STEPS);
    let (mut steps, mut own_pace) = (Vec::new(), None);
    find(|speed| {
        progress.show(steps.len());
        let step = step(&[turn(call, options.time(), speed)?], speed, &mut own_pace);
        steps.push(step);
        Ok(step.holds())
    })?;
    progress.show(DOUBLINGS + STEPS);
    let lowest = steps.iter().map(|step| step.speed).fold(1.0, f64::min);
    let start = highest(&steps).map_or(lowest, |step| step.speed);
    let mut turns = Vec::new();
    let speed = lower(start, |speed| {
        turns = measure(call, options, speed)?;
        let step = step(&turns, speed, &mut own_pace);
        steps.push(step);
        Ok(step.holds())
    })?;
    Ok((speed, turns, steps))
}

/// The speed at which the worker keeps this share of a core busy, and the speeds that were tried: what a packet costs is measured, and
/// again at the speed that follows, because packets get cheaper the more there are.
pub fn speed_of_load(call: &mut Call, options: &Options, load: f64) -> io::Result<(f64, Vec<Step>)> {
    let (mut speed, mut steps, mut own_pace) = (1.0, Vec::new(), None);
    for _ in 0..APPROACHES {
        let turn = turn(call, options.time(), speed)?;
        let cpu = turn
            .worker_cpu
            .ok_or_else(|| io::Error::other("--load: the worker's process is not known; see --pid"))?;
        let cores = cpu.as_secs_f64() / turn.time.as_secs_f64();
        steps.push(step(&[turn], speed, &mut own_pace));
        speed *= (load / cores.max(0.001)).clamp(0.1, 10.0);
    }
    Ok((speed, steps))
}

/// What rounds at one speed say. Sources' own pace is packets per second at speed 1, as the first try had it.
fn step(turns: &[Turn], speed: f64, own_pace: &mut Option<f64>) -> Step {
    let time: f64 = turns.iter().map(|turn| turn.time.as_secs_f64()).sum();
    let counts = turns.iter().fold(Counts::default(), |sum, turn| sum.plus(turn.counts));
    let pace = counts.sent as f64 / time / speed;
    let kept_up = pace >= *own_pace.get_or_insert(pace) * KEPT_UP;
    Step { speed, packets_per_second: counts.packets as f64 / time, loss: loss(turns), kept_up }
}

/// The highest speed that held.
fn highest(steps: &[Step]) -> Option<Step> {
    let held = steps.iter().filter(|step| step.holds());
    held.max_by(|a, b| a.speed.total_cmp(&b.speed)).copied()
}

/// Lowers the speed until it holds; the speed that was tried last.
fn lower(mut speed: f64, mut holds: impl FnMut(f64) -> io::Result<bool>) -> io::Result<f64> {
    for _ in 0..LOWERINGS {
        if holds(speed)? {
            return Ok(speed);
        }
        speed *= LESS;
    }
    holds(speed)?;
    Ok(speed)
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

    #[test]
    fn a_speed_that_held_by_luck_is_lowered_until_it_holds() {
        for bound in [0.5, 0.95, 1.0] {
            let mut tried = Vec::new();
            let speed = lower(1.0, |speed| {
                tried.push(speed);
                Ok(speed <= bound)
            })
            .unwrap();
            assert!(speed <= bound && speed > bound * 0.9, "{bound}: {tried:?}");
            assert_eq!(tried.last(), Some(&speed), "what is told is what was measured last");
        }
    }
}
