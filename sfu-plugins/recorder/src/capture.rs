//! A packet capture, with the encodings that go into it.
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use sfu_core::serde_json::{Value, json};

use crate::clock_reading::ClockReading;
use crate::folder::millis;
use crate::format::Formats;
use crate::lane::nanos;
use crate::name::{PCAPNG, sanitised};
use crate::output::Output;
use crate::pcapng::{self, RTCP_PORT, RTP_PORT};
use crate::settings::Limits;
use crate::status::TrackStatus;
use crate::timeline::Nanos;
use crate::writer::{Open, Outfit};

/// Bytes gathered before they are written.
const BUFFER: usize = 32 * 1024;
/// Longest name of a stream in bytes.
const MAX_NAME: usize = 60;
/// What a capture says of itself.
const ABOUT: &str = "Media as it was recorded, decrypted. Addresses and UDP headers are made up: one address for each stream, \
                     RTP on port 5004, RTCP on port 5005. To see it as such: tshark -d udp.port==5004,rtp \
                     -d udp.port==5005,rtcp -r FILE";

/// The file that is written now. What is gathered is always whole blocks.
struct Written {
    name: String,
    output: Output,
    gathered: Vec<u8>,
    interfaces: u32,
    /// When its first packet came.
    first: Nanos,
    /// Bytes that totals know of.
    told: u64,
}

/// One encoding of it.
struct Member {
    /// By which its address is made; the same in all files.
    number: u16,
    name: String,
    about: String,
    status: Arc<TrackStatus>,
    /// When it was opened, after the first one was.
    shift: Nanos,
    ssrc: Option<u32>,
    begun: Option<Begun>,
}

/// An interface of the file that is written now.
struct Begun {
    interface: u32,
    packets: u64,
    first: Nanos,
    last: Nanos,
}

/// What goes into one file, or one after the other into several.
pub struct Capture {
    stem: String,
    limits: Limits,
    opened: (Instant, SystemTime),
    members: BTreeMap<u32, Member>,
    numbers: u16,
    file: Option<Written>,
}

impl Capture {
    /// For what begins with this.
    pub fn new(open: &Open) -> Self {
        let (stem, limits, opened) = (open.stem.clone(), open.limits, open.opened);
        Capture { stem, limits, opened, members: BTreeMap::new(), numbers: 0, file: None }
    }

    /// Adds an encoding.
    pub fn join(&mut self, open: &Open) {
        let (ours, theirs) = (self.opened.0, open.opened.0);
        let shift =
            nanos(theirs.saturating_duration_since(ours)) - nanos(ours.saturating_duration_since(theirs));
        let status = open.status.clone();
        self.numbers = self.numbers.wrapping_add(1);
        let (number, ssrc, begun) = (self.numbers, None, None);
        let (name, about) = (name(&status), about(&status, &open.formats));
        self.members.insert(open.track, Member { number, name, about, status, shift, ssrc, begun });
    }

    /// Whether nothing goes into it any more.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A packet came, `at` after its encoding was opened.
    pub fn write(&mut self, track: u32, at: Duration, packet: &[u8], outfit: &Outfit) {
        if let Err(error) = self.put(track, at, packet, outfit) {
            self.fail(&error, outfit);
        }
    }

    fn put(&mut self, track: u32, at: Duration, packet: &[u8], outfit: &Outfit) -> io::Result<()> {
        let (Some(member), Some(ssrc)) =
            (self.members.get(&track), packet.get(8..).and_then(|rest| rest.first_chunk()))
        else {
            return Ok(());
        };
        let (at, ssrc) = (member.shift.saturating_add(nanos(at)), u32::from_be_bytes(*ssrc));
        let is_full = self.file.as_ref().is_some_and(|file| {
            let lasted = Duration::from_nanos((at - file.first).max(0) as u64);
            self.limits.reached(file.bytes(), lasted)
        });
        if is_full {
            self.cut(outfit)?;
        }
        if self.file.is_none() {
            self.file = Some(self.create(at, outfit)?);
        }
        let wall = self.wall(at);
        let (Some(file), Some(member)) = (&mut self.file, self.members.get_mut(&track)) else {
            return Ok(());
        };
        member.ssrc = Some(ssrc);
        let before = file.bytes();
        let (begun, is_first) = match &mut member.begun {
            Some(begun) => (begun, false),
            none => {
                let interface = file.add(member.number, &member.name, &member.about);
                let begun = none.insert(Begun { interface, packets: 0, first: at, last: at });
                member.status.set_file(&file.name);
                let about = json!({ "file": file.name, "started": wall / 1_000_000 });
                outfit.say(&member.status, "recorder.started", about, None);
                (begun, true)
            }
        };
        let comment = is_first.then(|| format!("{}: SSRC 0x{ssrc:08X}, {}", member.name, member.about));
        let from = (pcapng::address(member.number), RTP_PORT);
        pcapng::packet(&mut file.gathered, begun.interface, wall, from, packet, comment.as_deref());
        begun.packets += 1;
        begun.last = begun.last.max(at);
        member.status.packets.add(1);
        member.status.bytes.add(file.bytes() - before);
        outfit.totals.packets.add(1);
        if file.gathered.len() >= BUFFER { file.write_out(outfit) } else { Ok(()) }
    }

