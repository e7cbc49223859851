//! What entities hold: `memory [--check]` prints bytes of each, as they are asked of the allocator. What libssl holds for DTLS is not among
//! them (`sfu-load idle` shows a whole worker).
use std::process::ExitCode;
use std::time::Duration;

use sfu_core::control::{Command, ProducerId, SrtpCryptoSuite, WebRtcTransportOptions};
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Build, Media, PeerId, PeerOptions};
use sfu_counting_allocator::{CountingAllocator, held};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// How many of each are made.
const MANY: usize = 512;

/// A packet of VP8 that begins a key frame.
const VP8: [u8; 14] = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1, 7, 7, 7];

/// What is made, and the most bytes that it may hold.
struct Row {
    about: &'static str,
    allowed: usize,
    make: fn(&mut Scene),
    /// What happens once all are there.
    then: fn(&mut Scene),
}

const ROWS: [Row; 7] = [
    Row { about: "WebRTC transport, created", allowed: 10_000, make: Scene::create, then: nothing },
    Row { about: "WebRTC transport, connected, idle", allowed: 10_000, make: Scene::connect, then: nothing },
    Row { about: "plain transport, connected, idle", allowed: 8_000, make: Scene::plain, then: nothing },
    Row {
        about: "plain transport and video consumer, idle",
        allowed: 8_000,
        make: Scene::consume_clear,
        then: nothing,
    },
    // Of these, 6 kB are the expanded AES keys of both directions, RTP and RTCP.
    Row {
        about: "SRTP transport and video consumer, idle",
        allowed: 12_000,
        make: Scene::consume_video,
        then: nothing,
    },
    // Of the next two, 6 kB are the outbox, which holds what leaves for all of them at once, and 1.6 kB packets for their reports.
    Row {
        about: "SRTP transport and audio consumer, 2 s of 50 packets a second",
        allowed: 21_000,
        make: Scene::consume_audio,
        then: Scene::speak,
    },
    Row {
        // 32 kB remember what left under which number, 8 kB what left when.
        about: "SRTP transport and video consumer, 2 s of 500 packets a second",
        allowed: 63_000,
        make: Scene::consume_video,
        then: Scene::show,
    },
];

fn nothing(_: &mut Scene) {}

/// A worker, and somebody whom others may receive.
struct Scene {
    bench: Bench<Nil>,
    audio: ProducerId,
    video: ProducerId,
}

impl Scene {
    fn new() -> Self {
        let mut bench = Build::<Nil>::new().start();
        let speaker = bench.peer_with(PeerOptions::plain().without_reports());
        let (audio, video) = (bench.produce(speaker, Media::opus()), bench.produce(speaker, Media::vp8()));
        Scene { bench, audio, video }
    }

    fn create(&mut self) {
        let router = self.bench.router(0);
        self.bench
            .command(Command::CreateWebRtcTransport { router, options: WebRtcTransportOptions::default() });
    }

    fn connect(&mut self) {
        let options = PeerOptions::webrtc().consent_timeout(Duration::ZERO).without_reports();
        let peer = self.bench.peer_with(options);
        self.bench.forget(peer);
    }

    fn plain(&mut self) {
        self.bench.peer_with(PeerOptions::plain().without_reports());
    }

    fn consume_clear(&mut self) {
        let peer = self.bench.peer_with(PeerOptions::plain().without_reports());
        self.bench.consume(peer, self.video);
    }

    fn secure(&mut self) -> PeerId {
        self.bench.peer_with(PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).without_reports())
    }

    fn consume_audio(&mut self) {
        let peer = self.secure();
        self.bench.consume(peer, self.audio);
    }

    fn consume_video(&mut self) {
        let peer = self.secure();
        self.bench.consume(peer, self.video);
    }

    fn speak(&mut self) {
        self.bench.flood(self.audio, &[7; 60], 100, Duration::from_millis(20));
    }

    fn show(&mut self) {
        self.bench.flood(self.video, &VP8, 1000, Duration::from_millis(2));
    }
}

/// Bytes of one of many.
fn measure(row: &Row) -> usize {
    let mut scene = Scene::new();
    // What is made once is made before: packets in the store of the producer, too.
    (row.make)(&mut scene);
    (row.then)(&mut scene);
    let before = held();
    (0..MANY).for_each(|_| (row.make)(&mut scene));
    (row.then)(&mut scene);
    scene.bench.forget_everybody();
    held().saturating_sub(before) / MANY
}

fn main() -> ExitCode {
    let check = match std::env::args().skip(1).collect::<Vec<_>>()[..] {
        [] => false,
        [ref only] if only == "--check" => true,
        _ => {
            eprintln!("usage: memory [--check]");
            return ExitCode::from(2);
        }
    };
    let mut kept = true;
    println!("| what | bytes | allowed |\n|---|---:|---:|");
    for row in ROWS {
        let bytes = measure(&row);
        let good = bytes <= row.allowed;
        kept &= good;
        println!("| {} | {bytes} | {}{} |", row.about, row.allowed, if good { "" } else { " **passed**" });
    }
    if kept || !check { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
