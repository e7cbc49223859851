//! How fast sources send.
use std::io;

use clap::Args;

/// How fast sources send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many times as fast as their own speed.
    Speed(f64),
    /// As fast as next to nothing is lost.
    Highest,
    /// So that the worker keeps this share of a core busy, 0 to 1.
    Load(f64),
}

/// What the command line says of it.
#[derive(Debug, Clone, Args)]
pub struct PaceOptions {
    /// Sends so many times as fast
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Looks for the highest speed that loses less than 0.1 %, and measures that
    #[arg(long)]
    pub ramp: bool,
    /// Percent of a core that the worker is to be busy, instead of a speed
    #[arg(long, conflicts_with_all = ["ramp", "speed"])]
    pub load: Option<f64>,
}

impl PaceOptions {
    /// The pace; fails where it can't be meant.
    pub fn pace(&self) -> io::Result<Pace> {
        let wrong = |what| Err(io::Error::other(what));
        match self.load {
            Some(percent) if percent > 0.0 && percent < 100.0 => Ok(Pace::Load(percent / 100.0)),
            Some(_) => wrong("--load: more than 0 and less than 100 percent"),
            None if self.ramp => Ok(Pace::Highest),
            None if self.speed > 0.0 && self.speed.is_finite() => Ok(Pace::Speed(self.speed)),
            None => wrong("--speed: more than nothing"),
        }
    }
}
