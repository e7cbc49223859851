//! A call of ten minutes in virtual time (one minute in the short run), with joins, leaves, mutes, pictures that change their
//! size, and 3 % loss: every file opens, lasts as long as it should, holds what was received, and is in step.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sfu_core::control::{Labels, ProducerId};
use sfu_core::plugin::{Attach, Cons, Cx, Nil, NoConfig, Plugin, ProducerInfo, RtpPacket, Verdict, plugin};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Bench, Build, Conditions, Media, PeerId, PeerOptions, Rtp};

use crate::content::{Content, FLASH, FRAMES, Frame, PACKETS};
use crate::tools;

/// Pictures are sent so much later than they were taken; only the sender's reports tell.
const LATE: Duration = Duration::from_millis(100);
/// So long the recorder waits for what is missing, and a frame later the next packet has come.
const PATIENCE: [Duration; 2] = [Duration::from_millis(400), Duration::from_millis(440)];
/// What the sender's clock showed when the call began.
const NTP: u64 = 4_000_000_000 << 32;

/// A packet that came to the recorder: when, RTP time and sequence number.
type Seen = (Instant, u32, u16);

thread_local! {
    /// What is wrong: all of it is told.
    static WRONG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// What came from each producer: a bench does everything on one thread.
    static SEEN: RefCell<BTreeMap<ProducerId, Vec<Seen>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Writes down what the recorder sees.
#[derive(Default)]
struct Witness;

#[plugin(id = "witness")]
impl Plugin for Witness {
    type Producer = ProducerId;

    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        _: &NoConfig,
        _: &mut Cx<'_>,
    ) -> Attach<ProducerId> {
        Attach::On(info.id)
    }

    fn rtp_in(
        &mut self,
        id: &mut ProducerId,
        packet: &mut RtpPacket<'_>,
        _: &mut (),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let seen = (cx.now(), packet.timestamp(), packet.sequence_number());
        SEEN.with_borrow_mut(|all| all.entry(*id).or_default().push(seen));
        Verdict::Forward
    }
}

type Worker = Bench<Cons<Witness, Cons<sfu_recorder::Recorder, Nil>>>;

/// A frame, or a packet of sound, that was sent.
struct Sent {
    packets: usize,
    /// Number of its first packet.
    first: u16,
    is_key_frame: bool,
}

/// One stream of somebody.
struct Stream {
    producer: ProducerId,
    is_video: bool,
    /// RTP time when the call began.
    base: u32,
    packets: u32,
    octets: u32,
    /// By RTP time since the call began.
    frames: BTreeMap<u32, Sent>,
    /// Packets that were sent.
    sent: u64,
}

impl Stream {
    fn rate(&self) -> u64 {
        if self.is_video { 90_000 } else { 48_000 }
    }

    /// RTP time of a moment of the call.
    fn timestamp(&self, at: Duration) -> u32 {
        self.base.wrapping_add((at.as_nanos() as u64 * (self.rate() / 1000) / 1_000_000) as u32)
    }

    fn seen(&self) -> Vec<Seen> {
        SEEN.with_borrow(|all| all.get(&self.producer).cloned().unwrap_or_default())
    }

    /// What came, with numbers that go on and on.
    fn numbered(&self) -> Vec<(u64, Seen)> {
        let mut last = None;
        let number = |seen: Seen| {
            let (_, _, number) = seen;
            let unrolled = last.map_or((1 << 20) + u64::from(number), |last: u64| {
                last.wrapping_add_signed(i64::from(number.wrapping_sub(last as u16) as i16))
            });
            last = Some(unrolled);
            (unrolled, seen)
        };
        self.seen().into_iter().map(number).collect()
    }

    /// What came in time, by RTP time since the call began: before what follows it had waited for `patience`.
    fn in_time(&self, patience: Duration) -> BTreeMap<u32, BTreeSet<u16>> {
        let mut held: BTreeMap<u64, Instant> = BTreeMap::new();
        let mut numbers: BTreeMap<u32, BTreeSet<u16>> = BTreeMap::new();
        let mut next = 0;
        for (unrolled, (at, timestamp, number)) in self.numbered() {
            while let Some((first, came)) = held.first_key_value().map(|(first, came)| (*first, *came)) {
                if first != next && at - came < patience {
                    break;
                }
                held.remove(&first);
                next = first + 1;
            }
            if unrolled >= next {
                held.insert(unrolled, at);
                numbers.entry(timestamp.wrapping_sub(self.base)).or_default().insert(number);
            }
        }
        numbers
    }

