//! A file that is played as it is, with the encodings that go into it.
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use sfu_core::media::Codec;
use sfu_core::serde_json::{Value, json};

use crate::clock_reading::ClockReading;
use crate::folder::millis;
use crate::lane::{Figures, Lane, Sample, nanos};
use crate::matroska::{MANY_TRACKS, Matroska, ONE_TRACK};
use crate::ogg::{self, Ogg};
use crate::output::Output;
use crate::settings::{Limits, Per};
use crate::status::TrackStatus;
use crate::timeline::Nanos;
use crate::track_entry::is_webm;
use crate::writer::{Open, Outfit, PlayOptions};

/// How long frames are gathered before they are written; it is looked at every 250 ms.
const GATHER: Duration = Duration::from_millis(500);
/// A file that is full goes on for so long until a key frame comes.
const GRACE: Nanos = 10_000_000_000;
/// Changes of codec and container of one file's encodings: a hostile sender could make a file with each frame.
const MAX_CHANGES: u32 = 32;
/// Clocks of a sender that are more than this apart from what was reckoned are new clocks.
const MAX_CLOCK_STEP: Nanos = 1_000_000_000;
/// By how much a sender's clock is moved with each report, towards what is seen of it.
const CLOCK_SLEW: Nanos = 1_000_000;

/// What a file is written by.
#[derive(Debug)]
enum Muxer {
    Matroska(Matroska),
    Ogg(Ogg),
}

/// The file that is written now.
#[derive(Debug)]
struct Written {
    name: String,
    output: Output,
    muxer: Muxer,
    is_webm: bool,
    /// The moment that is zero in it.
    origin: Nanos,
    /// When gathering began, by the clock of the machine.
    gathering: Option<Instant>,
    /// It was full at this moment.
    full: Option<Nanos>,
    /// Bytes that totals know of.
    told: u64,
}

/// One encoding of it.
#[derive(Debug)]
struct Member {
    lane: Lane,
    /// When it was opened, after the first one was.
    shift: Nanos,
    status: Arc<TrackStatus>,
    name: String,
    /// What its file has not been told of.
    figures: Figures,
    begun: Option<Begun>,
}

/// A track of the file that is written now.
#[derive(Debug)]
struct Begun {
    number: u8,
    codec: Codec,
    packets: u64,
    frames: u64,
    lost_frames: u64,
    /// Milliseconds in the file.
    first: u64,
    last: u64,
    end: u64,
}

/// Nanoseconds of a sender's clock, and the moment that they stand for.
#[derive(Debug, Clone, Copy)]
struct SenderTime {
    ntp: u64,
    at: Nanos,
}

/// What goes into one file, or one after the other into several.
#[derive(Debug)]
pub struct Playable {
    stem: String,
    options: PlayOptions,
    limits: Limits,
    opened: (Instant, SystemTime),
    members: BTreeMap<u32, Member>,
    file: Option<Written>,
    /// Something in it takes Matroska.
    takes_matroska: bool,
    clock: Option<SenderTime>,
    changes: u32,
}

impl Playable {
    /// For what begins with this.
    pub fn new(open: &Open, options: PlayOptions) -> Self {
        Playable {
            stem: open.stem.clone(),
            options,
            limits: open.limits,
            opened: open.opened,
            members: BTreeMap::new(),
            file: None,
            takes_matroska: false,
            clock: None,
            changes: 0,
        }
    }

    /// Adds an encoding.
    pub fn join(&mut self, open: &Open) {
        let (ours, theirs) = (self.opened.0, open.opened.0);
        let shift =
            nanos(theirs.saturating_duration_since(ours)) - nanos(ours.saturating_duration_since(theirs));
        let status = open.status.clone();
        let name = match (&status.stream, status.encoding) {
            (Some(stream), 0) => stream.clone(),
            (stream, encoding) => format!("{} {encoding}", stream.as_deref().unwrap_or(status.kind)),
        };
        // The file is named when it begins: what is likely to come decides.
        self.takes_matroska |= open.formats.formats.first().is_some_and(|format| !is_webm(format.media));
        let lane = Lane::new(open.formats.clone(), self.options.keep_after_loss, shift);
        let (name, figures) = (cut(name), Figures::default());
        self.members.insert(open.track, Member { lane, shift, status, name, figures, begun: None });
    }

    /// Whether nothing goes into it any more.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A packet came, `at` after its encoding was opened.
    pub fn write(&mut self, track: u32, at: Duration, restart: bool, packet: &[u8], outfit: &Outfit) {
        let mut samples = Vec::new();
        let Some(member) = self.members.get_mut(&track) else { return };
        member.lane.push(packet, at, restart, &mut samples);
        self.put_all(track, samples, outfit);
    }

