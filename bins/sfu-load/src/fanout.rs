//! One publisher and many viewers: what a packet that is forwarded costs, beside what the machine can't do for less.
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use sfu_core::testing::bench_support::Floor;

use crate::latency::Departures;
use crate::progress::Progress;
use crate::room::Room;
use crate::sinks::{Reading, Sinks};
use crate::source::{Shape, Source};
use crate::srtp::Srtp;
use crate::worker::Worker;

/// How long before a measurement all runs as in it.
const WARM_UP: Duration = Duration::from_millis(700);

/// SSRC of the publisher.
const SSRC: u32 = 0x0a0b_0c0d;

/// What is measured.
#[derive(Debug, Clone, Args)]
pub struct Fanout {
    /// The worker to put under load; it speaks the protocol of mediasoup's worker
    #[arg(long)]
    worker: PathBuf,
    /// Arguments of the worker
    #[arg(long = "worker-arg", allow_hyphen_values = true)]
    worker_arguments: Vec<String>,
    /// How many watch
    #[arg(long, default_value_t = 50)]
    viewers: usize,
    /// How media is protected
    #[arg(long, value_enum, default_value = "gcm128")]
    srtp: Srtp,
    /// Packets of a frame
    #[arg(long, default_value_t = 10)]
    packets: usize,
    /// Packets that leave the publisher together [default: a whole frame]
    #[arg(long)]
    burst: Option<usize>,
    /// Bytes of a packet on the wire
    #[arg(long, default_value_t = 1200)]
    size: usize,
    /// Frames a second
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Measurements of the worker and of the floor, in turns; the median of each counts
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Viewers read each datagram by itself, as ordinary receivers do
    #[arg(long)]
    single: bool,
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    viewers: usize,
    packets_per_burst: usize,
    size: usize,
    /// Nanoseconds of CPU per packet that reached a viewer: median, lowest, highest.
    worker_nanos: [f64; 3],
    /// The same of a program that only seals and sends.
    floor_nanos: [f64; 3],
    ratio: f64,
    forwarded_per_second: f64,
    lost: u64,
    /// Microseconds from the publisher's system call to the last packet of a frame at a viewer.
    latency_p50_micros: f64,
    latency_p99_micros: f64,
    latency_p999_micros: f64,
    worker_memory_per_viewer: f64,
}

impl Fanout {
    /// Measures and prints.
    pub fn run(&self) -> io::Result<()> {
        let report = self.measure()?;
        if self.json {
            println!("{}", serde_json::to_string(&report).map_err(io::Error::other)?);
            return Ok(());
        }
        let [worker, low, high] = report.worker_nanos;
        let [floor, floor_low, floor_high] = report.floor_nanos;
        println!(
            "1 → {}, bursts of {} × {} bytes, {:?}",
            report.viewers, report.packets_per_burst, report.size, self.srtp
        );
        println!(
            "  worker   {worker:7.0} ns a packet ({low:.0} – {high:.0}), {:.0} packets/s, {} lost",
            report.forwarded_per_second, report.lost
        );
        println!("  floor    {floor:7.0} ns a packet ({floor_low:.0} – {floor_high:.0})");
        println!("  ratio    {:7.2}", report.ratio);
        println!(
            "  latency  {:7.0} µs p50, {:.0} µs p99, {:.0} µs p99.9",
            report.latency_p50_micros, report.latency_p99_micros, report.latency_p999_micros
        );
        println!("  memory   {:7.1} kB a viewer", report.worker_memory_per_viewer / 1000.0);
        Ok(())
    }

