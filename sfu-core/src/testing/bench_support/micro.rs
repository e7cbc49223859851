//! Single steps of the media path, to be measured each by itself.
use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{Open, Seal, key_len, overhead};
use crate::control::{EntityId, RawId, SrtpCryptoSuite, TransportId};
use crate::engine::micro::{Demultiplexer, LayerGate};
use crate::net::{Protocol, Route, SocketId};
use crate::plugin::Nil;
use crate::rtcp::{Compound, ReceiverReport, ReportBlock, RtcpItem, RtcpWriter};
use crate::rtp::rewrite::{ExtensionMap, write_carried};
use crate::rtp::{
    Carried, ExtensionIds, ExtensionKind, ExtensionTable, HeaderRewrite, MAX_HEADER_LEN, RtpHeader,
};
use crate::testing::PeerOptions;
use crate::testing::bench::Bench;

/// How often a step is repeated in one run.
pub const REPEATED: usize = 256;

/// Bytes of payload that are sealed and opened.
const PAYLOAD: usize = 1200;

/// Transports among which a datagram's is looked for.
const TRANSPORTS: u16 = 1000;

/// A step of the media path.
pub trait Step {
    /// Makes what the next run takes; not measured.
    fn prepare(&mut self) {}
    /// The step, [`REPEATED`] times.
    fn run(&mut self);
}

/// All steps: a name for the command line, and what it is.
pub const STEPS: [(&str, &str); 14] = [
    ("parse", "parse an RTP header and find its extensions"),
    ("rewrite", "write a consumer's header"),
    ("seal-gcm128", "seal 1200 bytes, AES-128-GCM"),
    ("seal-gcm256", "seal 1200 bytes, AES-256-GCM"),
    ("seal-cm80", "seal 1200 bytes, AES-128-CM with SHA-1, 80 bits"),
    ("seal-cm32", "seal 1200 bytes, AES-128-CM with SHA-1, 32 bits"),
    ("open-gcm128", "open 1200 bytes, AES-128-GCM"),
    ("open-gcm256", "open 1200 bytes, AES-256-GCM"),
    ("open-cm80", "open 1200 bytes, AES-128-CM with SHA-1, 80 bits"),
    ("open-cm32", "open 1200 bytes, AES-128-CM with SHA-1, 32 bits"),
    ("gate", "decide whether a consumer of some layers gets a packet"),
    ("demux", "find the transport of a datagram among 1000"),
    ("stun", "answer a connectivity check"),
    ("rtcp", "read a receiver report and a NACK of five packets"),
];

/// The step of that name.
pub fn step(name: &str) -> Option<Box<dyn Step>> {
    use SrtpCryptoSuite::{AeadAes128Gcm, AeadAes256Gcm, AesCm128HmacSha1_32, AesCm128HmacSha1_80};
    Some(match name {
        "parse" => Box::new(Header::new(false)),
        "rewrite" => Box::new(Header::new(true)),
        "seal-gcm128" => Box::new(Sealing::new(AeadAes128Gcm)),
        "seal-gcm256" => Box::new(Sealing::new(AeadAes256Gcm)),
        "seal-cm80" => Box::new(Sealing::new(AesCm128HmacSha1_80)),
        "seal-cm32" => Box::new(Sealing::new(AesCm128HmacSha1_32)),
        "open-gcm128" => Box::new(Opening::new(AeadAes128Gcm)),
        "open-gcm256" => Box::new(Opening::new(AeadAes256Gcm)),
        "open-cm80" => Box::new(Opening::new(AesCm128HmacSha1_80)),
        "open-cm32" => Box::new(Opening::new(AesCm128HmacSha1_32)),
        "gate" => Box::new(Gate(LayerGate::new())),
        "demux" => Box::new(Demux::new()),
        "stun" => Box::new(Stun::new()),
        "rtcp" => Box::new(Rtcp::new()),
        _ => return None,
    })
}

/// Runs a step; instructions are counted in here.
#[inline(never)]
pub fn step_entry(step: &mut dyn Step) {
    step.run();
}

/// A packet of video as a browser sends it: mid, absolute send time, transport-wide number, orientation.
struct Header {
    packet: Vec<u8>,
    header: RtpHeader,
    ids: ExtensionIds,
    carried: Carried,
    map: ExtensionMap,
    out: [u8; MAX_HEADER_LEN],
    rewrites: bool,
}

impl Header {
    fn new(rewrites: bool) -> Self {
        let mut packet = vec![0x90, 96, 1, 2, 0, 0, 0, 9, 0, 0, 0, 7, 0xBE, 0xDE, 0, 3];
        packet.extend([0x10, b'0', 0x22, 1, 2, 3, 0x31, 4, 5, 0x40, 1, 0]);
        packet.resize(packet.len() + PAYLOAD, 0x5a);
        let mut ids = ExtensionIds::default();
        let kinds = [
            ExtensionKind::Mid,
            ExtensionKind::AbsSendTime,
            ExtensionKind::TransportCc,
            ExtensionKind::VideoOrientation,
        ];
        (1..).zip(kinds).for_each(|(id, kind)| ids.set(kind, id));
        let header = RtpHeader::parse(&packet).expect("a packet");
        let carried = Carried::scan(&packet, &header, &ids);
        let map = ExtensionMap::between(&ids, &ids, b"1");
        Header { packet, header, ids, carried, map, out: [0; MAX_HEADER_LEN], rewrites }
    }
}