    /// What the sender of an encoding reports of its clock.
    pub fn report(&mut self, track: u32, reading: &ClockReading) {
        let Some(member) = self.members.get_mut(&track) else { return };
        let seen = member.shift.saturating_add(reading.at);
        // One clock for all streams of the sender, from its first report on: what is in step stays in step. That it may run
        // slower or faster than ours is followed by a millisecond at a time.
        let reckoned = self.clock.map(|clock| {
            let passed = reading.ntp.wrapping_sub(clock.ntp) as i64;
            clock.at.saturating_add(((i128::from(passed) * 1_000_000_000) >> 32) as i64)
        });
        let at = match reckoned {
            Some(at) if at.saturating_sub(seen).saturating_abs() <= MAX_CLOCK_STEP => {
                at + (seen - at).clamp(-CLOCK_SLEW, CLOCK_SLEW)
            }
            _ => seen,
        };
        self.clock = Some(SenderTime { ntp: reading.ntp, at });
        member.lane.report(reading.rtp_timestamp, at);
    }

    /// Gives out what was waited for long enough by `now`, and writes what was gathered long enough.
    pub fn flush(&mut self, now: Instant, outfit: &Outfit) {
        let tracks: Vec<u32> = self.members.keys().copied().collect();
        for track in tracks {
            let Some(member) = self.members.get_mut(&track) else { continue };
            let mut samples = Vec::new();
            let since = nanos(now.saturating_duration_since(self.opened.0)) - member.shift;
            member.lane.release(Duration::from_nanos(since.max(0) as u64), &mut samples);
            self.put_all(track, samples, outfit);
        }
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.flush(GATHER, outfit.fsync) {
            self.fail(&error, outfit);
        }
    }

    /// An encoding ends; what there is to tell of it.
    pub fn close(&mut self, track: u32, outfit: &Outfit) -> Option<Value> {
        let mut samples = Vec::new();
        self.members.get_mut(&track)?.lane.drain(&mut samples);
        self.put_all(track, samples, outfit);
        let mut member = self.members.remove(&track)?;
        let begun = member.begun.take()?;
        let is_last = self.members.values().all(|other| other.begun.is_none());
        let file = self.file.as_mut()?;
        let written =
            if is_last { file.finish(outfit.fsync) } else { file.flush(Duration::ZERO, outfit.fsync) };
        if let Err(error) = written {
            // It was taken out already.
            member.begun = Some(begun);
            self.members.insert(track, member);
            self.fail(&error, outfit);
            return None;
        }
        let ended = file.ended(&begun, &member.status, is_last);
        file.count(outfit);
        if is_last {
            self.file = None;
        }
        Some(ended)
    }

    fn put_all(&mut self, track: u32, samples: Vec<Sample>, outfit: &Outfit) {
        for sample in samples {
            if let Err(error) = self.put(track, sample, outfit) {
                return self.fail(&error, outfit);
            }
        }
        let Some(member) = self.members.get_mut(&track) else { return };
        let figures = member.lane.take_figures();
        member.status.packets.add(figures.packets);
        member.status.lost_frames.add(figures.lost_frames);
        outfit.totals.packets.add(figures.packets);
        member.figures.packets += figures.packets;
        member.figures.lost_frames += figures.lost_frames;
        if let Some(begun) = &mut member.begun {
            let figures = std::mem::take(&mut member.figures);
            begun.packets += figures.packets;
            begun.lost_frames += figures.lost_frames;
        }
        if member.lane.take_key_frame_wish() {
            member.status.wants_key_frame.store(true, Ordering::Relaxed);
        }
        if let Some(file) = &mut self.file {
            file.count(outfit);
        }
    }