    fn measure(&self) -> io::Result<Report> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (worker_core, own_core) = (Some(0), (cores > 1).then_some(1));
        let departures = Arc::new(Departures::default());
        let reading = if self.single { Reading::Single } else { Reading::Merged };
        let sinks = Sinks::open(self.viewers, reading, own_core, departures.clone())?;
        let mut worker = Worker::start(&self.worker, worker_core, &self.worker_arguments)?;
        let suite = self.srtp.suite();
        let mut source = Source::open(SSRC, departures)?;
        let mut room = Room::new(&mut worker, "room", suite)?;
        source.connect(room.publish(source.address()?, SSRC)?, suite);
        let empty = room.worker().memory()?;
        for &viewer in sinks.addresses() {
            room.view(viewer)?;
        }
        let burst = self.burst.unwrap_or(self.packets).max(1);
        let shape = Shape { packets: self.packets, size: self.size, burst, rate: self.rate };
        if let Some(core) = own_core {
            crate::cpu::pin_this_thread(core)?;
        }
        // Slowly at first, so that viewers learn which frame is which.
        source.run(Shape { rate: 20.0, ..shape }, WARM_UP)?;
        let memory = room.worker().memory()?.saturating_sub(empty);
        drop(room);
        let time = Duration::from_secs_f64(self.seconds);
        let mut floor = Floor::new(sinks.addresses(), suite)?;
        let (mut costs, mut floors) = (Vec::new(), Vec::new());
        let (mut forwarded, mut lost, mut spent) = (0, 0, Duration::ZERO);
        // Latency counts in the worker's turns alone: the floor's frames have other timestamps, so they are measured apart.
        let mut progress = Progress::new("rounds", self.rounds);
        for round in 0..self.rounds {
            progress.show(round);
            source.run(shape, WARM_UP)?;
            sinks.settle();
            let (before, _, _) = sinks.counted();
            let (cpu, begun) = (worker.cpu()?, Instant::now());
            let sent = source.run(shape, time)?;
            let took = begun.elapsed();
            sinks.settle();
            let cpu = worker.cpu()?.saturating_sub(cpu);
            let got = sinks.counted().0 - before;
            costs.push(cpu.as_nanos() as f64 / got.max(1) as f64);
            forwarded += got;
            spent += took;
            lost += (sent * self.viewers as u64).saturating_sub(got);
            floors.push(self.floor(&mut floor, burst, worker_core, time)?);
            sinks.settle();
        }
        progress.show(self.rounds);
        let latency = sinks.stop()?;
        let (worker_nanos, floor_nanos) = (spread(costs), spread(floors));
        let micros = |permille| latency.permille(permille).as_secs_f64() * 1e6;
        Ok(Report {
            viewers: self.viewers,
            packets_per_burst: burst,
            size: self.size,
            worker_nanos,
            floor_nanos,
            ratio: worker_nanos[0] / floor_nanos[0],
            forwarded_per_second: forwarded as f64 / spent.as_secs_f64(),
            lost,
            latency_p50_micros: micros(500),
            latency_p99_micros: micros(990),
            latency_p999_micros: micros(999),
            worker_memory_per_viewer: memory as f64 / self.viewers.max(1) as f64,
        })
    }

    /// CPU time of one packet of a program that only seals and sends, at the rate of the publisher and on the worker's core.
    fn floor(&self, floor: &mut Floor, burst: usize, core: Option<usize>, time: Duration) -> io::Result<f64> {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                if let Some(core) = core {
                    crate::cpu::pin_this_thread(core)?;
                }
                let bursts = self.packets.div_ceil(burst) as f64 * self.rate;
                let interval = Duration::from_secs_f64(1.0 / bursts);
                let (mut due, mut sent) = (Instant::now(), 0);
                let before = crate::cpu::of_this_thread()?;
                while !stop.load(Ordering::Relaxed) {
                    sent += floor.send(burst.min(self.packets), self.size);
                    due += interval;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                let spent = crate::cpu::of_this_thread()?.saturating_sub(before);
                Ok(spent.as_nanos() as f64 / sent.max(1) as f64)
            });
            std::thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
            thread.join().unwrap_or_else(|_| Err(io::Error::other("floor: the thread has failed")))
        })
    }
}

/// Median, lowest, highest.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    [at(values.len() / 2), at(0), at(values.len().saturating_sub(1))]
}
