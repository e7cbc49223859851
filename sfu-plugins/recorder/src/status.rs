//! What is being recorded, as seen from any thread.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use sfu_core::plugin::ProducerId;
use sfu_core::serde_json::{Value, json};

use crate::folder::millis;
use crate::settings::FileFormat;

/// A counter that one thread adds to and others read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Raises it to `n` if it is below.
    pub fn raise(&self, n: u64) {
        self.0.fetch_max(n, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The recording of one encoding.
#[derive(Debug)]
pub struct TrackStatus {
    /// Whose it is.
    pub producer: ProducerId,
    /// Label `stream` of the producer.
    pub stream: Option<String>,
    /// `audio` or `video`.
    pub kind: &'static str,
    /// Index of the encoding.
    pub encoding: u8,
    /// When it began.
    pub started: SystemTime,
    /// Packets in its file.
    pub packets: Counter,
    /// Bytes in its file.
    pub bytes: Counter,
    /// Packets that the queue had no room for.
    pub dropped: Counter,
    /// Packets of more than 1500 bytes, which the format can't hold.
    pub oversize: Counter,
    /// Frames in files that are played as they are.
    pub frames: Counter,
    /// Frames that such files lack: incomplete, or left out because they depend on one that was lost.
    pub lost_frames: Counter,
    /// Such a file waits for a key frame.
    pub wants_key_frame: AtomicBool,
    /// What it is written as.
    pub format: FileFormat,
    /// It ended for an error; media goes on without it.
    pub failed: AtomicBool,
    /// Its file; the media thread never looks.
    file: Mutex<String>,
}

impl TrackStatus {
    /// Of a recording that begins, without a file yet.
    pub fn new(
        producer: ProducerId,
        stream: Option<String>,
        kind: &'static str,
        encoding: u8,
        started: SystemTime,
        format: FileFormat,
    ) -> Self {
        TrackStatus {
            producer,
            stream,
            kind,
            encoding,
            started,
            packets: Counter::default(),
            bytes: Counter::default(),
            dropped: Counter::default(),
            oversize: Counter::default(),
            frames: Counter::default(),
            lost_frames: Counter::default(),
            wants_key_frame: AtomicBool::new(false),
            format,
            failed: AtomicBool::new(false),
            file: Mutex::default(),
        }
    }

    /// Its file now; empty before there is one.
    pub fn file(&self) -> String {
        lock(&self.file).clone()
    }

    /// Another file is written from now on.
    pub fn set_file(&self, name: &str) {
        name.clone_into(&mut lock(&self.file));
    }

    /// Whether it ended for an error.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// As answered by `status`.
    pub fn to_json(&self) -> Value {
        let mut about = json!({
            "file": self.file(),
            "producer": self.producer,
            "stream": self.stream,
            "kind": self.kind,
            "encoding": self.encoding,
            "started": millis(self.started),
            "packets": self.packets.get(),
            "bytes": self.bytes.get(),
            "dropped": self.dropped.get(),
            "oversize": self.oversize.get(),
            "failed": self.has_failed(),
        });
        if self.format.is_played() {
            about["frames"] = self.frames.get().into();
            about["lost_frames"] = self.lost_frames.get().into();
        }
        about
    }
}

/// All recordings of the process.
#[derive(Debug, Default)]
pub struct Registry {
    next: AtomicU64,
    tracks: Mutex<BTreeMap<u64, Arc<TrackStatus>>>,
}

impl Registry {
    /// Adds one; the number takes it out again.
    pub fn add(&self, track: Arc<TrackStatus>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.tracks).insert(number, track);
        number
    }

    /// Takes one out.
    pub fn remove(&self, number: u64) {
        lock(&self.tracks).remove(&number);
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Arc<TrackStatus>> {
        lock(&self.tracks).values().cloned().collect()
    }
}

/// What the writer of one media thread did since it began.
#[derive(Debug, Default)]
pub struct Totals {
    /// Files made.
    pub files: Counter,
    /// Packets written.
    pub packets: Counter,
    /// Bytes written.
    pub bytes: Counter,
    /// Recordings that ended for an error.
    pub failed: Counter,
    /// Most bytes that ever waited for the writer.
    pub queue_peak: Counter,
}

/// Locks; what a panic left behind is as good as before, since nothing here is changed in two steps.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
