//! Measurements: the worker and the floor in turns, with the same sources at the same speed.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sfu_core::testing::bench_support::Floor;

use crate::call::Call;
use crate::latency::Histogram;
use crate::options::Options;
use crate::peer::Mode;
use crate::progress::Progress;
use crate::tally::Counts;
use crate::timetable::{Burst, Timetable};

/// How long before a measurement all runs as in it.
const WARM_UP: Duration = Duration::from_millis(500);

/// Between two points of a line over time.
const POINT: Duration = Duration::from_millis(250);

/// The largest burst that the floor sends at once.
const RUN: usize = 64;

/// A moment of a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Since the first measurement began, without what lies between two.
    pub at: Duration,
    /// Packets that came since the last point, a second.
    pub packets: f64,
    /// CPU time since the last point, in cores: of the worker, if it is known, and of this process.
    pub worker: Option<f64>,
    /// See above.
    pub tool: f64,
}

/// One measurement of the worker, and the floor after it.
#[derive(Debug, Clone)]
pub struct Turn {
    /// How long sources sent.
    pub time: Duration,
    /// What all peers counted.
    pub counts: Counts,
    /// What each peer counted, by its number.
    pub peers: Vec<Counts>,
    /// What viewers should have got, where that is known.
    pub expected: Option<u64>,
    /// CPU time of the worker, if it is known.
    pub worker_cpu: Option<Duration>,
    /// CPU time of this process: sources, viewers, both halves of loopback that count for it.
    pub tool_cpu: Duration,
    /// Nanoseconds of CPU per packet of a program that only seals and sends.
    pub floor: Option<f64>,
    /// From a burst's departure to the last packet of a frame at a viewer.
    pub latency: Histogram,
    /// How it went over time.
    pub points: Vec<Point>,
}

impl Turn {
    /// Packets that viewers should have got and did not; where that is not known, those that are missing between others.
    pub fn lost(&self) -> u64 {
        self.expected.map_or(self.counts.missing, |expected| expected.saturating_sub(self.counts.packets))
    }

    /// What [`Turn::lost`] is a part of.
    fn all(&self) -> u64 {
        self.expected.unwrap_or(self.counts.packets + self.counts.missing)
    }

    /// Nanoseconds of the worker's CPU per packet that reached a viewer.
    pub fn worker_nanos(&self) -> Option<f64> {
        let cpu = self.worker_cpu?;
        Some(cpu.as_nanos() as f64 / self.counts.packets.max(1) as f64)
    }
}

/// [`Turn::lost`] of all packets of some rounds, 0 to 1.
pub fn loss(turns: &[Turn]) -> f64 {
    let lost: u64 = turns.iter().map(Turn::lost).sum();
    lost as f64 / turns.iter().map(Turn::all).sum::<u64>().max(1) as f64
}

/// Measures as often as the options say.
pub fn measure(call: &mut Call, options: &Options, speed: f64) -> io::Result<Vec<Turn>> {
    let floor = (!options.no_floor).then(|| Floor::new(call.viewers(), options.srtp.suite())).transpose();
    let mut floor = floor?;
    let mut progress = Progress::new("rounds", options.rounds);
    let mut turns: Vec<Turn> = Vec::new();
    for round in 0..options.rounds {
        progress.show(round);
        let mut turn = turn(call, options.time(), speed)?;
        if let Some(floor) = &mut floor {
            call.crew().set_mode(Mode::Floor)?;
            let core = options.cores().0;
            turn.floor = Some(play_floor(call, floor, options.seed, speed, core, options.time())?);
            call.crew().settle();
            call.crew().set_mode(Mode::Quiet)?;
        }
        let begun = turns.last().and_then(|turn| turn.points.last()).map_or(Duration::ZERO, |point| point.at);
        turn.points.iter_mut().for_each(|point| point.at += begun);
        turns.push(turn);
    }
    progress.show(options.rounds);
    Ok(turns)
}

