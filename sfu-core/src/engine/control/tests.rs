//! Commands on an engine without sockets.
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::*;
use crate::control::*;
use crate::engine::{Clock, EngineConfig, ListenCandidate, Random, SharedListen};
use crate::net::{Listening, SocketId};
use crate::transport::dtls::{Certificate, DtlsContext, DtlsTimers, SrtpProfile};

struct NoSockets;

impl SocketFactory for NoSockets {
    fn open(&mut self, _: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError> {
        Err(ControlError::unsupported("test: there are no sockets"))
    }
    fn close(&mut self, _: SocketId) {}
}

struct Bench {
    engine: Engine,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let timers = DtlsTimers { initial: Duration::from_millis(50), max: Duration::from_secs(1) };
        let certificate = Certificate::generate().unwrap();
        let dtls = DtlsContext::new(&certificate, &SrtpProfile::ALL, timers, 1200).unwrap();
        let engine = Engine::new(EngineConfig {
            worker: 0,
            shared: SharedListen {
                sockets: vec![Listening {
                    socket: SocketId(1),
                    protocol: Protocol::Udp,
                    address: ([127, 0, 0, 1], 4000).into(),
                }],
                candidates: vec![ListenCandidate {
                    order: 0,
                    is_internal: false,
                    protocol: Protocol::Udp,
                    address: "127.0.0.1".into(),
                    port: 4000,
                }],
            },
            dtls,
            fingerprints: Vec::new(),
            clock: Clock::new(now, SystemTime::UNIX_EPOCH),
            random: Random::seeded(1),
            pacing: true,
        });
        Bench { engine, now }
    }

    fn run(&mut self, command: Command) -> Result<Reply, ControlError> {
        self.engine.execute(self.now, command, &mut NoSockets)
    }

    fn transport(&mut self, router: RouterId) -> TransportId {
        let options = WebRtcTransportOptions::default();
        match self.run(Command::CreateWebRtcTransport { router, options }).unwrap() {
            Reply::WebRtcTransport(created) => created.id,
            other => panic!("{other:?}"),
        }
    }

    fn producer(&mut self, transport: TransportId, ssrc: u32) -> ProducerId {
        let rtp_mapping = RtpMapping {
            codecs: vec![RtpMappingCodec { payload_type: 96, mapped_payload_type: 100 }],
            encodings: vec![RtpMappingEncoding {
                rid: None,
                ssrc: Some(ssrc),
                scalability_mode: None,
                mapped_ssrc: 7,
            }],
        };
        let options =
            ProducerOptions { rtp_mapping, ..ProducerOptions::new(MediaKind::Video, vp8(96, ssrc)) };
        match self.run(Command::Produce { transport, options }).unwrap() {
            Reply::Producer(created) => created.id,
            other => panic!("{other:?}"),
        }
    }

    fn consumer(&mut self, transport: TransportId, producer: ProducerId, outlives: bool) -> ConsumerId {
        let options = ConsumerOptions {
            outlives_producer: outlives,
            ..ConsumerOptions::new(producer, vp8(100, 9_000 + u32::from(outlives)))
        };
        match self.run(Command::Consume { transport, options }).unwrap() {
            Reply::Consumer(id) => id,
            other => panic!("{other:?}"),
        }
    }

    fn consumers(&mut self) -> Vec<(ConsumerId, ProducerId)> {
        match self.run(Command::Stats(Target::Worker)).unwrap() {
            Reply::Stats(stats) => stats.consumers.iter().map(|c| (c.id, c.producer)).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn vp8(payload_type: u8, ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "video/VP8".into(),
        payload_type,
        clock_rate: 90_000,
        ..Default::default()
    };
    let encoding = RtpEncodingParameters { ssrc: Some(ssrc), ..Default::default() };
    RtpParameters { codecs: vec![codec], encodings: vec![encoding], ..Default::default() }
}

#[test]
fn only_a_consumer_that_outlives_its_producer_is_left_and_can_be_switched() {
    let mut bench = Bench::new();
    let Reply::Router(router) = bench.run(Command::CreateRouter { labels: Labels::new() }).unwrap() else {
        panic!()
    };
    let (publisher, viewer) = (bench.transport(router), bench.transport(router));
    let first = bench.producer(publisher, 1);
    let bound = bench.consumer(viewer, first, false);
    let survivor = bench.consumer(viewer, first, true);
    bench.run(Command::CloseTransport(publisher)).unwrap();
    assert_eq!(bench.consumers(), [(survivor, first)]);
    assert!(bench.run(Command::RequestKeyFrame(bound)).is_err());
    // Whatever is asked of it meanwhile does no harm.
    for command in [
        Command::RequestKeyFrame(survivor),
        Command::PauseConsumer(survivor),
        Command::ResumeConsumer(survivor),
        Command::SetPreferredLayers { consumer: survivor, spatial: 1, temporal: None },
    ] {
        let _ = bench.run(command);
    }
    let publisher = bench.transport(router);
    let second = bench.producer(publisher, 2);
    bench.run(Command::SwitchConsumer { consumer: survivor, producer: second }).unwrap();
    assert_eq!(bench.consumers(), [(survivor, second)]);
    bench.run(Command::CloseTransport(viewer)).unwrap();
    bench.run(Command::CloseRouter(router)).unwrap();
    assert!(bench.consumers().is_empty());
}
