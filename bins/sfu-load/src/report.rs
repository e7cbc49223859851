//! What was found, as people and programs read it.
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::call::{Call, Source};
use crate::latency::Histogram;
use crate::measure::{Point, Turn, loss};
use crate::options::{Options, Signaling, Transport};
use crate::ramp::Step;
use crate::srtp::Srtp;
use crate::tally::Counts;
use crate::timetable::Pattern;

/// Median, lowest, highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The one in the middle.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

impl Spread {
    /// Of some values, if there are any.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        Some(Self { median: *values.get(values.len() / 2)?, low, high })
    }
}

/// How long frames are under way, in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Half of them took no longer.
    pub p50: f64,
    /// Likewise 90 of 100.
    pub p90: f64,
    /// Likewise 99 of 100.
    pub p99: f64,
    /// Likewise 999 of 1000.
    pub p999: f64,
    /// None took longer.
    pub max: f64,
    /// Ends of buckets, and how many fell into each.
    pub buckets: Vec<(f64, u64)>,
}

impl Latency {
    fn of(histogram: &Histogram) -> Self {
        let micros = |permille| histogram.permille(permille).as_secs_f64() * 1e6;
        Self {
            count: histogram.count(),
            p50: micros(500),
            p90: micros(900),
            p99: micros(990),
            p999: micros(999),
            max: micros(1000),
            buckets: histogram.filled().map(|(end, count)| (end.as_secs_f64() * 1e6, count)).collect(),
        }
    }
}

/// A moment of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moment {
    /// Seconds since the beginning, without what lies between measurements.
    pub at: f64,
    /// Packets a second that reached viewers.
    pub packets_per_second: f64,
    /// Cores that the worker kept busy.
    pub worker_cores: Option<f64>,
    /// Cores that the load tool kept busy.
    pub tool_cores: f64,
}

