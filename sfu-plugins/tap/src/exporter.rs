//! The thread that makes frames of packets and writes them to readers; one for the whole worker.
//!
//! It looks into the rings every 10 ms instead of being woken for packets: a wake-up is a system call, which media threads would
//! pay for.
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sfu_core::media::{PacketLabel, PacketReceiver};
use sfu_core::plugin::{PluginHandle, ProducerId};
use sfu_core::serde_json::{Value, json};
use sfu_core::tracing;

use crate::capture::Reading;
use crate::figures::{Common, StreamEntry};
use crate::reader::{Limits, Offered, Reader};
use crate::rtp::Rtp;
use crate::socket::{Door, Stream};
use crate::track::{Opening, Outcome, Ready, Track};
use crate::wire::{self, CAPTURE_KNOWN, DISCONTINUITY, FrameHead, KEY_FRAME, VERSION};

/// How often rings are looked into while there is something to read and somebody who reads.
const POLL: Duration = Duration::from_millis(10);
/// How often new readers are looked for otherwise.
const IDLE: Duration = Duration::from_millis(50);
/// How often at the most it is told that frames are dropped for a reader.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Readers at the most.
const MAX_READERS: usize = 16;
/// Tracks that may wait to begin: senders that begin again and again take no more memory.
const MAX_WAITING: usize = 1024;
/// How long readers are written to at the end of the worker.
const FAREWELL: Duration = Duration::from_millis(300);

/// In a label, instead of the number of a track: the bytes are a reading of its clock, and the rest is its number.
pub(crate) const REPORT: u32 = 1 << 31;
/// In a label: no bytes, but time has passed.
pub(crate) const TIME: u32 = REPORT - 1;

/// What an instance is told.
#[derive(Debug, Clone)]
pub enum Message {
    /// A producer's video needs a key frame.
    KeyFrame(ProducerId),
    /// Something that everybody may hear.
    Notice(Arc<Value>),
}

/// When the nanoseconds in labels begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    pub(crate) instant: Instant,
    pub(crate) wall: SystemTime,
}

/// What the thread is told.
pub(crate) enum Job {
    /// An instance begins on a media thread.
    Ring { worker: u8, packets: PacketReceiver, handle: PluginHandle<Message> },
    /// A track begins; its packets may be queued from now on.
    Open { worker: u8, track: u32, epoch: Epoch, opening: Box<Opening> },
    /// A track ends after all packets that were queued before.
    Close { worker: u8, track: u32 },
    /// A media thread ends, and waits until readers have everything.
    Stop { worker: u8, done: SyncSender<()> },
}

/// The way to the thread. It ends with the last of them.
#[derive(Clone)]
pub(crate) struct ExporterHandle {
    jobs: Sender<Job>,
    waiting: Arc<AtomicUsize>,
}

impl ExporterHandle {
    /// Starts the thread.
    pub(crate) fn spawn(door: Door, limits: Limits, common: Arc<Common>) -> io::Result<Self> {
        let (jobs, inbox) = channel();
        let waiting = Arc::<AtomicUsize>::default();
        let mut desk = Desk {
            inbox,
            waiting: waiting.clone(),
            limits,
            common,
            door,
            handles: HashMap::new(),
            early: Vec::new(),
            new_rings: Vec::new(),
            closing: Vec::new(),
            stopping: Vec::new(),
            epochs: HashMap::new(),
            tracks: HashMap::new(),
            readers: Vec::new(),
            told: HashMap::new(),
            next_stream: 1,
            next_reader: 1,
            outcomes: Vec::new(),
        };
        desk.welcome();
        let run = move || Exporter { rings: Vec::new(), desk }.run();
        std::thread::Builder::new().name("tap".into()).spawn(run)?;
        Ok(ExporterHandle { jobs, waiting })
    }

    /// Gives it something to do.
    pub(crate) fn send(&self, job: Job) {
        // It ends after all handles.
        let _ = self.jobs.send(job);
    }

    /// Begins a track; `false` where too many wait.
    pub(crate) fn open(&self, worker: u8, track: u32, epoch: Epoch, opening: Opening) -> bool {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.send(Job::Open { worker, track, epoch, opening: Box::new(opening) });
        true
    }
}

struct Ring {
    worker: u8,
    packets: PacketReceiver,
}

struct Exporter {
    rings: Vec<Ring>,
    desk: Desk,
}

