//! First-party plugins, each alone and all together, in the states that cost something.
use std::hint::black_box;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sfu_core::control::{ConsumerOptions, RtpCodecParameters};
use sfu_core::plugin::{Composition, Cons, Nil, PluginSet};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::Build;
use sfu_core::testing::bench_support::{Content, MediaPath};

use crate::cpu::{self, Spent};

sfu_core::worker! {
    /// What `sfu-worker` is made of.
    pub struct All;
    plugins = [
        sfu_policy::Policy,
        sfu_audio_selector::AudioSelector,
        sfu_red::Red,
        sfu_recorder::Recorder,
        sfu_tap::Tap,
        sfu_data_router::DataRouter,
        sfu_metrics::Metrics,
        sfu_webhook::Webhook,
    ];
}

/// Packets before anything is counted: stores, histories and queues have then grown to their size.
const WARM_UP: usize = 2048;

/// Packets that are counted.
pub const PACKETS: usize = 2048;

/// Datagrams in a turn of the loop.
const TURN: usize = 8;

/// Packets between two looks at the processor time, which the kernel keeps to some microseconds.
const CHUNK: usize = 512;

/// Chunks of which the middle one tells the time of the media thread.
const CHUNKS: usize = 21;

/// How long the recorder may take for what waits for its thread.
const PATIENCE: Duration = Duration::from_secs(60);

/// Payload types of RED for viewers; the kit gives its consumers no other one that is near.
const RED: u8 = 68;

/// What is composed, and in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No plugin.
    None,
    /// One, composed and not switched on.
    Off(&'static str),
    /// One that limits nothing of what comes.
    Policy,
    /// One that forwards the only speaker.
    AudioSelector,
    /// One earlier packet in each packet, for each viewer.
    Red,
    /// A recording in a format.
    Recorder(&'static str),
    /// Frames for a reader on a socket of this machine.
    Tap,
    /// Data channels are routed; there are none.
    DataRouter,
    /// Figures for whoever asks.
    Metrics,
    /// A receiver of events that is not there.
    Webhook,
    /// All plugins, and nothing switched on.
    AllOff,
    /// All plugins, all switched on.
    AllOn,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// VP8, 1000 bytes in a packet.
    Video,
    /// Opus, 100 bytes in a packet.
    Audio,
}

impl Stream {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Video => "video",
            Stream::Audio => "audio",
        }
    }

    /// The stream of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Stream::Video, Stream::Audio].into_iter().find(|stream| stream.name() == name)
    }

    /// The states that are of interest with it, the one that the others are compared with first.
    pub fn states(self) -> Vec<State> {
        let off = |ids: &[&'static str]| ids.iter().copied().map(State::Off).collect::<Vec<_>>();
        match self {
            Stream::Video => [
                &[State::None][..],
                &off(&["policy", "audio-selector", "red", "recorder", "tap", "data-router", "webhook"]),
                &[State::Metrics, State::Policy, State::Recorder("mjr"), State::Recorder("webm"), State::Tap],
                &[State::DataRouter, State::Webhook, State::AllOff, State::AllOn],
            ]
            .concat(),
            Stream::Audio => [
                &[State::None][..],
                &off(&["audio-selector", "red", "recorder", "tap"]),
                &[State::Policy, State::AudioSelector, State::Red],
                &["mjr", "webm", "ogg"].map(State::Recorder),
                &[State::Tap, State::AllOff, State::AllOn],
            ]
            .concat(),
        }
    }

    fn content(self) -> Content {
        match self {
            Stream::Video => Content::Video(1000),
            Stream::Audio => Content::Audio(100),
        }
    }
}

impl State {
    /// Its name on the command line.
    pub fn name(self) -> String {
        match self {
            State::None => "none".into(),
            State::Off(id) => format!("{id}-off"),
            State::Policy => "policy".into(),
            State::AudioSelector => "audio-selector".into(),
            State::Red => "red".into(),
            State::Recorder(format) => format!("recorder-{format}"),
            State::Tap => "tap".into(),
            State::DataRouter => "data-router".into(),
            State::Metrics => "metrics".into(),
            State::Webhook => "webhook".into(),
            State::AllOff => "all-off".into(),
            State::AllOn => "all".into(),
        }
    }

