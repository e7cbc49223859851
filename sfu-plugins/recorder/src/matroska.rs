//! WebM and Matroska (RFC 9559), written live.
//!
//! Clusters of at most a second are gathered and written as a whole, with their size. The segment has no known size before the
//! end. The header keeps room: for tracks that come later, and for the duration and an index, which are filled in at the end.
//! Without them a file is complete all the same.
use std::io;
use std::time::SystemTime;

use crate::ebml::*;
use crate::output::Output;
use crate::track_entry::TrackEntry;

/// Room for what leads to the parts of the file, in bytes.
const SEEK_ROOM: usize = 96;
/// Room for tracks, in bytes: one of H264 takes up to 1200, others 100.
pub const ONE_TRACK: usize = 1536;
/// Room for the tracks of a participant, in bytes.
pub const MANY_TRACKS: usize = 8192;
/// Longest cluster in milliseconds.
const MAX_CLUSTER_MS: u64 = 1000;
/// A cluster of more bytes is written before its time.
const MAX_CLUSTER_LEN: usize = 1 << 20;
/// Entries of the index at the most; beyond that every second one is left out.
const MAX_CUES: usize = 8192;
/// Seconds from 1970 to 2001, where Matroska's dates begin.
const DATE_EPOCH: u64 = 978_307_200;

/// A cluster that is being gathered.
#[derive(Debug)]
struct Cluster {
    start: u64,
    /// When its last frame ends.
    end: u64,
    blocks: Vec<u8>,
    /// The track of a block that playing can begin with.
    cue: Option<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Cue {
    at: u64,
    track: u8,
    position: u64,
}

/// The state of one file. All times are milliseconds since it began.
#[derive(Debug)]
pub struct Matroska {
    /// Where the inside of the segment begins.
    segment: u64,
    duration_at: u64,
    info: u64,
    tracks_at: u64,
    /// Where the next track's entry goes, and how much room is left.
    next_entry: u64,
    room: usize,
    tracks: u8,
    has_video: bool,
    cluster: Option<Cluster>,
    cues: Vec<Cue>,
    /// One of so many clusters gets into the index.
    every: usize,
    clusters: usize,
    end: u64,
}

impl Matroska {
    /// Writes the header, with so many bytes of room for tracks.
    pub fn create(out: &mut Output, doc_type: &str, began: SystemTime, room: usize) -> io::Result<Self> {
        let mut head = Vec::new();
        put_master(&mut head, EBML, |head| {
            put_uint(head, EBML_VERSION, 1);
            put_uint(head, EBML_READ_VERSION, 1);
            put_uint(head, EBML_MAX_ID_LENGTH, 4);
            put_uint(head, EBML_MAX_SIZE_LENGTH, 8);
            put(head, DOC_TYPE, doc_type.as_bytes());
            put_uint(head, DOC_TYPE_VERSION, 4);
            put_uint(head, DOC_TYPE_READ_VERSION, 2);
        });
        put_id(&mut head, SEGMENT);
        head.extend(UNKNOWN_SIZE.to_be_bytes());
        let segment = head.len() as u64;
        put_void(&mut head, SEEK_ROOM);
        let info = head.len() as u64;
        let since_1970 = began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let date = since_1970.as_nanos() as i64 - DATE_EPOCH as i64 * 1_000_000_000;
        put_master(&mut head, INFO, |head| {
            put_uint(head, TIMESTAMP_SCALE, 1_000_000);
            put(head, DATE_UTC, &date.to_be_bytes());
            put(head, MUXING_APP, b"sfukit");
            put(head, WRITING_APP, b"sfukit recorder");
            put_void(head, DURATION_LEN);
        });
        let duration_at = (head.len() - DURATION_LEN) as u64;
        let tracks_at = head.len() as u64;
        put_id(&mut head, TRACKS);
        put_size(&mut head, room as u64);
        let next_entry = head.len() as u64;
        put_void(&mut head, room);
        out.append(&head)?;
        Ok(Matroska {
            segment,
            duration_at,
            info,
            tracks_at,
            next_entry,
            room,
            tracks: 0,
            has_video: false,
            cluster: None,
            cues: Vec::new(),
            every: 1,
            clusters: 0,
            end: 0,
        })
    }

    /// Adds a track, in the room of the header, and answers its number; `None`: there is no more room.
    pub fn add_track(&mut self, out: &mut Output, entry: &TrackEntry, name: &str) -> io::Result<Option<u8>> {
        let number = self.tracks + 1;
        let mut bytes = entry.to_bytes(number, u64::from(number), name);
        let len = bytes.len();
        let Some(void) = self.room.checked_sub(len).and_then(void_header) else { return Ok(None) };
        // Beyond that a track number takes two bytes.
        if number >= 0x7F {
            return Ok(None);
        }
        bytes.extend(void);
        out.patch(self.next_entry, &bytes)?;
        self.next_entry += len as u64;
        self.room -= len;
        self.tracks = number;
        self.has_video |= entry.is_video();
        Ok(Some(number))
    }

