//! What first-party plugins cost a packet: `cost` prints two tables as markdown; `cost video` or `cost audio` one of them.
//! `cost run STREAM VIEWERS STATE` is one run under a profiler, `cost time STREAM VIEWERS STATE` one that is timed.
use std::collections::HashMap;
use std::process::{Command, ExitCode};
use std::sync::Mutex;

use sfu_benches::callgrind;
use sfu_benches::cpu::Spent;
use sfu_benches::first_party::{PACKETS, State, Stream};

/// Viewers of the one publisher.
const VIEWERS: [usize; 2] = [1, 10];

/// Runs that are timed, by turns; of each state the fastest counts.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => [Stream::Video, Stream::Audio].into_iter().try_for_each(measure),
        ["run", stream, viewers, state] => one(stream, viewers, state, false),
        ["time", stream, viewers, state] => one(stream, viewers, state, true),
        [stream] => Stream::by_name(stream).ok_or_else(usage).and_then(measure),
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
    "usage: cost [video|audio] | run STREAM VIEWERS STATE | time STREAM VIEWERS STATE".to_owned()
}

fn one(stream: &str, viewers: &str, state: &str, timed: bool) -> Result<(), String> {
    let stream = Stream::by_name(stream).ok_or_else(usage)?;
    let state = stream.states().into_iter().find(|other| other.name() == state).ok_or_else(usage)?;
    let viewers = viewers.parse().map_err(|_| usage())?;
    if timed {
        let Spent { media, others } = state.time(stream, viewers);
        println!("{media} {others}");
    } else {
        state.count(stream, viewers);
    }
    Ok(())
}

/// Counts and times all states, and prints a table.
fn measure(stream: Stream) -> Result<(), String> {
    let states = stream.states();
    let counted = if callgrind::is_there() { count(stream, &states)? } else { HashMap::new() };
    if counted.is_empty() {
        println!("skipped: instruction counts: valgrind is missing");
    }
    let mut fastest: HashMap<String, Spent> = HashMap::new();
    for _ in 0..ROUNDS {
        for state in &states {
            let spent = time(stream, *state)?;
            let best = fastest.entry(state.name()).or_insert(spent);
            best.media = best.media.min(spent.media);
            best.others = best.others.min(spent.others);
        }
    }
    let [few, many] = VIEWERS;
    println!(
        "| {} | Ir, {few} viewer | over none | Ir, {many} viewers | over none | time on the media thread | with the plugin's threads |",
        stream.name()
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let ir = |state: State, viewers| counted.get(&(state.name(), viewers)).copied();
    let none = fastest.get(&State::None.name()).copied().unwrap_or_default();
    for state in states {
        let columns = VIEWERS.map(|viewers| match (ir(state, viewers), ir(State::None, viewers)) {
            (Some(count), Some(none)) => format!("{count:.0} | {:+.0}", count - none),
            _ => "– | –".to_owned(),
        });
        let spent = fastest.get(&state.name()).copied().unwrap_or_default();
        println!(
            "| {} | {} | {} | {:.2} | {:.2} |",
            state.about(),
            columns[0],
            columns[1],
            spent.media / none.media,
            (spent.media + spent.others) / none.media
        );
    }
    println!();
    Ok(())
}

/// Instructions per packet by state and viewers, two runs at a time.
fn count(stream: Stream, states: &[State]) -> Result<HashMap<(String, usize), f64>, String> {
    let folder = std::env::temp_dir().join(format!("sfu-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let runs = states.iter().flat_map(|state| VIEWERS.map(|viewers| (state.name(), viewers)));
    let waiting = Mutex::new(runs.collect::<Vec<_>>());
    let counted = Mutex::new(Ok(HashMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((state, viewers)) = waiting.lock().unwrap().pop() else { break };
                    let profile = folder.join(format!("{}-{state}-{viewers}", stream.name()));
                    let arguments = [stream.name(), &viewers.to_string(), &state];
                    let count = callgrind::count(&arguments, false, &profile);
                    let mut counted = counted.lock().unwrap();
                    match (count, counted.as_mut()) {
                        (Ok(count), Ok(counted)) => {
                            counted.insert((state, viewers), count as f64 / PACKETS as f64);
                        }
                        (Err(error), Ok(_)) => *counted = Err(error),
                        (_, Err(_)) => {}
                    }
                }
            });
        }
    });
    if std::env::var_os("KEEP_PROFILES").is_some() {
        println!("profiles are in {}", folder.display());
    } else {
        let _ = std::fs::remove_dir_all(&folder);
    }
    counted.into_inner().unwrap()
}

/// Times one state in a process of its own.
fn time(stream: Stream, state: State) -> Result<Spent, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let viewers = VIEWERS[1].to_string();
    let done = Command::new(program)
        .args(["time", stream.name(), &viewers, &state.name()])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&done.stdout);
    let mut numbers = text.split_whitespace().map(str::parse);
    match (done.status.success(), numbers.next(), numbers.next()) {
        (true, Some(Ok(media)), Some(Ok(others))) => Ok(Spent { media, others }),
        _ => Err(format!("{}: {}", state.name(), String::from_utf8_lossy(&done.stderr))),
    }
}