impl From<&Point> for Moment {
    fn from(point: &Point) -> Self {
        Self {
            at: point.at.as_secs_f64(),
            packets_per_second: point.packets,
            worker_cores: point.worker,
            tool_cores: point.tool,
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of the load tool.
    pub version: &'static str,
    /// What was measured, in words.
    pub scenario: String,
    /// What chance was drawn from.
    pub seed: u64,
    /// How peers came to the worker.
    pub signaling: Signaling,
    /// How they sent and received.
    pub transport: Transport,
    /// How media was protected.
    pub srtp: Srtp,
    /// Peers.
    pub peers: usize,
    /// Those who watch.
    pub viewers: usize,
    /// How many times as fast as their own speed sources sent.
    pub speed: f64,
    /// Seconds until all had joined.
    pub joined_in: f64,
    /// RTP packets that sources sent, in all rounds.
    pub sent: u64,
    /// RTP packets that the system did not take from sources.
    pub unsent: u64,
    /// RTP packets that viewers should have got; nothing where the worker chooses among layers.
    pub expected: Option<u64>,
    /// RTP packets that viewers got.
    pub received: u64,
    /// Those that they did not get.
    pub lost: u64,
    /// Share of them, 0 to 1.
    pub loss: f64,
    /// The same of each viewer, the worst one first: numbers missing in its streams.
    pub loss_per_viewer: Vec<f64>,
    /// RTP packets that viewers got again.
    pub repeated: u64,
    /// Of those that were opened for their stamp, those that can't be read.
    pub unreadable: u64,
    /// RTP packets a second that reached viewers.
    pub packets_per_second: f64,
    /// Bit/s of RTP that reached viewers.
    pub bits_per_second: f64,
    /// Cores that the worker kept busy, if its process is known.
    pub worker_cores: Option<f64>,
    /// Cores that the load tool kept busy meanwhile.
    pub tool_cores: f64,
    /// Nanoseconds of the worker's CPU per packet that reached a viewer.
    pub worker_nanos: Option<Spread>,
    /// The same of a program that only seals and sends.
    pub floor_nanos: Option<Spread>,
    /// The one over the other, medians.
    pub ratio: Option<f64>,
    /// Bytes of memory that the worker took for each peer.
    pub memory_per_peer: Option<f64>,
    /// How long frames were under way.
    pub latency_micros: Latency,
    /// The 99th percentile of a round's latencies over the CPU time that a burst to all viewers costs the worker, where all bursts are
    /// whole frames of one size: 1 is what one core needs to send the last packet of the burst.
    pub p99_over_burst: Option<Spread>,
    /// Worker and floor of each round, in nanoseconds per packet.
    pub rounds: Vec<(Option<f64>, Option<f64>)>,
    /// How it went over time.
    pub timeline: Vec<Moment>,
    /// Speeds that were tried, where the highest was looked for.
    pub ramp: Vec<Step>,
}

impl Report {
    /// From measurements of a call.
    pub fn new(scenario: String, call: &Call, options: &Options, turns: &[Turn], speed: f64) -> Self {
        let all = turns.iter().fold(Counts::default(), |sum, turn| sum.plus(turn.counts));
        let time: f64 = turns.iter().map(|turn| turn.time.as_secs_f64()).sum();
        let expected: Option<u64> = turns.iter().map(|turn| turn.expected).sum();
        let lost: u64 = turns.iter().map(Turn::lost).sum();
        let worker_nanos = Spread::of(turns.iter().filter_map(Turn::worker_nanos));
        let floor_nanos = Spread::of(turns.iter().filter_map(|turn| turn.floor));
        let worker_cpu: Option<f64> =
            turns.iter().map(|turn| turn.worker_cpu.map(|cpu| cpu.as_secs_f64())).sum();
        let tool_cpu: f64 = turns.iter().map(|turn| turn.tool_cpu.as_secs_f64()).sum();
        let mut latency = Histogram::default();
        turns.iter().for_each(|turn| latency.merge(&turn.latency));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            scenario,
            seed: options.seed,
            signaling: options.signaling,
            transport: options.transport,
            srtp: options.srtp,
            peers: call.members().len(),
            viewers: call.viewers().len(),
            speed,
            joined_in: call.joined_in().as_secs_f64(),
            sent: all.sent,
            unsent: all.unsent,
            expected,
            received: all.packets,
            lost,
            loss: loss(turns),
            loss_per_viewer: loss_per_viewer(call, turns),
            repeated: all.repeated,
            unreadable: all.unreadable,
            packets_per_second: all.packets as f64 / time,
            bits_per_second: all.bytes as f64 * 8.0 / time,
            worker_cores: worker_cpu.map(|cpu| cpu / time),
            tool_cores: tool_cpu / time,
            worker_nanos,
            floor_nanos,
            ratio: worker_nanos.zip(floor_nanos).map(|(worker, floor)| worker.median / floor.median),
            memory_per_peer: call.memory().map(|memory| memory as f64 / call.members().len().max(1) as f64),
            latency_micros: Latency::of(&latency),
            p99_over_burst: p99_over_burst(call, turns),
            rounds: turns.iter().map(|turn| (turn.worker_nanos(), turn.floor)).collect(),
            timeline: turns.iter().flat_map(|turn| &turn.points).map(Moment::from).collect(),
            ramp: Vec::new(),
        }
    }
}

fn p99_over_burst(call: &Call, turns: &[Turn]) -> Option<Spread> {
    let [Source { pattern: Pattern::Frames { packets, .. }, .. }] = call.sources() else { return None };
    let copies = (packets * call.viewers().len()) as f64;
    let of = |turn: &Turn| {
        let burst = turn.worker_nanos()? * copies;
        Some(turn.latency.permille(990).as_nanos() as f64 / burst)
    };
    Spread::of(turns.iter().filter_map(of))
}

fn loss_per_viewer(call: &Call, turns: &[Turn]) -> Vec<f64> {
    let watching = call.members().iter().enumerate().filter(|(_, member)| member.watches);
    let mut shares: Vec<f64> = watching
        .map(|(number, _)| {
            let of_peer = turns.iter().filter_map(|turn| turn.peers.get(number));
            let sum = of_peer.fold(Counts::default(), |sum, peer| sum.plus(*peer));
            sum.missing as f64 / (sum.packets + sum.missing).max(1) as f64
        })
        .collect();
    shares.sort_unstable_by(|a, b| b.total_cmp(a));
    shares
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {:?} over {:?}, SRTP {:?}, seed {}",
            self.scenario, self.transport, self.signaling, self.srtp, self.seed
        )?;
        writeln!(f, "  joined   {} peers in {:.1} s", self.peers, self.joined_in)?;
        writeln!(
            f,
            "  packets  {} sent, {} received, {} lost ({:.4} %), {:.0}/s, {:.1} Mbit/s",
            self.sent,
            self.received,
            self.lost,
            self.loss * 100.0,
            self.packets_per_second,
            self.bits_per_second / 1e6
        )?;
        let worst = self.loss_per_viewer.first().copied().unwrap_or_default() * 100.0;
        let losing = self.loss_per_viewer.iter().filter(|loss| **loss > 0.0).count();
        writeln!(f, "  viewers  {} of {} lost packets, the worst one {worst:.4} %", losing, self.viewers)?;
        let worker = self.worker_cores.map_or("unknown".into(), |cores| format!("{:.1} %", cores * 100.0));
        writeln!(f, "  CPU      worker {worker}, load tool {:.1} % of a core", self.tool_cores * 100.0)?;
        for (name, nanos) in [("worker", self.worker_nanos), ("floor ", self.floor_nanos)] {
            if let Some(Spread { median, low, high }) = nanos {
                writeln!(f, "  {name}   {median:7.0} ns a packet ({low:.0} – {high:.0})")?;
            }
        }
        if let Some(ratio) = self.ratio {
            writeln!(f, "  ratio    {ratio:7.2}")?;
        }
        let latency = &self.latency_micros;
        writeln!(
            f,
            "  latency  {:7.0} µs p50, {:.0} µs p99, {:.0} µs p99.9, of {} frames",
            latency.p50, latency.p99, latency.p999, latency.count
        )?;
        if let Some(Spread { median, low, high }) = self.p99_over_burst {
            writeln!(f, "  p99      {median:7.2} times a burst's CPU time ({low:.2} – {high:.2})")?;
        }
        if let Some(memory) = self.memory_per_peer {
            writeln!(f, "  memory   {:7.1} kB a peer", memory / 1000.0)?;
        }
        for step in &self.ramp {
            let verdict = match (step.holds(), step.kept_up) {
                (true, _) => "holds",
                (false, true) => "loses",
                (false, false) => "is more than the load tool can send",
            };
            writeln!(
                f,
                "  speed    {:7.2} {verdict}: {:.0} packets/s, {:.4} % lost",
                step.speed,
                step.packets_per_second,
                step.loss * 100.0
            )?;
        }
        if self.unreadable > 0 || self.unsent > 0 {
            writeln!(
                f,
                "  beware   {} packets were unreadable, {} were not taken from sources",
                self.unreadable, self.unsent
            )?;
        }
        Ok(())
    }
}
