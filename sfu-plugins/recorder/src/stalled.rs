//! A whole worker that records on a disk that stalls: tests put the disk in the place of a folder.
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use sfu_core::control::{
    Command, ConnectPlainTransport, ConsumerOptions, ControlHandle, Labels, ListenInfo, MediaKind,
    PlainTransportOptions, ProducerOptions, RouterId, RtpCodecParameters, RtpEncodingParameters, RtpMapping,
    RtpMappingCodec, RtpMappingEncoding, RtpParameters, Target, TransportId,
};
use sfu_core::plugin::PluginSettings;
use sfu_core::serde_json::{Map, Value, json};
use sfu_core::signaling::{Mounts, Shutdown, Signaling, SignalingError};
use sfu_core::worker::{Running, WorkerConfig};

use crate::folder::{Medium, Store};
use crate::status::lock;

sfu_core::worker! {
    struct Recording;
    plugins = [crate::Recorder];
    signaling = [Hangs];
}

/// A front door that does not close, where the configuration says so.
struct Hangs(bool);

impl Signaling for Hangs {
    const ID: &'static str = "hangs";
    const ABOUT: &'static str = "Does not end with the worker.";
    type Config = Map<String, Value>;

    fn new(config: Self::Config) -> Result<Self, SignalingError> {
        Ok(Hangs(config.get("hangs") == Some(&Value::Bool(true))))
    }

    async fn run(self, _: ControlHandle, _: Mounts, mut stop: Shutdown) -> Result<(), SignalingError> {
        stop.wait().await;
        if self.0 { std::future::pending().await } else { Ok(()) }
    }
}

static DISKS: Mutex<BTreeMap<PathBuf, Arc<dyn Store>>> = Mutex::new(BTreeMap::new());

/// What a test wants to be there instead of a folder.
pub(crate) fn instead_of(folder: &Path) -> Option<Arc<dyn Store>> {
    lock(&DISKS).get(folder).cloned()
}

/// Answers no write until it goes on.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    stalls: bool,
    /// A write waits.
    waits: bool,
}

impl Disk {
    /// One in the place of a folder that is named so.
    fn at(folder: &str) -> Disk {
        let disk = Disk::default();
        lock(&DISKS).insert(folder.into(), Arc::new(disk.clone()));
        disk
    }

    fn stall(&self, stalls: bool) {
        lock(&self.0.0).stalls = stalls;
        self.0.1.notify_all();
    }

    fn has_writer(&self) -> bool {
        lock(&self.0.0).waits
    }
}

