//! What readers get, over real sockets from a worker in virtual time, with one media thread and with two.
#![cfg(unix)]
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sfu_core::control::{Labels, ProducerId, Target};
use sfu_core::plugin::{Cons, Nil};
use sfu_core::serde_json::{self, Value, json};
use sfu_core::testing::{
    Bench, Build, Media, PeerOptions, Rtp, conformance_with, opus, skipped, vp8, vp8_key,
};
use sfu_tap::Tap;

type Alone = Bench<Cons<Tap, Nil>>;

const KEY_FRAME: u8 = 1;
const DISCONTINUITY: u8 = 2;
const CAPTURE_KNOWN: u8 = 4;
/// How long something may take in real time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A frame as it was read.
#[derive(Debug, Clone, PartialEq)]
struct Frame {
    stream: u32,
    flags: u8,
    timestamp: u32,
    captured: i64,
    payload: Vec<u8>,
}

impl Frame {
    fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The number that payloads of the kit end with.
    fn number(&self) -> u32 {
        u32::from_be_bytes(*self.payload.last_chunk().expect("a number"))
    }
}

enum Message {
    Text(Value),
    Frame(Frame),
}

/// The reading end of a connection.
struct Reader<S>(S);

impl Reader<UnixStream> {
    /// Connects, and reads the greeting.
    fn new(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("a listener");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Reader::greeted(stream)
    }
}

impl<S: Read> Reader<S> {
    fn greeted(stream: S) -> Self {
        let mut reader = Reader(stream);
        let hello = reader.text();
        assert_eq!((&hello["message"], &hello["version"]), (&json!("hello"), &json!(1)));
        reader
    }

    /// The next message; `None` at the end.
    fn next(&mut self) -> Option<Message> {
        let mut head = [0; 5];
        match self.0.read_exact(&mut head) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return None,
            other => other.expect("a message"),
        }
        let [l0, l1, l2, l3, kind] = head;
        let mut body = vec![0; u32::from_be_bytes([l0, l1, l2, l3]) as usize - 1];
        self.0.read_exact(&mut body).expect("a whole message");
        Some(match kind {
            0 => Message::Text(serde_json::from_slice(&body).expect("JSON")),
            1 => {
                assert_eq!(body[1..3], [0, 0]);
                Message::Frame(Frame {
                    flags: body[0],
                    stream: u32::from_be_bytes(body[3..7].try_into().unwrap()),
                    timestamp: u32::from_be_bytes(body[7..11].try_into().unwrap()),
                    captured: i64::from_be_bytes(body[11..19].try_into().unwrap()),
                    payload: body[19..].to_vec(),
                })
            }
            other => panic!("a message of kind {other}"),
        })
    }

    fn text(&mut self) -> Value {
        match self.next() {
            Some(Message::Text(text)) => text,
            Some(Message::Frame(frame)) => panic!("{frame:?} instead of an announcement"),
            None => panic!("the end instead of an announcement"),
        }
    }

    fn frame(&mut self) -> Frame {
        match self.next() {
            Some(Message::Frame(frame)) => frame,
            Some(Message::Text(text)) => panic!("{text} instead of a frame"),
            None => panic!("the end instead of a frame"),
        }
    }

    /// Everything until so many streams have ended: their announcements and their frames.
    fn until_ended(&mut self, count: usize) -> (Vec<Value>, BTreeMap<u32, Vec<Frame>>) {
        let (mut hellos, mut frames, mut ended) = (Vec::new(), BTreeMap::<u32, Vec<Frame>>::new(), 0);
        while ended < count {
            match self.next().expect("streams that end") {
                Message::Frame(frame) => frames.entry(frame.stream).or_default().push(frame),
                Message::Text(text) if text["message"] == "end" => ended += 1,
                Message::Text(text) => hellos.push(text),
            }
        }
        (hellos, frames)
    }
}

