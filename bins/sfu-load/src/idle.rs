//! Transports on which nothing happens: what they hold and what they cost.
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::latency::Departures;
use crate::progress::Progress;
use crate::room::Room;
use crate::source::Source;
use crate::worker::Worker;

/// What is measured.
#[derive(Debug, Clone, Args)]
pub struct Idle {
    /// The worker; it speaks the protocol of mediasoup's worker
    #[arg(long)]
    worker: PathBuf,
    /// How many transports of each kind
    #[arg(long, default_value_t = 1000)]
    transports: usize,
    /// Seconds for which their CPU time is taken
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

/// What is made so many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    WebRtc,
    WebRtcWithConsumer,
    PlainWithConsumer,
}

impl Idle {
    /// Measures and prints.
    pub fn run(&self) -> io::Result<()> {
        println!("{} transports of each kind", self.transports);
        for kind in [Kind::WebRtc, Kind::WebRtcWithConsumer, Kind::PlainWithConsumer] {
            let mut worker = Worker::start(&self.worker, None, &[])?;
            let mut room = Room::new(&mut worker, "room", None)?;
            let source = Source::open(1, Arc::new(Departures::default()))?;
            room.publish(source.address()?, 1)?;
            // What is made once, whatever the number, is there already.
            self.add(&mut room, kind)?;
            let before = room.worker().memory()?;
            let mut progress = Progress::new("transports", self.transports);
            for done in 0..self.transports {
                progress.show(done);
                self.add(&mut room, kind)?;
            }
            progress.show(self.transports);
            std::thread::sleep(Duration::from_millis(300));
            let memory = room.worker().memory()?.saturating_sub(before) as f64 / self.transports as f64;
            let (cpu, begun) = (room.worker().cpu()?, Instant::now());
            std::thread::sleep(Duration::from_secs_f64(self.seconds));
            let cpu = room.worker().cpu()?.saturating_sub(cpu);
            let share = cpu.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
            println!("  {kind:?}: {:.1} kB each, {share:.2} % of a core for all", memory / 1000.0);
        }
        Ok(())
    }

    fn add(&self, room: &mut Room<'_>, kind: Kind) -> io::Result<()> {
        match kind {
            Kind::WebRtc => room.waiting().map(drop),
            Kind::WebRtcWithConsumer => {
                let transport = room.waiting()?;
                room.consume_first(&transport)
            }
            Kind::PlainWithConsumer => room.view(([127, 0, 0, 1], 9).into()),
        }
    }
}