    /// The RTP times of frames that can be shown: all their packets came in time, and those of all others since the last
    /// key frame.
    fn shown(&self, mutes: &[(Duration, Duration)], patience: Duration) -> Vec<u32> {
        let numbers = self.in_time(patience);
        let ends: Vec<u32> =
            mutes.iter().map(|(_, end)| self.timestamp(*end).wrapping_sub(self.base)).collect();
        let (mut shown, mut begun) = (Vec::new(), false);
        for (timestamp, sent) in &self.frames {
            let is_whole = numbers.get(timestamp).is_some_and(|numbers| numbers.len() == sent.packets);
            begun = is_whole && (sent.is_key_frame || (begun && !ends.contains(timestamp)));
            shown.extend(begun.then_some(*timestamp));
        }
        shown
    }

    /// How many frames, or packets of sound, a file that is played should have, at the least and at the most: what comes when
    /// it has just been waited for long enough is in time if nothing has come in between.
    fn expected(&self, mutes: &[(Duration, Duration)]) -> (usize, usize) {
        let [least, most] = PATIENCE.map(|patience| self.shown(mutes, patience).len());
        (least, most)
    }

    /// What a file of packets should have: all from the first packet of a key frame on.
    fn recorded(&self) -> Vec<Seen> {
        let mut seen = self.numbered();
        let first = seen.iter().find(|(_, (_, timestamp, number))| {
            let sent = &self.frames[&timestamp.wrapping_sub(self.base)];
            sent.is_key_frame && sent.first == *number
        });
        let first = first.expect("a key frame came").0;
        seen.retain(|(number, _)| *number >= first);
        seen.into_iter().map(|(_, seen)| seen).collect()
    }
}

/// Somebody in the call.
struct Person {
    name: &'static str,
    peer: PeerId,
    audio: Stream,
    video: Option<Stream>,
    joined: Duration,
    leaves: Duration,
    mutes: Vec<(Duration, Duration)>,
    h264: bool,
}

/// The whole call.
struct Call {
    bench: Worker,
    began: Instant,
    people: Vec<Person>,
}

/// What is left of it.
struct Over {
    people: Vec<Person>,
    folder: PathBuf,
}

const SECOND: Duration = Duration::from_secs(1);

impl Call {
    fn new(workers: u8, folder: &Path) -> Call {
        SEEN.with_borrow_mut(BTreeMap::clear);
        let settings = json!({ "folder": folder, "queue_bytes": 64 << 20 });
        let build = Build::<Cons<Witness, Cons<sfu_recorder::Recorder, Nil>>>::new().workers(workers);
        let bench = build.config(json!({ "recorder": settings })).start();
        let began = bench.now();
        Call { bench, began, people: Vec::new() }
    }

    fn join(&mut self, name: &'static str, leaves: Duration, options: Value, h264: bool, has_video: bool) {
        let worker = self.people.len() as u8 % self.bench.workers();
        let path = Conditions::delay(Duration::from_millis(20))
            .jitter(Duration::from_millis(5))
            .reorder(0.002)
            .loss(0.03);
        let labels = Labels::new().with("user", name).with("stream", name);
        let peer = PeerOptions::plain().labels(labels).worker(worker).without_reports();
        let peer =
            self.bench.peer_with(peer.to_worker(path).to_peer(Conditions::delay(Duration::from_millis(20))));
        let session = self.bench.session(peer);
        self.bench.enable("recorder", session, options).unwrap();
        let joined = self.bench.now() - self.began;
        let mut stream = |is_video, media, base| Stream {
            producer: self.bench.produce(peer, media),
            is_video,
            base,
            packets: 0,
            octets: 0,
            frames: BTreeMap::new(),
            sent: 0,
        };
        // RTP time of both goes over its end in the call.
        let audio = stream(false, Media::opus(), u32::MAX - 1_000_000);
        let video = if h264 { Media::video("video/H264").rtx() } else { Media::vp8() };
        let video = has_video.then(|| stream(true, video, u32::MAX - 900_000));
        self.people.push(Person { name, peer, audio, video, joined, leaves, mutes: Vec::new(), h264 });
    }

