//! The recorder in a worker of its own, fed with plain RTP over loopback.
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

type Events = tokio::sync::broadcast::Receiver<Event>;

struct Bench {
    worker: Option<Running>,
    events: Events,
    folder: PathBuf,
}

impl Bench {
    async fn new(name: &str, workers: u8, settings: Value) -> Bench {
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

    fn control(&self) -> &ControlHandle {
        self.worker.as_ref().unwrap().control()
    }

    /// A router on a media thread, and a producer in it that is fed through the socket.
    async fn publish(&self, worker: u8, stream: &str, ssrcs: &[u32]) -> (RouterId, ProducerId, Source) {
        let control = self.control();
        let router = control.create_router(worker, Labels::new()).await.unwrap();
        let listen = ListenInfo::udp([127, 0, 0, 1]);
        let options = PlainTransportOptions { listen, comedia: true, ..Default::default() };
        let transport = control.create_plain_transport(router, options).await.unwrap();
        let codec = RtpCodecParameters {
            mime_type: "video/VP8".into(),
            payload_type: 96,
            clock_rate: 90_000,
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
            kind: MediaKind::Video,
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
            Source { socket, sequence_number: 65_500, frame: 0, pace: Duration::from_micros(500) },
        )
    }

    async fn ask(&self, target: impl Into<Target>, body: Value) -> Result<Value, String> {
        let answer = self.control().plugin_request("recorder", target.into(), body).await;
        answer.map_err(|error| error.text)
    }

    /// The next event of the recorder with this name.
    async fn event(&mut self, name: &str) -> Value {
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
    async fn written(&self, packets: u64) -> Value {
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

    fn file(&self, event: &Value) -> PathBuf {
        self.folder.join(event["file"].as_str().unwrap())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Sends frames of one packet each.
struct Source {
    socket: UdpSocket,
    sequence_number: u16,
    frame: u32,
    pace: Duration,
}

impl Source {
    fn send(&mut self, ssrc: u32, key_frame: bool, len: usize) {
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

fn numbers(path: &Path) -> Vec<u16> {
    let mut reader = MjrReader::open(std::fs::File::open(path).unwrap()).unwrap();
    let mut all = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        all.push(u16::from_be_bytes([record.body[2], record.body[3]]));
    }
    all
}

/// Without H264 a file of video is WebM; a short header is enough to tell.
fn is_webm(path: &Path) -> bool {
    std::fs::read(path).unwrap().windows(4).take(64).any(|window| window == b"webm")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a test with one media thread and with two; the producer is on the last.
fn with_workers(name: &str, settings: Value, test: impl AsyncFn(Bench, u8)) {
    for workers in [1, 2] {
        runtime().block_on(async {
            let bench = Bench::new(&format!("{name}-{workers}"), workers, settings.clone()).await;
            test(bench, workers - 1).await;
        });
    }
}

#[test]
fn a_worker_records_by_configuration() {
    let settings = json!({ "enabled": true, "options": { "only": { "stream": "cam-*" } } });
    with_workers("config", settings, async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam-1", &[7]).await;
        let started = bench.event("recorder.started").await;
        assert_eq!((&started["producer"], &started["stream"]), (&json!(producer), &json!("cam-1")));
        assert!(started["file"].as_str().unwrap().starts_with("cam-1-video-2"), "{started}");
        source.send(7, false, 100);
        for n in 0..100 {
            source.send(7, n == 0, 1000);
        }
        let figures = bench.written(100).await;
        assert_eq!(
            (&figures["active"]["sum"], &figures["files"]["sum"], &figures["dropped"]["sum"]),
            (&json!(1), &json!(1), &json!(0)),
            "{figures}"
        );
        // Somebody whom the rule leaves out.
        let (_, other, mut silent) = bench.publish(on, "screen", &[9]).await;
        silent.send(9, true, 100);
        bench.control().run(sfu_core::control::Command::CloseProducer(other)).await.unwrap();
        bench.control().run(sfu_core::control::Command::CloseProducer(producer)).await.unwrap();
        let stopped = bench.event("recorder.stopped").await;
        assert_eq!((&stopped["packets"], &stopped["stream"]), (&json!(100), &json!("cam-1")), "{stopped}");
        assert_eq!(numbers(&bench.file(&stopped)), (1..=100).collect::<Vec<u16>>());
        let list = bench.ask(Target::Worker, json!({ "method": "list" })).await.unwrap();
        assert_eq!(list["files"].as_array().unwrap().len(), 1, "{list}");
        assert_eq!(list["files"][0]["state"], "finished");
        janus_reads(&bench.file(&stopped), 100, false);
    });
}

#[test]
fn names_change_while_it_runs_and_the_folder_does_not() {
    with_workers("reconfigured", json!({ "enabled": true }), async |mut bench, on| {
        let table = |key: &str, value: Value| {
            let mut table = json!({ "folder": bench.folder, "file": "second-{stream}" });
            table[key] = value;
            table
        };
        let (refused, taken) =
            (table("folder", "elsewhere".into()), table("wait_for_key_frame", false.into()));
        let plugin = || "recorder".to_owned();
        let configure = |config| sfu_core::control::Command::ReconfigurePlugin { plugin: plugin(), config };
        let error = bench.control().run(configure(refused)).await.unwrap_err();
        assert_eq!(
            error.text,
            "plugins.recorder.folder: can't change while the worker runs; write it to the file and restart the worker"
        );
        let error = bench.control().run(configure(table("file", "{nope}".into()))).await.unwrap_err();
        assert!(error.text.starts_with("plugins.recorder.file: "), "{error}");
        let (_, _, mut source) = bench.publish(on, "cam", &[7]).await;
        let started = bench.event("recorder.started").await;
        assert!(started["file"].as_str().unwrap().starts_with("cam-video-2"), "{started}");
        source.send(7, true, 100);
        bench.control().run(configure(taken)).await.unwrap();
        for worker in 0..=on {
            let (_, _, mut source) = bench.publish(worker, &format!("cam-{worker}"), &[8]).await;
            let started = bench.event("recorder.started").await;
            assert_eq!(started["file"], format!("second-cam-{worker}.mjr"));
            // No key frame, and recorded all the same.
            source.send(8, false, 100);
        }
        bench.written(2 + u64::from(on)).await;
    });
}

#[test]
fn a_stream_is_recorded_as_webm_on_request_and_full_files_are_followed_by_others() {
    with_workers("webm", json!({ "max_bytes": 100_000 }), async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        source.send(7, true, 200);
        let start = json!({ "method": "start", "stream": "cam", "format": "webm", "file": "film.webm" });
        bench.ask(Target::Worker, start).await.unwrap();
        for n in 0..300 {
            source.send(7, n % 20 == 0, 1000);
        }
        let started = bench.event("recorder.started").await;
        assert_eq!((&started["file"], &started["producer"]), (&json!("film.webm"), &json!(producer)));
        let full = bench.event("recorder.stopped").await;
        assert_eq!(
            (&full["file"], &full["finished"], &full["kind"]),
            (&json!("film.webm"), &json!(true), &json!("video"))
        );
        assert_eq!(bench.event("recorder.started").await["file"], "film-1.webm");
        bench.written(300).await;
        let status = bench.ask(producer, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status["active"][0]["lost_frames"], 0, "{status}");
        bench.ask(Target::Worker, json!({ "method": "stop", "stream": "cam" })).await.unwrap();
        let mut frames = full["frames"].as_u64().unwrap();
        while frames < 300 {
            frames += bench.event("recorder.stopped").await["frames"].as_u64().unwrap();
        }
        assert_eq!(frames, 300);
        let list = bench.ask(Target::Worker, json!({ "method": "list" })).await.unwrap();
        let files = list["files"].as_array().unwrap();
        assert!(files.len() >= 3, "{list}");
        for file in files {
            assert_eq!(
                (&file["state"], &file["codec"], &file["kind"]),
                (&json!("finished"), &json!("vp8"), &json!("video"))
            );
            assert!(
                file["started"].as_u64() > Some(1_700_000_000_000) && is_webm(&bench.file(file)),
                "{file}"
            );
        }
        let located =
            bench.ask(Target::Worker, json!({ "method": "locate", "file": "film-1.webm" })).await.unwrap();
        assert!(located["path"].as_str().unwrap().ends_with("/film-1.webm"), "{located}");
    });
}

#[test]
fn full_files_of_packets_are_followed_by_others() {
    with_workers("full", json!({ "enabled": true, "max_bytes": 100_000 }), async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        for n in 0..300 {
            source.send(7, n % 20 == 0, 1000);
        }
        bench.written(300).await;
        bench.control().run(sfu_core::control::Command::CloseProducer(producer)).await.unwrap();
        let (mut packets, mut files) = (0, 0);
        while packets < 300 {
            let stopped = bench.event("recorder.stopped").await;
            let file = numbers(&bench.file(&stopped));
            assert_eq!(stopped["packets"], file.len());
            assert!(
                file.len().is_multiple_of(20) || packets + file.len() == 300,
                "it begins with a key frame: {file:?}"
            );
            (packets, files) = (packets + file.len(), files + 1);
        }
        assert_eq!(files, 3);
    });
}

/// Janus' own reader finds `packets`; one whose end is missing it may count, too.
fn janus_reads(path: &Path, packets: u64, is_torn: bool) {
    let Ok(output) = Command::new("janus-pp-rec").arg("-e").arg(path).output() else {
        return sfu_core::testing::skipped("janus-pp-rec is not installed (Debian: janus-tools)");
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let json: Value =
        sfu_core::serde_json::from_str(text.get(text.find('{').unwrap_or(0)..).unwrap()).unwrap();
    let read = json["extended"]["packets"].as_u64().unwrap();
    assert!(read == packets || is_torn && read == packets + 1, "{read} of {packets}, torn: {is_torn}");
}

#[test]
fn a_stream_is_recorded_on_request_in_mid_call() {
    with_workers("stream", json!({}), async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7, 8]).await;
        for n in 0..20 {
            source.send(7, n == 0, 200);
        }
        let answer = bench.ask(Target::Worker, json!({ "method": "start", "stream": "cam" })).await.unwrap();
        let found = json!({ "stream": "cam", "producers": [producer], "waiting": false, "complete": true });
        assert_eq!(answer, found);
        let (first, second) = (bench.event("recorder.started").await, bench.event("recorder.started").await);
        assert_eq!((&first["encoding"], &second["encoding"]), (&json!(0), &json!(1)));
        // Asked twice, it goes on in the same files.
        bench.ask(Target::Worker, json!({ "method": "start", "stream": "cam" })).await.unwrap();
        for n in 0..30 {
            source.send(7, n == 5, 200);
        }
        bench.written(25).await;
        let status = bench.ask(Target::Worker, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status["active"].as_array().unwrap().len(), 2, "{status}");
        assert_eq!(
            (&status["active"][0]["packets"], &status["active"][0]["file"]),
            (&json!(25), &first["file"])
        );
        let at = bench.ask(producer, json!({ "method": "status" })).await.unwrap();
        assert_eq!(at, status);
        // A producer that begins while its stream is recorded is recorded too.
        let (_, later, mut more) = bench.publish(0, "cam", &[11]).await;
        more.send(11, true, 200);
        let started = bench.event("recorder.started").await;
        assert_eq!(started["producer"], json!(later));
        let answer = bench.ask(Target::Worker, json!({ "method": "stop", "stream": "cam" })).await.unwrap();
        let mut both = [producer, later];
        both.sort();
        assert_eq!(answer["producers"], json!(both));
        let mut packets = Vec::new();
        for _ in 0..3 {
            let stopped = bench.event("recorder.stopped").await;
            packets.push((stopped["producer"] == json!(producer), stopped["packets"].as_u64().unwrap()));
        }
        packets.sort_unstable();
        assert!(packets[1..] == [(true, 0), (true, 25)], "{packets:?}");
        let status = bench.ask(Target::Worker, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status, json!({ "active": [] }));
        assert_eq!(std::fs::read(bench.file(&second)).unwrap(), b"MJR00002");
    });
}

#[test]
fn a_target_is_recorded_on_request() {
    with_workers("target", json!({}), async |mut bench, on| {
        let (router, producer, mut source) = bench.publish(on, "../..", &[7]).await;
        let start = json!({ "method": "start", "file": "{label:room}.{stream}" });
        assert_eq!(bench.ask(router, start).await.unwrap(), json!({ "producers": [producer] }));
        let started = bench.event("recorder.started").await;
        assert_eq!(started["file"], "blue._._._.mjr");
        source.send(7, true, 200);
        source.send(7, false, 1501);
        source.send(7, false, 1500);
        bench.written(2).await;
        assert_eq!(
            bench.ask(router, json!({ "method": "stop" })).await.unwrap(),
            json!({ "producers": [producer] })
        );
        let stopped = bench.event("recorder.stopped").await;
        assert_eq!((&stopped["packets"], &stopped["oversize"]), (&json!(2), &json!(1)));
        let stats = bench.control().stats(Target::Worker).await.unwrap();
        assert_eq!(stats.plugins["recorder"]["oversize"], json!({ "sum": 1 }));
    });
}

#[test]
fn a_pause_leaves_no_gap() {
    with_workers("pause", json!({ "enabled": true }), async |mut bench, on| {
        use sfu_core::control::Command::{CloseProducer, PauseProducer, ResumeProducer};
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        let control = bench.control().clone();
        for n in 0..10 {
            source.send(7, n == 0, 200);
        }
        bench.written(10).await;
        control.run(PauseProducer(producer)).await.unwrap();
        for _ in 0..10 {
            source.send(7, true, 200);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        control.run(ResumeProducer(producer)).await.unwrap();
        source.send(7, false, 200);
        for n in 0..10 {
            source.send(7, n == 0, 200);
        }
        bench.written(20).await;
        control.run(CloseProducer(producer)).await.unwrap();
        let stopped = bench.event("recorder.stopped").await;
        assert_eq!(numbers(&bench.file(&stopped)), (1..=20).collect::<Vec<u16>>());
    });
}

#[test]
fn wrong_requests_are_told_what_would_be_right() {
    with_workers("wrong", json!({}), async |bench, on| {
        let (_, producer, _source) = bench.publish(on, "cam", &[7]).await;
        let wrong = async |target: Target, body: Value| bench.ask(target, body).await.unwrap_err();
        let text = wrong(Target::Worker, json!({ "method": "start" })).await;
        assert!(text.starts_with("plugins.recorder: which one?"), "{text}");
        let text = wrong(Target::Worker, json!({ "method": "start", "stream": "x", "file": "../x" })).await;
        assert!(text.contains("name a file, not a path"), "{text}");
        let text = wrong(producer.into(), json!({ "method": "list" })).await;
        assert!(text.contains("without a target"), "{text}");
        let text = wrong(producer.into(), json!({ "method": "stop", "stream": "cam" })).await;
        assert!(text.starts_with("plugins.recorder.stream"), "{text}");
        let none = bench.ask(Target::Worker, json!({ "method": "start", "stream": "nobody" })).await.unwrap();
        assert_eq!((&none["producers"], &none["waiting"]), (&json!([]), &json!(true)));
        let list = bench.ask(Target::Worker, json!({ "method": "list" })).await.unwrap();
        assert_eq!(list, json!({ "files": [], "complete": true }));
    });
}

#[test]
fn the_end_of_the_worker_finishes_the_files() {
    with_workers("end", json!({ "enabled": true }), async |mut bench, on| {
        let (_, _, mut source) = bench.publish(on, "cam", &[7]).await;
        let started = bench.event("recorder.started").await;
        for n in 0..50 {
            source.send(7, n == 0, 200);
        }
        // Until they are on the media thread; nothing needs to be in the file yet.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        bench.worker.take().unwrap().stop().await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(numbers(&bench.file(&started)), (1..=50).collect::<Vec<u16>>());
    });
}

/// What `after_a_kill_a_film_lacks_the_last_second_at_the_most` runs in a process of its own.
#[test]
fn child_that_makes_a_film_until_it_is_killed() {
    let Ok(folder) = std::env::var("SFU_RECORDER_FILM_CHILD") else { return };
    runtime().block_on(async {
        let bench =
            Bench::new("film", 1, json!({ "enabled": true, "folder": folder, "format": "webm" })).await;
        let (_, _, mut source) = bench.publish(0, "cam", &[7]).await;
        let began = Instant::now();
        for n in 0..600 {
            source.send(7, n % 30 == 0, 1000);
            std::thread::sleep(
                (began + Duration::from_millis(33) * n).saturating_duration_since(Instant::now()),
            );
        }
    });
}

#[test]
fn after_a_kill_a_film_lacks_the_last_second_at_the_most() {
    for round in 0..2u64 {
        let folder = std::env::temp_dir().join(format!("sfu-recorder-film-{}-{round}", std::process::id()));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_makes_a_film_until_it_is_killed"])
            .env("SFU_RECORDER_FILM_CHILD", &folder)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let file = loop {
            let list = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            if let Some(file) = list.map(|entry| entry.path()).next() {
                break file;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let began = Instant::now();
        std::thread::sleep(Duration::from_millis(2300 + 317 * round));
        child.kill().unwrap();
        let recorded = began.elapsed();
        child.wait().unwrap();
        let packets = ["-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
        let Ok(output) = Command::new("ffprobe").args(packets).arg(&file).output() else {
            return sfu_core::testing::skipped("ffprobe is not installed (Debian: ffmpeg)");
        };
        let times: Vec<f64> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| line.trim_end_matches(',').parse().ok())
            .collect();
        let last = times.last().copied().unwrap_or_default();
        assert!(recorded.as_secs_f64() - last < 1.05, "{last} of {recorded:?}, {} frames", times.len());
        assert!(times.len() > 30 && file.extension().is_some_and(|end| end == "webm"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// What `after_a_kill_all_but_the_last_second_is_there` runs in a process of its own.
#[test]
fn child_that_records_until_it_is_killed() {
    let Ok(folder) = std::env::var("SFU_RECORDER_CHILD") else { return };
    runtime().block_on(async {
        let bench = Bench::new("child", 1, json!({ "enabled": true, "folder": folder })).await;
        let (_, _, mut source) = bench.publish(0, "cam", &[7]).await;
        for n in 0..6000 {
            source.send(7, n == 0, 1000);
            std::thread::sleep(Duration::from_millis(5));
        }
    });
}

#[test]
fn after_a_kill_all_but_the_last_second_is_there() {
    for round in 0..3u64 {
        let name = format!("sfu-recorder-killed-{}-{round}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_records_until_it_is_killed"])
            .env("SFU_RECORDER_CHILD", &folder)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let file = loop {
            let list = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let grown = |path: &PathBuf| path.metadata().is_ok_and(|metadata| metadata.len() > 8);
            if let Some(file) = list.map(|entry| entry.path()).find(grown) {
                break file;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        std::thread::sleep(Duration::from_millis(400 + 317 * round));
        child.kill().unwrap();
        let killed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        child.wait().unwrap();
        let mut reader = MjrReader::open(std::fs::File::open(&file).unwrap()).unwrap();
        let first = Duration::from_micros(reader.header().written);
        let (mut last, mut packets) = (first, 0u16);
        while let Some(record) = reader.next_record().unwrap() {
            last = first + Duration::from_millis(record.elapsed.into());
            packets += 1;
        }
        let missing = killed.saturating_sub(last);
        assert!(missing < Duration::from_secs(1), "round {round}: {missing:?} of {packets} packets");
        assert!(packets > 20);
        janus_reads(&file, packets.into(), reader.is_truncated());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn a_stream_that_was_stopped_stays_so_when_its_publisher_comes_back() {
    with_workers("back", json!({ "enabled": true }), async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        source.send(7, true, 200);
        bench.written(1).await;
        bench.ask(Target::Worker, json!({ "method": "stop", "stream": "cam" })).await.unwrap();
        bench.event("recorder.stopped").await;
        bench.control().run(sfu_core::control::Command::CloseProducer(producer)).await.unwrap();
        let (_, _, mut again) = bench.publish(0, "cam", &[8]).await;
        again.send(8, true, 200);
        // Another stream is recorded as ever; by then the first one would be too.
        let (_, other, mut screen) = bench.publish(0, "screen", &[9]).await;
        screen.send(9, true, 200);
        assert_eq!(bench.event("recorder.started").await["producer"], json!(other));
        bench.written(2).await;
        let status = bench.ask(Target::Worker, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status["active"].as_array().unwrap().len(), 1, "{status}");
        bench.ask(Target::Worker, json!({ "method": "start", "stream": "cam" })).await.unwrap();
        assert_eq!(bench.event("recorder.started").await["stream"], "cam");
    });
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_recording_and_not_the_media() {
    let settings = json!({ "enabled": true, "folder": "/proc/nowhere/recordings" });
    with_workers("folder", settings, async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        let failed = bench.event("recorder.failed").await;
        assert_eq!((&failed["producer"], &failed["stream"]), (&json!(producer), &json!("cam")));
        source.send(7, true, 200);
        let status = bench.ask(producer, json!({ "method": "status" })).await.unwrap();
        assert_eq!(status["active"][0]["failed"], true, "{status}");
        let figures = bench.written(0).await;
        assert_eq!(
            (&figures["failed"]["sum"], &figures["active"]["sum"]),
            (&json!(1), &json!(0)),
            "{figures}"
        );
    });
}

#[test]
fn what_the_queue_has_no_room_for_is_told_once_a_second() {
    let settings = json!({ "enabled": true, "queue_bytes": 65_536 });
    with_workers("dropped", settings, async |mut bench, on| {
        let (_, producer, mut source) = bench.publish(on, "cam", &[7]).await;
        source.send(7, true, 200);
        bench.written(1).await;
        // Far more than fits between two looks of the writer into its queue.
        source.pace = Duration::ZERO;
        for _ in 0..400 {
            source.send(7, false, 1400);
        }
        let dropped = bench.event("recorder.dropped").await;
        assert_eq!((&dropped["producer"], &dropped["stream"]), (&json!(producer), &json!("cam")));
        assert_eq!(dropped["packets"], dropped["total"]);
        bench.control().run(sfu_core::control::Command::CloseProducer(producer)).await.unwrap();
        let stopped = bench.event("recorder.stopped").await;
        assert!(stopped["dropped"].as_u64().unwrap() >= dropped["total"].as_u64().unwrap(), "{stopped}");
        let figures = bench.written(1).await;
        assert_eq!(figures["dropped"]["sum"], stopped["dropped"], "{figures}");
        assert!(figures["queue_peak_bytes"]["max"].as_u64().unwrap() > 60_000, "{figures}");
    });
}
