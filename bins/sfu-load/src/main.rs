//! Load for SFU workers: many light peers in one process, and the floor of the machine beside it.
#![forbid(unsafe_code)]
mod cpu;
mod fanout;
mod idle;
mod latency;
mod overload;
mod room;
mod sinks;
mod source;
mod worker;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Puts a worker under load and says what it costs.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    scenario: Scenario,
}

/// Who sends to whom.
#[derive(Debug, Subcommand)]
enum Scenario {
    /// One publisher, many viewers, over plain RTP
    Fanout(fanout::Fanout),
    /// Transports on which nothing happens
    Idle(idle::Idle),
    /// More than the worker can carry for a while, then less
    Overload(overload::Overload),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().scenario {
        Scenario::Fanout(fanout) => fanout.run(),
        Scenario::Idle(idle) => idle.run(),
        Scenario::Overload(overload) => overload.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sfu-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Shows on a terminal how far a measurement is.
fn progress(done: usize, of: usize) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        let _ = write!(out, "\rround {done} of {of}{}", if done == of { "\r\x1b[K" } else { "" });
        let _ = out.flush();
    }
}