    /// Lets it go on by a second, in steps of 1/150 s.
    fn second(&mut self, content: &Content, second: u64) {
        self.reports(SECOND * second as u32);
        for step in 0..150u64 {
            let at = SECOND * second as u32 + SECOND * step as u32 / 150;
            let ahead = (self.began + at).saturating_duration_since(self.bench.now());
            self.bench.advance(ahead);
            for person in &mut self.people {
                let is_muted =
                    |at: Duration| person.mutes.iter().any(|(from, to)| (*from..*to).contains(&at));
                if at >= person.leaves {
                    continue;
                }
                if step.is_multiple_of(3) && !is_muted(at) && at >= person.joined {
                    let n = (second * 50 + step / 3) as usize;
                    send(&mut self.bench, &mut person.audio, at, &content.opus[n % (2 * PACKETS)], false);
                }
                // It was taken a while ago.
                let Some(taken) = at.checked_sub(LATE) else { continue };
                let Some(video) = person.video.as_mut().filter(|_| step.is_multiple_of(5)) else { continue };
                if is_muted(taken) || is_muted(at) || taken < person.joined {
                    continue;
                }
                let n = ((taken.as_nanos() as u64 * 30 + 500_000_000) / 1_000_000_000) as usize;
                // Every seventh second the picture is large.
                let frames = match (person.h264, (n / FRAMES).is_multiple_of(7)) {
                    (true, _) => &content.h264,
                    (false, true) => &content.large,
                    (false, false) => &content.vp8,
                };
                send(&mut self.bench, video, taken, &frames[n % (2 * FRAMES)], n.is_multiple_of(FRAMES));
            }
        }
        // The writers work in real time, the call faster.
        self.wait();
    }

    /// Everybody reports their clocks.
    fn reports(&mut self, at: Duration) {
        for person in self.people.iter().filter(|person| at < person.leaves) {
            for stream in [Some(&person.audio), person.video.as_ref()].into_iter().flatten() {
                let (ssrc, _) = self.bench.sender(stream.producer).ssrcs(0).unwrap();
                let mut report = vec![0x80, 200, 0, 6];
                report.extend(ssrc.to_be_bytes());
                report.extend((NTP + ((at.as_nanos() << 32) / 1_000_000_000) as u64).to_be_bytes());
                report.extend(stream.timestamp(at).to_be_bytes());
                report.extend(stream.packets.to_be_bytes());
                report.extend(stream.octets.to_be_bytes());
                self.bench.send_rtcp(person.peer, &report);
            }
        }
    }

    fn wait(&mut self) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.bench.stats("recorder")["queue_bytes"].as_u64().unwrap() > 0 {
            assert!(Instant::now() < end, "the writers are stuck");
            std::thread::yield_now();
        }
    }

    fn is_muted(&self) -> bool {
        self.people.iter().any(|person| person.mutes.last().is_some_and(|(_, end)| *end == Duration::MAX))
    }

    fn mute(&mut self, name: &str, is_muted: bool) {
        let now = self.bench.now() - self.began;
        let person = self.people.iter_mut().find(|person| person.name == name).unwrap();
        let producers = [Some(&person.audio), person.video.as_ref()].into_iter().flatten();
        let producers: Vec<ProducerId> = producers.map(|stream| stream.producer).collect();
        match is_muted {
            true => person.mutes.push((now, Duration::MAX)),
            false => person.mutes.last_mut().unwrap().1 = now,
        }
        for producer in producers {
            match is_muted {
                true => self.bench.pause(producer),
                false => self.bench.resume(producer),
            }
        }
    }
}

impl Over {
    fn person(&self, name: &str) -> &Person {
        self.people.iter().find(|person| person.name == name).unwrap()
    }

    /// The one file of that name and ending.
    fn file(&self, beginning: &str, ending: &str) -> PathBuf {
        let files = std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(beginning) && name.ends_with(ending)
        };
        let found: Vec<PathBuf> = files.filter(is_it).collect();
        assert_eq!(found.len(), 1, "{beginning}…{ending}: {found:?}");
        found[0].clone()
    }
}

fn send(bench: &mut Worker, stream: &mut Stream, at: Duration, frame: &Frame, key_frame: bool) {
    let timestamp = stream.timestamp(at);
    let sent = Sent {
        packets: frame.len(),
        first: bench.sender(stream.producer).next_sequence(0),
        is_key_frame: key_frame || !stream.is_video,
    };
    stream.frames.insert(timestamp.wrapping_sub(stream.base), sent);
    for (n, payload) in frame.iter().enumerate() {
        stream.packets += 1;
        stream.octets += payload.len() as u32;
        stream.sent += 1;
        let is_last = stream.is_video && n + 1 == frame.len();
        bench.send(stream.producer, Rtp::new(timestamp, payload.clone()).marker(is_last));
    }
}

/// Tells it if it is not so, and goes on.
fn check(is_so: bool, what: String) {
    println!("{what}");
    if !is_so {
        WRONG.with_borrow_mut(|wrong| wrong.push(what));
    }
}

