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
    /// How many times as fast as their own speed sources send.
    pub speed: f64,
    /// Whether the highest speed is looked for first.
    pub ramp: bool,
}

impl Scenario {
    /// Measures it.
    pub fn measure(self, options: &Options) -> io::Result<Report> {
        if !(self.speed > 0.0 && self.speed.is_finite()) {
            return Err(io::Error::other("--speed: more than nothing"));
        }
        let mut call = Call::set_up(options, self.members)?;
        let mut speed = self.speed;
        let steps = if self.ramp { ramp::search(&mut call, options)? } else { Vec::new() };
        if let Some(step) = ramp::highest(&steps) {
            speed = step.speed;
        }
        let turns = measure(&mut call, options, speed)?;
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