impl Step for Header {
    fn run(&mut self) {
        for number in 0..REPEATED as u32 {
            let packet = black_box(&self.packet[..]);
            if self.rewrites {
                let rewrite = HeaderRewrite {
                    ssrc: number,
                    payload_type: 100,
                    timestamp: number,
                    marker: false,
                    extensions: &self.map,
                };
                let header = black_box(&self.header);
                let _ = black_box(write_carried(&mut self.out, packet, header, &self.carried, &rewrite));
                black_box(&self.out);
            } else if let Ok(header) = RtpHeader::parse(packet) {
                black_box(ExtensionTable::scan(packet, black_box(&header), &self.ids));
            }
        }
    }
}

/// A header with this number.
fn header(number: u32) -> [u8; 12] {
    let [_, _, high, low] = number.to_be_bytes();
    [0x80, 96, high, low, 0, 0, 0, 9, 0, 0, 0, 7]
}

struct Sealing {
    seal: Seal,
    payload: Vec<u8>,
    out: Vec<u8>,
    next: u32,
}

impl Sealing {
    fn new(suite: SrtpCryptoSuite) -> Self {
        let seal = Seal::new(suite, &vec![7; key_len(suite)]);
        Sealing { seal, payload: vec![0x5a; PAYLOAD], out: vec![0; 2048], next: 0 }
    }
}

impl Step for Sealing {
    fn run(&mut self) {
        for _ in 0..REPEATED {
            self.next += 1;
            let sealed = self.seal.rtp(&header(self.next), black_box(&self.payload), &mut self.out);
            assert!(sealed.is_some(), "sealing failed");
            black_box(&self.out);
        }
    }
}

struct Opening {
    seal: Seal,
    open: Open,
    sealed: Vec<Vec<u8>>,
    out: Vec<u8>,
    next: u32,
}

impl Opening {
    fn new(suite: SrtpCryptoSuite) -> Self {
        let key = vec![7; key_len(suite)];
        let sealed = vec![vec![0; 12 + PAYLOAD + overhead(Some(suite))]; REPEATED];
        Opening {
            seal: Seal::new(suite, &key),
            open: Open::new(suite, &key),
            sealed,
            out: vec![0; 2048],
            next: 0,
        }
    }
}

impl Step for Opening {
    fn prepare(&mut self) {
        for packet in &mut self.sealed {
            self.next += 1;
            let len = self.seal.rtp(&header(self.next), &[0x5a; PAYLOAD], packet);
            assert_eq!(len, Some(packet.len()));
        }
    }

    fn run(&mut self) {
        for packet in &self.sealed {
            assert!(self.open.rtp(black_box(packet), 12, &mut self.out), "opening failed");
            black_box(&self.out);
        }
    }
}

struct Gate(LayerGate);

impl Step for Gate {
    fn run(&mut self) {
        for _ in 0..REPEATED {
            black_box(self.0.judge_next());
        }
    }
}

struct Demux {
    demultiplexer: Demultiplexer,
    routes: Vec<Route>,
    next: usize,
}

impl Demux {
    fn new() -> Self {
        let route = |port: u16| Route {
            socket: SocketId(1),
            protocol: Protocol::Udp,
            remote: ([127, 0, 0, 1], 10_000 + port).into(),
            local: None,
        };
        let routes: Vec<Route> = (0..TRANSPORTS).map(route).collect();
        let id = |index: usize| TransportId::from_raw(RawId::new(0, index as u32, 0));
        let paths = routes.iter().enumerate().map(|(index, route)| (*route, id(index)));
        Demux { demultiplexer: Demultiplexer::new(paths), routes, next: 0 }
    }
}

impl Step for Demux {
    fn run(&mut self) {
        for _ in 0..REPEATED {
            // Packets of one peer seldom follow each other.
            self.next = (self.next + 7) % self.routes.len();
            let found =
                self.routes.get(self.next).and_then(|route| self.demultiplexer.find(black_box(route)));
            assert!(found.is_some(), "no transport");
        }
    }
}

struct Stun {
    bench: Bench<Nil>,
    route: Route,
    check: Vec<u8>,
}

impl Stun {
    fn new() -> Self {
        let mut bench = Bench::empty();
        let peer = bench.peer_with(PeerOptions::webrtc().consent_timeout(Duration::ZERO).without_reports());
        let route = bench.peers.get(peer.0).and_then(|peer| peer.current_route()).expect("a path");
        let check = bench.check(peer).bytes();
        Stun { bench, route, check }
    }
}

impl Step for Stun {
    fn prepare(&mut self) {
        if let Some(worker) = self.bench.workers.first_mut() {
            worker.shell.outbox().clear();
        }
    }

    fn run(&mut self) {
        let now: Instant = self.bench.now;
        let Some(worker) = self.bench.workers.first_mut() else { return };
        for _ in 0..REPEATED {
            worker.shell.receive(now, self.route, black_box(&mut self.check));
        }
        assert_eq!(worker.shell.outbox().len(), REPEATED, "a check was not answered");
    }
}

struct Rtcp(Vec<u8>);

impl Rtcp {
    fn new() -> Self {
        let mut buffer = [0; 256];
        let mut writer = RtcpWriter::new(&mut buffer);
        let written = writer.receiver_report(1, &[ReportBlock::default()]).is_ok()
            && writer.nack(1, 2, &[10, 12, 13, 20, 40]).is_ok();
        assert!(written, "no room for a report");
        Rtcp(writer.as_bytes().to_vec())
    }
}

impl Step for Rtcp {
    fn run(&mut self) {
        for _ in 0..REPEATED {
            let mut compound = Compound::new(black_box(&self.0));
            let (mut blocks, mut lost) = (0, 0);
            while let Some(Ok(packet)) = compound.next_packet() {
                match packet.item() {
                    RtcpItem::ReceiverReport(report) => blocks += ReceiverReport::blocks(report).len(),
                    RtcpItem::Nack(nack) => lost += nack.lost().map(black_box).count(),
                    _ => {}
                }
            }
            assert_eq!((blocks, lost), (1, 5), "not what was written");
        }
    }
}
