//! Counts the instructions of the media path: `instructions [--check]`, or `instructions run CASE` for one run under a profiler.
use std::process::ExitCode;
use std::sync::Mutex;

use sfu_benches::callgrind;
use sfu_benches::composition::{Case, DISPATCH_POINTS, PACKETS};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => measure(false),
        ["--check"] => measure(true),
        ["run", name, shift] => match (Case::by_name(name), shift.parse::<usize>()) {
            (Some(case), Ok(shift)) => {
                // Everything that is allocated from here on lies elsewhere.
                let room = std::hint::black_box(vec![0_u8; 4096 + 16 * shift]);
                case.run();
                drop(room);
                ExitCode::SUCCESS
            }
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    let names: Vec<&str> = Case::ALL.into_iter().map(Case::name).collect();
    eprintln!("usage: instructions [--check] | run {} SHIFT", names.join("|"));
    ExitCode::from(2)
}

/// Counts all cases, two at a time, and prints a table; with `check`, a bound that is passed is a failure.
fn measure(check: bool) -> ExitCode {
    if !callgrind::is_there() {
        println!("skipped: instruction counts: valgrind is missing");
        return ExitCode::SUCCESS;
    }
    let folder = std::env::temp_dir().join(format!("sfu-instructions-{}", std::process::id()));
    if let Err(error) = std::fs::create_dir_all(&folder) {
        eprintln!("{}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    let runs = Case::ALL.into_iter().flat_map(|case| (0..case.shifts()).map(move |shift| (case, shift)));
    let waiting = Mutex::new(runs.collect::<Vec<_>>());
    let counted = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((case, shift)) = waiting.lock().unwrap().pop() else { break };
                    let profile = folder.join(format!("{}-{shift}", case.name()));
                    let count = callgrind::count(&[case.name(), &shift.to_string()], false, &profile);
                    counted.lock().unwrap().push((case, count));
                }
            });
        }
    });
    let counted = counted.into_inner().unwrap();
    let mut per_packet = Vec::new();
    for case in Case::ALL {
        let runs = counted.iter().filter(|(other, _)| *other == case);
        match runs.map(|(_, count)| count.as_ref()).collect::<Result<Vec<_>, _>>() {
            Ok(counts) => match counts.into_iter().min() {
                Some(least) => per_packet.push((case, *least as f64 / PACKETS as f64)),
                None => return ExitCode::FAILURE,
            },
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if std::env::var_os("KEEP_PROFILES").is_some() {
        println!("profiles are in {}", folder.display());
    } else {
        let _ = std::fs::remove_dir_all(&folder);
    }
    if report(&per_packet) || !check { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the table; whether all bounds are kept.
fn report(per_packet: &[(Case, f64)]) -> bool {
    let none = per_packet.first().map_or(0.0, |(_, count)| *count);
    let mut kept = true;
    println!("| composition | Ir per packet | over none | per dispatch point | allowed |");
    println!("|---|---:|---:|---:|---:|");
    for (case, count) in per_packet {
        let over = count - none;
        let point = over / DISPATCH_POINTS as f64;
        let bound = case.bound();
        let good = bound.is_none_or(|bound| over <= bound);
        kept &= good;
        let bound = bound.map_or("–".to_owned(), |bound| format!("+{bound:.0}"));
        let mark = if good { "" } else { " **passed**" };
        println!("| {} | {count:.1} | {over:+.1} | {point:+.2} | {bound}{mark} |", case.about());
    }
    kept
}
