//! A storm of people who come and go in one room, through the worker as it is composed, with every plugin switched on: nothing
//! piles up, nothing is lost that nobody counts, and no plugin fails. In virtual time over perfect paths; files, the reader of the
//! tap and the receiver of events are real. `SFU_TEST_LONG` makes it eight times as long.
#[allow(dead_code)]
#[path = "../src/main.rs"]
mod composed;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sfu_core::control::{
    ConsumerId, DataConsumerId, DataProducerId, IceState, Labels, MediaKind, ProducerId, RtpCodecParameters,
    SessionId, Target,
};
use sfu_core::media::{AudioLevel, ExtensionKind};
use sfu_core::plugin::{Composition, ppid};
use sfu_core::serde_json::json;
use sfu_core::testing::{Bench, Build, Direction, Media, PeerId, PeerOptions, opus};

type Worker = Bench<<composed::Worker as Composition>::Plugins>;

/// People in the room at the most.
const ROOM: usize = 6;
/// Memory that may come on top of what the first third needed.
const SLACK: u64 = 8 << 20;
/// Payload type of RED for those who take it.
const RED: u8 = 68;
/// Frames that may wait for the reader of the tap.
const TAP_QUEUE: u64 = 256;
/// How long threads of plugins may take for what waits for them in the end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long somebody who has fallen silent stays: longer than consent to send lasts (RFC 7675).
const SILENCE: Duration = Duration::from_secs(40);
/// Counters of datagrams, packets and messages that went no further. Over perfect paths nothing of that may happen.
const LOSSES: [&str; 17] = [
    "unknown_protocol",
    "dtls_refused",
    "sctp_refused",
    "sctp_dropped",
    "data_unknown_stream",
    "rtp_malformed",
    "rtcp_malformed",
    "srtp_failed",
    "srtp_replayed",
    "rtp_unknown_stream",
    "rtp_discarded",
    "relay_lost",
    "queue_full",
    "private_pool_empty",
    "direct_unheard",
    "send_failed",
    "media_refused",
];

/// One storm at a time: memory is measured.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// How long a storm takes, in real time.
fn length() -> Duration {
    Duration::from_secs(if std::env::var_os("SFU_TEST_LONG").is_some() { 240 } else { 30 })
}

/// Anonymous memory of this process in RAM, in bytes.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux tells of processes");
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux tells RssAnon");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") * 1024
}

/// Where somebody began to listen: what the other had sent, and what plugins had dropped of it.
struct Ear {
    consumer: ConsumerId,
    of: ProducerId,
    kind: MediaKind,
    sent: u64,
    dropped: u64,
}

struct Person {
    peer: PeerId,
    session: SessionId,
    name: String,
    audio: ProducerId,
    video: ProducerId,
    speaks: DataProducerId,
    hears: DataConsumerId,
    is_video_recorded: bool,
    ears: Vec<Ear>,
}

struct Storm {
    bench: Worker,
    people: Vec<Person>,
    /// Who has fallen silent, and when.
    silent: Vec<(Person, Instant)>,
    /// RTP packets that people sent, by producer.
    sent: BTreeMap<ProducerId, u64>,
    came: usize,
    messages: u64,
    /// Those of the people of each media thread.
    said: [u64; 2],
    /// Packets that were the recorder's to record.
    to_record: u64,
    tick: u32,
    folder: PathBuf,
}

impl Storm {
    fn new(workers: u8) -> Self {
        let folder = std::env::temp_dir().join(format!("sfu-every-plugin-{}-{workers}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = json!({
            "policy": { "enabled": true, "options": {
                "codecs": ["audio/opus", "audio/red", "video/VP8"], "audio_packets": 200, "video_packets": 1000,
            } },
            "audio-selector": { "enabled": true, "options": { "speakers": 3 } },
            "red": { "enabled": true, "options": { "packets": 1 } },
            "recorder": { "enabled": true, "folder": folder.join("recordings"), "queue_bytes": 1 << 20 },
            "tap": {
                "enabled": true, "listen": format!("unix:{}", socket(&folder).display()),
                "queue_frames": TAP_QUEUE, "queue_bytes": 1 << 20, "ring_bytes": 1 << 20,
            },
            "data-router": { "enabled": true },
            "metrics": { "detail": "stream" },
            "webhook": { "hooks": [{
                "url": failing_server(), "secret": "a-secret-of-a-good-length", "queue": 200, "attempts": 2,
                "timeout_ms": 500, "backoff_ms": 10, "max_backoff_ms": 20,
            }] },
        });
        let bench = Build::composed::<composed::Worker>().workers(workers).config(config).start();
        slow_reader(&socket(&folder));
        Storm {
            bench,
            people: Vec::new(),
            silent: Vec::new(),
            sent: BTreeMap::new(),
            came: 0,
            messages: 0,
            said: [0; 2],
            to_record: 0,
            tick: 0,
            folder,
        }
    }

