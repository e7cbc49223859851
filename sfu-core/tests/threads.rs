//! A room on two media threads of a worker that runs: real threads, rings, wakers and sockets.
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use sfu_core::control::{
    CloseReason, Command, ConnectPlainTransport, ConsumerId, ConsumerOptions, ControlHandle, Event,
    EventBody, Labels, ListenInfo, MediaKind, PlainTransportOptions, ProducerId, ProducerOptions, RouterId,
    RtcpFeedback, RtpCodecParameters, RtpEncodingParameters, RtpMapping, RtpParameters, Target, TransportId,
    WorkerStats,
};
use sfu_core::plugin::{Attach, ConsumerInfo, Cx, Plugin, ProducerInfo, RtpPacket, Verdict, plugin};
use sfu_core::{Running, WorkerConfig};
use tokio::sync::broadcast::Receiver;

/// What a whole test may take: a hundredth of a second is enough for threads that wake each other, and one that only wakes by itself,
/// once a second, does not get through.
const PATIENCE: Duration = Duration::from_secs(30);

const SENT: u32 = 0x0101_0101;
const SHOWN: u32 = 0x0202_0202;

/// Notes where a packet came in, and writes that and where it goes out into what leaves.
#[derive(Default)]
pub struct Way;

/// Notes where a packet came in.
#[plugin(id = "way", on_panic = "forward")]
impl Plugin for Way {
    type Producer = ();
    type Consumer = ();
    type Note = u8;
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, note: &mut u8, cx: &mut Cx<'_>) -> Verdict {
        *note = 10 + cx.worker();
        Verdict::Forward
    }
    fn rtp_out(&mut self, _: &mut (), packet: &mut RtpPacket<'_>, note: &u8, cx: &mut Cx<'_>) -> Verdict {
        if let Ok([.., before, last]) = packet.payload_mut() {
            (*before, *last) = (*note, 10 + cx.worker());
        }
        Verdict::Forward
    }
}