impl Store for Disk {
    fn create(&self, stem: &str, _: &str) -> io::Result<(String, Box<dyn Medium>)> {
        Ok((format!("{stem}.mjr"), Box::new(self.clone())))
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = lock(&self.0.0);
        while state.stalls {
            state.waits = true;
            state = self.0.1.wait(state).unwrap();
        }
        state.waits = false;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for Disk {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn write_at(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

async fn start(folder: &str, workers: u8, hangs: bool) -> Running {
    let table =
        json!({ "folder": folder, "enabled": true, "queue_bytes": 65_536, "wait_for_key_frame": false });
    let plugins = PluginSettings::from_json(json!({ "recorder": table })).unwrap();
    let mut config = WorkerConfig { plugins, workers, ..WorkerConfig::default() };
    config.signaling.insert("hangs".into(), json!({ "hangs": hangs }));
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    sfu_core::Builder::<Recording>::new().config(config).without_http().start().await.unwrap()
}

/// Plain RTP into a router, and out of it again on each of several media threads.
struct Call {
    into: UdpSocket,
    out: Vec<UdpSocket>,
    sent: u16,
}

async fn plain(control: &ControlHandle, router: RouterId, comedia: bool) -> (TransportId, SocketAddr) {
    let listen = ListenInfo::udp([127, 0, 0, 1]);
    let options = PlainTransportOptions { listen, comedia, ..Default::default() };
    let made = control.create_plain_transport(router, options).await.unwrap();
    (made.id, made.tuple.local)
}

fn parameters(ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "video/VP8".into(),
        payload_type: 96,
        clock_rate: 90_000,
        ..RtpCodecParameters::default()
    };
    let encoding = RtpEncodingParameters { ssrc: Some(ssrc), ..Default::default() };
    RtpParameters { codecs: vec![codec], encodings: vec![encoding], ..RtpParameters::default() }
}

impl Call {
    async fn start(running: &Running) -> Call {
        let control = running.control();
        let router = control.create_router(0, Labels::new()).await.unwrap();
        let (transport, to) = plain(control, router, true).await;
        let mapping =
            RtpMappingEncoding { rid: None, ssrc: Some(7), scalability_mode: None, mapped_ssrc: 1007 };
        let options = ProducerOptions {
            rtp_mapping: RtpMapping {
                codecs: vec![RtpMappingCodec { payload_type: 96, mapped_payload_type: 96 }],
                encodings: vec![mapping],
            },
            labels: Labels::new().with("stream", "cam"),
            ..ProducerOptions::new(MediaKind::Video, parameters(7))
        };
        let producer = control.produce(transport, options).await.unwrap().id;
        let into = UdpSocket::bind("127.0.0.1:0").unwrap();
        into.connect(to).unwrap();
        let mut out = Vec::new();
        for worker in 0..running.workers() {
            let there = match worker {
                0 => router,
                worker => control.create_router(worker, Labels::new()).await.unwrap(),
            };
            let (transport, _) = plain(control, there, false).await;
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let at = socket.local_addr().unwrap();
            let peer = ConnectPlainTransport {
                ip: Some(at.ip()),
                port: Some(at.port()),
                rtcp_port: None,
                srtp: None,
            };
            control.command(Command::ConnectPlainTransport { transport, peer }).await.unwrap();
            let options = ConsumerOptions::new(producer, parameters(9));
            control.consume(transport, options).await.unwrap();
            out.push(socket);
        }
        Call { into, out, sent: 0 }
    }

    /// Sends a packet of 1000 bytes and waits until it came out everywhere.
    fn pass(&mut self) {
        let number = self.sent;
        self.sent += 1;
        let mut packet = vec![0x80, 0x80 | 96];
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * 3000).to_be_bytes());
        packet.extend(7u32.to_be_bytes());
        packet.extend([0x10, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01]);
        packet.resize(1000, number as u8);
        self.into.send(&packet).unwrap();
        for out in &self.out {
            let mut buffer = [0; 1500];
            loop {
                let len = out.recv(&mut buffer).unwrap_or_else(|error| panic!("packet {number}: {error}"));
                // RTCP comes between.
                if len == 1000 {
                    assert_eq!(buffer[12..len], packet[12..], "packet {number}");
                    break;
                }
            }
        }
    }
}

async fn figures(running: &Running) -> Value {
    running.control().stats(Target::Worker).await.unwrap().plugins["recorder"].clone()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn media_passes_in_full_count_while_the_disk_stalls_and_what_is_lost_to_the_recording_is_counted() {
    for workers in [1, 2] {
        let folder = format!("/a disk that stalls/{workers}");
        let disk = Disk::at(&folder);
        runtime().block_on(async {
            let running = start(&folder, workers, false).await;
            let mut call = Call::start(&running).await;
            for _ in 0..50 {
                call.pass();
            }
            disk.stall(true);
            // Far more than the queue and all buffers hold.
            for _ in 0..600 {
                call.pass();
            }
            let end = Instant::now() + Duration::from_secs(10);
            while !disk.has_writer() && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(disk.has_writer(), "the disk never stalled anything");
            let stalled = figures(&running).await;
            let dropped = stalled["dropped"]["sum"].as_u64().unwrap();
            assert!((300..600).contains(&dropped), "{stalled}");
            disk.stall(false);
            for _ in 0..50 {
                call.pass();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let all = async || {
                let now = figures(&running).await;
                let sum = |name: &str| now[name]["sum"].as_u64().unwrap();
                (sum("packets") + sum("dropped") == u64::from(call.sent), now)
            };
            while !all().await.0 && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let (complete, now) = all().await;
            assert!(complete, "each of the {} packets was written or counted as dropped: {now}", call.sent);
            running.stop().await;
        });
    }
}

#[test]
fn a_stalled_disk_and_signaling_that_hangs_do_not_keep_the_worker_beyond_two_seconds() {
    for workers in [1, 4] {
        let folder = format!("/a disk that stalls at the end/{workers}");
        let disk = Disk::at(&folder);
        runtime().block_on(async {
            let running = start(&folder, workers, true).await;
            let mut call = Call::start(&running).await;
            call.pass();
            disk.stall(true);
            call.pass();
            let begun = Instant::now();
            running.stop().await;
            // Not a measure of speed but what is promised to service managers.
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
            disk.stall(false);
        });
    }
}
