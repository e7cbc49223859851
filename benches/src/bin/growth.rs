//! Whether a packet costs the same among many: `growth [--check]` counts instructions per forwarded packet with more rooms and with more
//! viewers, `growth time [RUNS] [--check]` the processor time. `growth run CASE` is one run under a profiler, `growth once CASE` one
//! that is timed.
use std::process::{Command, ExitCode};
use std::sync::Mutex;

use sfu_benches::statistics::Summary;
use sfu_benches::{callgrind, cpu};
use sfu_core::testing::bench_support::{Content, Rooms};

/// What is compared: the first with each of those after it.
const GROUPS: [[Case; 3]; 2] = [
    [Case::new("rooms-10", 10, 2, 8), Case::new("rooms-100", 100, 2, 8), Case::new("rooms-1000", 1000, 2, 8)],
    [
        Case::new("viewers-50", 1, 50, 1),
        Case::new("viewers-200", 1, 200, 1),
        Case::new("viewers-1000", 1, 1000, 1),
    ],
];

/// How many times the instructions of the first one each may take.
const INSTRUCTIONS: f64 = 1.05;

/// How many times the processor time of the first one each may take.
const TIME: f64 = 1.25;

/// Packets of each publisher before anything is counted: stores and histories have then grown to their size.
const WARM_UP: usize = 72;

/// Packets of each publisher that are counted: one second, so that all reports are due once.
const COUNTED: usize = 50;

/// Packets forwarded in a run that is timed, at the least.
const TIMED: usize = 200_000;

/// Runs of each that are timed, if the command line names no number.
const RUNS: usize = 7;

/// How much of what there is.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    rooms: usize,
    /// Of each room.
    viewers: usize,
    /// Datagrams in a turn of the loop.
    turn: usize,
}

impl Case {
    const fn new(name: &'static str, rooms: usize, viewers: usize, turn: usize) -> Self {
        Case { name, rooms, viewers, turn }
    }

    fn by_name(name: &str) -> Option<Self> {
        GROUPS.into_iter().flatten().find(|case| case.name == name)
    }

    /// Rooms in which all stores have their size; speech, 50 packets a second.
    fn rooms(self) -> Rooms {
        let mut rooms = Rooms::new(self.rooms, self.viewers, Content::Audio(100));
        rooms.stock(WARM_UP);
        rooms.run(self.turn);
        rooms
    }

    /// Forwards what is counted; how many packets that were.
    fn count(self) -> u64 {
        let mut rooms = self.rooms();
        rooms.stock(COUNTED);
        sfu_benches::counting_begins();
        rooms.run(self.turn)
    }

    /// Nanoseconds of processor time per forwarded packet.
    fn time(self) -> f64 {
        let mut rooms = self.rooms();
        rooms.stock(TIMED.div_ceil(self.rooms * self.viewers).max(COUNTED));
        cpu::pause();
        let before = cpu::of_this_thread();
        let forwarded = rooms.run(self.turn);
        cpu::pause();
        (cpu::of_this_thread() - before).as_nanos() as f64 / forwarded as f64
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => count().map(drop),
        ["--check"] => count().and_then(bounded),
        ["time"] => time(RUNS).map(drop),
        ["time", "--check"] => time(RUNS).and_then(bounded),
        ["time", runs] => runs.parse().map_err(|_| usage()).and_then(time).map(drop),
        ["time", runs, "--check"] => runs.parse().map_err(|_| usage()).and_then(time).and_then(bounded),
        ["run", case] => Case::by_name(case).ok_or_else(usage).map(|case| {
            case.count();
        }),
        ["once", case] => Case::by_name(case).ok_or_else(usage).map(|case| println!("{}", case.time())),
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
    let names: Vec<&str> = GROUPS.iter().flatten().map(|case| case.name).collect();
    let names = names.join("|");
    format!("usage: growth [--check] | time [RUNS] [--check] | run {names} | once {names}")
}

fn bounded(kept: bool) -> Result<(), String> {
    if kept { Ok(()) } else { Err("a packet costs more among many than it may".to_owned()) }
}

/// Counts instructions, two runs at a time, and prints a table; whether all bounds are kept.
fn count() -> Result<bool, String> {
    if !callgrind::is_there() {
        println!("skipped: instructions among many: valgrind is missing");
        return Ok(true);
    }
    let folder = std::env::temp_dir().join(format!("sfu-growth-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let waiting = Mutex::new(GROUPS.concat());
    let counted = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(case) = waiting.lock().unwrap().pop() else { break };
                    let count =
                        callgrind::count_below("whole_turn", &[case.name], false, &folder.join(case.name));
                    counted.lock().unwrap().push((case.name, count));
                }
            });
        }
    });
    if std::env::var_os("KEEP_PROFILES").is_some() {
        println!("profiles are in {}", folder.display());
    } else {
        let _ = std::fs::remove_dir_all(&folder);
    }
    let counted = counted.into_inner().unwrap();
    println!("| what | Ir per forwarded packet | to the first | allowed |\n|---|---:|---:|---:|");
    report(INSTRUCTIONS, |case| {
        let (_, count) = counted.iter().find(|(name, _)| *name == case.name).ok_or("not counted")?;
        let packets = (COUNTED * case.rooms * case.viewers) as f64;
        let per_packet = *count.as_ref().map_err(Clone::clone)? as f64 / packets;
        Ok((per_packet, format!("{per_packet:.1}")))
    })
}

/// Times all by turns, each run in a process of its own, and prints a table; whether all bounds are kept.
fn time(runs: usize) -> Result<bool, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let cases = GROUPS.concat();
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..runs.max(1) {
        for (case, times) in cases.iter().zip(&mut times) {
            let done = Command::new(&program).args(["once", case.name]).output();
            let done = done.map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&done.stdout);
            times.push(
                text.trim()
                    .parse::<f64>()
                    .map_err(|_| format!("{}: {}", case.name, String::from_utf8_lossy(&done.stderr)))?,
            );
        }
    }
    println!(
        "| what | ns per forwarded packet, median of {runs} (least – most) | to the first | allowed |\n|---|---:|---:|---:|"
    );
    report(TIME, |case| {
        let times = cases.iter().zip(&times).find(|(other, _)| other.name == case.name);
        let summary = times.and_then(|(_, times)| Summary::of(times.clone())).ok_or("not timed")?;
        Ok((summary.median, summary.to_string()))
    })
}

/// Prints the rows of a table; whether nothing is more than `allowed` times the first of its group.
fn report(allowed: f64, figure: impl Fn(Case) -> Result<(f64, String), String>) -> Result<bool, String> {
    let mut kept = true;
    for group in GROUPS {
        let mut first = None;
        for case in group {
            let (value, shown) = figure(case)?;
            let first = *first.get_or_insert(value);
            let ratio = value / first;
            let good = ratio <= allowed;
            kept &= good;
            let mark = if good { "" } else { " **passed**" };
            let (rooms, viewers) = (case.rooms, case.viewers);
            println!(
                "| rooms: {rooms}, viewers in each: {viewers} | {shown} | {ratio:.3} | {allowed:.2}{mark} |"
            );
        }
    }
    Ok(kept)
}