    /// Somebody comes, and everybody hears and sees everybody.
    fn join(&mut self) {
        let number = self.came;
        self.came += 1;
        let name = format!("person {number}");
        let labels = Labels::new().with("room", "studio").with("user", &*name).with("stream", &*name);
        let worker = (number % usize::from(self.bench.workers())) as u8;
        let peer = self.bench.peer_with(PeerOptions::webrtc().data().labels(labels).worker(worker));
        let session = self.bench.session(peer);
        // Every way to record.
        let wish = match number % 6 {
            0 => json!({ "format": "mjr" }),
            1 => json!({ "format": "webm" }),
            2 => json!({ "format": "webm", "per": "participant" }),
            3 => json!({ "format": "pcapng" }),
            4 => json!({ "format": "pcapng", "per": "participant" }),
            _ => json!({ "format": "ogg" }),
        };
        self.bench.enable("recorder", session, wish).expect("a recorder");
        let audio = self.bench.produce(peer, Media::opus());
        let video = self.bench.produce(peer, Media::vp8());
        let speaks = self.bench.data_producer(peer, 1);
        let hears = self.bench.consume_data(peer, speaks, 2);
        // There is no video in Ogg.
        let is_video_recorded = number % 6 != 5;
        let mut person =
            Person { peer, session, name, audio, video, speaks, hears, is_video_recorded, ears: Vec::new() };
        let mut others = std::mem::take(&mut self.people);
        for other in &mut others {
            self.listen(&mut person, other);
            self.listen(other, &person);
        }
        self.people = others;
        self.people.push(person);
    }

    fn listen(&mut self, who: &mut Person, to: &Person) {
        let takes_red = self.came.is_multiple_of(2);
        for (of, kind) in [(to.audio, MediaKind::Audio), (to.video, MediaKind::Video)] {
            let consumer = self.bench.try_consume_with(who.peer, of, |options| {
                if kind == MediaKind::Audio && takes_red {
                    let codecs = &mut options.rtp_parameters.codecs;
                    let opus = codecs.first().cloned().unwrap_or_default();
                    let red = RtpCodecParameters { mime_type: "audio/red".into(), payload_type: RED, ..opus };
                    codecs.insert(0, red);
                }
            });
            let consumer = consumer.expect("a consumer");
            let (sent, dropped) = (self.sent.get(&of).copied().unwrap_or(0), self.dropped(of));
            who.ears.push(Ear { consumer, of, kind, sent, dropped });
        }
    }

    fn dropped(&mut self, producer: ProducerId) -> u64 {
        self.bench.producer_stats(producer).dropped_by_plugins
    }

    /// Everybody sends for so long, and three speak at a time.
    fn talk(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / 20 {
            self.tick += 1;
            for index in 0..self.people.len() {
                let Person { audio, video, .. } = self.people[index];
                let speaks = (self.tick as usize / 100 + index) % self.people.len() < 3;
                let level = AudioLevel { level: if speaks { 20 } else { 90 }, voice: speaks }.to_byte();
                let number = self.sent.entry(audio).or_default();
                *number += 1;
                let packet = opus(*number as u32).extension(ExtensionKind::AudioLevel, vec![level]);
                self.bench.send(audio, packet);
                if self.tick.is_multiple_of(2) {
                    self.bench.frame(video);
                    *self.sent.entry(video).or_default() += 3;
                }
            }
            if self.tick.is_multiple_of(5) && !self.people.is_empty() {
                self.say(self.tick as usize / 5 % self.people.len());
            }
            self.bench.advance(Duration::from_millis(20));
        }
    }

