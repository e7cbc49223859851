//! The thread that writes the recordings of one media thread.
//!
//! It looks into the queue every 20 ms instead of being woken for packets: a wake-up is a system call, which the media
//! thread would pay for.
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use sfu_core::media::mjr::MjrError;
use sfu_core::media::{MediaKind, RtpHeader, is_key_frame};
use sfu_core::plugin::ProducerId;
use sfu_core::serde_json::{Value, json};
use sfu_core::tracing;

use crate::capture::Capture;
use crate::clock_reading::ClockReading;
use crate::file::{RecordingFile, Written};
use crate::folder::{Store, millis};
use crate::format::Formats;
use crate::opening::{Opening, Step};
use crate::playable::Playable;
use crate::settings::{Limits, Per};
use crate::status::{Registry, Totals, TrackStatus};
use sfu_core::media::{PacketLabel, PacketReceiver};

/// How often the queue is looked into while something is recorded.
const POLL: Duration = Duration::from_millis(20);
/// How long packets wait to be written at the most, besides a slow disk.
pub const FLUSH_EVERY: Duration = Duration::from_millis(250);
/// Files of one encoding: each change of the codec begins another, and a hostile sender could change it with each packet.
const MAX_FILES: u32 = 32;

/// A file that is full goes on for so long until a key frame comes.
const GRACE: Duration = Duration::from_secs(10);

/// Recordings that may wait for their files: a slow disk, and a sender that begins again and again, take no more memory.
const MAX_WAITING: usize = 1024;

/// Why a recording can't begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// Too many wait for their files.
    Busy,
    /// The writer is gone.
    Gone,
}

impl std::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoRoom::Busy => "too many recordings wait for the disk, make it faster or record less",
            NoRoom::Gone => "its writer thread is gone",
        })
    }
}

/// A recording that begins.
pub struct Open {
    /// Its number in the queue.
    pub track: u32,
    /// When it begins, by both clocks.
    pub opened: (Instant, SystemTime),
    /// Name of its file, without ending and number.
    pub stem: String,
    /// What comes.
    pub formats: Arc<Formats>,
    /// Its figures.
    pub status: Arc<TrackStatus>,
    /// When a file is full.
    pub limits: Limits,
    /// It begins with a key frame.
    pub gated: bool,
    /// For files that are played as they are.
    pub play: Option<PlayOptions>,
    /// For packet captures: what all that goes into one file has in common.
    pub capture: Option<Arc<str>>,
}

/// How files are written that are played as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayOptions {
    /// Ogg instead of WebM or Matroska.
    pub is_ogg: bool,
    /// What goes into one file.
    pub per: Per,
    /// Frames that depend on one that was lost are kept.
    pub keep_after_loss: bool,
    /// What all that goes into one file has in common.
    pub file: Arc<str>,
}

enum Job {
    Open(Box<Open>),
    Close(u32),
    Again(u32),
}

/// Something to tell everybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Whom it is about.
    pub producer: ProducerId,
    /// The body of the event.
    pub body: Value,
    /// The track that has failed.
    pub failed: Option<u32>,
}

/// What a writer works with.
pub struct Outfit {
    /// Where files go to.
    pub store: Arc<dyn Store>,
    /// Whether flushed means on the disk.
    pub fsync: bool,
    /// Where recordings are entered.
    pub registry: Arc<Registry>,
    /// What was done.
    pub totals: Arc<Totals>,
    /// Takes notices.
    pub tell: Box<dyn Fn(Notice) + Send>,
}