/// Everything but the rings, whose packets are borrowed while they are worked on.
struct Desk {
    inbox: Receiver<Job>,
    waiting: Arc<AtomicUsize>,
    limits: Limits,
    common: Arc<Common>,
    door: Door,
    handles: HashMap<u8, PluginHandle<Message>>,
    /// Notices from before the first instance.
    early: Vec<Value>,
    new_rings: Vec<Ring>,
    closing: Vec<Job>,
    stopping: Vec<(u8, SyncSender<()>)>,
    epochs: HashMap<u8, Epoch>,
    /// By media thread and number.
    tracks: HashMap<(u8, u32), Track>,
    readers: Vec<Reader>,
    /// When dropped frames of a reader were told last.
    told: HashMap<u32, Instant>,
    next_stream: u32,
    next_reader: u32,
    outcomes: Vec<Outcome>,
}

impl Exporter {
    fn run(mut self) {
        loop {
            let ending = !self.desk.wait();
            self.desk.take_jobs();
            self.desk.welcome();
            // Packets of what is to be closed were queued before the job was sent, so they are in the rings now.
            let closing = std::mem::take(&mut self.desk.closing);
            let stopping = std::mem::take(&mut self.desk.stopping);
            self.drain();
            for job in closing {
                self.desk.close(job);
            }
            self.desk.flush();
            self.desk.tell_drops();
            for (worker, done) in stopping {
                self.stop(worker);
                // Whoever waited may have lost patience.
                let _ = done.send(());
            }
            if ending {
                break;
            }
        }
    }

    fn drain(&mut self) {
        for ring in self.desk.new_rings.drain(..) {
            // An instance that was made anew has a ring of its own, and no states of the one before.
            self.rings.retain(|known| known.worker != ring.worker);
            self.rings.push(ring);
        }
        for ring in &mut self.rings {
            // What comes meanwhile waits for the next round, so that readers are served in time.
            let waiting = ring.packets.waiting();
            let mut done = 0;
            while done < waiting {
                let Some((label, bytes)) = ring.packets.pop() else { break };
                done += bytes.len() + 16;
                self.desk.take_packet(ring.worker, label, bytes);
            }
        }
    }

    fn stop(&mut self, worker: u8) {
        let end = Instant::now() + FAREWELL;
        while self.desk.readers.iter().any(|reader| !reader.is_idle()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
            self.desk.flush();
        }
        self.rings.retain(|ring| ring.worker != worker);
        if self.rings.is_empty() {
            // The process may end before this thread does.
            self.desk.door = Door::Closed;
            self.desk.readers.clear();
        }
    }
}

