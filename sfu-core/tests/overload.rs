//! A worker that runs and gets more than it can carry: it leaves some out, stays in bounds, and forwards all when that is over.
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sfu_core::control::{
    ConnectPlainTransport, ConsumerOptions, ControlHandle, Event, EventBody, Labels, ListenInfo, MediaKind,
    PlainTransportOptions, ProducerOptions, RouterId, RtcpFeedback, RtpCodecParameters,
    RtpEncodingParameters, RtpMapping, RtpParameters, Target, TransportId, WorkerStats,
};
use sfu_core::{Running, WorkerConfig};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// What anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

const SENT: u32 = 0x0101_0101;
const SHOWN: u32 = 0x0202_0202;

const VIEWERS: usize = 60;

/// Packet buffers that one stream of video may take: 2500 to send again, and some on their way.
const BUFFERS: u64 = 3000;

sfu_core::worker! {
    /// A worker without plugins.
    pub plugins = [];
    pub signaling = [];
}

fn vp8(ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "video/VP8".into(),
        payload_type: 96,
        clock_rate: 90_000,
        rtcp_feedback: vec![RtcpFeedback::new("nack", ""), RtcpFeedback::new("nack", "pli")],
        ..Default::default()
    };
    let encoding = RtpEncodingParameters { ssrc: Some(ssrc), ..Default::default() };
    RtpParameters { codecs: vec![codec], encodings: vec![encoding], ..Default::default() }
}

/// The `n`th packet, a frame of its own.
fn packet(n: u32, key: bool) -> Vec<u8> {
    let mut packet = vec![0x80, 0x80 | 96];
    packet.extend((n as u16).to_be_bytes());
    packet.extend((n.wrapping_mul(30)).to_be_bytes());
    packet.extend(SENT.to_be_bytes());
    packet.extend(if key {
        [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]
    } else {
        [0x10, 0x31, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    });
    packet.resize(1000, 0x55);
    packet.extend(n.to_be_bytes());
    packet
}

async fn join(control: &ControlHandle, router: RouterId) -> (UdpSocket, TransportId) {
    let listen = ListenInfo::udp(Ipv4Addr::LOCALHOST);
    let options = PlainTransportOptions { listen, ..Default::default() };
    let created = control.create_plain_transport(router, options).await.unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let own = socket.local_addr().unwrap();
    let peer =
        ConnectPlainTransport { ip: Some(own.ip()), port: Some(own.port()), rtcp_port: None, srtp: None };
    control.connect_plain_transport(created.id, peer).await.unwrap();
    socket.connect(created.tuple.local).unwrap();
    (socket, created.id)
}

/// The next media packet within `wait`: its sequence number and the number in its payload.
fn next_packet(socket: &UdpSocket, wait: Duration) -> Option<(u16, u32)> {
    let (mut buffer, end) = ([0; 2048], Instant::now() + wait);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
        let len = match socket.recv(&mut buffer) {
            Ok(len) => len,
            Err(_) if left.is_zero() => return None,
            Err(_) => continue,
        };
        if len > 12 && buffer[8..12] == SHOWN.to_be_bytes() && buffer[1] & 0x7f == 96 {
            let number = u32::from_be_bytes(*buffer[..len].last_chunk().unwrap());
            return Some((u16::from_be_bytes([buffer[2], buffer[3]]), number));
        }
    }
}

/// Waits until the worker tells a level that is wanted.
async fn level(events: &mut Receiver<Event>, wanted: impl Fn(u8) -> bool) {
    let found = async {
        loop {
            match events.recv().await {
                Ok(Event { body: EventBody::Overload { level, .. }, .. }) if wanted(level) => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the worker has ended"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("no such level");
}

async fn stats(control: &ControlHandle) -> WorkerStats {
    control.stats(Target::Worker).await.unwrap()
}

async fn start() -> Running {
    let mut config = WorkerConfig { workers: 1, ..WorkerConfig::default() };
    config.rtc.listen_ip = Ipv4Addr::LOCALHOST.into();
    Worker::builder().config(config).without_http().start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_worker_can_carry_is_left_out_and_all_comes_through_afterwards() {
    let running = start().await;
    let control = running.control();
    let mut events = control.events();
    let router = control.create_router(0, Labels::new()).await.unwrap();
    let (speaker, transport) = join(control, router).await;
    let options = ProducerOptions {
        rtp_mapping: RtpMapping::default(),
        ..ProducerOptions::new(MediaKind::Video, vp8(SENT))
    };
    let p = control.produce(transport, options).await.unwrap().id;
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        let (socket, transport) = join(control, router).await;
        control.consume(transport, ConsumerOptions::new(p, vp8(SHOWN))).await.unwrap();
        viewers.push(socket);
    }
    let next = Arc::new(AtomicU32::new(1));
    for round in 0..2 {
        let stop = Arc::new(AtomicBool::new(false));
        let flood = {
            let (socket, stop, next) = (speaker.try_clone().unwrap(), stop.clone(), next.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    // Refused where nobody reads fast enough.
                    let _ = socket.send(&packet(n, n % 100 == 1));
                }
            })
        };
        level(&mut events, |level| level == 3).await;
        stop.store(true, Ordering::Relaxed);
        flood.join().unwrap();
        level(&mut events, |level| level == 0).await;
        let figures = stats(control).await;
        let overload = figures.overload[&0];
        assert!(overload.episodes > round && overload.level == 0, "{overload:?}");
        assert!(figures.counters["shed_video"] > 0);
        assert!(figures.counters["packets_allocated"] < BUFFERS, "{}", figures.counters["packets_allocated"]);
        // From here on one packet at a time, so that no buffer of the system overflows, and each reaches each viewer.
        for viewer in &viewers {
            while next_packet(viewer, Duration::ZERO).is_some() {}
        }
        // Behind a gap of thousands, two packets show that the numbers really are so far on (RFC 3550 appendix A.1).
        let n = next.fetch_add(3, Ordering::Relaxed) + 2;
        for n in n - 2..=n {
            speaker.send(&packet(n, true)).unwrap();
        }
        let mut last: Vec<u16> = Vec::new();
        for viewer in &viewers {
            let sequence = loop {
                let (sequence, number) = next_packet(viewer, PATIENCE).expect("the key frame");
                if number == n {
                    break sequence;
                }
            };
            last.push(sequence);
        }
        for _ in 0..100 {
            let n = next.fetch_add(1, Ordering::Relaxed);
            speaker.send(&packet(n, false)).unwrap();
            for (viewer, last) in viewers.iter().zip(&mut last) {
                *last = last.wrapping_add(1);
                assert_eq!(next_packet(viewer, PATIENCE), Some((*last, n)));
            }
        }
        assert_eq!(stats(control).await.overload[&0].level, 0);
    }
    running.stop().await;
}
