//! How much is left out: raised fast while a thread does not keep up, lowered step by step when it does again.
use std::time::{Duration, Instant};

use super::meter::Window;

/// Consumers are paused by eighths.
pub(super) const GROUPS: u8 = 8;

/// Step 1: no repairs. Step 2: not the highest layers. From step 3 on: the lowest layers alone, and one more eighth of the consumers
/// without video at each.
pub(super) const LAST: u8 = 2 + GROUPS;

/// Calm before a step among eighths is taken back, and before one of the first two is.
const HOLD: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(200));

/// A step that was taken back too early is held for longer each time, but no longer than this: from the last step to none it must
/// not take two seconds.
const LONGEST_HOLD: Duration = Duration::from_millis(600);

/// A step that is needed again so soon was taken back too early.
const RELAPSE: Duration = Duration::from_millis(600);

/// For how long that is remembered.
const MEMORY: Duration = Duration::from_secs(5);

/// How long the same consumers are paused: then it is others' turn.
const TURN: Duration = Duration::from_secs(4);

/// A step that was taken back too early.
#[derive(Debug, Clone, Copy)]
struct Sore {
    step: u8,
    hold: Duration,
    at: Instant,
}

/// How much is left out, and what it follows from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Steps {
    step: u8,
    /// Saturated windows in a row.
    saturated: u8,
    calm_since: Option<Instant>,
    /// The step that was taken back last, and when.
    lowered: Option<(u8, Instant)>,
    sore: Option<Sore>,
    /// The first group that is paused.
    first: u8,
    /// When it became that.
    turned: Option<Instant>,
}

impl Steps {
    /// A window ends now. Where most of what came in it is `strange`, nobody's video is paused for it: that would not make it less.
    pub(super) fn window(&mut self, now: Instant, window: Window, strange: bool) {
        let window = match window {
            Window::Saturated if strange && self.step > 2 => Window::Calm,
            Window::Saturated if strange && self.step == 2 => Window::Full,
            other => other,
        };
        match window {
            Window::Saturated => {
                self.calm_since = None;
                self.saturated += 1;
                if self.saturated >= self.patience() {
                    self.raise(now);
                }
            }
            Window::Full => (self.saturated, self.calm_since) = (0, None),
            Window::Calm => {
                self.saturated = 0;
                // The window itself was calm.
                let since =
                    *self.calm_since.get_or_insert(now.checked_sub(super::meter::WINDOW).unwrap_or(now));
                if self.step > 0 && now.saturating_duration_since(since) >= self.hold(now) {
                    self.lower(now);
                }
            }
        }
        if self.turned.is_some_and(|at| now.saturating_duration_since(at) >= TURN) {
            self.turn(now);
        }
    }

    /// Takes a step whatever the windows were.
    pub(super) fn force(&mut self, now: Instant, step: u8) {
        *self = Steps { first: self.first, ..Steps::default() };
        self.enter(now, step.min(LAST));
    }

    /// 0: nothing is left out; 1: repairs; 2: the highest layers too; 3: some consumers' video too.
    #[inline]
    pub(super) fn level(&self) -> u8 {
        self.step.min(3)
    }

    /// How many eighths of the consumers get no video.
    #[inline]
    pub(super) fn paused_groups(&self) -> u8 {
        self.step.saturating_sub(2)
    }

    /// Whether the consumer of this index gets no video.
    #[inline]
    pub(super) fn pauses(&self, index: usize) -> bool {
        let group = (index % usize::from(GROUPS)) as u8;
        (group + GROUPS - self.first) % GROUPS < self.paused_groups()
    }

    /// Saturated windows before more is left out. One alone may be a burst; layers need time to change.
    fn patience(&self) -> u8 {
        match self.step {
            0 => 2,
            2 => 4,
            _ => 1,
        }
    }

    fn hold(&self, now: Instant) -> Duration {
        let usual = if self.step > 2 { HOLD.0 } else { HOLD.1 };
        self.sore
            .filter(|sore| sore.step == self.step && is_near(sore.at, now, MEMORY))
            .map_or(usual, |s| s.hold)
    }

    fn raise(&mut self, now: Instant) {
        if self.step < LAST {
            let step = self.step + 1;
            if self.lowered.is_some_and(|(lowered, at)| lowered == step && is_near(at, now, RELAPSE)) {
                let before = self.sore.filter(|sore| sore.step == step && is_near(sore.at, now, MEMORY));
                let hold = before.map_or(HOLD.1, |sore| sore.hold) * 2;
                self.sore = Some(Sore { step, hold: hold.min(LONGEST_HOLD), at: now });
            }
            self.enter(now, step);
        }
        self.saturated = 0;
    }

    fn lower(&mut self, now: Instant) {
        self.lowered = Some((self.step, now));
        self.calm_since = Some(now);
        self.enter(now, self.step - 1);
    }

    fn enter(&mut self, now: Instant, step: u8) {
        let before = self.paused_groups();
        self.step = step;
        match (before, self.paused_groups()) {
            (0, 1..) => self.turn(now),
            (_, 0) => self.turned = None,
            _ => {}
        }
    }

    /// Others are paused from now on.
    fn turn(&mut self, now: Instant) {
        self.turned = Some(now);
        self.first = (self.first + self.paused_groups().max(1)) % GROUPS;
    }
}

fn is_near(at: Instant, now: Instant, reach: Duration) -> bool {
    now.saturating_duration_since(at) <= reach
}
