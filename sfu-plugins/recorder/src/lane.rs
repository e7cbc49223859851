//! From the packets of one encoding to its frames: in order, whole, and of a known time.
use std::sync::Arc;
use std::time::Duration;

use sfu_core::control;
use sfu_core::media::{
    Codec, Depacketizer, Frame, InOrder, MediaKind, OpusToc, Reorder, RtpHeader, Vp8Descriptor, Vp9Descriptor,
};

use crate::format::Formats;
use crate::timeline::{Nanos, Timeline};
use crate::track_entry::{ParameterSets, TrackEntry, has_picture, to_sample};

/// How long a packet that is missing is waited for: a retransmission takes a round trip.
pub const PATIENCE: Duration = Duration::from_millis(400);
/// Packets that wait for one that is missing, at the most.
pub const MAX_HELD: usize = 1024;
/// What a frame of video is taken to last where nothing else is known.
const FRAME: Nanos = 33_333_333;

/// One frame of video, or packet of audio, for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its codec.
    pub codec: Codec,
    /// When it is shown.
    pub at: Nanos,
    /// For how long: exact for audio.
    pub lasts: Nanos,
    /// Decoding can begin here. Always true for audio.
    pub key_frame: bool,
    /// As containers hold it.
    pub data: Vec<u8>,
    /// What a file says of its track; with each key frame.
    pub entry: Option<TrackEntry>,
}

impl Sample {
    /// Whether it is video.
    pub fn is_video(&self) -> bool {
        self.codec.kind() == MediaKind::Video
    }
}

#[derive(Debug)]
struct Packet {
    bytes: Vec<u8>,
    at: Duration,
}

/// What a lane did with what it got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Packets taken.
    pub packets: u64,
    /// Frames of video that were lost, or left out because they depend on one.
    pub lost_frames: u64,
}

/// One encoding.
#[derive(Debug)]
pub struct Lane {
    formats: Arc<Formats>,
    /// Frames that depend on one that is missing are kept.
    keep: bool,
    /// What is to be added to times of arrival.
    shift: Nanos,
    reorder: Reorder<Packet>,
    ssrc: Option<u32>,
    depacketizer: Option<(u8, Codec, Depacketizer)>,
    timeline: Timeline,
    sets: ParameterSets,
    /// Timestamp and arrival of the first packet of the frame that comes.
    first: Option<(u32, Duration)>,
    /// Number of the last picture that was seen, and whether its last packet was.
    picture: Option<u16>,
    ended: bool,
    /// Nothing can be decoded before a key frame.
    broken: bool,
    wants_key_frame: bool,
    last: Option<Nanos>,
    figures: Figures,
}

impl Lane {
    /// A lane for these formats, whose packets count their arrival from `shift` on.
    pub fn new(formats: Arc<Formats>, keep: bool, shift: Nanos) -> Self {
        let timeline = Timeline::new(if formats.kind == control::MediaKind::Audio { 48_000 } else { 90_000 });
        Lane {
            formats,
            keep,
            shift,
            reorder: Reorder::new(PATIENCE, MAX_HELD),
            ssrc: None,
            depacketizer: None,
            timeline,
            sets: ParameterSets::default(),
            first: None,
            picture: None,
            ended: false,
            broken: true,
            wants_key_frame: false,
            last: None,
            figures: Figures::default(),
        }
    }

    /// What it did since the last call.
    pub fn take_figures(&mut self) -> Figures {
        std::mem::take(&mut self.figures)
    }

    /// Whether a key frame would help, since the last call.
    pub fn take_key_frame_wish(&mut self) -> bool {
        std::mem::take(&mut self.wants_key_frame)
    }

    /// What comes next must be a key frame, if it is video.
    pub fn need_key_frame(&mut self) {
        (self.broken, self.wants_key_frame) = (true, true);
    }

    /// The sender's clock was at `at` when this stream's was at `timestamp`.
    pub fn report(&mut self, timestamp: u32, at: Nanos) {
        self.timeline.report(timestamp, at);
    }

    /// Takes a packet that arrived at `at`; `restart` if a pause was before it.
    pub fn push(&mut self, packet: &[u8], at: Duration, restart: bool, samples: &mut Vec<Sample>) {
        let Ok(header) = RtpHeader::parse(packet) else { return };
        if self.formats.get(header.payload_type).is_none() {
            return;
        }
        let is_other = self.ssrc.is_some_and(|ssrc| ssrc != header.ssrc);
        if restart || is_other {
            self.drain(samples);
            self.reorder.restart();
            // Whatever is missing in between, nobody waits for it.
            self.depacketizer = None;
            self.broken = true;
        }
        self.ssrc = Some(header.ssrc);
        if is_other {
            self.timeline.restart();
        } else if restart {
            self.timeline.resume();
        }
        self.figures.packets += 1;
        self.reorder.push(header.sequence_number, at, Packet { bytes: packet.to_vec(), at });
        self.release(at, samples);
    }