    /// What it is.
    pub fn about(self) -> String {
        match self {
            State::None => "no plugins".into(),
            State::Off(id) => format!("`{id}`, off"),
            State::Policy => "`policy`, limits that are kept".into(),
            State::AudioSelector => "`audio-selector`, on".into(),
            State::Red => "`red`, one earlier packet in each, for all viewers".into(),
            State::Recorder(format) => format!("`recorder`, on, `{format}`"),
            State::Tap => "`tap`, on, one reader".into(),
            State::DataRouter => "`data-router`, on".into(),
            State::Metrics => "`metrics`".into(),
            State::Webhook => "`webhook`, one hook".into(),
            State::AllOff => "all eight, off".into(),
            State::AllOn => "all eight, on".into(),
        }
    }

    /// The `[plugins]` table for it.
    fn config(self, folder: &Path) -> Value {
        let recorder = |format: &str| json!({ "enabled": true, "folder": folder.join("recordings"), "format": format, "queue_bytes": 64 << 20 });
        let policy = json!({ "enabled": true, "options": {
            "audio_bitrate": 100_000_000, "audio_packets": 1_000_000,
            "video_bitrate": 100_000_000, "video_packets": 1_000_000,
        } });
        let selector = json!({ "enabled": true });
        let red = json!({ "enabled": true, "options": { "packets": 1 } });
        let tap = json!({
            "enabled": true, "listen": format!("unix:{}", socket(folder).display()),
            "queue_frames": 100_000, "queue_bytes": 64 << 20, "ring_bytes": 64 << 20,
        });
        // Nobody listens there, and no event that it asks for comes with a packet.
        let webhook = json!({ "hooks": [{
            "url": "http://127.0.0.1:9/", "secret": "a-secret-of-a-good-length", "events": ["session.*"],
        }] });
        match self {
            State::None | State::Off(_) | State::Metrics | State::AllOff => json!({}),
            State::Policy => json!({ "policy": policy }),
            State::AudioSelector => json!({ "audio-selector": selector }),
            State::Red => json!({ "red": red }),
            State::Recorder(format) => json!({ "recorder": recorder(format) }),
            State::Tap => json!({ "tap": tap }),
            State::DataRouter => json!({ "data-router": { "enabled": true } }),
            State::Webhook => json!({ "webhook": webhook }),
            State::AllOn => json!({
                "policy": policy, "audio-selector": selector, "red": red, "recorder": recorder("webm"), "tap": tap,
                "data-router": { "enabled": true }, "webhook": webhook,
            }),
        }
    }

    /// Counts packets under a profiler. Panics unless each viewer got each and nothing was dropped on the way to a disk or a reader.
    pub fn count(self, stream: Stream, viewers: usize) {
        self.with(stream, viewers, Action::Count);
    }

    /// What packets cost in processor time.
    pub fn time(self, stream: Stream, viewers: usize) -> Spent {
        self.with(stream, viewers, Action::Time)
    }

    fn with(self, stream: Stream, viewers: usize, action: Action) -> Spent {
        type Alone<P> = Cons<P, Nil>;
        let run = Run { state: self, stream, viewers, action };
        match self {
            State::None => run.on::<Nil>(),
            State::Off("policy") | State::Policy => run.on::<Alone<sfu_policy::Policy>>(),
            State::Off("audio-selector") | State::AudioSelector => {
                run.on::<Alone<sfu_audio_selector::AudioSelector>>()
            }
            State::Off("red") | State::Red => run.on::<Alone<sfu_red::Red>>(),
            State::Off("recorder") | State::Recorder(_) => run.on::<Alone<sfu_recorder::Recorder>>(),
            State::Off("tap") | State::Tap => run.on::<Alone<sfu_tap::Tap>>(),
            State::Off("data-router") | State::DataRouter => run.on::<Alone<sfu_data_router::DataRouter>>(),
            State::Off("webhook") | State::Webhook => run.on::<Alone<sfu_webhook::Webhook>>(),
            State::Metrics => run.on::<Alone<sfu_metrics::Metrics>>(),
            State::AllOff | State::AllOn => run.on::<<All as Composition>::Plugins>(),
            State::Off(id) => panic!("no plugin {id}"),
        }
    }
}

#[derive(Clone, Copy)]
enum Action {
    Count,
    Time,
}

struct Run {
    state: State,
    stream: Stream,
    viewers: usize,
    action: Action,
}