    fn put(&mut self, track: u32, sample: Sample, outfit: &Outfit) -> io::Result<()> {
        self.cut_if_full(track, &sample, outfit)?;
        self.takes_matroska |= !is_webm(sample.codec);
        let Some(member) = self.members.get(&track) else { return Ok(()) };
        let is_other = member.begun.as_ref().is_some_and(|begun| begun.codec != sample.codec)
            || (!is_webm(sample.codec) && self.file.as_ref().is_some_and(|file| file.is_webm));
        if is_other {
            self.changes += 1;
            if self.changes > MAX_CHANGES {
                return Err(io::Error::other("the sender changes its codec again and again"));
            }
            self.cut(track, outfit)?;
        }
        if self.members.get(&track).is_some_and(|member| member.begun.is_none())
            && !self.begin(track, &sample, outfit)?
        {
            return Ok(());
        }
        let (Some(file), Some(member)) = (&mut self.file, self.members.get_mut(&track)) else {
            return Ok(());
        };
        let Some(begun) = &mut member.begun else { return Ok(()) };
        let (at, lasts) = ((sample.at - file.origin).max(0), sample.lasts.max(0));
        // A millisecond after the last one at the least: players and tools want order.
        let next = if begun.frames == 0 { 0 } else { begun.last + 1 };
        let at_ms = (((at + 500_000) / 1_000_000) as u64).max(next);
        let lasts_ms = ((lasts + 500_000) / 1_000_000) as u64;
        match &mut file.muxer {
            Muxer::Matroska(muxer) => {
                let (is_video, key_frame) = (sample.is_video(), sample.key_frame);
                let time = (at_ms, lasts_ms);
                muxer.write(&mut file.output, begun.number, is_video, key_frame, time, &sample.data)?;
            }
            Muxer::Ogg(muxer) => {
                let samples = |nanos: Nanos| (nanos as u64 * (ogg::RATE / 1000) + 500_000) / 1_000_000;
                muxer.write(&mut file.output, samples(at), samples(lasts), &sample.data)?;
            }
        }
        file.gathering.get_or_insert_with(Instant::now);
        if begun.frames == 0 {
            begun.first = at_ms;
        }
        begun.frames += 1;
        begun.last = at_ms;
        begun.end = at_ms + lasts_ms;
        member.status.frames.add(1);
        member.status.bytes.add(sample.data.len() as u64);
        Ok(())
    }

    /// Begins a track with this sample, and a file if there is none. `false`: it takes a key frame.
    fn begin(&mut self, track: u32, sample: &Sample, outfit: &Outfit) -> io::Result<bool> {
        let Some(entry) = &sample.entry else {
            if let Some(member) = self.members.get_mut(&track) {
                member.lane.need_key_frame();
            }
            return Ok(false);
        };
        let name = self.members.get(&track).map(|member| member.name.clone()).unwrap_or_default();
        let mut number = self.add_track(entry, &name)?;
        if number.is_none() {
            self.cut(track, outfit)?;
            self.file = Some(self.create(sample.at, outfit)?);
            number = self.add_track(entry, &name)?;
        }
        let (Some(number), Some(file)) = (number, &self.file) else {
            return Err(io::Error::other("its codec's parameters are too long for a file's header"));
        };
        let about = json!({ "file": file.name, "started": millis(self.wall(file.origin)) });
        let Some(member) = self.members.get_mut(&track) else { return Ok(false) };
        member.status.set_file(&file.name);
        let (codec, time) = (sample.codec, 0);
        member.begun = Some(Begun {
            number,
            codec,
            packets: 0,
            frames: 0,
            lost_frames: 0,
            first: time,
            last: time,
            end: time,
        });
        outfit.say(&member.status, "recorder.started", about, None);
        Ok(true)
    }

    /// `None`: there is no file, or no room in it.
    fn add_track(&mut self, entry: &crate::track_entry::TrackEntry, name: &str) -> io::Result<Option<u8>> {
        match &mut self.file {
            None => Ok(None),
            Some(Written { muxer: Muxer::Matroska(muxer), output, .. }) => {
                muxer.add_track(output, entry, name)
            }
            // One is all that it has.
            Some(Written { muxer: Muxer::Ogg(_), .. }) => Ok(Some(1)),
        }
    }

    fn wall(&self, moment: Nanos) -> SystemTime {
        let offset = Duration::from_nanos(moment.unsigned_abs());
        let (_, wall) = self.opened;
        let moved = if moment < 0 { wall.checked_sub(offset) } else { wall.checked_add(offset) };
        moved.unwrap_or(wall)
    }

    fn create(&self, origin: Nanos, outfit: &Outfit) -> io::Result<Written> {
        let (is_ogg, is_webm) = (self.options.is_ogg, !self.takes_matroska);
        let (ending, doc_type) = match (is_ogg, is_webm) {
            (true, _) => (".opus", ""),
            (false, true) => (".webm", "webm"),
            (false, false) => (".mkv", "matroska"),
        };
        let (name, medium) = outfit.store.create(&self.stem, ending)?;
        let mut output = Output::new(medium);
        let began = self.wall(origin);
        let room = if self.options.per == Per::Participant { MANY_TRACKS } else { ONE_TRACK };
        let muxer = match is_ogg {
            true => Ogg::create(&mut output, began).map(Muxer::Ogg),
            false => Matroska::create(&mut output, doc_type, began, room).map(Muxer::Matroska),
        };
        let muxer = muxer.inspect_err(|_| outfit.store.discard(&name))?;
        outfit.totals.files.add(1);
        Ok(Written { name, output, muxer, is_webm, origin, gathering: None, full: None, told: 0 })
    }