/// A count that may be off by 1 %.
fn assert_about(what: &str, found: usize, (least, most): (usize, usize)) {
    let is_so = found as f64 >= least as f64 * 0.99 && found as f64 <= most as f64 * 1.01;
    check(is_so, format!("{what}: {found} of {least} to {most}"));
}

fn assert_lasts(what: &str, found: f64, expected: Duration) {
    let is_so = (found - expected.as_secs_f64()).abs() <= 0.2;
    check(is_so, format!("{what}: {found:.3} s of {:.3}", expected.as_secs_f64()));
}

/// Flashes and beeps are at the same time, all but those that loss took, and beeps whose beginning it took.
fn assert_in_step(path: &Path, seconds: u64, person: &Person) {
    let came = person.audio.in_time(PATIENCE[0]);
    let is_whole = |beep: &f64| {
        let in_second = FLASH as f64 / FRAMES as f64;
        let second = (beep + person.joined.as_secs_f64() - in_second).round();
        let begins = person.audio.timestamp(Duration::from_secs_f64(second + in_second));
        came.contains_key(&begins.wrapping_sub(person.audio.base))
    };
    let (flashes, beeps) = (tools::flashes(path), tools::beeps(path));
    let mut apart: Vec<f64> = beeps
        .iter()
        // Until the first report, and a little longer, it is as it arrives.
        .filter(|at| **at > 5.0 && is_whole(at))
        .filter_map(|beep| {
            let near = flashes.iter().map(|flash| beep - flash).min_by(|a, b| a.abs().total_cmp(&b.abs()))?;
            (near.abs() < 0.45).then_some(near * 1000.0)
        })
        .collect();
    apart.sort_by(f64::total_cmp);
    let (first, middle, last) = (apart[0], apart[apart.len() / 2], apart[apart.len() - 1]);
    // In the seconds without repair most flashes are lost.
    let is_so = apart.len() as u64 + 6 >= seconds * 3 / 4 && first > -40.0 && last < 40.0;
    let file = path.file_name().unwrap().to_str().unwrap();
    let pairs = apart.len();
    check(
        is_so,
        format!(
            "{file}: {pairs} of {seconds}, beeps after flashes by {first:.1} to {last:.1} ms, mostly {middle:.1}"
        ),
    );
}

