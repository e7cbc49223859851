//! A plugin that plays a file into a room: a producer that no peer sends.
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use sfu_core::control::{
    Command, ConsumerId, ConsumerOptions, DirectTransportOptions, MediaKind, ProducerId, ProducerOptions,
    RtcpFeedback, RtpCodecParameters, RtpEncodingParameters, RtpParameters, RtxParameters, Target,
};
use sfu_core::media::mjr::{MjrHeader, MjrMedia, MjrReader, MjrWriter};
use sfu_core::plugin::{Cx, Error, NewRtp, Plugin, Reply, Responder, Rows, Start, config, plugin, request};
use sfu_core::testing::{Bench, Build, Conditions, PeerId, PeerOptions};

use crate::{ms, seconds};

type Alone = Bench<sfu_core::plugin::Cons<Player, sfu_core::plugin::Nil>>;

/// One packet of the file.
struct Recorded {
    at: Duration,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

/// Plays a recording from its beginning whenever it is asked to.
struct Player {
    file: Vec<Recorded>,
    waiting: Option<Responder>,
    playing: Option<Playing>,
}

struct Playing {
    producer: ProducerId,
    since: Instant,
    next: usize,
}

#[config]
#[derive(Debug, Default)]
struct PlayerConfig {
    file: PathBuf,
}

#[request]
#[derive(Debug)]
enum Ask {
    Open,
    Play,
}

const TRANSPORT: u64 = 1;
const PRODUCER: u64 = 2;

#[plugin(id = "player", tick_ms = 3600000)]
impl Plugin for Player {
    type Config = PlayerConfig;
    type Request = Ask;
    fn new(config: PlayerConfig, _: Start<'_, Self>) -> Result<Self, Error> {
        let wrong = |error: &dyn std::fmt::Display| Error::new(format!("{}: {error}", config.file.display()));
        let file = std::fs::File::open(&config.file).map_err(|error| wrong(&error))?;
        let mut reader = MjrReader::open(file).map_err(|error| wrong(&error))?;
        let mut file = Vec::new();
        while let Some(record) = reader.next_record().map_err(|error| wrong(&error))? {
            let Some((&[_, second, _, _, t0, t1, t2, t3, ..], payload)) =
                record.body.split_first_chunk::<12>()
            else {
                continue;
            };
            file.push(Recorded {
                at: Duration::from_millis(record.elapsed.into()),
                timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
                marker: second & 0x80 != 0,
                payload: payload.to_vec(),
            });
        }
        Ok(Player { file, waiting: None, playing: None })
    }
    fn request(&mut self, ask: Ask, at: Target, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match (ask, at) {
            (Ask::Open, Target::Router(router)) => {
                let options = DirectTransportOptions::default();
                cx.control(Command::CreateDirectTransport { router, options }, TRANSPORT);
                self.waiting = Some(re);
            }
            (Ask::Play, Target::Producer(producer)) => {
                self.playing = Some(Playing { producer, since: cx.now(), next: 0 });
                cx.wake_at(cx.now());
                re.ok("playing");
            }
            _ => re.error(400, "open is for a router, play for a producer"),
        }
    }
    fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        match (tag, outcome) {
            (TRANSPORT, Ok(Reply::DirectTransport(transport))) => {
                let options = ProducerOptions::new(MediaKind::Video, vp8(0x0f0f_0f0f));
                cx.control(Command::Produce { transport, options }, PRODUCER);
            }
            (PRODUCER, Ok(Reply::Producer(created))) => {
                if let Some(re) = self.waiting.take() {
                    re.ok(created.id);
                }
            }
            (_, outcome) => panic!("{outcome:?}"),
        }
    }
    fn tick(&mut self, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let Some(playing) = &mut self.playing else { return };
        while let Some(packet) = self.file.get(playing.next) {
            let due = playing.since + packet.at;
            if due > cx.now() {
                return cx.wake_at(due);
            }
            let new = NewRtp::new(packet.timestamp, &packet.payload).marker(packet.marker);
            if cx.producer(playing.producer).inject_rtp(new).is_err() {
                return cx.wake_at(cx.now() + ms(1));
            }
            playing.next += 1;
        }
        self.playing = None;
    }
}

