//! Runs one hook in five forms over the same packets: `hook-forms` prints a table of what a call costs, `hook-forms run FORM CALLS`
//! is one run under a profiler.
mod dynamic;
mod lua;
mod native;
mod packet;

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use native::{Counting, Hook};
use packet::{Counts, Packet, Verdict};

/// Bytes in a packet.
const PAYLOAD: usize = 1000;

/// Packets that go round.
const PACKETS: usize = 64;

/// Calls that instructions are counted over: the difference of two runs, so that all else is left out.
const CALLS: [usize; 2] = [20_000, 60_000];

/// Calls that are timed together: some milliseconds.
const TIMED: usize = 1_000_000;

/// Rounds of them; the fastest counts.
const ROUNDS: usize = 10;

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Type,
    Object,
    Library,
    LuaNumbers,
    LuaBytes,
}

impl Form {
    const ALL: [Form; 5] = [Form::Type, Form::Object, Form::Library, Form::LuaNumbers, Form::LuaBytes];

    fn name(self) -> &'static str {
        match self {
            Form::Type => "type",
            Form::Object => "object",
            Form::Library => "library",
            Form::LuaNumbers => "lua-numbers",
            Form::LuaBytes => "lua-bytes",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Form::Type => "a type, composed statically",
            Form::Object => "`Box<dyn Hook>`",
            Form::Library => "a dynamic library in C, by `dlopen`",
            Form::LuaNumbers => "Lua 5.4, given three numbers",
            Form::LuaBytes => "Lua 5.4, given a copy of the 1000 bytes",
        }
    }

    /// Calls the hook so often; how long it took.
    fn run(self, calls: usize, folder: &Path) -> Result<Duration, String> {
        match self {
            Form::Type => forward(Counting::default(), calls),
            Form::Object => {
                let hook: Box<dyn Hook> = black_box(Box::<Counting>::default());
                forward(hook, calls)
            }
            Form::Library => forward(dynamic::Library::build(folder)?, calls),
            Form::LuaNumbers => forward(lua::Script::load(false).map_err(|error| error.to_string())?, calls),
            Form::LuaBytes => forward(lua::Script::load(true).map_err(|error| error.to_string())?, calls),
        }
    }
}

impl Hook for Box<dyn Hook> {
    #[inline]
    fn rtp_in(&mut self, packet: &Packet<'_>) -> Verdict {
        (**self).rtp_in(packet)
    }

    fn counts(&self) -> Counts {
        (**self).counts()
    }
}

/// Hands packets to a hook, as a media thread would, and looks whether it counted them.
fn forward(mut hook: impl Hook, calls: usize) -> Result<Duration, String> {
    let payload = [0x5a; PAYLOAD];
    let mut packets: Vec<Packet<'_>> = (0..PACKETS).map(|n| Packet::new(n as u16, &payload)).collect();
    let (mut number, mut dropped) = (0u16, 0);
    let began = Instant::now();
    for call in 0..calls {
        let packet = &mut packets[call % PACKETS];
        packet.sequence_number = number;
        number = number.wrapping_add(1);
        if hook.rtp_in(black_box(packet)) == Verdict::Drop {
            dropped += 1;
        }
    }
    let took = began.elapsed();
    let expected = Counts { packets: calls as u64, bytes: (calls * PAYLOAD) as u64, dropped };
    let wanted = (0..calls).filter(|call| call % (1 << 16) % 100 == 99).count() as u64;
    if hook.counts() != expected || dropped != wanted {
        return Err(format!("{:?} counted, {expected:?} and {wanted} dropped expected", hook.counts()));
    }
    Ok(took)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let folder = std::env::temp_dir().join(format!("sfu-hook-forms-{}", std::process::id()));
    let done = std::fs::create_dir_all(&folder).map_err(|error| error.to_string()).and_then(|()| {
        match arguments[..] {
            [] => table(&folder),
            ["run", name, calls] => {
                match (Form::ALL.into_iter().find(|form| form.name() == name), calls.parse()) {
                    (Some(form), Ok(calls)) => form.run(calls, &folder).map(drop),
                    _ => Err(usage()),
                }
            }
            _ => Err(usage()),
        }
    });
    let _ = std::fs::remove_dir_all(&folder);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let names: Vec<&str> = Form::ALL.into_iter().map(Form::name).collect();
    format!("usage: hook-forms | run {} CALLS", names.join("|"))
}

fn table(folder: &Path) -> Result<(), String> {
    let mut fastest = [Duration::MAX; Form::ALL.len()];
    for _ in 0..ROUNDS {
        for (form, fastest) in Form::ALL.into_iter().zip(&mut fastest) {
            *fastest = (*fastest).min(form.run(TIMED, folder)?);
        }
    }
    println!("| the hook is | instructions a call | ns a call |");
    println!("|---|---:|---:|");
    for (form, fastest) in Form::ALL.into_iter().zip(fastest) {
        let nanoseconds = fastest.as_secs_f64() * 1e9 / TIMED as f64;
        let instructions = match (instructions(form, CALLS[0], folder), instructions(form, CALLS[1], folder))
        {
            (Some(few), Some(many)) => format!("{:.0}", (many - few) as f64 / (CALLS[1] - CALLS[0]) as f64),
            _ => "–".to_owned(),
        };
        println!("| {} | {instructions} | {nanoseconds:.1} |", form.about());
    }
    Ok(())
}

/// Instructions of a whole run, by callgrind; none where that is missing.
fn instructions(form: Form, calls: usize, folder: &Path) -> Option<u64> {
    let out = folder.join("callgrind");
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "--trace-children=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().ok()?)
        .args(["run", form.name(), &calls.to_string()])
        .output()
        .ok()?;
    let profile = std::fs::read_to_string(out).ok().filter(|_| done.status.success())?;
    profile.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}
