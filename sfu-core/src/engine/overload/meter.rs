//! Whether a media thread keeps up, told from the turns of its loop.
use std::time::Duration;

/// Over how long the load is judged.
pub(super) const WINDOW: Duration = Duration::from_millis(100);

/// The longest turn that counts as it is. One that was held up for longer, by a plugin or by the system, says little of the load.
const LONGEST_TURN: Duration = Duration::from_millis(50);

/// One turn of the loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// The wait before it.
    pub(crate) waited: Duration,
    /// The work in it.
    pub(crate) worked: Duration,
    /// More than one read may take was waiting, in the kernel or on the way from another media thread.
    pub(crate) behind: bool,
}

/// How a window went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// It hardly waited, and found more than it could read most of the time: it does not keep up.
    Saturated,
    /// It keeps up, with little to spare.
    Full,
    /// It had time to wait, or found little to read.
    Calm,
}

/// Sums up turns.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meter {
    waited: Duration,
    worked: Duration,
    behind: Duration,
}

impl Meter {
    /// Takes a turn; how the window went that ends with it, if one does.
    #[inline]
    pub(super) fn turn(&mut self, load: Load) -> Option<Window> {
        let worked = load.worked.min(LONGEST_TURN);
        self.waited += load.waited;
        self.worked += worked;
        if load.behind {
            self.behind += worked;
        }
        (self.waited + self.worked >= WINDOW).then(|| std::mem::take(self).judge())
    }

    /// A loop that is busy reads larger batches for less each, so that how long it waits says little short of saturation: whether
    /// reads find more than they may take decides as well.
    fn judge(self) -> Window {
        let whole = self.waited + self.worked;
        let waits = |percent: u32| self.waited * 100 >= whole * percent;
        if !waits(5) && self.behind * 2 > self.worked {
            Window::Saturated
        } else if waits(10) || self.behind * 8 <= self.worked {
            Window::Calm
        } else {
            Window::Full
        }
    }
}
