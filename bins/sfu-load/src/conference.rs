//! A room where everybody sends and everybody gets what all others send.
use std::io;

use clap::{Args, ValueEnum};

use crate::call::Member;
use crate::options::Options;
use crate::pace::PaceOptions;
use crate::scenario::Scenario;
use crate::timetable::Pattern;

/// What everybody sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Media {
    /// Pictures, paced as a browser's
    Video,
    /// Sound
    Audio,
    /// Both
    Both,
}

/// Settings.
#[derive(Debug, Clone, Args)]
pub struct Conference {
    /// How many take part
    #[arg(long, default_value_t = 10)]
    pub participants: usize,
    /// What everybody sends
    #[arg(long, value_enum, default_value = "both")]
    pub media: Media,
    /// kbit/s of everybody's pictures on the wire
    #[arg(long, default_value_t = 500.0)]
    pub bitrate: f64,
    /// Frames a second
    #[arg(long, default_value_t = 30.0)]
    pub rate: f64,
    /// How fast.
    #[command(flatten)]
    pub pace: PaceOptions,
    /// What all calls have in common.
    #[command(flatten)]
    pub options: Options,
}

impl Conference {
    /// The call.
    pub fn scenario(&self) -> io::Result<Scenario> {
        let is_number = |value: f64| value > 0.0 && value.is_finite();
        if self.participants < 2 || !is_number(self.rate) || !is_number(self.bitrate) {
            return Err(io::Error::other(
                "conference: at least two --participants, and some of --rate, --bitrate",
            ));
        }
        let video = vec![Pattern::Paced { bitrate: self.bitrate * 1000.0, rate: self.rate }];
        let audio = vec![Pattern::Audio];
        let (publishes, what) = match self.media {
            Media::Video => (vec![video], format!("{} kbit/s each", self.bitrate)),
            Media::Audio => (vec![audio], "sound alone".into()),
            Media::Both => (vec![audio, video], format!("sound and {} kbit/s each", self.bitrate)),
        };
        let members = vec![Member { publishes, watches: true }; self.participants];
        let name = format!("{0} × {0}, {what}", self.participants);
        Ok(Scenario { name, members, pace: self.pace.pace()? })
    }

    /// Measures and says what was found.
    pub fn run(&self) -> io::Result<()> {
        self.scenario()?.run(&self.options)
    }
}