impl Desk {
    /// Waits for a job, or for the next look around. `false`: no more jobs will come.
    fn wait(&mut self) -> bool {
        let is_busy = self.readers.iter().any(|reader| !reader.is_idle());
        let pause =
            if is_busy || (!self.tracks.is_empty() && !self.readers.is_empty()) { POLL } else { IDLE };
        match self.inbox.recv_timeout(pause) {
            Ok(job) => self.take_job(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn take_jobs(&mut self) {
        while let Ok(job) = self.inbox.try_recv() {
            self.take_job(job);
        }
    }

    fn take_job(&mut self, job: Job) {
        match job {
            Job::Ring { worker, packets, handle } => {
                self.handles.insert(worker, handle);
                std::mem::take(&mut self.early).into_iter().for_each(|body| self.notify(body));
                self.new_rings.push(Ring { worker, packets });
            }
            Job::Open { worker, track, epoch, opening } => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                self.epochs.insert(worker, epoch);
                self.tracks.insert((worker, track), Track::new(*opening));
            }
            Job::Stop { worker, done } => self.stopping.push((worker, done)),
            job => self.closing.push(job),
        }
    }

    /// Takes in a reader who has come.
    fn welcome(&mut self) {
        while let Some(socket) = self.door.next(!self.readers.is_empty()) {
            if self.readers.len() >= MAX_READERS {
                self.common.refused.add(1);
                tracing::warn!("tap: a reader was refused, {MAX_READERS} are there already");
                continue;
            }
            self.greet(socket);
        }
    }

    fn greet(&mut self, socket: Box<dyn Stream>) {
        let id = self.next_reader;
        self.next_reader = self.next_reader.wrapping_add(1);
        let mut reader = Reader::new(id, socket, self.limits, self.common.clone());
        let mut told =
            reader.tell(&wire::text(&json!({ "message": "hello", "version": VERSION, "reader": id })));
        let mut wanting = Vec::new();
        for ((worker, _), track) in &self.tracks {
            for (index, lane) in track.lanes.iter().enumerate() {
                let Some(stream) = lane.stream else { continue };
                let Some(hello) = track.hello(index, stream) else { continue };
                told = told.and_then(|()| reader.tell(&wire::text(&hello)));
                reader.begin(stream, track.opening.video);
            }
            if track.opening.video {
                wanting.push((*worker, track.opening.producer));
            }
        }
        if told.is_err() {
            tracing::warn!("tap: a reader was refused, there is more to announce than it may have waiting");
            return;
        }
        wanting.sort_unstable();
        wanting.dedup();
        for (worker, producer) in wanting {
            self.send(worker, Message::KeyFrame(producer));
        }
        self.readers.push(reader);
        tracing::info!(reader = id, "tap: a reader connected");
        self.notify(json!({ "event": "tap.connected", "reader": id, "readers": self.readers.len() }));
    }

    fn take_packet(&mut self, worker: u8, label: PacketLabel, bytes: &[u8]) {
        if label.track == TIME {
            let tracks: Vec<u32> =
                self.tracks.keys().filter(|(of, _)| *of == worker).map(|(_, track)| *track).collect();
            for track in tracks {
                self.with_track(worker, track, |track, out| track.pass(label.at, out));
            }
            return;
        }
        if label.track & REPORT != 0 {
            let track = self.known(worker, label.track & !REPORT);
            if let Some((track, reading)) = track.zip(Reading::from_bytes(bytes)) {
                track.clock = Some(reading);
            }
            return;
        }
        self.known(worker, label.track);
        let Some(rtp) = Rtp::parse(bytes) else { return };
        self.with_track(worker, label.track, |track, out| {
            track.take(&rtp, label.at, label.restart, out);
        });
    }

    /// A track of which something was queued.
    fn known(&mut self, worker: u8, number: u32) -> Option<&mut Track> {
        if !self.tracks.contains_key(&(worker, number)) {
            // The job was sent before anything was queued, but perhaps after the last look for jobs.
            self.take_jobs();
        }
        self.tracks.get_mut(&(worker, number))
    }

    /// Lets a track work, and hands out what comes of it.
    fn with_track(&mut self, worker: u8, number: u32, work: impl FnOnce(&mut Track, &mut Vec<Outcome>)) {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        if let Some(track) = self.tracks.get_mut(&(worker, number)) {
            work(track, &mut outcomes);
        }
        for outcome in outcomes.drain(..) {
            match outcome {
                Outcome::Restart => self.restart(worker, number),
                Outcome::Frame(ready) => self.hand_out(worker, number, ready),
            }
        }
        self.outcomes = outcomes;
    }

    fn restart(&mut self, worker: u8, number: u32) {
        let Some(track) = self.tracks.get(&(worker, number)) else { return };
        for stream in track.lanes.iter().filter_map(|lane| lane.stream) {
            self.readers.iter_mut().for_each(|reader| reader.restart(stream));
        }
    }

    fn hand_out(&mut self, worker: u8, number: u32, ready: Ready) {
        let Some(stream) = self.stream_of(worker, number, ready.lane) else { return };
        let (Some(track), Some(epoch)) = (self.tracks.get_mut(&(worker, number)), self.epochs.get(&worker))
        else {
            return;
        };
        let arrival = epoch.wall + Duration::from_nanos(ready.at);
        let arrival = arrival.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
        let flag = |flag: u8, set: bool| if set { flag } else { 0 };
        let head = FrameHead {
            stream,
            flags: flag(KEY_FRAME, ready.frame.key_frame)
                | flag(DISCONTINUITY, ready.discontinuity)
                | flag(CAPTURE_KNOWN, ready.age.is_some()),
            timestamp: ready.frame.timestamp,
            captured: arrival - ready.age.unwrap_or(0),
        };
        let len = ready.frame.data.len() as u64;
        self.common.totals.frames.add(1);
        self.common.totals.bytes.add(len);
        let payload = Arc::new(ready.frame.data);
        let mut wants = track.is_damaged();
        for reader in &mut self.readers {
            let offered = reader.offer(head, &payload);
            wants |= track.opening.video && matches!(offered, Offered::Full | Offered::NoKeyFrame);
        }
        if wants && track.ask(ready.at) {
            let producer = track.opening.producer;
            self.send(worker, Message::KeyFrame(producer));
        }
    }

    /// The number of a lane's stream; readers are told of a new one.
    fn stream_of(&mut self, worker: u8, number: u32, index: usize) -> Option<u32> {
        let track = self.tracks.get_mut(&(worker, number))?;
        let lane = track.lanes.get_mut(index)?;
        if let Some(stream) = lane.stream {
            return Some(stream);
        }
        let stream = self.next_stream;
        self.next_stream = self.next_stream.wrapping_add(1);
        lane.stream = Some(stream);
        let hello = track.hello(index, stream)?;
        let entry = StreamEntry {
            producer: track.opening.producer,
            hello: hello.clone(),
            figures: track.opening.figures.clone(),
        };
        let video = track.opening.video;
        self.common.board().streams.insert(stream, entry);
        self.tell_all(&hello);
        self.readers.iter_mut().for_each(|reader| reader.begin(stream, video));
        Some(stream)
    }

    fn close(&mut self, job: Job) {
        let Job::Close { worker, track: number } = job else { return };
        self.with_track(worker, number, |track, out| track.finish(out));
        let Some(track) = self.tracks.remove(&(worker, number)) else { return };
        let figures = &track.opening.figures;
        for stream in track.lanes.iter().filter_map(|lane| lane.stream) {
            self.common.board().streams.remove(&stream);
            self.tell_all(&json!({ "message": "end", "stream": stream }));
            self.readers.iter_mut().for_each(|reader| reader.end(stream));
        }
        self.common.totals.incomplete.add(figures.incomplete.get());
        self.common.totals.late.add(figures.late.get());
    }

    /// Announces something to all readers; who has stopped reading is let go.
    fn tell_all(&mut self, body: &Value) {
        let text = wire::text(body);
        let mut gone = Vec::new();
        self.readers.retain_mut(|reader| {
            let stays = reader.tell(&text).is_ok();
            if !stays {
                gone.push(reader.id);
            }
            stays
        });
        for reader in gone {
            self.say_gone(reader, "it has stopped reading, and too many announcements wait");
        }
    }

    fn flush(&mut self) {
        let mut gone = Vec::new();
        self.readers.retain_mut(|reader| match reader.flush() {
            Ok(()) => true,
            Err(error) => {
                gone.push((reader.id, error.to_string()));
                false
            }
        });
        for (reader, reason) in gone {
            self.say_gone(reader, &reason);
        }
    }

    fn say_gone(&mut self, reader: u32, reason: &str) {
        self.told.remove(&reader);
        tracing::info!(reader, "tap: a reader is gone: {reason}");
        let readers = self.readers.len();
        let event = "tap.disconnected";
        self.notify(json!({ "event": event, "reader": reader, "reason": reason, "readers": readers }));
    }

    fn tell_drops(&mut self) {
        let now = Instant::now();
        let mut notices = Vec::new();
        for reader in self.readers.iter_mut().filter(|reader| reader.untold > 0) {
            let last = self.told.get(&reader.id);
            if last.is_some_and(|last| now.saturating_duration_since(*last) < TELL_EVERY) {
                continue;
            }
            self.told.insert(reader.id, now);
            let frames = std::mem::take(&mut reader.untold);
            let total = reader.figures.queue_full.get() + reader.figures.no_key_frame.get();
            let body =
                json!({ "event": "tap.dropping", "reader": reader.id, "frames": frames, "total": total });
            notices.push(body);
        }
        notices.into_iter().for_each(|body| self.notify(body));
    }

    fn notify(&mut self, body: Value) {
        // Any instance can say it; the first one does.
        let Some(first) = self.handles.keys().min() else {
            self.early.push(body);
            return;
        };
        self.send(*first, Message::Notice(Arc::new(body)));
    }

    fn send(&self, worker: u8, message: Message) {
        let sent = self.handles.get(&worker).map(|handle| handle.send(message));
        if matches!(sent, Some(Err(_))) {
            // Key frames are asked for again.
            tracing::warn!("tap: a message to media thread {worker} was lost, too many wait");
        }
    }
}
