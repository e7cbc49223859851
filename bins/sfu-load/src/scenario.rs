//! From who takes part to a report: what all calls have in common.
use std::io;

use crate::call::{Call, Member};
use crate::html;
use crate::measure::measure;
use crate::options::Options;
use crate::pace::Pace;
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
