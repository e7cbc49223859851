//! More than a worker can carry for a while, then less: what it loses, what memory it takes, and when it loses nothing any more.
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use sfu_core::control::SrtpCryptoSuite;

use crate::latency::Departures;
use crate::progress::Progress;
use crate::room::Room;
use crate::sinks::{Reading, Sinks};
use crate::source::{Shape, Source};
use crate::worker::Worker;

/// SSRC of the publisher.
const SSRC: u32 = 0x0a0b_0c0d;

/// How long a rate is tried on the way to the capacity.
const TRY: Duration = Duration::from_millis(1500);

/// After a rate that was too high: until it is forgotten.
const REST: Duration = Duration::from_secs(3);

/// How finely the way back is looked at.
const SLICE: Duration = Duration::from_millis(500);

/// Tries between the highest rate that was held and the lowest that was not.
const REFINEMENTS: usize = 4;

/// What is measured.
#[derive(Debug, Clone, Args)]
pub struct Overload {
    /// The worker to put under load; it speaks the protocol of mediasoup's worker
    #[arg(long)]
    worker: PathBuf,
    /// Arguments of the worker
    #[arg(long = "worker-arg", allow_hyphen_values = true)]
    worker_arguments: Vec<String>,
    /// How many watch
    #[arg(long, default_value_t = 50)]
    viewers: usize,
    /// Packets of a frame
    #[arg(long, default_value_t = 10)]
    packets: usize,
    /// Bytes of a packet on the wire
    #[arg(long, default_value_t = 1200)]
    size: usize,
    /// Do not protect media (SRTP with AES-128-GCM otherwise)
    #[arg(long)]
    clear: bool,
    /// The capacity in frames a second [default: it is found out]
    #[arg(long)]
    capacity: Option<f64>,
    /// How many times the capacity is sent during the overload
    #[arg(long, default_value_t = 2.0)]
    factor: f64,
    /// Seconds of overload
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Share of the capacity that is sent afterwards
    #[arg(long, default_value_t = 0.8)]
    after: f64,
    /// Seconds of that
    #[arg(long, default_value_t = 10)]
    after_seconds: u64,
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// A part of the measurement.
#[derive(Debug, Clone, Copy, Serialize)]
struct Slice {
    /// Seconds from the beginning of its phase to its end.
    until: f64,
    /// Packets that viewers were to get a second.
    offered_per_second: f64,
    /// Share of them that they did not get.
    loss: f64,
    #[serde(skip)]
    offered: u64,
    #[serde(skip)]
    got: u64,
    /// The worker's memory at its end, in bytes.
    memory: u64,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    viewers: usize,
    /// Frames a second that the worker forwards without loss.
    capacity: f64,
    overload: Vec<Slice>,
    after: Vec<Slice>,
    /// Seconds after the load had fallen from which on nothing was lost; none if something was to the end.
    lossless_after: Option<f64>,
    memory_before: u64,
    memory_highest: u64,
    memory_after: u64,
}

impl Overload {
    /// Measures and prints.
    pub fn run(&self) -> io::Result<()> {
        let report = self.measure()?;
        if self.json {
            println!("{}", serde_json::to_string(&report).map_err(io::Error::other)?);
            return Ok(());
        }
        println!("1 → {}, frames of {} × {} bytes", report.viewers, self.packets, self.size);
        println!("  capacity {:8.0} frames/s", report.capacity);
        for (title, slices) in [("overload", &report.overload), ("after", &report.after)] {
            for slice in slices {
                println!(
                    "  {title:8} {:6.1} s {:9.0} packets/s {:7.2} % lost {:8.1} MB",
                    slice.until,
                    slice.offered_per_second,
                    100.0 * slice.loss,
                    slice.memory as f64 / 1e6
                );
            }
        }
        match report.lossless_after {
            Some(seconds) => println!("  lossless {seconds:6.1} s after the load fell"),
            None => println!("  lossless never"),
        }
        println!(
            "  memory   {:8.1} MB before, {:.1} MB at most, {:.1} MB after",
            report.memory_before as f64 / 1e6,
            report.memory_highest as f64 / 1e6,
            report.memory_after as f64 / 1e6
        );
        Ok(())
    }

    fn measure(&self) -> io::Result<Report> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (worker_core, own_core) = (Some(0), (cores > 1).then_some(1));
        let departures = Arc::new(Departures::default());
        let sinks = Sinks::open(self.viewers, Reading::Merged, own_core, departures.clone())?;
        let mut worker = Worker::start(&self.worker, worker_core, &self.worker_arguments)?;
        let suite = (!self.clear).then_some(SrtpCryptoSuite::AeadAes128Gcm);
        let mut source = Source::open(SSRC, departures)?;
        let mut room = Room::new(&mut worker, "room", suite)?;
        source.connect(room.publish(source.address()?, SSRC)?, suite);
        for &viewer in sinks.addresses() {
            room.view(viewer)?;
        }
        drop(room);
        if let Some(core) = own_core {
            crate::cpu::pin_this_thread(core)?;
        }
        let mut load = Load { tool: self, worker: &worker, sinks: &sinks, source };
        load.slice(20.0, TRY)?;
        let capacity = match self.capacity {
            Some(capacity) => capacity,
            None => load.capacity()?,
        };
        // What the worker takes at a rate that it holds is the measure of what it takes afterwards.
        load.slice(capacity * self.after, TRY * 2)?;
        let memory_before = load.settled_memory()?;
        let overload = load.phase(capacity * self.factor, Duration::from_secs(1), self.seconds as usize)?;
        let slices = self.after_seconds as f64 / SLICE.as_secs_f64();
        let mut after = load.phase(capacity * self.after, SLICE, slices as usize)?;
        let got = sinks.counted().0;
        let memory_after = load.settled_memory()?;
        // What was still on its way.
        if let Some(last) = after.last_mut() {
            last.got += sinks.counted().0 - got;
        }
        let memory_highest = overload.iter().chain(&after).map(|slice| slice.memory).max().unwrap_or(0);
        let lossless_after = lossless_after(&after);
        Ok(Report {
            viewers: self.viewers,
            capacity,
            overload,
            after,
            lossless_after,
            memory_before,
            memory_highest,
            memory_after,
        })
    }
}

