//! One file of a recording, with what has not been written to it yet.
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use sfu_core::media::mjr::{MjrError, MjrHeader, MjrMedia, MjrWriter};

use crate::folder::{Medium, Store};
use crate::format::Formats;
use crate::name::MJR;

/// Bytes gathered before they are written.
const BUFFER: usize = 32 * 1024;

/// Gathers small writes. After an error it must not be written to again.
struct Sink {
    out: Box<dyn Medium>,
    buffer: Vec<u8>,
    /// Bytes of the next writes that are in the file already.
    skip: usize,
    bytes: u64,
    /// Bytes in the file: the header, and whole packets.
    written: u64,
    synced: bool,
}

impl Sink {
    fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.skip > 0 {
            let skip = self.skip.min(bytes.len());
            self.skip -= skip;
            bytes = bytes.get(skip..).unwrap_or_default();
        }
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.synced = false;
        let written = self.out.write_all(&self.buffer);
        match written {
            Ok(()) => self.written += self.buffer.len() as u64,
            // What was written in part is cut off, as far as the disk lets us: whole packets are left.
            Err(_) => drop(self.out.truncate(self.written)),
        }
        self.buffer.clear();
        written
    }

    fn flush(&mut self, sync: bool) -> io::Result<()> {
        self.write_out()?;
        if sync && !self.synced {
            self.out.sync()?;
            self.synced = true;
        }
        Ok(())
    }
}

/// The sink, shared between the MJR writer and who flushes it; both on the writer's thread.
#[derive(Clone)]
struct SharedSink(Rc<RefCell<Sink>>);

impl Write for SharedSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().push(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush(false)
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is in the file, or will be with the next flush.
    Yes,
    /// It has no place in the file: from before its beginning, or no RTP packet.
    No,
    /// The sender changed its codec; a file holds one.
    OtherFormat,
}

/// One file. It holds 8 bytes until the first packet comes.
pub struct RecordingFile {
    name: String,
    sink: SharedSink,
    /// The payload type that the file began with, and its writer.
    mjr: Option<(u8, MjrWriter<SharedSink>)>,
    opened: (Instant, SystemTime),
    packets: u64,
    /// Bytes that `take_growth` told of.
    told: u64,
    first: Option<Duration>,
    last: Duration,
}

impl RecordingFile {
    /// Makes the file; `opened` is when the recording began, by both clocks.
    pub fn create(store: &dyn Store, stem: &str, opened: (Instant, SystemTime)) -> Result<Self, MjrError> {
        let (name, out) = store.create(stem, MJR)?;
        let mut sink = Sink { out, buffer: Vec::new(), skip: 0, bytes: 0, written: 0, synced: true };
        // What a recording of nothing looks like is what each begins with; the codec is known with the first packet.
        let nothing = MjrHeader::new(MjrMedia::Audio, "opus");
        let magic = MjrWriter::create(Vec::new(), nothing, opened.0, opened.1)?.finish()?;
        sink.push(&magic)?;
        if let Err(error) = sink.write_out() {
            store.discard(&name);
            return Err(error.into());
        }
        sink.skip = magic.len();
        let sink = SharedSink(Rc::new(RefCell::new(sink)));
        let last = Duration::ZERO;
        Ok(RecordingFile { name, sink, mjr: None, opened, packets: 0, told: 0, first: None, last })
    }

    /// Its name in the folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Packets in it.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes in it, with those that wait to be written.
    pub fn bytes(&self) -> u64 {
        self.sink.0.borrow().bytes
    }

    /// Bytes that it has grown by since the last call.
    pub fn take_growth(&mut self) -> u64 {
        let bytes = self.bytes();
        bytes - std::mem::replace(&mut self.told, bytes)
    }

    /// Time between its first and its last packet.
    pub fn duration(&self) -> Duration {
        self.first.map_or(Duration::ZERO, |first| self.last.saturating_sub(first))
    }

    /// How long it has been when a packet comes at `at`.
    pub fn lasted(&self, at: Duration) -> Duration {
        self.first.map_or(Duration::ZERO, |first| at.saturating_sub(first))
    }

    /// Writes a packet that came `at` after the recording began; `restart` if a pause was before it.
    ///
    /// An error ends the file.
    pub fn write(
        &mut self,
        packet: &[u8],
        at: Duration,
        restart: bool,
        formats: &Formats,
    ) -> Result<Written, MjrError> {
        let Some(payload_type) = packet.get(1).map(|byte| byte & 0x7F) else { return Ok(Written::No) };
        let mjr = match &mut self.mjr {
            Some((known, mjr)) if *known == payload_type => mjr,
            Some(_) => return Ok(Written::OtherFormat),
            none => {
                let Some(format) = formats.get(payload_type) else { return Ok(Written::No) };
                let (opened, wall) = self.opened;
                let mut mjr = MjrWriter::create(self.sink.clone(), formats.header(format), opened, wall)?;
                for (id, uri) in &formats.extensions {
                    // One that the header has no room for is not listed; the packets carry it all the same.
                    let _ = mjr.add_extension(*id, uri);
                }
                &mut none.insert((payload_type, mjr)).1
            }
        };
        if restart {
            mjr.pause();
            mjr.resume();
        }
        match mjr.write_rtp(packet, self.opened.0 + at) {
            Ok(true) => {
                self.packets += 1;
                self.first.get_or_insert(at);
                self.last = self.last.max(at);
                // Between packets, so that a file that a full disk ends does so with a whole one.
                let mut sink = self.sink.0.borrow_mut();
                if sink.buffer.len() >= BUFFER {
                    sink.write_out()?;
                }
                Ok(Written::Yes)
            }
            Ok(false) | Err(MjrError::Rtp(_) | MjrError::TooLong { .. }) => Ok(Written::No),
            Err(error) => Err(error),
        }
    }

    /// Writes what waits, and with `sync` through to the disk. An error ends the file.
    pub fn flush(&mut self, sync: bool) -> io::Result<()> {
        self.sink.0.borrow_mut().flush(sync)
    }
}