    /// Gives out what was held back long enough.
    pub fn release(&mut self, now: Duration, samples: &mut Vec<Sample>) {
        while let Some(next) = self.reorder.pop(now) {
            self.take(next, samples);
        }
    }

    /// Gives out everything that was held back.
    pub fn drain(&mut self, samples: &mut Vec<Sample>) {
        while let Some(next) = self.reorder.drain() {
            self.take(next, samples);
        }
    }

    fn take(&mut self, InOrder { packet, lost }: InOrder<Packet>, samples: &mut Vec<Sample>) {
        let Ok(header) = RtpHeader::parse(&packet.bytes) else { return };
        let Some(codec) = self.formats.get(header.payload_type).map(|format| format.media) else { return };
        if self.depacketizer.as_ref().is_none_or(|(known, ..)| *known != header.payload_type) {
            let Some(depacketizer) = Depacketizer::new(codec) else { return };
            self.broken |= self.depacketizer.replace((header.payload_type, codec, depacketizer)).is_some();
        }
        let Some((_, _, depacketizer)) = &mut self.depacketizer else { return };
        if self.first.is_none_or(|(timestamp, _)| timestamp != header.timestamp) {
            self.first = Some((header.timestamp, packet.at));
        }
        let before = depacketizer.dropped();
        let payload = header.payload(&packet.bytes);
        let picture = starts_picture(codec, payload);
        // Packets of padding alone have numbers too, and do not come here: between pictures that follow each other
        // nothing is lost.
        let follows = self.ended
            && picture.is_some_and(|picture| self.picture.is_some_and(|last| picture.follows(last)));
        let lost = lost && !follows;
        self.picture = picture.map(|picture| picture.number).or(self.picture);
        self.ended = header.marker;
        let pushed = depacketizer.push(header.sequence_number, header.timestamp, header.marker, payload);
        let given_up = depacketizer.dropped() - before;
        if (lost || pushed.is_err() || given_up > 0) && codec.kind() == MediaKind::Video {
            self.figures.lost_frames += given_up.max(u64::from(pushed.is_err()));
            self.broken |= !self.keep;
            self.wants_key_frame = true;
        }
        if let Ok(Some(frame)) = pushed {
            samples.extend(self.sample(codec, frame));
        }
    }

    /// What a file gets of a frame, if anything.
    fn sample(&mut self, codec: Codec, frame: Frame) -> Option<Sample> {
        let is_video = codec.kind() == MediaKind::Video;
        let mut key_frame = frame.key_frame;
        let entry = TrackEntry::of(codec, &frame, &mut self.sets);
        if !has_picture(codec, &frame.data) {
            return None;
        }
        // Some senders call every packet of VP9 one of a key frame; the bitstream knows better.
        if matches!(codec, Codec::Vp9 | Codec::Av1) && entry.is_none() {
            key_frame = false;
        }
        if is_video && (self.broken || key_frame) && entry.is_none() {
            (self.broken, self.wants_key_frame) = (true, true);
            self.figures.lost_frames += 1;
            return None;
        }
        let audio = if is_video { None } else { Some(OpusToc::parse(&frame.data)?) };
        self.broken = false;
        let arrived = self.first.map_or(Duration::ZERO, |(_, at)| at);
        let at = self.timeline.moment(frame.timestamp, self.shift.saturating_add(nanos(arrived)));
        let lasts = match audio {
            Some(toc) => i64::from(toc.duration) * 1_000_000 / 48,
            None => self.last.map_or(FRAME, |last| (at - last).clamp(1, 1_000_000_000)),
        };
        self.last = Some(at);
        let data = to_sample(codec, frame.data);
        Some(Sample { codec, at, lasts, key_frame, data, entry })
    }
}

/// The number of a picture, in as many bits as the sender gives it.
#[derive(Debug, Clone, Copy)]
struct Picture {
    number: u16,
    is_long: bool,
}

impl Picture {
    fn follows(self, last: u16) -> bool {
        self.number == last.wrapping_add(1) & if self.is_long { 0x7FFF } else { 0x7F }
    }
}

/// The number of the picture that begins with this payload, where the codec has numbers (RFC 7741, RFC 9628).
fn starts_picture(codec: Codec, payload: &[u8]) -> Option<Picture> {
    let (starts, number, is_long) = match codec {
        Codec::Vp8 => {
            let descriptor = Vp8Descriptor::parse(payload)?;
            (descriptor.is_frame_start(), descriptor.picture_id, descriptor.picture_id_is_long)
        }
        Codec::Vp9 => {
            let descriptor = Vp9Descriptor::parse(payload)?;
            let lowest = descriptor.spatial_layer.unwrap_or(0) == 0;
            (descriptor.start && lowest, descriptor.picture_id, descriptor.picture_id_is_long)
        }
        _ => return None,
    };
    if starts { Some(Picture { number: number?, is_long }) } else { None }
}

/// A duration in nanoseconds; 292 years are the most.
pub fn nanos(duration: Duration) -> Nanos {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