    /// Goes on in another file where this one has what it may have; at a key frame, if there is video.
    fn cut_if_full(&mut self, track: u32, sample: &Sample, outfit: &Outfit) -> io::Result<()> {
        let limits = self.limits;
        let Some(file) = &mut self.file else { return Ok(()) };
        let lasted = Duration::from_nanos((sample.at - file.origin).max(0) as u64);
        if !limits.reached(file.output.bytes(), lasted) {
            return Ok(());
        }
        let since = *file.full.get_or_insert(sample.at);
        let has_video = self
            .members
            .values()
            .any(|member| member.begun.as_ref().is_some_and(|begun| is_video(begun.codec)));
        if !has_video || (sample.is_video() && sample.key_frame) || sample.at - since > GRACE {
            return self.cut(track, outfit);
        }
        for member in
            self.members.values().filter(|member| member.begun.as_ref().is_some_and(|b| is_video(b.codec)))
        {
            member.status.wants_key_frame.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Ends the file; all encodings but that of `track` go on in another one with a key frame.
    fn cut(&mut self, track: u32, outfit: &Outfit) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.finish(outfit.fsync)?;
        file.count(outfit);
        for (id, member) in &mut self.members {
            let Some(begun) = member.begun.take() else { continue };
            outfit.say(&member.status, "recorder.stopped", file.ended(&begun, &member.status, true), None);
            if *id != track && is_video(begun.codec) {
                member.lane.need_key_frame();
            }
        }
        self.file = None;
        Ok(())
    }

    /// Gives it up: media goes on, and what is in the file stays readable.
    fn fail(&mut self, error: &io::Error, outfit: &Outfit) {
        if let Some(file) = &mut self.file {
            file.give_up();
        }
        (self.file, self.changes) = (None, 0);
        for (track, member) in std::mem::take(&mut self.members) {
            outfit.failed(&member.status, track, error);
        }
    }
}

fn is_video(codec: Codec) -> bool {
    codec.kind() == sfu_core::media::MediaKind::Video
}

/// At most 64 characters of a name.
fn cut(name: String) -> String {
    if name.chars().count() <= 64 { name } else { name.chars().take(64).collect() }
}

impl Written {
    /// Writes what was gathered for so long.
    fn flush(&mut self, gathered: Duration, sync: bool) -> io::Result<()> {
        if self.gathering.is_some_and(|since| since.elapsed() >= gathered) {
            match &mut self.muxer {
                Muxer::Matroska(muxer) => muxer.flush(&mut self.output)?,
                Muxer::Ogg(muxer) => muxer.flush(&mut self.output)?,
            }
            self.gathering = None;
        }
        if sync { self.output.sync() } else { Ok(()) }
    }

    fn finish(&mut self, sync: bool) -> io::Result<()> {
        match &mut self.muxer {
            Muxer::Matroska(muxer) => muxer.finish(&mut self.output)?,
            Muxer::Ogg(muxer) => muxer.finish(&mut self.output)?,
        }
        if sync { self.output.sync() } else { Ok(()) }
    }

    /// Leaves it as good as it can be made without writing more.
    fn give_up(&mut self) {
        let cut = self.output.give_up();
        if let (Ok(()), Muxer::Matroska(muxer)) = (cut, &mut self.muxer) {
            // Without them it is readable all the same.
            let _ = muxer.close(&mut self.output);
        }
    }

    /// Tells the totals what it has grown by.
    fn count(&mut self, outfit: &Outfit) {
        let bytes = self.output.bytes();
        outfit.totals.bytes.add(bytes - std::mem::replace(&mut self.told, bytes));
    }

    /// What there is to tell of a track that ends.
    fn ended(&self, begun: &Begun, status: &TrackStatus, finished: bool) -> Value {
        json!({
            "file": self.name,
            "packets": begun.packets,
            "bytes": self.output.bytes(),
            "duration": begun.end.saturating_sub(begun.first),
            "dropped": status.dropped.get(),
            "oversize": status.oversize.get(),
            "frames": begun.frames,
            "lost_frames": begun.lost_frames,
            "finished": finished,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
