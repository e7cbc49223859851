//! Puts a worker under load and says what it costs.
#![forbid(unsafe_code)]
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use sfu_load::broadcast::Broadcast;
use sfu_load::conference::Conference;
use sfu_load::fanout::Fanout;
use sfu_load::idle::Idle;
use sfu_load::overload::Overload;
use sfu_load::process::descriptors;

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
    /// One publisher, many viewers, over plain RTP or WebRTC
    Broadcast(Broadcast),
    /// A room where everybody gets what all others send
    Conference(Conference),
    /// One publisher, many viewers, over plain RTP, with as little as possible around the packets: for ratios to the floor
    Fanout(Fanout),
    /// Transports on which nothing happens
    Idle(Idle),
    /// More than the worker can carry for a while, then less
    Overload(Overload),
}

/// Set where the limit of open files was raised already.
const RAISED: &str = "SFU_LOAD_RAISED";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = allow_many_sockets().and_then(|()| match arguments.scenario {
        Scenario::Broadcast(broadcast) => broadcast.run(),
        Scenario::Conference(conference) => conference.run(),
        Scenario::Fanout(fanout) => fanout.run(),
        Scenario::Idle(idle) => idle.run(),
        Scenario::Overload(overload) => overload.run(),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sfu-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Each peer has a socket, here and often in the worker, too. A shell raises the limit of open files, then this program begins anew.
fn allow_many_sockets() -> io::Result<()> {
    let (now, most) = descriptors()?;
    if now >= most || std::env::var_os(RAISED).is_some() {
        return Ok(());
    }
    const RAISE: &str = "ulimit -n \"$(ulimit -H -n)\"; exec \"$@\"";
    let program = std::env::current_exe()?;
    let mut command = Command::new("sh");
    command.args(["-c", RAISE, "sh"]).arg(program).args(std::env::args_os().skip(1)).env(RAISED, "1");
    Err(command.exec())
}
