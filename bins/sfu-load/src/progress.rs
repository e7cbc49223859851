//! How far something is, for somebody at a terminal.
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two pictures of the same line.
const INTERVAL: Duration = Duration::from_millis(100);

/// One line that is written over; nothing where there is no terminal.
pub struct Progress {
    what: &'static str,
    of: usize,
    shown: Option<Instant>,
}

impl Progress {
    /// Of so many.
    pub fn new(what: &'static str, of: usize) -> Self {
        Self { what, of, shown: None }
    }

    /// So many are done; the line goes away when all are.
    pub fn show(&mut self, done: usize) {
        let is_over = done >= self.of;
        if !is_over && self.shown.is_some_and(|at| at.elapsed() < INTERVAL) {
            return;
        }
        self.shown = Some(Instant::now());
        let mut out = std::io::stderr();
        if out.is_terminal() {
            let end = if is_over { "\r\x1b[K" } else { "" };
            let _ = write!(out, "\r\x1b[K{}: {done} of {}{end}", self.what, self.of);
            let _ = out.flush();
        }
    }
}
