//! Whether a forwarded packet meets anything that a thread could wait for: `locks [--check]` lists atomic changes of memory, system
//! calls and functions of the C library on its way; `locks run CASE` is one run under a profiler.
use std::hint::black_box;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;

use sfu_benches::composition::Case;
use sfu_benches::{callgrind, executed};

/// What is looked at: the engine alone, and with what everybody composes.
const CASES: [Case; 2] = [Case::None, Case::FirstParty];

/// A run in which there is something: that nothing is found would say little if nothing could be.
const CONTROL: &str = "control";

/// Takes a lock, and memory.
#[inline(never)]
fn locked_entry(list: &Mutex<Vec<u64>>) {
    if let Ok(mut list) = black_box(list).lock() {
        list.push(black_box(1));
    }
}

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
        ["run", CONTROL] => {
            sfu_benches::counting_begins();
            locked_entry(&Mutex::new(Vec::new()));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: locks [--check] | run {}|{CONTROL}", CASES.map(Case::name).join("|"));
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
    match look_at_all() {
        Ok(found) if check && found > 0 => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what there is on a packet's way; how much that is.
fn look_at_all() -> Result<usize, String> {
    let control = waits("locked_entry", CONTROL)?;
    let has = |what: &str| control.iter().any(|wait| wait.starts_with(what));
    if !has("lock ") || !has("malloc") {
        return Err(format!("locks: a lock and memory that were taken were not seen, only {control:?}"));
    }
    let mut found = 0;
    for case in CASES {
        let waits = waits("socket_entry", case.name())?;
        println!("{}: {} places where a packet could wait", case.about(), waits.len());
        waits.iter().for_each(|wait| println!("  {wait}"));
        found += waits.len();
    }
    Ok(found)
}

/// What a run could wait for below a function.
fn waits(entry: &str, run: &str) -> Result<Vec<String>, String> {
    let out = std::env::temp_dir().join(format!("sfu-locks-{}-{run}", std::process::id()));
    let waits = executed::waits_below(entry, &[run], &out);
    let _ = std::fs::remove_file(&out);
    waits
}
