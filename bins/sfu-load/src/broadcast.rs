//! One publisher and many viewers, over plain RTP or WebRTC.
use std::io;

use clap::{Args, ValueEnum};

use crate::call::Member;
use crate::options::Options;
use crate::pace::PaceOptions;
use crate::scenario::Scenario;
use crate::timetable::Pattern;

/// What the publisher sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Content {
    /// Whole frames at once
    Frames,
    /// As a browser: by one to three packets, spread by a pacer
    Paced,
    /// Three layers of the same picture, each paced: a quarter, a half, all of the bitrate
    Layers,
    /// Sound alone
    Audio,
}

/// Settings.
#[derive(Debug, Clone, Args)]
pub struct Broadcast {
    /// How many watch
    #[arg(long, default_value_t = 50)]
    pub viewers: usize,
    /// What the publisher sends
    #[arg(long, value_enum, default_value = "frames")]
    pub content: Content,
    /// Packets of a frame (frames)
    #[arg(long, default_value_t = 10)]
    pub packets: usize,
    /// Bytes of a packet on the wire (frames)
    #[arg(long, default_value_t = 1200)]
    pub size: usize,
    /// kbit/s on the wire (paced, layers)
    #[arg(long, default_value_t = 1500.0)]
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

impl Broadcast {
    /// The call.
    pub fn scenario(&self) -> io::Result<Scenario> {
        let fits = (1..=60).contains(&self.packets) && (60..=1472).contains(&self.size);
        let is_number = |value: f64| value > 0.0 && value.is_finite();
        if !fits || !is_number(self.rate) || !is_number(self.bitrate) || self.viewers == 0 {
            return Err(io::Error::other(
                "broadcast: --packets 1 to 60, --size 60 to 1472, and some of --viewers, --rate, --bitrate",
            ));
        }
        let (rate, bitrate) = (self.rate, self.bitrate * 1000.0);
        let (sources, what) = match self.content {
            Content::Frames => {
                let Self { packets, size, .. } = *self;
                (
                    vec![Pattern::Frames { packets, size, rate }],
                    format!("{rate} frames/s of {packets} × {size} bytes"),
                )
            }
            Content::Paced => {
                (vec![Pattern::Paced { bitrate, rate }], format!("{} kbit/s, paced", self.bitrate))
            }
            Content::Layers => {
                let layers = [4.0, 2.0, 1.0].map(|share| Pattern::Paced { bitrate: bitrate / share, rate });
                (layers.to_vec(), format!("three layers up to {} kbit/s", self.bitrate))
            }
            Content::Audio => (vec![Pattern::Audio], "sound".into()),
        };
        let mut members = vec![Member { publishes: vec![sources], watches: false }];
        members.resize(self.viewers + 1, Member { publishes: Vec::new(), watches: true });
        let name = format!("1 → {}, {what}", self.viewers);
        Ok(Scenario { name, members, pace: self.pace.pace()? })
    }

    /// Measures and says what was found.
    pub fn run(&self) -> io::Result<()> {
        self.scenario()?.run(&self.options)
    }
}