/// One measurement of the worker.
pub fn turn(call: &mut Call, time: Duration, speed: f64) -> io::Result<Turn> {
    call.crew().check()?;
    call.crew().set_mode(Mode::Sending(speed))?;
    std::thread::sleep(WARM_UP);
    // Sources stop for the count: every packet then belongs to one side of it.
    call.crew().set_mode(Mode::Quiet)?;
    call.crew().settle();
    call.crew().take_latency();
    let before: Vec<Counts> = call.crew().tallies().iter().map(|tally| tally.read()).collect();
    let own = std::process::id();
    let (worker_cpu, tool_cpu) = (call.worker_cpu()?, crate::process::cpu(own)?);
    let begun = Instant::now();
    call.crew().set_mode(Mode::Sending(speed))?;
    let points = watch(call, begun, time)?;
    call.crew().set_mode(Mode::Quiet)?;
    let time = begun.elapsed();
    call.crew().settle();
    let worker_cpu = call.worker_cpu()?.zip(worker_cpu).map(|(now, then)| now.saturating_sub(then));
    let tool_cpu = crate::process::cpu(own)?.saturating_sub(tool_cpu);
    let tallies = call.crew().tallies();
    let peers: Vec<Counts> =
        tallies.iter().zip(before).map(|(tally, before)| tally.read().since(before)).collect();
    let counts = peers.iter().fold(Counts::default(), |sum, peer| sum.plus(*peer));
    let expected = call.is_exact().then(|| {
        let of = |(member, peer): (_, &Counts)| peer.sent * call.watchers_of(member);
        call.members().iter().zip(&peers).map(of).sum()
    });
    let latency = call.crew().take_latency();
    Ok(Turn { time, counts, peers, expected, worker_cpu, tool_cpu, floor: None, latency, points })
}

/// Waits, and notes how it goes.
fn watch(call: &mut Call, begun: Instant, time: Duration) -> io::Result<Vec<Point>> {
    let mut points = Vec::new();
    let own = std::process::id();
    let mut last = (Instant::now(), call.crew().counts(), call.worker_cpu()?, crate::process::cpu(own)?);
    while begun.elapsed() < time {
        std::thread::sleep(POINT.min(time.saturating_sub(begun.elapsed())));
        call.crew().check()?;
        let now = (Instant::now(), call.crew().counts(), call.worker_cpu()?, crate::process::cpu(own)?);
        let passed = now.0.saturating_duration_since(last.0).as_secs_f64();
        if passed <= 0.001 {
            continue;
        }
        let cores = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() / passed;
        points.push(Point {
            at: begun.elapsed(),
            packets: now.1.since(last.1).packets as f64 / passed,
            worker: now.2.zip(last.2).map(|(now, then)| cores(now, then)),
            tool: cores(now.3, last.3),
        });
        last = now;
    }
    Ok(points)
}

/// Sends what the worker would send, and nothing else: the CPU time per packet, in nanoseconds.
fn play_floor(
    call: &Call,
    floor: &mut Floor,
    seed: u64,
    speed: f64,
    core: Option<usize>,
    time: Duration,
) -> io::Result<f64> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if let Some(core) = core {
                crate::cpu::pin_this_thread(core)?;
            }
            let mut sources: Vec<Timetable> = call
                .sources()
                .iter()
                .map(|source| Timetable::new(source.pattern, seed, source.user))
                .collect();
            let mut next: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
            let mut bursts: Vec<Option<Burst>> = sources.iter_mut().map(Iterator::next).collect();
            for (index, burst) in bursts.iter().enumerate() {
                next.extend(burst.as_ref().map(|burst| Reverse((burst.at, index))));
            }
            let (begun, mut sent) = (Instant::now(), 0);
            let before = crate::cpu::of_this_thread()?;
            while let Some(Reverse((at, index))) = next.pop()
                && !stop.load(Ordering::Relaxed)
            {
                let (Some(slot), Some(source)) = (bursts.get_mut(index), sources.get_mut(index)) else {
                    break;
                };
                std::thread::sleep(
                    (begun + at.div_f64(speed)).saturating_duration_since(Instant::now()).min(time),
                );
                if let Some(burst) = slot.take() {
                    for sizes in burst.sizes.chunks(RUN) {
                        sent += floor.send_sizes(sizes.iter().copied());
                    }
                }
                *slot = source.next();
                next.extend(slot.as_ref().map(|burst| Reverse((burst.at, index))));
            }
            let spent = crate::cpu::of_this_thread()?.saturating_sub(before);
            Ok(spent.as_nanos() as f64 / sent.max(1) as f64)
        });
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("floor: the thread has failed")))
    })
}
