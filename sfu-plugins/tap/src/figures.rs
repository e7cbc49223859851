//! What was done, as seen from any thread.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sfu_core::plugin::ProducerId;
use sfu_core::serde_json::{Value, json};

/// A counter that one thread adds to and others read.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Figures of one encoding of a producer, or of all.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Whole frames.
    pub(crate) frames: Counter,
    /// Bytes of their payloads.
    pub(crate) bytes: Counter,
    /// Frames of which something was missing or senseless.
    pub(crate) incomplete: Counter,
    /// Packets that came when they were given up.
    pub(crate) late: Counter,
}

/// Figures of one reader, or of all.
#[derive(Debug, Default)]
pub(crate) struct ReaderFigures {
    /// Frames on their way to it.
    pub(crate) frames: Counter,
    /// Bytes of their payloads.
    pub(crate) bytes: Counter,
    /// Frames that its queue had no room for.
    pub(crate) queue_full: Counter,
    /// Frames that came before the key frame which video begins with, or goes on with after a drop.
    pub(crate) no_key_frame: Counter,
}

/// A stream that readers know.
#[derive(Debug)]
pub(crate) struct StreamEntry {
    pub(crate) producer: ProducerId,
    /// How it is announced.
    pub(crate) hello: Value,
    pub(crate) figures: Arc<Figures>,
}

/// Who reads.
#[derive(Debug)]
pub(crate) struct ReaderEntry {
    pub(crate) figures: Arc<ReaderFigures>,
    /// Frames and bytes that wait.
    pub(crate) waiting: Arc<(AtomicUsize, AtomicUsize)>,
}

/// What the exporter and the instances share.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// Of all streams since the worker began.
    pub(crate) totals: Figures,
    /// Of all readers since the worker began.
    pub(crate) reader_totals: ReaderFigures,
    /// Readers now: without any, media threads don't even copy packets.
    pub(crate) readers: AtomicUsize,
    /// Readers beyond the most that there may be.
    pub(crate) refused: Counter,
    /// Streams and readers now, by number; no media thread ever looks.
    board: Mutex<Board>,
}

#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) streams: BTreeMap<u32, StreamEntry>,
    pub(crate) readers: BTreeMap<u32, ReaderEntry>,
}

impl Common {
    /// Whether anybody reads.
    #[inline]
    pub(crate) fn has_readers(&self) -> bool {
        self.readers.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to `list`, for these producers or all.
    pub(crate) fn list(&self, producers: Option<&[ProducerId]>) -> Value {
        let board = self.board();
        let chosen = |entry: &&StreamEntry| producers.is_none_or(|chosen| chosen.contains(&entry.producer));
        let stream = |entry: &StreamEntry| {
            let mut body = entry.hello.clone();
            if let Some(body) = body.as_object_mut() {
                body.remove("message");
            }
            body["frames"] = entry.figures.frames.get().into();
            body["bytes"] = entry.figures.bytes.get().into();
            body["incomplete"] = entry.figures.incomplete.get().into();
            body
        };
        let reader = |(id, entry): (&u32, &ReaderEntry)| {
            json!({
                "reader": id,
                "frames": entry.figures.frames.get(),
                "bytes": entry.figures.bytes.get(),
                "dropped": entry.figures.queue_full.get() + entry.figures.no_key_frame.get(),
                "waitingFrames": entry.waiting.0.load(Ordering::Relaxed),
                "waitingBytes": entry.waiting.1.load(Ordering::Relaxed),
            })
        };
        json!({
            "streams": board.streams.values().filter(chosen).map(stream).collect::<Vec<_>>(),
            "readers": board.readers.iter().map(reader).collect::<Vec<_>>(),
        })
    }
}