#[test]
fn what_is_recorded_of_a_call_is_whole_and_in_step() {
    if !tools::are_there(&["ffmpeg", "ffprobe", "tshark", "janus-pp-rec"]) {
        return;
    }
    let Some(content) = Content::encode() else { return };
    const { assert!((FLASH * PACKETS).is_multiple_of(FRAMES), "flash and beep begin together") };
    let minutes = if std::env::var_os("SFU_TEST_LONG").is_some() { 10 } else { 1 };
    for workers in [1, 2] {
        let began = Instant::now();
        let folder = std::env::temp_dir().join(format!("sfu-recorder-call-{}-{workers}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let people = hold(Call::new(workers, &folder), &content, minutes * 60);
        let call = Over { people, folder };
        println!("{workers} media threads, {minutes} min: made in {:?}", began.elapsed());
        look_at(&call);
        let wrong = WRONG.take();
        assert!(wrong.is_empty(), "{wrong:#?}");
        println!("and looked at after {:?}", began.elapsed());
        std::fs::remove_dir_all(&call.folder).unwrap();
    }
}

/// What happens in the call.
fn hold(mut call: Call, content: &Content, seconds: u64) -> Vec<Person> {
    let end = SECOND * seconds as u32;
    let participant = |format| json!({ "format": format, "per": "participant", "file": "{participant}" });
    for second in 0..seconds {
        let at = SECOND * second as u32;
        call.bench.advance((call.began + at).saturating_duration_since(call.bench.now()));
        match second {
            0 => call.join("alice", end, participant("webm"), false, true),
            2 => call.join("dave", end, participant("pcapng"), false, true),
            4 => call.join("bob", end - 5 * SECOND, participant("webm"), true, true),
            6 => call.join("erin", end, json!({ "format": "ogg", "file": "{participant}" }), false, false),
            8 => {
                let options = json!({ "format": "mjr", "file": "{participant}-{kind}" });
                call.join("carol", end - 8 * SECOND, options, false, true);
            }
            _ => {}
        }
        match second % 40 {
            // They come back before they leave.
            _ if second + 15 > seconds && !call.is_muted() => {}
            14 => call.mute("bob", true),
            18 => call.mute("bob", false),
            22 => call.mute("alice", true),
            25 => call.mute("alice", false),
            _ => {}
        }
        // In one second of five nobody sends anything again.
        for person in call.people.iter().filter(|person| at < person.leaves) {
            for stream in [Some(&person.audio), person.video.as_ref()].into_iter().flatten() {
                call.bench.sender_mut(stream.producer).answers = second % 5 != 4;
            }
        }
        for person in call.people.iter().filter(|person| person.leaves == at) {
            call.bench.close(call.bench.session(person.peer));
        }
        call.second(content, second);
    }
    // The last pictures arrive, and what is missing has been waited for.
    call.bench.advance(SECOND);
    call.wait();
    assert!(call.bench.faults().is_empty());
    call.bench.stop();
    call.people
}

/// How long what was received of a person took, with the last frame.
fn received(streams: &[&Stream]) -> Duration {
    lasted(&streams.iter().flat_map(|stream| stream.seen()).collect::<Vec<Seen>>())
}

fn lasted(seen: &[Seen]) -> Duration {
    let (first, last) =
        (seen.iter().map(|seen| seen.0).min().unwrap(), seen.iter().map(|seen| seen.0).max().unwrap());
    last - first
}

fn look_at(call: &Over) {
    for (name, ending) in [("alice", "webm"), ("bob", "mkv")] {
        let (person, path) = (call.person(name), call.file(name, ending));
        let video = person.video.as_ref().unwrap();
        let all = received(&[&person.audio, video]);
        assert_lasts(&format!("{name}.{ending}"), tools::duration(&path), all);
        let (frames, sound) = (tools::packet_times(&path, "v"), tools::packet_times(&path, "a"));
        let last = frames.iter().chain(&sound).copied().fold(0.0, f64::max);
        assert_lasts(&format!("{name}.{ending} to the last packet"), last, all);
        assert_about("frames", frames.len(), video.expected(&person.mutes));
        assert_about("frames, decoded", tools::frame_times(&path, "v").len(), video.expected(&person.mutes));
        assert_about("packets of sound", sound.len(), person.audio.expected(&[]));
        let muted: Duration = person.mutes.iter().map(|(from, to)| *to - *from).sum();
        assert_in_step(&path, (all - muted).as_secs(), person);
    }
    let (erin, path) = (call.person("erin"), call.file("erin", "opus"));
    assert_lasts("erin.opus", tools::duration(&path), received(&[&erin.audio]));
    assert_about("packets of sound", tools::packet_times(&path, "a").len(), erin.audio.expected(&[]));

    let carol = call.person("carol");
    for (kind, stream, container) in
        [("audio", &carol.audio, "opus"), ("video", carol.video.as_ref().unwrap(), "webm")]
    {
        let path = call.file(&format!("carol-{kind}"), "mjr");
        let (packets, seconds) = tools::janus(&path);
        let recorded = stream.recorded();
        let expected = (recorded.len(), recorded.len());
        assert_about(&format!("packets in carol-{kind}.mjr"), packets as usize, expected);
        assert_lasts("carol", seconds, lasted(&recorded));
        let film = tools::converted(&path, container);
        assert_lasts("converted", tools::duration(&film), lasted(&recorded));
        std::fs::remove_file(film).unwrap();
    }

    let (dave, path) = (call.person("dave"), call.file("dave", "pcapng"));
    let (packets, reports) = (tools::rtp(&path), tools::sender_reports(&path));
    for stream in [&dave.audio, dave.video.as_ref().unwrap()] {
        let kind = if stream.is_video { "video" } else { "audio" };
        let name = format!("dave-{kind}-0");
        let own: Vec<&tools::Captured> = packets.iter().filter(|packet| packet.interface == name).collect();
        let seen = stream.seen();
        let differs = (0..own.len().max(seen.len()))
            .find(|n| own.get(*n).map(|own| own.sequence) != seen.get(*n).map(|seen| seen.2));
        check(differs.is_none(), format!("{name}: the first that is not as it came: {differs:?}"));
        let ssrc = own[0].ssrc;
        let is_named = own.iter().all(|packet| packet.ssrc == ssrc && packet.source == name);
        check(is_named, format!("{name}: all packets have its name: {is_named}"));
        assert_lasts(&name, own[own.len() - 1].at - own[0].at, received(&[stream]));
        println!("{name}: {} packets of {} sent", own.len(), stream.sent);
        let own: Vec<_> = reports.iter().filter(|report| report.0 == ssrc).collect();
        let is_so = own.len() as u64 + 4 >= received(&[stream]).as_secs() * 95 / 100;
        check(is_so, format!("{name}: {} sender reports", own.len()));
        let counted = own.iter().map(|report| report.2).max().unwrap_or_default();
        let is_so = counted > stream.packets / 2 && counted <= stream.packets;
        check(is_so, format!("{name}: they count {counted} of {} packets", stream.packets));
    }
}
