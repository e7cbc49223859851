//! Whether a forwarded packet meets anything that a thread could wait for: `locks [--check]` lists atomic changes of memory, system
//! calls and functions of the C library on its way; `locks run CASE` is one run under a profiler.
use std::process::{Command, ExitCode, Stdio};

use sfu_benches::composition::Case;
use sfu_benches::{callgrind, executed};

/// What is looked at: the engine alone, and with what everybody composes.
const CASES: [Case; 2] = [Case::None, Case::FirstParty];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => look(false),
        ["--check"] => look(true),
        ["run", case] if Case::by_name(case).is_some() => {
            Case::by_name(case).into_iter().for_each(Case::run);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: locks [--check] | run {}", CASES.map(Case::name).join("|"));
            ExitCode::from(2)
        }
    }
}

/// Prints what there is; with `check`, anything is a failure.
fn look(check: bool) -> ExitCode {
    let objdump = Command::new("objdump").arg("--version").stdout(Stdio::null()).status();
    if !callgrind::is_there() || !objdump.is_ok_and(|status| status.success()) {
        println!("skipped: locks on a packet's way: valgrind or objdump is missing");
        return ExitCode::SUCCESS;
    }
    let mut found = 0;
    for case in CASES {
        let out = std::env::temp_dir().join(format!("sfu-locks-{}-{}", std::process::id(), case.name()));
        let waits = executed::waits_below("socket_entry", &[case.name()], &out);
        let _ = std::fs::remove_file(&out);
        match waits {
            Ok(waits) => {
                println!("{}: {} places where a packet could wait", case.about(), waits.len());
                waits.iter().for_each(|wait| println!("  {wait}"));
                found += waits.len();
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if check && found > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