/// A socket's name that no other test has.
fn socket(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sfu-tap-{}-{name}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn build(workers: u8, path: &Path, settings: Value) -> Alone {
    let mut table = json!({ "enabled": true, "listen": format!("unix:{}", path.display()) });
    for (field, value) in settings.as_object().into_iter().flatten() {
        table[field] = value.clone();
    }
    Build::of::<Tap>().workers(workers).config(json!({ "tap": table })).start()
}

/// Lets virtual time pass until something is so; the thread that serves readers works in real time.
fn until(bench: &mut Alone, what: &str, mut is_so: impl FnMut(&mut Alone) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so(bench) {
        assert!(Instant::now() < end, "never happened: {what}; {}", bench.stats("tap"));
        bench.advance(Duration::from_millis(5));
        std::thread::yield_now();
    }
}

fn figure(bench: &mut Alone, name: &str) -> u64 {
    bench.stats("tap")[name].as_u64().unwrap_or_else(|| panic!("no figure {name}"))
}

fn notices(bench: &Alone, event: &str) -> Vec<Value> {
    bench.notices("tap").into_iter().filter(|told| told["event"] == event).collect()
}

fn end(bench: &mut Alone) {
    bench.disable("tap", Target::Worker).expect("it goes off");
}

/// A frame of VP8 in one packet of 1100 bytes, a key frame where one is wanted.
fn big_frame(bench: &mut Alone, producer: ProducerId, number: u32) {
    let wanted = std::mem::take(&mut bench.sender_mut(producer).key_frame_wanted);
    let is_key = wanted || number == 1;
    let mut payload =
        if is_key { vec![0x10, 0x10, 2, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1] } else { vec![0x10, 0x31, 0, 0] };
    payload.resize(1100, 7);
    payload.extend(number.to_be_bytes());
    bench.send(producer, Rtp::new(number * 3000, payload).marker(true));
    bench.advance(Duration::from_millis(33));
}

#[test]
fn frames_of_all_media_threads_come_out_whole_and_in_order() {
    for workers in [1, 2] {
        let path = socket(&format!("whole-{workers}"));
        let mut bench = build(workers, &path, json!({}));
        let mut reader = Reader::new(&path);
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
        let labels = || Labels::new().with("room", "studio").with("stream", "cam");
        // Whose clock is wrong by an hour.
        let ahead = Duration::from_secs(3600);
        let speaker = bench.peer_with(PeerOptions::webrtc().labels(labels()).clock_ahead(ahead));
        let camera = bench.peer_with(PeerOptions::webrtc().labels(labels()).worker(workers - 1));
        let audio = bench.produce(speaker, Media::opus());
        let video = bench.produce(camera, Media::vp8());
        bench.play(&[audio, video], Duration::from_secs(8));
        // In three packets each.
        let pictures = bench.producer_stats(video).streams[0].packets / 3;
        end(&mut bench);
        let (hellos, frames) = reader.until_ended(2);
        assert_eq!(hellos.len(), 2);
        let hello =
            |codec: &str| hellos.iter().find(|hello| hello["codec"] == codec).expect("an announcement");
        let (opus_hello, vp8_hello) = (hello("opus"), hello("vp8"));
        for (hello, producer, kind) in [(opus_hello, audio, "audio"), (vp8_hello, video, "video")] {
            assert_eq!(hello["message"], "stream");
            assert_eq!(hello["producer"], json!(producer));
            assert_eq!((&hello["kind"], &hello["encoding"]), (&json!(kind), &json!(0)));
            assert_eq!(
                (&hello["labels"]["room"], &hello["labels"]["stream"]),
                (&json!("studio"), &json!("cam"))
            );
        }
        assert_eq!((&opus_hello["clockRate"], &opus_hello["channels"]), (&json!(48_000), &json!(2)));
        assert_eq!((&vp8_hello["clockRate"], &vp8_hello["channels"]), (&json!(90_000), &json!(null)));
        let of = |hello: &Value| &frames[&(hello["stream"].as_u64().expect("a number") as u32)];
        let heard = of(opus_hello);
        assert_eq!(heard.len(), 400);
        for (frame, n) in heard.iter().zip(1..) {
            assert_eq!(frame.payload, [&[0xfc, 0xff, 0xfe][..], &u32::to_be_bytes(n)].concat());
            assert!(frame.is(KEY_FRAME) && !frame.is(DISCONTINUITY), "{frame:?}");
        }
        let seen = of(vp8_hello);
        assert_eq!(seen.len() as u64, pictures);
        for (frame, n) in seen.iter().zip((1u32..).step_by(3)) {
            assert_eq!(frame.number(), n + 2);
            assert_eq!(
                frame.payload.len(),
                2 * 43 + if n == 1 { 14 } else { 7 },
                "three packets without descriptors"
            );
            assert_eq!((frame.is(KEY_FRAME), frame.is(DISCONTINUITY)), (n == 1, false));
        }
        for (frames, interval) in [(heard, 20_000), (seen, 33_333)] {
            let known = frames.iter().filter(|frame| frame.is(CAPTURE_KNOWN)).count();
            assert!(known > frames.len() / 4 && known < frames.len(), "{known} of {}", frames.len());
            assert!((began..began + 60_000_000).contains(&frames[0].captured), "by the worker's clock");
            for pair in frames.windows(2) {
                let distance = pair[1].captured - pair[0].captured;
                assert!((interval - 2000..=interval + 2000).contains(&distance), "{distance}");
            }
        }
        for name in ["frames", "sent_frames"] {
            assert_eq!(figure(&mut bench, name), 400 + pictures, "{name}");
        }
        for name in ["incomplete_frames", "dropped_queue_full", "dropped_no_key_frame", "dropped_ring_full"] {
            assert_eq!(figure(&mut bench, name), 0, "{name}");
        }
    }
}

#[test]
fn a_late_packet_finds_its_place_and_a_lost_one_is_told_and_asked_about() {
    let path = socket("lost");
    let mut bench = build(1, &path, json!({}));
    let mut reader = Reader::new(&path);
    let peer = bench.peer();
    let video = bench.produce(peer, Media::vp8());
    let first = bench.sender(video).next_sequence(0);
    let send = |bench: &mut Alone, n: u16, packet: Rtp| {
        bench.send(video, packet.sequence(first.wrapping_add(n)));
        bench.advance(Duration::from_millis(33));
    };
    send(&mut bench, 1, vp8_key(1));
    send(&mut bench, 3, vp8(3));
    send(&mut bench, 2, vp8(2));
    // 4 never comes.
    for n in 5..20 {
        send(&mut bench, n, vp8(n.into()));
    }
    assert_eq!(reader.text()["codec"], "vp8");
    let got: Vec<(u32, bool)> = (0..15)
        .map(|_| {
            let frame = reader.frame();
            (frame.number(), frame.is(DISCONTINUITY))
        })
        .collect();
    let expected = [1, 2, 3].into_iter().chain(5..17).map(|n| (n, n == 5));
    assert_eq!(got, expected.collect::<Vec<_>>());
    until(&mut bench, "a key frame is asked for", |bench| {
        bench.sender(video).plis + bench.sender(video).firs > 0
    });
}

#[test]
fn a_slow_reader_loses_whole_frames_and_goes_on_with_a_key_frame_and_another_reader_loses_nothing() {
    for workers in [1, 2] {
        let path = socket(&format!("slow-{workers}"));
        let mut bench = build(workers, &path, json!({ "queue_frames": 20 }));
        let (mut slow, mut quick) = (Reader::new(&path), Reader::new(&path));
        let peer = bench.peer_with(PeerOptions::plain().worker(workers - 1));
        let video = bench.produce(peer, Media::video("video/VP8"));
        let (mut sent, mut got) = (0, Vec::new());
        let mut some = |bench: &mut Alone, quick: &mut Reader<UnixStream>| {
            for _ in 0..10 {
                sent += 1;
                big_frame(bench, video, sent);
            }
            if sent == 10 {
                assert_eq!(quick.text()["message"], "stream");
            }
            got.extend((0..10).map(|_| quick.frame().number()));
        };
        for _ in 0..60 {
            some(&mut bench, &mut quick);
        }
        until(&mut bench, "a drop is told", |bench| !notices(bench, "tap.dropping").is_empty());
        assert!(figure(&mut bench, "dropped_queue_full") > 0);
        let asked = bench.sender(video).plis + bench.sender(video).firs;
        assert!(asked > 0, "a key frame is asked for");
        // It reads again.
        let slow = std::thread::spawn(move || slow.until_ended(1));
        for _ in 0..60 {
            some(&mut bench, &mut quick);
        }
        end(&mut bench);
        quick.until_ended(1);
        let read: Vec<Frame> = slow.join().unwrap().1.into_values().flatten().collect();
        assert!(got.iter().copied().eq(1..=sent), "the quick reader has everything");
        let mut gaps = 0;
        for pair in read.windows(2) {
            let follows = pair[1].number() == pair[0].number() + 1;
            assert_eq!(pair[1].is(DISCONTINUITY), !follows);
            assert!(follows || pair[1].is(KEY_FRAME), "after a drop a key frame comes first");
            assert!(pair[1].payload.len() == 1103, "frames are whole");
            gaps += u32::from(!follows);
        }
        assert!(gaps > 0 && read.len() < got.len());
        let dropped = figure(&mut bench, "dropped_queue_full") + figure(&mut bench, "dropped_no_key_frame");
        assert_eq!(read.len() as u64 + dropped, got.len() as u64, "each frame was read or counted");
        let told: u64 =
            notices(&bench, "tap.dropping").iter().filter_map(|told| told["frames"].as_u64()).sum();
        assert!(told > 0 && told <= dropped);
    }
}

#[test]
fn a_reader_that_leaves_in_mid_frame_is_told_of_and_who_comes_later_begins_with_a_key_frame() {
    for workers in [1, 2] {
        let path = socket(&format!("leaves-{workers}"));
        let mut bench = build(workers, &path, json!({}));
        let mut leaving = Reader::new(&path);
        let peer = bench.peer_with(PeerOptions::webrtc().worker(workers - 1));
        let video = bench.produce(peer, Media::vp8());
        bench.play(&[video], Duration::from_millis(500));
        assert_eq!(leaving.text()["message"], "stream");
        leaving.0.read_exact(&mut [0; 10]).expect("a part of a frame");
        drop(leaving);
        until(&mut bench, "the end is told", |bench| !notices(bench, "tap.disconnected").is_empty());
        assert_eq!(figure(&mut bench, "readers"), 0);
        assert_eq!(notices(&bench, "tap.connected").len(), 1);
        let before = figure(&mut bench, "frames");
        bench.play(&[video], Duration::from_millis(500));
        let mut next = Reader::new(&path);
        assert_eq!(figure(&mut bench, "frames"), before, "nobody reads, so nothing is done");
        // The stream is known, so the announcement comes first; then a key frame that the plugin asked for.
        assert_eq!(next.text()["message"], "stream");
        until(&mut bench, "a key frame is asked for", |bench| bench.sender(video).key_frame_wanted);
        bench.play(&[video], Duration::from_millis(500));
        assert!(next.frame().is(KEY_FRAME));
        assert!(!next.frame().is(KEY_FRAME));
    }
}

#[test]
fn a_pause_is_told_and_video_goes_on_with_a_key_frame() {
    let path = socket("pause");
    let mut bench = build(1, &path, json!({}));
    let mut reader = Reader::new(&path);
    let peer = bench.peer();
    let video = bench.produce(peer, Media::vp8());
    bench.send(video, vp8_key(1));
    bench.send(video, vp8(2));
    let asked = bench.sender(video).plis;
    bench.pause(video);
    bench.resume(video);
    assert!(bench.sender(video).plis > asked, "a key frame is asked for");
    // Of what was before the pause a decoder may know nothing any more.
    bench.send(video, vp8(3));
    bench.send(video, vp8_key(4));
    bench.send(video, vp8(5));
    end(&mut bench);
    let (_, frames) = reader.until_ended(1);
    let got: Vec<(u32, bool)> =
        frames.values().flatten().map(|frame| (frame.number(), frame.is(DISCONTINUITY))).collect();
    assert_eq!(got, [(1, false), (2, false), (4, true), (5, false)]);
}

#[test]
fn the_worker_connects_and_connects_again() {
    for workers in [1, 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = format!("tcp:{}", listener.local_addr().unwrap());
        let config = json!({ "tap": { "enabled": true, "connect": connect } });
        let mut bench = Build::of::<Tap>().workers(workers).config(config).start();
        let accept = || {
            let stream: TcpStream = listener.accept().unwrap().0;
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            Reader::greeted(stream)
        };
        assert_eq!(figure(&mut bench, "readers"), 1, "who is there already misses nothing");
        drop(accept());
        until(&mut bench, "both are told", |bench| !notices(bench, "tap.connected").is_empty());
        until(&mut bench, "the end is told", |bench| !notices(bench, "tap.disconnected").is_empty());
        let mut reader = accept();
        let peer = bench.peer();
        let audio = bench.produce(peer, Media::opus());
        bench.play(&[audio], Duration::from_secs(1));
        end(&mut bench);
        let (hellos, frames) = reader.until_ended(1);
        assert_eq!((hellos.len(), frames.values().map(Vec::len).sum::<usize>()), (1, 50));
        bench.stop();
        assert!(reader.next().is_none());
    }
}

#[test]
fn kind_and_encoding_choose_streams() {
    for (options, expected) in [
        (json!({ "kind": "audio" }), vec![("opus", 0)]),
        (json!({ "kind": "video", "encoding": 1 }), vec![("vp8", 1)]),
        (json!({ "encoding": 0 }), vec![("opus", 0), ("vp8", 0)]),
    ] {
        let path = socket("options");
        let mut bench = build(1, &path, json!({ "options": options }));
        let mut reader = Reader::new(&path);
        let peer = bench.peer_with(PeerOptions::webrtc());
        let audio = bench.produce(peer, Media::opus());
        let video = bench.produce(peer, Media::vp8().mid("1").simulcast(&["l", "h"]));
        bench.play(&[audio, video], Duration::from_millis(500));
        end(&mut bench);
        let (hellos, _) = reader.until_ended(expected.len());
        let mut got: Vec<(&str, u64)> = hellos
            .iter()
            .map(|hello| (hello["codec"].as_str().unwrap(), hello["encoding"].as_u64().unwrap()))
            .collect();
        got.sort_unstable();
        assert_eq!(got, expected);
        bench.stop();
        assert!(reader.next().is_none(), "nothing else was announced");
    }
}

#[test]
fn streams_and_readers_are_listed_and_counted() {
    for workers in [1, 2] {
        let path = socket(&format!("list-{workers}"));
        let mut bench = build(workers, &path, json!({}));
        let mut reader = Reader::new(&path);
        let peer = bench.peer_with(PeerOptions::plain().worker(workers - 1));
        let (audio, video) = (bench.produce(peer, Media::opus()), bench.produce(peer, Media::vp8()));
        bench.play(&[audio, video], Duration::from_secs(1));
        let pictures = bench.producer_stats(video).streams[0].packets / 3;
        until(&mut bench, "all frames are sent", |bench| figure(bench, "sent_frames") == 50 + pictures);
        let list = |bench: &mut Alone, target: Target| {
            bench.request("tap", target, json!({ "method": "list" })).expect("a list")
        };
        let all = list(&mut bench, Target::Worker);
        assert_eq!(all["streams"].as_array().map(Vec::len), Some(2), "{all}");
        assert_eq!(all["readers"][0]["frames"], 50 + pictures, "{all}");
        let one = list(&mut bench, audio.into());
        let streams = one["streams"].as_array().expect("streams");
        assert_eq!(streams.len(), 1, "{one}");
        assert_eq!((&streams[0]["producer"], &streams[0]["frames"]), (&json!(audio), &json!(50)));
        assert_eq!(bench.stats_of("tap", video)["frames"], pictures);
        assert_eq!(figure(&mut bench, "tracks"), 2);
        bench.close(video);
        assert_eq!(reader.until_ended(1).0.len(), 2);
        let left = list(&mut bench, Target::Worker);
        assert_eq!(left["streams"].as_array().map(Vec::len), Some(1), "{left}");
    }
}

#[test]
fn without_a_place_it_says_so_and_with_a_bad_one_the_worker_does_not_start() {
    let mut bench = Build::of::<Tap>().config(json!({ "tap": { "enabled": true } })).start();
    bench.audio_producer();
    let error = bench.notices("tap")[0]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("name one in `connect` or `listen`"), "{error}");
    let path = socket("file");
    std::fs::write(&path, "precious").unwrap();
    let config = json!({ "tap": { "listen": format!("unix:{}", path.display()) } });
    let error = Build::of::<Tap>().config(config).try_start().err().expect("a file is there").to_string();
    assert!(error.starts_with("plugins.tap.listen: can't listen at unix:"), "{error}");
    assert!(error.contains("no socket"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let config = json!({ "tap": { "listen": "tcp:0.0.0.0:7000" } });
    let error = Build::of::<Tap>().config(config).try_start().err().expect("not loopback").to_string();
    assert!(error.starts_with("plugins.tap") && error.contains("127.0.0.1"), "{error}");
}

#[test]
fn the_socket_is_gone_when_the_worker_has_stopped() {
    for workers in [1, 2] {
        let path = socket(&format!("gone-{workers}"));
        let bench = build(workers, &path, json!({}));
        let mut reader = Reader::new(&path);
        bench.stop();
        assert!(!path.exists());
        assert!(reader.next().is_none());
    }
}

#[test]
fn the_example_in_the_readme_reads_frames() {
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skipped("there is no python3");
    }
    let readme = include_str!("../README.md");
    let (_, rest) = readme.split_once("```python\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let path = socket("python");
    let mut bench = build(1, &path, json!({}));
    let child = Command::new("python3")
        .args(["-c", example])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    until(&mut bench, "it connects", |bench| figure(bench, "readers") == 1);
    let peer = bench.peer_with(PeerOptions::plain().labels(Labels::new().with("stream", "talk")));
    let audio = bench.produce(peer, Media::opus());
    for n in 1..=50 {
        bench.send(audio, opus(n));
        bench.advance(Duration::from_millis(20));
    }
    bench.stop();
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 51, "{text}");
    assert!(lines[0].starts_with("talk opus 960 ") && lines[0].ends_with(" 7 bytes"), "{}", lines[0]);
    assert!(lines[49].starts_with("talk opus 48000 "), "{}", lines[49]);
    assert_eq!(lines[50], "talk opus has ended");
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect = format!("tcp:{}", listener.local_addr().unwrap());
    let reading = std::thread::spawn(move || {
        // Once with one media thread and once with two.
        (0..2)
            .map(|_| std::io::copy(&mut listener.accept().unwrap().0, &mut std::io::sink()).unwrap())
            .sum::<u64>()
    });
    conformance_with::<Tap>(json!({ "connect": connect }));
    assert!(reading.join().unwrap() > 1000, "something was read");
}

#[test]
fn its_readme_has_its_configuration() {
    sfu_core::testing::check_readme::<Tap>(include_str!("../README.md"));
}
