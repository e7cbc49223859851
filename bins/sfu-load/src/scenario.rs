//! From who takes part to a report: what all calls have in common.
use std::io;

use crate::call::{Call, Member};
use crate::html;
use crate::measure::measure;
use crate::options::Options;
use crate::ramp;
use crate::report::Report;

/// A call that is to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// In words.
    pub name: String,
    /// Who takes part.
    pub members: Vec<Member>,
    /// How fast sources send.
    pub pace: Pace,
}

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

impl Pace {
    /// What the command line says.
    pub fn chosen(speed: f64, highest: bool, load: Option<f64>) -> io::Result<Self> {
        let wrong = |what| Err(io::Error::other(what));
        match load {
            Some(percent) if percent > 0.0 && percent < 100.0 => Ok(Pace::Load(percent / 100.0)),
            Some(_) => wrong("--load: more than 0 and less than 100 percent"),
            None if highest => Ok(Pace::Highest),
            None if speed > 0.0 && speed.is_finite() => Ok(Pace::Speed(speed)),
            None => wrong("--speed: more than nothing"),
        }
    }
}

impl Scenario {
    /// Measures it.
    pub fn measure(self, options: &Options) -> io::Result<Report> {
        let mut call = Call::set_up(options, self.members)?;
        let (speed, turns, steps) = match self.pace {
            Pace::Speed(speed) => (speed, measure(&mut call, options, speed)?, Vec::new()),
            Pace::Highest => ramp::measure_highest(&mut call, options)?,
            Pace::Load(load) => {
                let (speed, steps) = ramp::speed_of_load(&mut call, options, load)?;
                (speed, measure(&mut call, options, speed)?, steps)
            }
        };
        Ok(Report { ramp: steps, ..Report::new(self.name, &call, options, &turns, speed) })
    }

    /// Measures it and says what was found where the options want it.
    pub fn run(self, options: &Options) -> io::Result<()> {
        let report = self.measure(options)?;
        if let Some(file) = &options.html {
            std::fs::write(file, html::page(&report)).map_err(|error| {
                io::Error::other(format!("{}: can't be written: {error}", file.display()))
            })?;
        }
        if options.json {
            println!("{}", serde_json::to_string(&report).map_err(io::Error::other)?);
        } else {
            print!("{report}");
        }
        Ok(())
    }
}
