//! What single steps of the media path cost: `micro [--check]` counts and times all and prints a table, `micro count --check` only counts.
//! `micro run STEP` is one run under a profiler.
use std::process::ExitCode;
use std::time::Instant;

use sfu_benches::callgrind;
use sfu_benches::statistics::Summary;
use sfu_core::testing::bench_support::{REPEATED, STEPS, Step, step, step_entry};

/// Measurements of which the middle one counts.
const SAMPLES: usize = 41;

/// Runs in one measurement.
const RUNS: usize = 16;

/// Runs before anything is measured, and runs that are counted.
const COUNTED: usize = 4;

/// The most instructions that steps may take which are ours alone, cryptography apart.
const ALLOWED: [(&str, f64); 5] =
    [("parse", 380.0), ("rewrite", 220.0), ("gate", 80.0), ("demux", 155.0), ("rtcp", 350.0)];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => measure(true).map(drop),
        ["--check"] => measure(true).and_then(bounded),
        ["count"] => measure(false).map(drop),
        ["count", "--check"] => measure(false).and_then(bounded),
        ["run", name] => step(name).ok_or_else(usage).map(|mut step| run(&mut *step)),
        _ => Err(usage()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let names = STEPS.map(|(name, _)| name).join("|");
    format!("usage: micro [--check] | count [--check] | run {names}")
}

fn bounded(kept: bool) -> Result<(), String> {
    if kept { Ok(()) } else { Err("a step takes more instructions than it may".to_owned()) }
}

/// What is counted.
fn run(step: &mut dyn Step) {
    for counted in [false, true] {
        if counted {
            sfu_benches::counting_begins();
        }
        for _ in 0..COUNTED {
            step.prepare();
            step_entry(step);
        }
    }
}

/// Nanoseconds of one step.
fn time(name: &str) -> Result<Summary, String> {
    let mut step = step(name).ok_or_else(usage)?;
    let samples = (0..SAMPLES).map(|_| {
        let mut nanoseconds = 0;
        for _ in 0..RUNS {
            step.prepare();
            let began = Instant::now();
            step_entry(&mut *step);
            nanoseconds += began.elapsed().as_nanos();
        }
        nanoseconds as f64 / (RUNS * REPEATED) as f64
    });
    Summary::of(samples.collect()).ok_or_else(|| "nothing was timed".to_owned())
}

/// Prints a table; whether all bounds are kept.
fn measure(timed: bool) -> Result<bool, String> {
    let counts = callgrind::is_there();
    if !counts {
        println!("skipped: instructions of single steps: valgrind is missing");
    }
    let mut kept = true;
    println!("| step | Ir | allowed | ns, median of {SAMPLES} (least – most) |\n|---|---:|---:|---:|");
    for (name, about) in STEPS {
        let allowed = ALLOWED.into_iter().find(|(other, _)| *other == name).map(|(_, allowed)| allowed);
        let count = if counts { Some(count(name)?) } else { None };
        let good = allowed.zip(count).is_none_or(|(allowed, count)| count <= allowed);
        kept &= good;
        let mark = if good { "" } else { " **passed**" };
        let shown = |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| format!("{figure:.0}"));
        let times = if timed { time(name)?.to_string() } else { "–".to_owned() };
        println!("| {about} | {} | {}{mark} | {times} |", shown(count), shown(allowed));
    }
    Ok(kept)
}

/// Instructions of one step, cryptography included.
fn count(name: &str) -> Result<f64, String> {
    let out = std::env::temp_dir().join(format!("sfu-micro-{}-{name}", std::process::id()));
    let count = callgrind::count_below("step_entry", &[name], true, &out);
    let _ = std::fs::remove_file(&out);
    Ok(count? as f64 / (COUNTED * REPEATED) as f64)
}