    /// The sender of an encoding reports; told with the time at which it did so. Nothing is told of who has sent nothing else.
    pub fn report(&mut self, track: u32, reading: &ClockReading) {
        let Some(member) = self.members.get(&track) else { return };
        let wall = self.wall(member.shift.saturating_add(reading.at));
        let (Some(file), Some(begun), Some(ssrc)) = (&mut self.file, &member.begun, member.ssrc) else {
            return;
        };
        // RFC 3550 section 6.4.1, without report blocks.
        let mut report = [0; 28];
        let fields = [
            0x80C8_0006,
            ssrc,
            (reading.ntp >> 32) as u32,
            reading.ntp as u32,
            reading.rtp_timestamp,
            reading.packets,
            reading.octets,
        ];
        for (place, field) in report.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        let from = (pcapng::address(member.number), RTCP_PORT);
        pcapng::packet(&mut file.gathered, begun.interface, wall, from, &report, None);
    }

    /// Writes what was gathered.
    pub fn flush(&mut self, outfit: &Outfit) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.flush(outfit) {
            self.fail(&error, outfit);
        }
    }

    /// An encoding ends; what there is to tell of it.
    pub fn close(&mut self, track: u32, outfit: &Outfit) -> Option<Value> {
        if self.members.get(&track)?.begun.is_some() {
            // Whoever hears of the end finds all of it. After an error it has been taken out.
            self.flush(outfit);
        }
        let mut member = self.members.remove(&track)?;
        let begun = member.begun.take()?;
        let is_last = self.members.values().all(|other| other.begun.is_none());
        let ended = self.file.as_ref()?.ended(&begun, &member.status, is_last);
        if is_last {
            self.file = None;
        }
        Some(ended)
    }

    /// Goes on in another file.
    fn cut(&mut self, outfit: &Outfit) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush(outfit)?;
        for member in self.members.values_mut() {
            let Some(begun) = member.begun.take() else { continue };
            outfit.say(&member.status, "recorder.stopped", file.ended(&begun, &member.status, true), None);
        }
        self.file = None;
        Ok(())
    }

    fn create(&self, first: Nanos, outfit: &Outfit) -> io::Result<Written> {
        let (name, medium) = outfit.store.create(&self.stem, PCAPNG)?;
        let mut gathered = Vec::new();
        pcapng::section(&mut gathered, ABOUT);
        let mut file = Written { name, output: Output::new(medium), gathered, interfaces: 0, first, told: 0 };
        if let Err(error) = file.write_out(outfit) {
            outfit.store.discard(&file.name);
            return Err(error);
        }
        outfit.totals.files.add(1);
        Ok(file)
    }

    /// Nanoseconds since 1970.
    fn wall(&self, at: Nanos) -> u64 {
        let opened = self.opened.1.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (opened.as_nanos() as u64).saturating_add_signed(at)
    }

    /// Gives it up: media goes on, and what is in the file stays readable.
    fn fail(&mut self, error: &io::Error, outfit: &Outfit) {
        if let Some(mut file) = self.file.take() {
            // What can't be cut off is half a packet, at which readers stop.
            let _ = file.output.give_up();
        }
        for (track, member) in std::mem::take(&mut self.members) {
            outfit.failed(&member.status, track, error);
        }
    }
}

impl Written {
    /// Bytes in it, with those that wait to be written.
    fn bytes(&self) -> u64 {
        self.output.bytes() + self.gathered.len() as u64
    }

    /// Adds a stream, and answers its interface.
    fn add(&mut self, number: u16, name: &str, about: &str) -> u32 {
        pcapng::interface(&mut self.gathered, name, about);
        let worker = (pcapng::WORKER, "worker");
        pcapng::names(&mut self.gathered, [(pcapng::address(number), name), worker]);
        self.interfaces += 1;
        self.interfaces - 1
    }

    fn write_out(&mut self, outfit: &Outfit) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        self.output.append(&self.gathered)?;
        self.gathered.clear();
        let bytes = self.output.bytes();
        outfit.totals.bytes.add(bytes - std::mem::replace(&mut self.told, bytes));
        Ok(())
    }

    fn flush(&mut self, outfit: &Outfit) -> io::Result<()> {
        self.write_out(outfit)?;
        if outfit.fsync { self.output.sync() } else { Ok(()) }
    }

    /// What there is to tell of a stream that ends.
    fn ended(&self, begun: &Begun, status: &TrackStatus, finished: bool) -> Value {
        json!({
            "file": self.name,
            "packets": begun.packets,
            "bytes": self.bytes(),
            "duration": (begun.last - begun.first).max(0) / 1_000_000,
            "dropped": status.dropped.get(),
            "oversize": status.oversize.get(),
            "finished": finished,
        })
    }
}

/// What a stream is called: as its label `stream` says, else by its producer.
fn name(status: &TrackStatus) -> String {
    let stream = status.stream.clone().unwrap_or_else(|| status.producer.to_string());
    format!("{}-{}-{}", sanitised(&stream, MAX_NAME), status.kind, status.encoding)
}

/// What a stream is. It begins with its kind and its codecs.
fn about(status: &TrackStatus, formats: &Formats) -> String {
    let codecs: Vec<&str> = formats.formats.iter().map(|format| format.codec).collect();
    let types: Vec<String> =
        formats.formats.iter().map(|format| format!("{} is {}", format.payload_type, format.codec)).collect();
    format!(
        "{} {}, encoding {} of producer {} since {}, payload type {}",
        status.kind,
        if codecs.is_empty() { "other".to_owned() } else { codecs.join("+") },
        status.encoding,
        status.producer,
        millis(status.started),
        if types.is_empty() { "any".to_owned() } else { types.join(", ") },
    )
}

#[cfg(test)]
mod tests;