/// Where the measurement stands.
struct Load<'a> {
    tool: &'a Overload,
    worker: &'a Worker,
    sinks: &'a Sinks,
    source: Source,
}

impl Load<'_> {
    /// Sends so many frames a second for so long.
    fn slice(&mut self, rate: f64, time: Duration) -> io::Result<Slice> {
        let Overload { packets, size, viewers, .. } = *self.tool;
        let (before, begun) = (self.sinks.counted().0, Instant::now());
        let sent = self.source.run(Shape { packets, size, burst: packets, rate }, time)?;
        let took = begun.elapsed().as_secs_f64();
        let (offered, got) = (sent * viewers as u64, self.sinks.counted().0 - before);
        Ok(Slice {
            until: took,
            offered_per_second: offered as f64 / took,
            loss: offered.saturating_sub(got) as f64 / offered.max(1) as f64,
            offered,
            got,
            memory: self.worker.memory()?,
        })
    }

    fn phase(&mut self, rate: f64, time: Duration, count: usize) -> io::Result<Vec<Slice>> {
        let mut until = 0.0;
        let mut slices = Vec::new();
        let mut progress = Progress::new("slices", count);
        for number in 0..count {
            progress.show(number);
            let slice = self.slice(rate, time)?;
            until += slice.until;
            slices.push(Slice { until, ..slice });
        }
        progress.show(count);
        Ok(slices)
    }

    /// The highest rate of frames that is forwarded without loss.
    fn capacity(&mut self) -> io::Result<f64> {
        let (mut held, mut lost) = (20.0, f64::INFINITY);
        let mut refinements = 0;
        while refinements < REFINEMENTS {
            let rate = if lost.is_finite() { (held + lost) / 2.0 } else { held * 1.6 };
            refinements += usize::from(lost.is_finite());
            self.sinks.settle();
            let before = self.sinks.counted().0;
            let slice = self.slice(rate, TRY)?;
            self.sinks.settle();
            let (got, kept_up) = (self.sinks.counted().0 - before, slice.until < TRY.as_secs_f64() * 1.1);
            match got >= slice.offered && kept_up {
                true => held = rate,
                false => {
                    lost = rate;
                    std::thread::sleep(REST);
                    // Whoever lost the thread begins anew at a key frame.
                    self.slice(20.0, REST * 2)?;
                }
            }
            if !kept_up && got >= slice.offered {
                return Err(io::Error::other(
                    "overload: this tool can't send more than the worker can carry; give it more viewers",
                ));
            }
        }
        Ok(held)
    }

    /// The worker's memory when all that was sent has arrived.
    fn settled_memory(&self) -> io::Result<u64> {
        self.sinks.settle();
        // Repairs are kept for two seconds.
        std::thread::sleep(REST);
        self.worker.memory()
    }
}

/// The end of the last slice in which something was lost; what arrives late counts where it arrives.
fn lossless_after(slices: &[Slice]) -> Option<f64> {
    let mut begin = None;
    let (mut offered, mut got) = (0, 0);
    for index in (0..slices.len()).rev() {
        let slice = slices.get(index)?;
        offered += slice.offered;
        got += slice.got;
        if got < offered {
            break;
        }
        begin = Some(index.checked_sub(1).and_then(|before| slices.get(before)).map_or(0.0, |s| s.until));
    }
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(pairs: &[(u64, u64)]) -> Vec<Slice> {
        let slice = |(number, (offered, got)): (usize, &(u64, u64))| Slice {
            until: (number + 1) as f64 / 2.0,
            offered_per_second: 0.0,
            loss: 0.0,
            offered: *offered,
            got: *got,
            memory: 0,
        };
        pairs.iter().enumerate().map(slice).collect()
    }

    #[test]
    fn it_is_lossless_from_the_end_of_the_last_slice_that_lost_something() {
        assert_eq!(lossless_after(&slices(&[(10, 10), (10, 10)])), Some(0.0));
        assert_eq!(lossless_after(&slices(&[(10, 3), (10, 9), (10, 10), (10, 10)])), Some(1.0));
        // A packet of the third slice arrived in the fourth.
        assert_eq!(lossless_after(&slices(&[(10, 3), (10, 10), (10, 9), (10, 11)])), Some(0.5));
        assert_eq!(lossless_after(&slices(&[(10, 10), (10, 9)])), None);
    }
}