impl Run {
    fn on<S: PluginSet>(self) -> Spent {
        let folder = std::env::temp_dir().join(format!("sfu-plugins-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let build = Build::<S>::new().config(self.state.config(&folder));
        let has_red = self.stream == Stream::Audio && matches!(self.state, State::Red | State::AllOn);
        let reads = matches!(self.state, State::Tap | State::AllOn);
        let mut path = MediaPath::with(build, self.viewers, self.stream.content(), true, |options| {
            if has_red {
                with_red(options);
            }
        });
        let reading = reads.then(|| reader(&socket(&folder)));
        self.forward(&mut path, WARM_UP);
        let spent = match self.action {
            Action::Count => {
                path.stock(PACKETS);
                crate::counting_begins();
                self.forward(&mut path, PACKETS);
                Spent::default()
            }
            Action::Time => self.time(&mut path),
        };
        self.check(&mut path);
        drop(path);
        drop(reading);
        let _ = std::fs::remove_dir_all(&folder);
        spent
    }

    fn forward<S: PluginSet>(&self, path: &mut MediaPath<S>, packets: usize) {
        path.stock(packets.saturating_sub(path.in_stock()));
        for turn in 0..packets / TURN {
            let turned = path.turn(TURN);
            assert_eq!(turned.sealed, (TURN * self.viewers) as u64, "not every viewer got every packet");
            if turn % (CHUNK / TURN) == 0 {
                cpu::settle();
            }
        }
    }

    /// The middle of several chunks for the media thread; for all threads the whole.
    fn time<S: PluginSet>(&self, path: &mut MediaPath<S>) -> Spent {
        let mut media = Vec::new();
        let others = cpu::of_others();
        for _ in 0..CHUNKS {
            path.stock(CHUNK);
            cpu::settle();
            let before = cpu::of_this_thread();
            for _ in 0..CHUNK / TURN {
                black_box(path.turn(TURN));
            }
            // A thread's time is exact where it was put to sleep.
            cpu::pause();
            media.push(cpu::of_this_thread() - before);
        }
        cpu::settle();
        let others = (cpu::of_others() - others).as_secs_f64() * 1e9 / (CHUNK * CHUNKS) as f64;
        media.sort_unstable();
        let middle = media.get(CHUNKS / 2).copied().unwrap_or_default();
        Spent { media: middle.as_secs_f64() * 1e9 / CHUNK as f64, others }
    }

    /// Packets that the publisher sends in all, with the one that comes before all others.
    fn packets(&self) -> usize {
        1 + WARM_UP
            + match self.action {
                Action::Count => PACKETS,
                Action::Time => CHUNK * CHUNKS,
            }
    }

    /// Nothing was left out: what is cheaper that way would not be what is measured.
    fn check<S: PluginSet>(&self, path: &mut MediaPath<S>) {
        cpu::settle();
        let mut figure = |plugin: &str, name: &str| path.bench().stats(plugin)[name].as_u64().unwrap_or(0);
        if matches!(self.state, State::Recorder(_) | State::AllOn) {
            // Its thread counts what it has taken, which may be later.
            let end = Instant::now() + PATIENCE;
            while figure("recorder", "queue_bytes") > 0 && Instant::now() < end {
                cpu::pause();
            }
            assert_eq!(figure("recorder", "packets"), self.packets() as u64, "not all is recorded");
            assert_eq!(figure("recorder", "dropped"), 0, "recorder dropped packets");
        }
        if matches!(self.state, State::Tap | State::AllOn) {
            assert_eq!(
                figure("tap", "dropped_ring_full") + figure("tap", "dropped_queue_full"),
                0,
                "tap dropped"
            );
            assert_eq!(figure("tap", "readers"), 1, "nobody reads");
        }
        if matches!(self.state, State::Red | State::AllOn) && self.stream == Stream::Audio {
            assert!(
                figure("red", "sent_packets") >= (self.viewers * PACKETS) as u64,
                "no redundancy is sent"
            );
        }
        if matches!(self.state, State::AudioSelector) {
            assert_eq!(figure("audio-selector", "forwarded"), 1, "the speaker is not chosen");
        }
        if matches!(self.state, State::Policy) {
            assert_eq!(figure("policy", "limited"), 1, "no limit holds");
        }
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("tap.sock")
}

/// Reads all that the tap has to say, on a thread whose time does not count.
fn reader(path: &Path) -> std::thread::JoinHandle<()> {
    let mut stream = UnixStream::connect(path).expect("a tap");
    // With the greeting it is known.
    stream.read_exact(&mut [0; 5]).expect("a greeting");
    let read = move || {
        let mut room = vec![0; 1 << 16];
        while stream.read(&mut room).is_ok_and(|read| read > 0) {}
    };
    std::thread::Builder::new().name(cpu::UNCOUNTED.into()).spawn(read).expect("a thread")
}

/// A viewer that takes RED.
fn with_red(options: &mut ConsumerOptions) {
    let codecs = &mut options.rtp_parameters.codecs;
    let opus = codecs.first().cloned().unwrap_or_default();
    let red = RtpCodecParameters { mime_type: "audio/red".into(), payload_type: RED, ..opus };
    codecs.insert(0, red);
}
