//! The recorder in a worker of its own, fed with plain RTP over loopback.
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sfu_core::control::{
    ControlHandle, Event, EventBody, Labels, ListenInfo, MediaKind, PlainTransportOptions, ProducerId,
    ProducerOptions, RouterId, RtpCodecParameters, RtpEncodingParameters, RtpMapping, RtpMappingCodec,
    RtpMappingEncoding, RtpParameters, Target,
};
use sfu_core::media::mjr::MjrReader;
use sfu_core::plugin::PluginSettings;
use sfu_core::serde_json::{Value, json};
use sfu_core::worker::{Running, WorkerConfig};

sfu_core::worker! {
    struct Recording;
    plugins = [sfu_recorder::Recorder];
}

/// The sequence number that a source begins with: not far from where numbers begin again.
pub const FIRST: u16 = 65_500;
/// What most tests publish.
pub const VP8: (MediaKind, &str, u32) = (MediaKind::Video, "video/VP8", 90_000);

type Events = tokio::sync::broadcast::Receiver<Event>;

/// A worker that records.
pub struct Bench {
    pub worker: Option<Running>,
    events: Events,
    pub folder: PathBuf,
}

impl Bench {
    pub async fn new(name: &str, workers: u8, settings: Value) -> Bench {
        let folder = std::env::temp_dir().join(format!("sfu-recorder-worker-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let mut table = json!({ "folder": folder });
        for (key, value) in settings.as_object().unwrap() {
            table[key] = value.clone();
        }
        let plugins = PluginSettings::from_json(json!({ "recorder": table })).unwrap();
        let mut config = WorkerConfig { plugins, ..WorkerConfig::default() };
        config.rtc.listen_ip = [127, 0, 0, 1].into();
        let worker = sfu_core::Builder::<Recording>::new()
            .config(config)
            .workers(workers)
            .without_http()
            .start()
            .await
            .unwrap();
        let events = worker.control().events();
        Bench { worker: Some(worker), events, folder }
    }

    pub fn control(&self) -> &ControlHandle {
        self.worker.as_ref().unwrap().control()
    }

    /// A router on a media thread, and a producer in it that is fed through the socket.
    pub async fn publish(&self, worker: u8, stream: &str, ssrcs: &[u32]) -> (RouterId, ProducerId, Source) {
        self.publish_as(worker, stream, VP8, ssrcs).await
    }

    /// The same of any codec.
    pub async fn publish_as(
        &self,
        worker: u8,
        stream: &str,
        codec: (MediaKind, &str, u32),
        ssrcs: &[u32],
    ) -> (RouterId, ProducerId, Source) {
        let control = self.control();
        let router = control.create_router(worker, Labels::new()).await.unwrap();
        let listen = ListenInfo::udp([127, 0, 0, 1]);
        let options = PlainTransportOptions { listen, comedia: true, ..Default::default() };
        let transport = control.create_plain_transport(router, options).await.unwrap();
        let kind = codec.0;
        let codec = RtpCodecParameters {
            mime_type: codec.1.into(),
            payload_type: 96,
            clock_rate: codec.2,
            channels: (codec.0 == MediaKind::Audio).then_some(2),
            ..RtpCodecParameters::default()
        };
        let encoding = |ssrc: &u32| RtpEncodingParameters { ssrc: Some(*ssrc), ..Default::default() };
        let mapping = |ssrc: &u32| RtpMappingEncoding {
            rid: None,
            ssrc: Some(*ssrc),
            scalability_mode: None,
            mapped_ssrc: ssrc + 1000,
        };
        let options = ProducerOptions {
            kind,
            rtp_parameters: RtpParameters {
                codecs: vec![codec],
                encodings: ssrcs.iter().map(encoding).collect(),
                ..RtpParameters::default()
            },
            rtp_mapping: RtpMapping {
                codecs: vec![RtpMappingCodec { payload_type: 96, mapped_payload_type: 96 }],
                encodings: ssrcs.iter().map(mapping).collect(),
            },
            paused: false,
            key_frame_request_delay: Duration::ZERO,
            packet_ids: false,
            labels: Labels::new().with("stream", stream).with("room", "blue"),
        };
        let to = SocketAddr::new([127, 0, 0, 1].into(), transport.tuple.local.port());
        let producer = control.produce(transport.id, options).await.unwrap().id;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(to).unwrap();
        (
            router,
            producer,
            Source { socket, sequence_number: FIRST, frame: 0, pace: Duration::from_micros(500) },
        )
    }

    pub async fn ask(&self, target: impl Into<Target>, body: Value) -> Result<Value, String> {
        let answer = self.control().plugin_request("recorder", target.into(), body).await;
        answer.map_err(|error| error.text)
    }

    /// The next event of the recorder with this name.
    pub async fn event(&mut self, name: &str) -> Value {
        let wait = async {
            loop {
                if let EventBody::Plugin { plugin, body } = self.events.recv().await.unwrap().body
                    && plugin == "recorder"
                    && body["event"] == name
                {
                    return body;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("no {name}"))
    }

    /// Waits until so many packets were written.
    pub async fn written(&self, packets: u64) -> Value {
        let began = Instant::now();
        loop {
            let stats = self.control().stats(Target::Worker).await.unwrap();
            let figures = stats.plugins.get("recorder").cloned().unwrap_or_default();
            if figures["packets"]["sum"].as_u64() >= Some(packets) {
                return figures;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{figures}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn file(&self, event: &Value) -> PathBuf {
        self.folder.join(event["file"].as_str().unwrap())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Sends frames.
pub struct Source {
    socket: UdpSocket,
    sequence_number: u16,
    frame: u32,
    pub pace: Duration,
}

impl Source {
    /// A frame of these payloads.
    pub fn frame(&mut self, ssrc: u32, timestamp: u32, payloads: &[Vec<u8>]) {
        for (n, payload) in payloads.iter().enumerate() {
            let mut packet = vec![0x80, 96 | u8::from(n + 1 == payloads.len()) << 7];
            packet.extend(self.sequence_number.to_be_bytes());
            packet.extend(timestamp.to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            packet.extend(payload);
            self.socket.send(&packet).unwrap();
            self.sequence_number = self.sequence_number.wrapping_add(1);
        }
    }

    /// A frame of one packet, which looks like one.
    pub fn send(&mut self, ssrc: u32, key_frame: bool, len: usize) {
        let mut packet = vec![0x80, 0x80 | 96];
        packet.extend(self.sequence_number.to_be_bytes());
        packet.extend((self.frame * 3000).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([
            0x10,
            0x10 | u8::from(!key_frame),
            0x02,
            0x00,
            0x9D,
            0x01,
            0x2A,
            0x80,
            0x02,
            0xE0,
            0x01,
        ]);
        packet.resize(len, 0);
        self.socket.send(&packet).unwrap();
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.frame += 1;
        // Loopback loses nothing as long as the receiver keeps up.
        std::thread::sleep(self.pace);
    }
}

pub fn numbers(path: &Path) -> Vec<u16> {
    let mut reader = MjrReader::open(std::fs::File::open(path).unwrap()).unwrap();
    let mut all = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        all.push(u16::from_be_bytes([record.body[2], record.body[3]]));
    }
    all
}

/// Without H264 a file of video is WebM; a short header is enough to tell.
pub fn is_webm(path: &Path) -> bool {
    std::fs::read(path).unwrap().windows(4).take(64).any(|window| window == b"webm")
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a test with one media thread and with two; the producer is on the last.
pub fn with_workers(name: &str, settings: Value, test: impl AsyncFn(Bench, u8)) {
    for workers in [1, 2] {
        runtime().block_on(async {
            let bench = Bench::new(&format!("{name}-{workers}"), workers, settings.clone()).await;
            test(bench, workers - 1).await;
        });
    }
}