    /// Adds a frame at `at` that lasts for `lasts`; `key_frame` if it is video and decoding can begin there, or audio.
    pub fn write(
        &mut self,
        out: &mut Output,
        track: u8,
        is_video: bool,
        key_frame: bool,
        (at, lasts): (u64, u64),
        data: &[u8],
    ) -> io::Result<()> {
        // Playing begins where a cluster does, so that one begins with each key frame.
        let opens = key_frame && is_video;
        let full = self.cluster.as_ref().is_some_and(|cluster| {
            opens
                || at >= cluster.start + MAX_CLUSTER_MS
                || at + MAX_CLUSTER_MS < cluster.start
                || cluster.blocks.len() + data.len() > MAX_CLUSTER_LEN
        });
        if full {
            self.flush(out)?;
        }
        let has_video = self.has_video;
        let cluster =
            self.cluster.get_or_insert_with(|| Cluster { start: at, end: at, blocks: Vec::new(), cue: None });
        if opens || (!has_video && cluster.blocks.is_empty()) {
            cluster.cue.get_or_insert(track);
        }
        // Within a second of the start, by the check above.
        let relative = (at as i64 - cluster.start as i64) as i16;
        let [r0, r1] = relative.to_be_bytes();
        put_id(&mut cluster.blocks, SIMPLE_BLOCK);
        put_size(&mut cluster.blocks, data.len() as u64 + 4);
        cluster.blocks.extend([0x80 | track, r0, r1, if key_frame { 0x80 } else { 0 }]);
        cluster.blocks.extend_from_slice(data);
        cluster.end = cluster.end.max(at + lasts);
        Ok(())
    }

    /// Writes the cluster that is being gathered.
    pub fn flush(&mut self, out: &mut Output) -> io::Result<()> {
        let Some(cluster) = self.cluster.take() else { return Ok(()) };
        let position = out.bytes() - self.segment;
        let mut start = Vec::new();
        put_uint(&mut start, TIMESTAMP, cluster.start);
        let mut bytes = Vec::with_capacity(cluster.blocks.len() + 32);
        put_id(&mut bytes, CLUSTER);
        put_size(&mut bytes, (start.len() + cluster.blocks.len()) as u64);
        bytes.extend(start);
        bytes.extend(cluster.blocks);
        out.append(&bytes)?;
        self.end = self.end.max(cluster.end);
        if let Some(track) = cluster.cue {
            if self.clusters.is_multiple_of(self.every) {
                self.cues.push(Cue { at: cluster.start, track, position });
            }
            self.clusters += 1;
            if self.cues.len() > MAX_CUES {
                let mut keep = false;
                self.cues.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.every *= 2;
            }
        }
        Ok(())
    }

    /// Writes what is left, the index, and in the header what was not known before.
    pub fn finish(&mut self, out: &mut Output) -> io::Result<()> {
        self.flush(out)?;
        let cues = out.bytes() - self.segment;
        let has_cues = !self.cues.is_empty();
        if has_cues {
            let mut bytes = Vec::new();
            put_master(&mut bytes, CUES, |bytes| {
                for cue in &self.cues {
                    put_master(bytes, CUE_POINT, |bytes| {
                        put_uint(bytes, CUE_TIME, cue.at);
                        put_master(bytes, CUE_TRACK_POSITIONS, |bytes| {
                            put_uint(bytes, CUE_TRACK, cue.track.into());
                            put_uint(bytes, CUE_CLUSTER_POSITION, cue.position);
                        });
                    });
                }
            });
            out.append(&bytes)?;
        }
        let mut seek = Vec::new();
        put_master(&mut seek, SEEK_HEAD, |seek| {
            let parts =
                [(INFO, self.info - self.segment), (TRACKS, self.tracks_at - self.segment), (CUES, cues)];
            for (id, position) in parts.into_iter().take(if has_cues { 3 } else { 2 }) {
                put_master(seek, SEEK, |seek| {
                    let mut bytes = Vec::new();
                    put_id(&mut bytes, id);
                    put(seek, SEEK_ID, &bytes);
                    put_uint(seek, SEEK_POSITION, position);
                });
            }
        });
        if let Some(void) = SEEK_ROOM.checked_sub(seek.len()).and_then(void_header) {
            seek.extend(void);
            out.patch(self.segment, &seek)?;
        }
        self.close(out)
    }

    /// Fills in the header what is known without writing more: also where there is no room for an index.
    pub fn close(&mut self, out: &mut Output) -> io::Result<()> {
        let mut duration = Vec::new();
        put_float(&mut duration, DURATION, self.end as f64);
        out.patch(self.duration_at, &duration)?;
        out.patch(self.segment - 8, &long_size(out.bytes() - self.segment))
    }
}

/// Bytes of the element that tells the duration.
const DURATION_LEN: usize = 11;

#[cfg(test)]
mod tests;