    /// Somebody sends a message to all others on the same media thread, for whom the router is there.
    fn say(&mut self, from: usize) {
        let Person { peer, ref name, speaks, .. } = self.people[from];
        let worker = speaks.worker();
        self.messages += 1;
        self.said[usize::from(worker)] += 1;
        let text = format!(r#"{{"v":1,"to":"others","body":{}}}"#, self.messages);
        let expected = format!(r#"{{"v":1,"from":"{name}","body":{}}}"#, self.messages);
        self.bench.send_data(peer, 1, ppid::STRING, text.as_bytes());
        for other in &self.people {
            let heard = self.bench.take_data(other.peer);
            let is_meant = other.peer != peer && other.speaks.worker() == worker;
            let heard: Vec<_> =
                heard.iter().map(|data| String::from_utf8_lossy(&data.payload).into_owned()).collect();
            assert_eq!(heard, if is_meant { vec![expected.clone()] } else { vec![] }, "{}", other.name);
        }
    }

    /// All that somebody was to hear and see has come, but for what plugins dropped.
    fn heard_all(&mut self, person: &Person) {
        for Ear { consumer, of, kind, sent, dropped } in &person.ears {
            let receiver = self.bench.receiver(*consumer);
            assert_eq!(receiver.lost(), 0, "{} misses packets", person.name);
            let numbers = receiver.numbers();
            let (came, now) = (numbers.len() as u64, self.sent.get(of).copied().unwrap_or(0));
            match kind {
                MediaKind::Audio => {
                    let dropped =
                        self.dropped(*of) - dropped + self.bench.consumer_stats(*consumer).dropped_by_plugins;
                    assert_eq!(came + dropped, now - sent, "{}: audio", person.name);
                }
                // From a key frame on, and every packet.
                MediaKind::Video => {
                    let (first, last) = (numbers.first().copied(), numbers.last().copied());
                    let all = first.zip(last).map_or(0, |(first, last)| u64::from(last - first) + 1);
                    assert_eq!((came, last.map_or(now, u64::from)), (all, now), "{}: video", person.name);
                    assert!(now < sent + 75 || came > 0, "{} sees nothing of {now}", person.name);
                }
            }
        }
    }

    /// Somebody goes, each in another way.
    fn leave(&mut self, way: usize) {
        let person = self.people.remove(way % self.people.len());
        self.heard_all(&person);
        match way % 6 {
            // With a goodbye, before or after the room hears of it.
            0 => self.bench.hang_up(person.peer),
            1 => {
                self.bench.hang_up(person.peer);
                let worker = usize::from(person.speaks.worker());
                let before = self.said[worker];
                self.talk(Duration::from_millis(500));
                // The router sends whoever has a data consumer what is for all.
                let said = self.said[worker] - before;
                assert_eq!(self.refused_messages(person.hears), said, "{}: messages", person.name);
            }
            // Nobody knows yet. One at a time, for whoever is still served takes memory.
            4 if self.silent.is_empty() => {
                self.bench.set_filter(person.peer, Direction::ToWorker, |_| false);
                let now = self.bench.now();
                self.silent.push((person, now));
                return;
            }
            // In the middle of it all, without a word.
            2 | 4 => {
                self.bench.send(person.audio, opus(1_000_000));
                *self.sent.entry(person.audio).or_default() += 1;
                self.bench.send_data(person.peer, 1, ppid::STRING, br#"{"v":1,"to":"others","body":0}"#);
                self.bench.stop_checks(person.peer);
            }
            // Bit by bit.
            3 => {
                self.bench.pause(person.audio);
                self.bench.close(person.video);
                self.talk(Duration::from_millis(100));
            }
            // Plugins first.
            _ => {
                for plugin in ["recorder", "tap", "audio-selector", "policy", "red", "data-router"] {
                    self.bench.disable(plugin, person.session).expect("a plugin");
                }
            }
        }
        self.close(person);
    }

    /// The sessions of those who have been silent for `time` end.
    fn give_up_silent(&mut self, time: Duration) {
        let now = self.bench.now();
        while self.silent.first().is_some_and(|(_, since)| now - *since >= time) {
            let (person, since) = self.silent.remove(0);
            if now - since >= SILENCE {
                let state = self.bench.transport_stats(person.peer).ice_state;
                assert_eq!(state, Some(IceState::Disconnected), "{}", person.name);
            }
            self.close(person);
        }
    }

    fn close(&mut self, person: Person) {
        for (producer, is_recorded) in [(person.audio, true), (person.video, person.is_video_recorded)] {
            // What is closed before has no figures any more, and nothing of video is dropped.
            let dropped = if producer == person.audio { self.dropped(producer) } else { 0 };
            if is_recorded {
                self.to_record += self.sent.get(&producer).copied().unwrap_or(0) - dropped;
            }
        }
        self.bench.close(person.session);
        self.bench.advance(Duration::from_millis(20));
        let others = self.people.iter_mut().chain(self.silent.iter_mut().map(|(silent, _)| silent));
        for other in others {
            other.ears.retain(|ear| ear.of != person.audio && ear.of != person.video);
            // The last messages of who went in the middle of it.
            self.bench.take_data(other.peer);
        }
        self.bench.forget(person.peer);
        self.sent.remove(&person.audio);
        self.sent.remove(&person.video);
    }

    /// Messages for a data consumer that could not be sent any more.
    fn refused_messages(&mut self, id: DataConsumerId) -> u64 {
        let stats = self.bench.worker_stats();
        stats.data_consumers.iter().find(|consumer| consumer.id == id).map_or(0, |consumer| consumer.dropped)
    }

    /// Nothing went wrong so far.
    fn check(&mut self) {
        assert_eq!(self.bench.faults(), Vec::new(), "a plugin failed");
        let answer =
            self.bench.request("metrics", Target::Worker, json!({ "method": "text" })).expect("figures");
        let text = answer["text"].as_str().expect("a text");
        assert!(text.contains("\nsfu_metrics_series_left_out 0\n"), "series were left out");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            let wrong = [
                "sfu_hook_panics",
                "sfu_quarantined",
                "sfu_detachments",
                "sfu_rebuilds",
                "sfu_refused_commands",
            ];
            assert!(!wrong.iter().any(|wrong| name.starts_with(wrong)) || value == "0", "{line}");
        }
        let stats = self.bench.worker_stats();
        let lost: Vec<_> = LOSSES.iter().filter(|name| stats.counters[**name] != 0).collect();
        assert!(lost.is_empty(), "{lost:?}: {:?}", stats.counters);
        for consumer in &stats.data_consumers {
            let is_silent = self.silent.iter().any(|(person, _)| person.hears == consumer.id);
            assert!(is_silent || consumer.dropped == 0, "{consumer:?}");
        }
        let by_hooks: u64 = stats.plugin_costs.values().map(|cost| cost.dropped).sum();
        let counted = stats.counters["dropped_by_plugins_in"] + stats.counters["dropped_by_plugins_out"];
        let messages: u64 = stats.data_producers.iter().map(|producer| producer.dropped_by_plugins).sum();
        assert!(
            by_hooks >= counted + messages,
            "{by_hooks} by hooks, {counted} packets, {messages} messages"
        );
        self.bench.take_events();
    }

    /// Threads of plugins come to the end of what waits for them, and each packet, frame and event is accounted for.
    fn all_is_written(&mut self) {
        let began = Instant::now();
        let waiting = |storm: &mut Storm| {
            // Virtual time goes on, since it is what retries wait for.
            storm.bench.advance(Duration::from_millis(100));
            [("recorder", "queue_bytes"), ("webhook", "waiting")].map(|(id, name)| storm.figure(id, name))
        };
        while waiting(self) != [0; 2] {
            assert!(began.elapsed() < PATIENCE, "{:?} is still waiting", waiting(self));
            std::thread::sleep(Duration::from_millis(20));
        }
        let [recorded, failed, dropped, oversize] =
            ["packets", "failed", "dropped", "oversize"].map(|name| self.figure("recorder", name));
        assert_eq!((recorded + dropped, failed, oversize), (self.to_record, 0, 0), "{dropped} dropped");
        let frames = self.figure("tap", "frames");
        let told: u64 = ["sent_frames", "dropped_queue_full", "dropped_no_key_frame"]
            .map(|name| self.figure("tap", name))
            .iter()
            .sum();
        assert!(told <= frames && frames - told <= TAP_QUEUE, "{told} of {frames} frames");
        let [delivered, webhook] = ["delivered", "failed"].map(|name| self.figure("webhook", name));
        assert!(delivered == 0 && webhook > 0, "{delivered} delivered, {webhook} given up");
    }

    fn figure(&mut self, plugin: &str, name: &str) -> u64 {
        let stats = self.bench.stats(plugin);
        stats[name].as_u64().unwrap_or_else(|| panic!("{plugin} has no figure {name}: {stats}"))
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("tap.sock")
}

/// A reader that is slower than what it is sent, on a thread that ends with the worker.
fn slow_reader(path: &Path) {
    let mut stream = UnixStream::connect(path).expect("a tap");
    stream.read_exact(&mut [0; 5]).expect("a greeting");
    std::thread::spawn(move || {
        let mut room = vec![0; 2048];
        while stream.read(&mut room).is_ok_and(|read| read > 0) {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}

/// A server that hangs up on every other request and refuses the rest; its URL.
fn failing_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for (number, connection) in listener.incoming().enumerate() {
            let Ok(mut connection) = connection else { continue };
            let _ = connection.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = connection.read(&mut [0; 4096]);
            if number % 2 == 0 {
                let _ = connection
                    .write_all(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        }
    });
    format!("http://{address}/")
}

fn storm(workers: u8) {
    let _alone = alone();
    let mut storm = Storm::new(workers);
    let began = Instant::now();
    let (mut before, mut rounds) = (None, 0);
    while began.elapsed() < length() {
        storm.join();
        storm.talk(Duration::from_millis(600));
        while storm.people.len() >= ROOM {
            storm.leave(rounds);
        }
        storm.give_up_silent(SILENCE);
        storm.check();
        rounds += 1;
        if before.is_none() && began.elapsed() > length() / 3 {
            before = Some((memory(), rounds));
        }
    }
    let ((before, warm), after) = (before.expect("rounds enough"), memory());
    println!("{rounds} came and went; {} then {} MB, the latter after {warm}", after >> 20, before >> 20);
    assert!(rounds > warm && after < before + SLACK, "{before} bytes grew to {after}");

    // All of it was at work.
    for (plugin, name) in [
        ("policy", "limited"),
        ("audio-selector", "dropped_packets"),
        ("red", "sent_packets"),
        ("recorder", "packets"),
        ("recorder", "files"),
        ("tap", "sent_frames"),
        ("tap", "readers"),
        ("data-router", "delivered"),
        ("webhook", "retries"),
    ] {
        assert!(storm.figure(plugin, name) > 0, "{plugin}: {name}");
    }
    assert_eq!(storm.figure("policy", "dropped_packets") + storm.figure("policy", "refused"), 0);
    let dropped: Vec<u64> =
        ["dropped_rate", "dropped_malformed", "dropped_unreachable", "dropped_limit", "notices_lost"]
            .into_iter()
            .map(|name| storm.figure("data-router", name))
            .collect();
    assert_eq!(dropped, [0; 5]);

    while !storm.people.is_empty() {
        storm.leave(rounds);
        storm.check();
        rounds += 1;
    }
    storm.give_up_silent(Duration::ZERO);
    storm.check();
    let stats = storm.bench.worker_stats();
    for entities in ["sessions", "transports", "producers", "consumers", "data_producers", "data_consumers"] {
        assert_eq!(stats.counters[entities], 0, "{entities} are left");
    }
    for (plugin, name) in [
        ("policy", "limited"),
        ("audio-selector", "candidates"),
        ("red", "senders"),
        ("red", "receivers"),
        ("recorder", "active"),
        ("tap", "tracks"),
        ("data-router", "peers"),
        ("data-router", "rooms"),
    ] {
        assert_eq!(storm.figure(plugin, name), 0, "{plugin}: {name} are left");
    }
    storm.all_is_written();
    let Storm { bench, folder, .. } = storm;
    bench.stop();
    let written = std::fs::read_dir(folder.join("recordings")).map_or(0, |files| files.count());
    assert!(written > rounds, "{written} files of {rounds} people");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn people_who_come_and_go_leave_nothing_behind_on_one_media_thread() {
    storm(1);
}

#[test]
fn people_who_come_and_go_leave_nothing_behind_on_two_media_threads() {
    storm(2);
}

/// What the storm relies on to see losses.
#[test]
fn a_packet_that_nobody_counts_would_be_seen() {
    let _alone = alone();
    let mut storm = Storm::new(1);
    storm.join();
    storm.join();
    storm.talk(Duration::from_secs(2));
    let person = storm.people.remove(0);
    storm.heard_all(&person);
    *storm.sent.entry(storm.people[0].audio).or_default() += 1;
    let missed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| storm.heard_all(&person)));
    assert!(missed.is_err());
    let _ = std::fs::remove_dir_all(&storm.folder);
}
