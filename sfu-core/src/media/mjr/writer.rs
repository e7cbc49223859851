//! Writing recordings.

use super::{MAGIC, MAX_MESSAGE_LEN, MAX_RTP_LEN, MjrError, MjrHeader, MjrMedia, RECORD};
use crate::media::Switcher;
use crate::rtp::RtpHeader;
use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Length of a record's header in bytes.
const RECORD_HEADER_LEN: usize = 10;

/// Writes one recording. Every record goes out in one `write_all`: give it a `BufWriter` for files.
///
/// The magic is written at once and the header with the first record, so a recording of nothing is 8 bytes long. Packets are
/// numbered anew from sequence number 1 and timestamp 0, continuously over pauses and changes of the source, and all get
/// the SSRC of the first one; payload type and header extensions are kept.
#[derive(Debug)]
pub struct MjrWriter<W: Write> {
    out: W,
    header: MjrHeader,
    switcher: Switcher,
    anchor: (Instant, SystemTime),
    first: Option<Instant>,
    ssrc: Option<u32>,
    paused: bool,
    broken: bool,
    records: u64,
    record: Vec<u8>,
}

impl<W: Write> MjrWriter<W> {
    /// Begins a recording at `now`, which is `wall` on the wall clock.
    ///
    /// The times in `header` are filled in. Fails if the header is too long or the magic can't be written.
    pub fn create(out: W, header: MjrHeader, now: Instant, wall: SystemTime) -> Result<Self, MjrError> {
        let step = match (header.media, header.codec.as_str()) {
            (MjrMedia::Video, _) => 3000,
            // 20 ms at the RTP clock of the codec.
            (_, "opus" | "multiopus" | "l16-48") => 960,
            (_, "l16") => 320,
            _ => 160,
        };
        let mut writer = Self {
            out,
            header: MjrHeader { created: micros(wall), written: 0, ..header },
            switcher: Switcher::new(step),
            anchor: (now, wall),
            first: None,
            ssrc: None,
            paused: false,
            broken: false,
            records: 0,
            record: Vec::with_capacity(RECORD_HEADER_LEN + MAX_RTP_LEN),
        };
        // The header must fit, and that is better known now than at the first packet.
        writer.header.written = writer.header.created;
        writer.header.to_json()?;
        writer.out.write_all(&MAGIC)?;
        Ok(writer)
    }

    /// Lists a header extension (id 1 to 15) in the header; only before the first record.
    pub fn add_extension(&mut self, id: u8, uri: &str) -> Result<(), MjrError> {
        if self.first.is_some() {
            return Err(MjrError::Misuse(
                "extensions are listed in the header, add them before the first record",
            ));
        }
        if !(1..=15).contains(&id) {
            return Err(MjrError::Misuse("an extension id is 1 to 15"));
        }
        self.header.extensions.retain(|(known, _)| *known != id);
        self.header.extensions.push((id, uri.to_owned()));
        let fits = self.header.to_json().map(drop);
        if fits.is_err() {
            self.header.extensions.pop();
        }
        fits
    }

    /// Drops what comes from now on, until [`resume`](Self::resume).
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Goes on recording; the numbering continues as if there had been no pause.
    pub fn resume(&mut self) {
        if std::mem::take(&mut self.paused) {
            self.switcher.restart();
        }
    }

    /// Records written so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Writes an RTP packet of at most 1500 bytes (unencrypted, padding is cut off) that arrived at `now`, and answers whether it
    /// was recorded: not during a pause, nor if it comes from before a switch of the source.
    pub fn write_rtp(&mut self, packet: &[u8], now: Instant) -> Result<bool, MjrError> {
        if self.header.media == MjrMedia::Data {
            return Err(MjrError::Misuse("this is a recording of data, write messages"));
        }
        let header = RtpHeader::parse(packet)?;
        let len = packet.len() - usize::from(header.padding_len);
        if len > MAX_RTP_LEN {
            return Err(MjrError::TooLong { len, max: MAX_RTP_LEN });
        }
        if self.paused {
            return Ok(false);
        }
        let numbers = self.switcher.rewrite(header.ssrc, header.sequence_number, header.timestamp);
        let Some((sequence_number, timestamp)) = numbers else { return Ok(false) };
        let ssrc = *self.ssrc.get_or_insert(header.ssrc);
        self.begin(now, len)?;
        self.record.extend_from_slice(packet.get(..len).unwrap_or_default());
        if let Some(fixed) =
            self.record.get_mut(RECORD_HEADER_LEN..).and_then(|packet| packet.first_chunk_mut::<12>())
        {
            let ([s0, s1], [t0, t1, t2, t3]) = (sequence_number.to_be_bytes(), timestamp.to_be_bytes());
            let [r0, r1, r2, r3] = ssrc.to_be_bytes();
            let [first, second, ..] = *fixed;
            *fixed = [first & !0x20, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3];
        }
        self.end()?;
        Ok(true)
    }

    /// Writes a message of at most 65527 bytes that arrived at `now`, and answers whether it was recorded (not during a pause).
    pub fn write_message(&mut self, message: &[u8], now: Instant) -> Result<bool, MjrError> {
        if self.header.media != MjrMedia::Data {
            return Err(MjrError::Misuse("this isn't a recording of data, write RTP packets"));
        }
        if message.len() > MAX_MESSAGE_LEN {
            return Err(MjrError::TooLong { len: message.len(), max: MAX_MESSAGE_LEN });
        }
        if self.paused {
            return Ok(false);
        }
        self.begin(now, 8 + message.len())?;
        let wall = self.wall(now);
        self.record.extend_from_slice(&wall.to_be_bytes());
        self.record.extend_from_slice(message);
        self.end()?;
        Ok(true)
    }

    /// Flushes and gives the output back.
    pub fn finish(mut self) -> Result<W, MjrError> {
        self.out.flush()?;
        Ok(self.out)
    }

    /// Writes the header if this is the first record, and begins the record.
    fn begin(&mut self, now: Instant, len: usize) -> Result<(), MjrError> {
        if self.broken {
            return Err(MjrError::Broken);
        }
        self.record.clear();
        let first = match self.first {
            Some(first) => first,
            None => {
                self.header.written = self.wall(now);
                let json = self.header.to_json()?;
                self.record.extend_from_slice(&(json.len() as u16).to_be_bytes());
                self.record.extend_from_slice(json.as_bytes());
                self.flush_record()?;
                *self.first.insert(now)
            }
        };
        // 32 bits of milliseconds last for 49 days.
        let elapsed = u32::try_from(now.saturating_duration_since(first).as_millis()).unwrap_or(u32::MAX);
        self.record.extend_from_slice(&RECORD);
        self.record.extend_from_slice(&elapsed.to_be_bytes());
        self.record.extend_from_slice(&(len as u16).to_be_bytes());
        Ok(())
    }

    fn end(&mut self) -> Result<(), MjrError> {
        self.flush_record()?;
        self.records += 1;
        Ok(())
    }

    fn flush_record(&mut self) -> Result<(), MjrError> {
        let written = self.out.write_all(&self.record);
        // A part of it may be in the file: what followed would be out of step.
        self.broken = written.is_err();
        self.record.clear();
        Ok(written?)
    }

    /// The wall clock in microseconds since 1970, from the one reading at the beginning.
    fn wall(&self, now: Instant) -> u64 {
        let (anchor, wall) = self.anchor;
        micros(wall).saturating_add(now.saturating_duration_since(anchor).as_micros() as u64)
    }
}

fn micros(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
