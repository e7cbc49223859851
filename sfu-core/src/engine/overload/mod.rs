//! What a media thread leaves out when more comes than it can carry, so that the rest comes through and nothing piles up.
//!
//! [`meter`] tells from the turns of the loop whether the thread keeps up, [`steps`] decides how much is left out, [`shed`] leaves
//! it out. Audio is never left out; numbers close up over all that is, so that nobody asks for it.
mod meter;
mod origin;
mod shed;
mod steps;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub(crate) use meter::Load;
pub(super) use shed::MAX_UNASKED;

use crate::control::{OVERLOAD_LEVELS, OverloadStats};
use crate::engine::Counters;
use meter::Meter;
use origin::Origin;
use steps::Steps;

/// Which layers consumers that have a choice may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LayerCut {
    /// All.
    None,
    /// Not the highest.
    Highest,
    /// The lowest alone.
    AllButLowest,
}

/// How a media thread bears its load.
#[derive(Debug, Default)]
pub(super) struct Overload {
    meter: Meter,
    origin: Origin,
    steps: Steps,
    /// When the present level began.
    since: Option<Instant>,
    spent: [Duration; OVERLOAD_LEVELS],
    episodes: u64,
}

impl Overload {
    /// Takes a turn of the loop; the level before and after, where that changed.
    #[inline]
    pub(super) fn turn(&mut self, now: Instant, load: Load, counters: &Counters) -> Option<(u8, u8)> {
        let window = self.meter.turn(load)?;
        let strange = self.origin.is_strange(counters);
        self.moved(now, |steps| steps.window(now, window, strange))
    }

    /// Leaves out as much as at a step, whatever the load is.
    pub(super) fn force(&mut self, now: Instant, step: u8) -> Option<(u8, u8)> {
        self.moved(now, |steps| steps.force(now, step))
    }

    #[cold]
    fn moved(&mut self, now: Instant, step: impl FnOnce(&mut Steps)) -> Option<(u8, u8)> {
        let before = self.steps.level();
        step(&mut self.steps);
        let after = self.steps.level();
        if before == after {
            return None;
        }
        let since = self.since.replace(now);
        if let (Some(spent), Some(since)) = (self.spent.get_mut(usize::from(before)), since) {
            *spent += now.saturating_duration_since(since);
        }
        self.episodes += u64::from(before == 0);
        Some((before, after))
    }

    /// When a turn is wanted at the latest, so that a thread that has become idle notices it.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        (self.steps.level() > 0).then(|| now + meter::WINDOW)
    }

    /// Whether nothing is sent or asked for again, and paths are not probed.
    #[inline]
    pub(super) fn holds_repairs(&self) -> bool {
        self.steps.level() >= 1
    }

    /// Which layers may be forwarded.
    #[inline]
    pub(super) fn layer_cut(&self) -> LayerCut {
        match self.steps.level() {
            0 | 1 => LayerCut::None,
            2 => LayerCut::Highest,
            _ => LayerCut::AllButLowest,
        }
    }

    /// Whether some consumers get no video.
    #[inline]
    pub(super) fn pauses_video(&self) -> bool {
        self.steps.paused_groups() > 0
    }

    /// Whether the consumer of this index gets no video.
    #[inline]
    pub(super) fn pauses(&self, index: usize) -> bool {
        self.steps.pauses(index)
    }

    /// Whether nobody gets video, so that most of it need not be decrypted either.
    #[inline]
    pub(super) fn drops_video_in(&self) -> bool {
        self.steps.paused_groups() == steps::GROUPS
    }

    /// Its figures.
    pub(super) fn stats(&self, now: Instant) -> OverloadStats {
        let level = self.steps.level();
        let mut milliseconds = self.spent.map(|spent| spent.as_millis() as u64);
        if let (Some(spent), Some(since)) = (milliseconds.get_mut(usize::from(level)), self.since) {
            *spent += now.saturating_duration_since(since).as_millis() as u64;
        }
        let [_, milliseconds @ ..] = milliseconds;
        OverloadStats {
            level,
            paused_eighths: self.steps.paused_groups(),
            episodes: self.episodes,
            milliseconds,
        }
    }
}