/// The way to a writer. Dropped, the writer finishes what it has and ends.
pub struct WriterHandle {
    jobs: Sender<Job>,
    /// Recordings that wait for their files.
    waiting: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl WriterHandle {
    /// Starts a writer with the packets of `packets`.
    pub fn spawn(name: String, packets: PacketReceiver, outfit: Outfit) -> io::Result<Self> {
        let (jobs, inbox) = channel();
        let waiting = Arc::<AtomicUsize>::default();
        let counter = waiting.clone();
        let run = move || {
            let desk = Desk {
                inbox,
                waiting: counter,
                outfit,
                tracks: HashMap::new(),
                playables: HashMap::new(),
                captures: HashMap::new(),
                newest: None,
                closing: Vec::new(),
            };
            Writer { packets, desk, flushed: Instant::now() }.run();
        };
        Ok(WriterHandle { jobs, waiting, thread: std::thread::Builder::new().name(name).spawn(run)? })
    }

    /// Begins a recording; its packets may be queued from now on.
    pub fn open(&self, open: Open) -> Result<(), NoRoom> {
        // Only this end adds: nobody else can have taken the place meanwhile.
        if self.waiting.load(Ordering::Relaxed) >= MAX_WAITING {
            return Err(NoRoom::Busy);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.jobs.send(Job::Open(Box::new(open))).map_err(|_| NoRoom::Gone)
    }

    /// Ends a recording after all packets that were queued before.
    pub fn close(&self, track: u32) {
        // Without a writer there is nothing to close.
        let _ = self.jobs.send(Job::Close(track));
    }

    /// Begins a recording that has failed anew, in another file of the same name.
    pub fn again(&self, track: u32) {
        // Without a writer nothing is recorded.
        let _ = self.jobs.send(Job::Again(track));
    }

    /// Ends all recordings and waits for it, at most so long; whether it was done. For `stop` only: it blocks.
    pub fn finish(self, patience: Duration) -> bool {
        drop(self.jobs);
        let end = Instant::now() + patience;
        while !self.thread.is_finished() {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.thread.join().is_ok()
    }
}

struct Track {
    open: Open,
    number: u64,
    /// Files made for it.
    files: u32,
    /// None once it has failed, and of what is played as it is.
    file: Option<RecordingFile>,
    /// The file was full when a packet came at this time.
    full: Option<Duration>,
    /// Of what begins with a key frame.
    opening: Option<Opening>,
}

impl Track {
    /// Whether another file is to begin with this packet.
    fn is_full(&mut self, at: Duration, packet: &[u8]) -> bool {
        let Some(file) = &self.file else { return false };
        if !self.open.limits.reached(file.bytes(), file.lasted(at)) {
            return false;
        }
        let since = *self.full.get_or_insert(at);
        let begins = || {
            let header = RtpHeader::parse(packet).ok()?;
            let format = self.open.formats.get(header.payload_type)?;
            let is_audio = format.media.kind() == MediaKind::Audio;
            Some(is_audio || is_key_frame(format.media, header.payload(packet)))
        };
        if begins() == Some(true) || at.saturating_sub(since) > GRACE {
            return true;
        }
        self.open.status.wants_key_frame.store(true, Ordering::Relaxed);
        false
    }
}

/// Everything but the queue, whose packets are borrowed while they are written.
struct Desk {
    inbox: Receiver<Job>,
    waiting: Arc<AtomicUsize>,
    outfit: Outfit,
    tracks: HashMap<u32, Track>,
    /// By what goes into one file.
    playables: HashMap<Arc<str>, Playable>,
    /// By what goes into one file.
    captures: HashMap<Arc<str>, Capture>,
    /// When the newest packet came.
    newest: Option<Instant>,
    closing: Vec<u32>,
}

struct Writer {
    packets: PacketReceiver,
    desk: Desk,
    flushed: Instant,
}

impl Writer {
    fn run(mut self) {
        loop {
            let ending = !self.desk.wait();
            self.desk.take_jobs();
            // Packets of what is to be closed were queued before the job was sent, so they are in the ring now.
            let closing = std::mem::take(&mut self.desk.closing);
            self.drain();
            for track in closing {
                self.desk.close(track);
            }
            if self.flushed.elapsed() >= FLUSH_EVERY {
                self.flushed = Instant::now();
                self.desk.flush();
            }
            if ending {
                break;
            }
        }
        let all: Vec<u32> = self.desk.tracks.keys().copied().collect();
        for track in all {
            self.desk.close(track);
        }
    }

    /// Writes what is in the queue now; what comes meanwhile waits for the next round, so that files are flushed in time.
    fn drain(&mut self) {
        let waiting = self.packets.waiting();
        self.desk.outfit.totals.queue_peak.raise(waiting as u64);
        let mut done = 0;
        while done < waiting {
            let Some((label, packet)) = self.packets.pop() else { break };
            done += packet.len();
            self.desk.write(label, packet);
        }
    }
}

impl Desk {
    /// Waits for a job, or for the next look into the queue. `false`: no more jobs will come.
    fn wait(&mut self) -> bool {
        let job = if self.tracks.is_empty() {
            self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            self.inbox.recv_timeout(POLL)
        };
        match job {
            Ok(job) => self.take(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn take_jobs(&mut self) {
        while let Ok(job) = self.inbox.try_recv() {
            self.take(job);
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Close(track) => self.closing.push(track),
            Job::Open(open) => {
                let open = *open;
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                let number = self.outfit.registry.add(open.status.clone());
                let id = open.track;
                let opening = open.gated.then(|| Opening::new(open.formats.clone()));
                let mut track = Track { open, number, files: 0, file: None, full: None, opening };
                self.begin(&mut track);
                self.tracks.insert(id, track);
            }
            Job::Again(id) => {
                let Some(mut track) = self.tracks.remove(&id) else { return };
                track.files = 0;
                track.opening.iter_mut().for_each(Opening::close);
                track.open.status.failed.store(false, Ordering::Relaxed);
                self.begin(&mut track);
                self.tracks.insert(id, track);
            }
        }
    }

    fn begin(&mut self, track: &mut Track) {
        let open = &track.open;
        match (&open.play, &open.capture) {
            (Some(options), _) => {
                let playable = self.playables.entry(options.file.clone());
                playable.or_insert_with(|| Playable::new(open, options.clone())).join(open);
            }
            (None, Some(file)) => {
                self.captures.entry(file.clone()).or_insert_with(|| Capture::new(open)).join(open);
            }
            (None, None) => self.outfit.begin(track),
        }
    }

    fn write(&mut self, label: PacketLabel, packet: &[u8]) {
        if self.tracks.get(&label.track).is_none_or(|track| track.open.status.has_failed()) {
            // The job was sent before the packet was queued, but perhaps after the last look for jobs.
            self.take_jobs();
        }
        let Some(track) = self.tracks.get_mut(&label.track) else { return };
        if label.aside {
            return self.report(label.track, packet);
        }
        let at = Duration::from_nanos(label.at);
        if track.open.play.is_some() {
            self.newest = self.newest.max(track.open.opened.0.checked_add(at));
        }
        let step = match &mut track.opening {
            Some(opening) => opening.take(packet, at, label.restart),
            None => Step::Pass,
        };
        match step {
            Step::Pass => self.put(label.track, at, label.restart, packet),
            Step::Hold => track.open.status.wants_key_frame.store(true, Ordering::Relaxed),
            Step::Open { packets, mut restart } => {
                track.open.status.wants_key_frame.store(false, Ordering::Relaxed);
                for held in packets {
                    self.put(label.track, held.at, std::mem::take(&mut restart), &held.bytes);
                }
            }
        }
    }

    /// The sender of an encoding says what its clock shows.
    fn report(&mut self, id: u32, bytes: &[u8]) {
        let (Some(track), Some(reading)) = (self.tracks.get(&id), ClockReading::from_bytes(bytes)) else {
            return;
        };
        if let Some(options) = &track.open.play
            && let Some(playable) = self.playables.get_mut(&options.file)
        {
            playable.report(id, &reading);
        }
        if let Some(file) = &track.open.capture
            && let Some(capture) = self.captures.get_mut(file)
        {
            capture.report(id, &reading);
        }
    }

    /// Writes a packet whose turn it is.
    fn put(&mut self, id: u32, at: Duration, restart: bool, packet: &[u8]) {
        let Some(track) = self.tracks.get_mut(&id) else { return };
        if let Some(options) = &track.open.play {
            let Some(playable) = self.playables.get_mut(&options.file) else { return };
            return playable.write(id, at, restart, packet, &self.outfit);
        }
        if let Some(file) = &track.open.capture {
            let Some(capture) = self.captures.get_mut(file) else { return };
            return capture.write(id, at, packet, &self.outfit);
        }
        if track.is_full(at, packet) {
            self.outfit.change_file(track);
            // It is not the sender who makes many of them.
            track.files = track.files.saturating_sub(1);
        }
        // A second try after the file was changed.
        for restart in [restart, false] {
            let Some(file) = &mut track.file else { return };
            match file.write(packet, at, restart, &track.open.formats) {
                Ok(Written::Yes) => {
                    let status = &track.open.status;
                    status.packets.add(1);
                    self.outfit.totals.packets.add(1);
                    let grown = file.take_growth();
                    status.bytes.add(grown);
                    self.outfit.totals.bytes.add(grown);
                    return;
                }
                Ok(Written::No) => return,
                Ok(Written::OtherFormat) => self.outfit.change_file(track),
                Err(error) => return self.outfit.give_up(track, &error),
            }
        }
    }

    fn flush(&mut self) {
        for track in self.tracks.values_mut() {
            if let Some(Err(error)) = track.file.as_mut().map(|file| file.flush(self.outfit.fsync)) {
                self.outfit.give_up(track, &MjrError::from(error));
            }
        }
        for capture in self.captures.values_mut() {
            capture.flush(&self.outfit);
        }
        let Some(newest) = self.newest else { return };
        for playable in self.playables.values_mut() {
            playable.flush(newest, &self.outfit);
        }
    }

    fn close(&mut self, id: u32) {
        if let Some(mut track) = self.tracks.remove(&id) {
            let ended = match (&track.open.play, &track.open.capture) {
                (None, None) => self.outfit.end(&mut track),
                (None, Some(file)) => {
                    let ended =
                        self.captures.get_mut(file).and_then(|capture| capture.close(id, &self.outfit));
                    if self.captures.get(file).is_some_and(Capture::is_empty) {
                        self.captures.remove(file);
                    }
                    ended
                }
                (Some(options), _) => {
                    let ended =
                        self.playables.get_mut(&options.file).and_then(|file| file.close(id, &self.outfit));
                    if self.playables.get(&options.file).is_some_and(Playable::is_empty) {
                        self.playables.remove(&options.file);
                    }
                    ended
                }
            };
            // Whoever hears of the end finds it among the finished ones.
            self.outfit.registry.remove(track.number);
            self.outfit.say_ended(&track, ended);
        }
    }
}

impl Outfit {
    fn begin(&self, track: &mut Track) {
        let made = if track.files < MAX_FILES {
            RecordingFile::create(&*self.store, &track.open.stem, track.open.opened)
        } else {
            Err(MjrError::Misuse("the sender changes its codec again and again"))
        };
        let file = match made {
            Ok(file) => file,
            Err(error) => return self.give_up(track, &error),
        };
        track.files += 1;
        track.full = None;
        let status = &track.open.status;
        status.set_file(file.name());
        self.totals.files.add(1);
        self.say(
            status,
            "recorder.started",
            json!({ "file": file.name(), "started": millis(status.started) }),
            None,
        );
        track.file = Some(file);
    }

    /// Ends the file, and answers what it was.
    fn end(&self, track: &mut Track) -> Option<Value> {
        let mut file = track.file.take()?;
        if let Err(error) = file.flush(self.fsync) {
            self.give_up(track, &MjrError::from(error));
            return None;
        }
        Some(json!({
            "file": file.name(),
            "packets": file.packets(),
            "bytes": file.bytes(),
            "duration": file.duration().as_millis() as u64,
            "dropped": track.open.status.dropped.get(),
            "oversize": track.open.status.oversize.get(),
        }))
    }

    fn say_ended(&self, track: &Track, ended: Option<Value>) {
        if let Some(about) = ended {
            self.say(&track.open.status, "recorder.stopped", about, None);
        }
    }

    /// Goes on in another file of the same name with a number.
    fn change_file(&self, track: &mut Track) {
        let ended = self.end(track);
        self.say_ended(track, ended);
        if !track.open.status.has_failed() {
            self.begin(track);
        }
    }

    /// Gives a recording up: media goes on, and what is in its file stays readable.
    fn give_up(&self, track: &mut Track, error: &MjrError) {
        track.file = None;
        self.failed(&track.open.status, track.open.track, error);
    }

    /// A recording has failed.
    pub fn failed(&self, status: &TrackStatus, track: u32, error: &dyn std::fmt::Display) {
        status.failed.store(true, Ordering::Relaxed);
        self.totals.failed.add(1);
        let file = status.file();
        tracing::error!(producer = %status.producer, %file, "recorder: recording ended: {error}");
        let about = json!({ "file": file, "error": error.to_string() });
        self.say(status, "recorder.failed", about, Some(track));
    }

    /// Tells of a recording.
    pub fn say(&self, status: &TrackStatus, event: &str, mut about: Value, failed: Option<u32>) {
        about["event"] = event.into();
        about["producer"] = json!(status.producer);
        about["stream"] = json!(status.stream);
        about["kind"] = status.kind.into();
        about["encoding"] = status.encoding.into();
        (self.tell)(Notice { producer: status.producer, body: about, failed });
    }
}

#[cfg(test)]
mod tests;