sfu_core::worker! {
    /// A worker with one plugin.
    pub plugins = [Way];
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

/// A plain peer on the loopback interface, and its transport.
struct Peer {
    socket: UdpSocket,
    transport: TransportId,
    /// When it waits no longer.
    deadline: Instant,
}

impl Peer {
    /// Joins on a media thread.
    async fn join(control: &ControlHandle, worker: u8) -> Peer {
        let router = control.create_router(worker, Labels::new()).await.unwrap();
        let peer = Self::join_room(control, router).await;
        assert_eq!(peer.transport.worker(), worker);
        peer
    }

    /// Joins a room, wherever in it there is a place.
    async fn join_room(control: &ControlHandle, router: RouterId) -> Peer {
        let listen = ListenInfo::udp(Ipv4Addr::LOCALHOST);
        let options = PlainTransportOptions { listen, ..Default::default() };
        let created = control.create_plain_transport(router, options).await.unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = socket.local_addr().unwrap();
        let peer =
            ConnectPlainTransport { ip: Some(own.ip()), port: Some(own.port()), rtcp_port: None, srtp: None };
        control.connect_plain_transport(created.id, peer).await.unwrap();
        socket.connect(created.tuple.local).unwrap();
        Peer { socket, transport: created.id, deadline: Instant::now() + PATIENCE }
    }

    /// Sends the `n`th packet, a frame of its own.
    fn send(&self, n: u32, key: bool) {
        let mut packet = vec![0x80, 0x80 | 96];
        packet.extend((n as u16).to_be_bytes());
        packet.extend((n * 3000).to_be_bytes());
        packet.extend(SENT.to_be_bytes());
        packet.extend(if key {
            [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]
        } else {
            [0x10, 0x31, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        });
        packet.extend(n.to_be_bytes());
        packet.extend([0, 0]);
        self.socket.send(&packet).unwrap();
    }

    /// The next datagram that `wanted` takes something from.
    fn next<T>(&self, what: &str, wanted: impl Fn(&[u8]) -> Option<T>) -> T {
        let mut buffer = [0; 2048];
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            self.socket.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
            let len = self.socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {what}: {error}"));
            if let Some(found) = wanted(&buffer[..len]) {
                return found;
            }
        }
    }

    /// The next media packet: its sequence number, the number in its payload, and its way.
    fn next_packet(&self) -> (u16, u32, [u8; 2]) {
        self.next("media", |datagram| {
            let media = datagram.len() > 12 && datagram[8..12] == SHOWN.to_be_bytes();
            if !media || datagram[1] & 0x7f != 96 {
                return None;
            }
            let (rest, way) = datagram.split_last_chunk::<2>()?;
            let number = u32::from_be_bytes(*rest.last_chunk()?);
            Some((u16::from_be_bytes([datagram[2], datagram[3]]), number, *way))
        })
    }

    /// Waits for a PLI (RFC 4585 §6.3.1), alone or in a compound packet.
    fn wait_for_pli(&self, media: u32) {
        self.next("key frame request", |mut datagram| {
            while datagram.len() >= 12 && (200..=206).contains(&datagram[1]) {
                let len = 4 + 4 * usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
                if datagram[..2] == [0x81, 206] && datagram[8..12] == media.to_be_bytes() {
                    return Some(());
                }
                datagram = datagram.get(len..)?;
            }
            None
        })
    }

    fn send_pli(&self, media: u32) {
        let mut packet = vec![0x81, 206, 0, 2, 9, 9, 9, 9];
        packet.extend(media.to_be_bytes());
        self.socket.send(&packet).unwrap();
    }
}

async fn start() -> Running {
    start_with(0).await
}

/// Rooms take the second thread from so many transports and consumers on.
async fn start_with(spread_at: usize) -> Running {
    let mut config = WorkerConfig { workers: 2, spread_at, ..WorkerConfig::default() };
    config.rtc.listen_ip = Ipv4Addr::LOCALHOST.into();
    Worker::builder().config(config).without_http().start().await.unwrap()
}

async fn produce(control: &ControlHandle, peer: &Peer) -> ProducerId {
    let options = ProducerOptions {
        rtp_mapping: RtpMapping::default(),
        ..ProducerOptions::new(MediaKind::Video, vp8(SENT))
    };
    control.produce(peer.transport, options).await.unwrap().id
}

async fn consume(control: &ControlHandle, peer: &Peer, producer: ProducerId) -> ConsumerId {
    let options = ConsumerOptions::new(producer, vp8(SHOWN));
    control.consume(peer.transport, options).await.unwrap()
}

async fn wait_for(events: &mut Receiver<Event>, wanted: Event) {
    let found = async { while events.recv().await.unwrap() != wanted {} };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {wanted:?}"));
}

async fn stats(control: &ControlHandle) -> WorkerStats {
    control.stats(Target::Worker).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_crosses_to_the_other_thread_and_wishes_come_back() {
    let running = start().await;
    let control = running.control();
    let mut events = control.events();
    let (ann, bob) = (Peer::join(control, 0).await, Peer::join(control, 1).await);
    let p = produce(control, &ann).await;
    let c = consume(control, &bob, p).await;
    assert_eq!((p.worker(), c.worker()), (0, 1));
    // One packet at a time: each has to wake the thread that it goes to.
    ann.send(1, true);
    let (first, number, way) = bob.next_packet();
    assert_eq!((number, way), (1, [10, 11]));
    for n in 2..=100 {
        ann.send(n, false);
        let (sequence, number, way) = bob.next_packet();
        assert_eq!((number, way), (n, [10, 11]));
        assert_eq!(sequence, first.wrapping_add(n as u16 - 1));
    }
    // And many together.
    for n in 101..=300 {
        ann.send(n, false);
    }
    let numbers: Vec<u32> = (101..=300).map(|_| bob.next_packet().1).collect();
    assert_eq!(numbers, (101..=300).collect::<Vec<_>>());
    // Wishes for key frames travel back, each when the one before was fulfilled.
    for n in 301..=320 {
        bob.send_pli(SHOWN);
        ann.wait_for_pli(SENT);
        ann.send(n, true);
        assert_eq!(bob.next_packet().1, n);
    }
    let counters = stats(control).await.counters;
    assert_eq!(counters["relay_lost"], 0);
    assert!(counters["net_datagrams_in"] >= 340 && counters["net_datagrams_out"] >= 340, "{counters:?}");
    assert_eq!((counters["net_truncated"], counters["net_send_errors"]), (0, 0));
    control.run(Command::CloseProducer(p)).await.unwrap();
    wait_for(&mut events, Event { target: c.into(), body: EventBody::Closed(CloseReason::Parent) }).await;
    let stats = stats(control).await;
    assert!(stats.consumers.is_empty() && stats.producers.is_empty());
    assert_eq!((stats.counters["producers"], stats.counters["consumers"]), (0, 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pauses_travel_and_the_relay_ends_with_its_last_viewer() {
    let running = start().await;
    let control = running.control();
    let mut events = control.events();
    let (ann, bob) = (Peer::join(control, 0).await, Peer::join(control, 1).await);
    let p = produce(control, &ann).await;
    let c = consume(control, &bob, p).await;
    ann.send(1, true);
    assert_eq!(bob.next_packet().1, 1);
    control.run(Command::PauseProducer(p)).await.unwrap();
    wait_for(&mut events, Event { target: c.into(), body: EventBody::Paused { by_producer: true } }).await;
    ann.send(2, true);
    control.run(Command::ResumeProducer(p)).await.unwrap();
    wait_for(&mut events, Event { target: c.into(), body: EventBody::Resumed { by_producer: true } }).await;
    // Resuming asks for a key frame, on both threads.
    ann.wait_for_pli(SENT);
    ann.send(3, true);
    assert!(bob.next_packet().1 >= 2);
    control.run(Command::CloseTransport(bob.transport)).await.unwrap();
    wait_for(&mut events, Event { target: c.into(), body: EventBody::Closed(CloseReason::Parent) }).await;
    assert!(stats(control).await.consumers.is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_spreads_and_ends_as_one() {
    let running = start_with(1).await;
    let control = running.control();
    let mut events = control.events();
    let router = control.create_router(0, Labels::new()).await.unwrap();
    let ann = Peer::join_room(control, router).await;
    let p = produce(control, &ann).await;
    let mut viewers = Vec::new();
    for _ in 0..6 {
        let peer = Peer::join_room(control, router).await;
        let c = consume(control, &peer, p).await;
        viewers.push((peer, c));
    }
    let on = |worker| viewers.iter().filter(|(_, c)| c.worker() == worker).count();
    assert!(on(0) >= 2 && on(1) >= 2, "{} and {}", on(0), on(1));
    ann.send(1, true);
    for n in 2..=50 {
        ann.send(n, false);
    }
    for (peer, c) in &viewers {
        let packets: Vec<_> = (1..=50).map(|_| peer.next_packet()).collect();
        let expected: Vec<_> = (1..=50).map(|n| (n, [10, 10 + c.worker()])).collect();
        assert_eq!(packets.iter().map(|(_, n, way)| (*n, *way)).collect::<Vec<_>>(), expected);
    }
    let all = stats(control).await;
    assert_eq!((all.counters["relay_lost"], all.counters["routers"]), (0, 1));
    assert!(all.transports.iter().all(|transport| transport.router == router));
    assert_eq!(control.stats(router.into()).await.unwrap().consumers.len(), 6);
    control.run(Command::CloseRouter(router)).await.unwrap();
    let last = viewers.iter().find(|(_, c)| c.worker() == 1).unwrap().1;
    wait_for(&mut events, Event { target: last.into(), body: EventBody::Closed(CloseReason::Parent) }).await;
    // The other thread was told; what it answers comes behind that.
    let deadline = Instant::now() + PATIENCE;
    while stats(control).await.counters["transports"] > 0 {
        assert!(Instant::now() < deadline);
    }
    running.stop().await;
}