/// VP8 with RTX, NACK and PLI.
fn vp8(ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "video/VP8".into(),
        payload_type: 96,
        clock_rate: 90_000,
        rtcp_feedback: vec![RtcpFeedback::new("nack", ""), RtcpFeedback::new("nack", "pli")],
        ..Default::default()
    };
    let rtx = RtpCodecParameters {
        mime_type: "video/rtx".into(),
        payload_type: 97,
        clock_rate: 90_000,
        parameters: [("apt".into(), "96".into())].into(),
        ..Default::default()
    };
    let encoding = RtpEncodingParameters {
        ssrc: Some(ssrc),
        rtx: Some(RtxParameters { ssrc: ssrc + 1 }),
        ..Default::default()
    };
    RtpParameters { codecs: vec![codec, rtx], encodings: vec![encoding], ..Default::default() }
}

/// A recording of so many frames, thirty a second, three packets each; payloads end with numbers from 1.
fn recording(frames: u32) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sfukit-player-{}-{frames}.mjr", std::process::id()));
    let begin = Instant::now();
    let header = MjrHeader::new(MjrMedia::Video, "vp8");
    let out = std::fs::File::create(&path).unwrap();
    let mut writer = MjrWriter::create(out, header, begin, std::time::SystemTime::UNIX_EPOCH).unwrap();
    for n in 0..frames * 3 {
        let (frame, part) = (n / 3, n % 3);
        let payload = match (frame % 30, part) {
            (0, 0) => vec![0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01],
            (_, 0) => vec![0x10, 0x31, 0, 0],
            _ => vec![0; 900],
        };
        let mut packet = vec![0x80, 96 | if part == 2 { 0x80 } else { 0 }];
        packet.extend((n as u16).to_be_bytes());
        packet.extend((frame * 3000).to_be_bytes());
        packet.extend(7u32.to_be_bytes());
        packet.extend(payload);
        packet.extend((n + 1).to_be_bytes());
        writer.write_rtp(&packet, begin + seconds(1) * frame / 30).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// A peer sees a producer that no peer sends.
fn watch(bench: &mut Alone, viewer: PeerId, producer: ProducerId, ssrc: u32) -> ConsumerId {
    bench.try_consume_as(viewer, ConsumerOptions::new(producer, vp8(ssrc))).unwrap()
}

#[test]
fn a_plugin_plays_a_file_into_a_room_and_loss_is_repaired() {
    let file = recording(90);
    for workers in [1, 2] {
        let config = json!({ "player": { "file": file } });
        let mut bench = Build::of::<Player>().workers(workers).config(config).start();
        let router = bench.router(0);
        let opened = bench.request("player", router, json!({ "method": "open" })).unwrap();
        let producer: ProducerId = serde_json::from_value(opened).unwrap();
        let last = workers - 1;
        let lossy = Conditions::delay(ms(15)).loss(0.1);
        let fine = bench.peer_with(PeerOptions::plain().worker(last));
        let rough = bench.peer_with(PeerOptions::webrtc().worker(last).to_peer(lossy));
        let near = bench.peer_with(PeerOptions::plain());
        let viewers = [(fine, 0x0100_0000), (rough, 0x0200_0000), (near, 0x0300_0000)];
        let consumers = viewers.map(|(viewer, ssrc)| watch(&mut bench, viewer, producer, ssrc));
        assert_eq!(bench.request("player", producer, json!({ "method": "play" })), Ok(json!("playing")));
        bench.advance(seconds(3));
        // What is lost last is only seen by what follows.
        bench.set_path(rough, sfu_core::testing::Direction::ToPeer, Conditions::delay(ms(15)));
        assert_eq!(bench.request("player", producer, json!({ "method": "play" })), Ok(json!("playing")));
        bench.advance(seconds(5));
        let whole: Vec<u32> = (1..=270).chain(1..=270).collect();
        for c in consumers {
            let mut received = bench.received(c).to_vec();
            received.sort_by_key(|packet| packet.extended);
            let numbers: Vec<u32> = received.iter().map(|packet| packet.number()).collect();
            assert_eq!(numbers, whole, "{workers} workers, {c}");
            assert_eq!(bench.receiver(c).lost(), 0);
        }
        let repaired = |c| bench.received(c).iter().filter(|packet| packet.by_rtx).count();
        assert_eq!((repaired(consumers[0]), repaired(consumers[2])), (0, 0));
        assert!(repaired(consumers[1]) > 10, "{} of 270 packets were lost", repaired(consumers[1]));
        assert!(bench.faults().is_empty());
    }
    let _ = std::fs::remove_file(file);
}
