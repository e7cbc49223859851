//! A live call over loopback that is recorded in every format at once.
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sfu_core::control::{Command, RtpCodecParameters, RtpEncodingParameters, RtpParameters, Target};
use sfu_core::control::{
    ConnectPlainTransport, ConsumerOptions, ListenInfo, MediaKind, PlainTransportOptions,
};
use sfu_core::serde_json::{Value, json};

use crate::bench::{Bench, Source, VP8};
use crate::content::{Content, FRAMES, Frame, PACKETS};

const H264: (MediaKind, &str, u32) = (MediaKind::Video, "video/H264", 90_000);
const OPUS: (MediaKind, &str, u32) = (MediaKind::Audio, "audio/opus", 48_000);
/// Streams, which are also the names of their files, with the format and the ending of each.
pub const STREAMS: [(&str, &str, &str); 5] = [
    ("packets", "mjr", "mjr"),
    ("film", "webm", "webm"),
    ("matroska", "webm", "mkv"),
    ("sound", "ogg", "opus"),
    ("capture", "pcapng", "pcapng"),
];

/// Steps in a second of the call.
pub const STEPS: u64 = 150;

/// The call.
pub struct Live<'a> {
    content: &'a Content,
    sources: Vec<Source>,
    /// Receives the first stream.
    out: std::net::UdpSocket,
    /// How many [`STEPS`] are over.
    step: u64,
    /// Where each step is noted once its packets are sent: when that was, and its number.
    pub notes: Option<std::fs::File>,
    /// Packets of the first stream that were sent and that came out.
    pub passed: (u64, u64),
}

impl<'a> Live<'a> {
    /// Joins, and has every stream recorded.
    pub async fn start(bench: &Bench, worker: u8, content: &'a Content) -> Live<'a> {
        let mut sources = Vec::new();
        let out = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        out.set_nonblocking(true).unwrap();
        for (n, (stream, ..)) in STREAMS.iter().enumerate() {
            let codec = [VP8, VP8, H264, OPUS, VP8][n];
            let (router, producer, source) = bench.publish_as(worker, stream, codec, &[7 + n as u32]).await;
            sources.push(source);
            if n > 0 {
                continue;
            }
            let control = bench.control();
            let listen = ListenInfo::udp([127, 0, 0, 1]);
            let transport = control
                .create_plain_transport(router, PlainTransportOptions { listen, ..Default::default() });
            let transport = transport.await.unwrap().id;
            let at = out.local_addr().unwrap();
            let (ip, port) = (Some(at.ip()), Some(at.port()));
            let peer = ConnectPlainTransport { ip, port, rtcp_port: None, srtp: None };
            control.command(Command::ConnectPlainTransport { transport, peer }).await.unwrap();
            let codec = RtpCodecParameters {
                mime_type: VP8.1.into(),
                payload_type: 96,
                clock_rate: VP8.2,
                ..RtpCodecParameters::default()
            };
            let encoding = RtpEncodingParameters { ssrc: Some(99), ..Default::default() };
            let parameters =
                RtpParameters { codecs: vec![codec], encodings: vec![encoding], ..Default::default() };
            control.consume(transport, ConsumerOptions::new(producer, parameters)).await.unwrap();
        }
        for (stream, ..) in STREAMS {
            Live::record(bench, stream).await;
        }
        Live { content, sources, out, step: 0, notes: None, passed: (0, 0) }
    }

    /// Asks for a stream to be recorded.
    pub async fn record(bench: &Bench, stream: &str) -> Value {
        let format = STREAMS.iter().find(|(name, ..)| *name == stream).unwrap().1;
        let start = json!({ "method": "start", "stream": stream, "format": format, "file": "{stream}" });
        bench.ask(Target::Worker, start).await.unwrap()
    }

    /// Sends for so long, as fast as it happens.
    pub async fn talk(&mut self, time: Duration) {
        let (begun, first) = (Instant::now(), self.step);
        let end = first + time.as_millis() as u64 * STEPS / 1000;
        while self.step < end {
            let due = begun + Duration::from_nanos(1_000_000_000 / STEPS * (self.step - first));
            tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
            let of = |frames: &'a [Frame], n: u64| -> &'a Frame { &frames[n as usize % frames.len()] };
            if self.step.is_multiple_of(5) {
                let n = self.step / 5;
                let (vp8, h264) = (of(&self.content.vp8, n), of(&self.content.h264, n));
                for (place, frame) in [(0, vp8), (1, vp8), (2, h264), (4, vp8)] {
                    self.sources[place].frame(7 + place as u32, (n * 90_000 / FRAMES as u64) as u32, frame);
                }
                self.passed.0 += vp8.len() as u64;
            }
            if self.step.is_multiple_of(3) {
                let n = self.step / 3;
                let frame = of(&self.content.opus, n);
                self.sources[3].frame(10, (n * 48_000 / PACKETS as u64) as u32, frame);
            }
            if let Some(notes) = &mut self.notes {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
                notes.write_all(format!("{now} {}\n", self.step).as_bytes()).unwrap();
            }
            self.step += 1;
            self.receive();
        }
        // What is under way arrives.
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.receive();
    }

    fn receive(&mut self) {
        let mut buffer = [0; 1500];
        while let Ok(len) = self.out.recv(&mut buffer) {
            self.passed.1 += u64::from(len > 12 && buffer[1] & 0x7F == 96);
        }
    }
}
