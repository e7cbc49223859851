//! A reader, and what waits for it.
use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::figures::{Common, ReaderEntry, ReaderFigures};
use crate::socket::Stream;
use crate::wire::{DISCONTINUITY, FRAME_HEAD, FrameHead, KEY_FRAME};

/// Bytes of announcements that may wait beside frames; who lets more pile up has stopped reading.
const TEXT_ROOM: usize = 1024 * 1024;
/// Bytes that are taken from a reader, and thrown away, at once.
const UNWANTED: usize = 512;

/// How much may wait for a reader.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// What became of a frame for one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is on its way.
    Queued,
    /// There is no room for it.
    Full,
    /// A key frame must come first.
    NoKeyFrame,
    /// The reader does not know the stream.
    Unknown,
}

/// The reader let too many announcements pile up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoppedReading;

enum Message {
    Text(Vec<u8>),
    Frame([u8; FRAME_HEAD], Arc<Vec<u8>>),
}

impl Message {
    fn parts(&self) -> (&[u8], &[u8]) {
        match self {
            Message::Text(text) => (text, &[]),
            Message::Frame(head, payload) => (head, payload),
        }
    }

    fn len(&self) -> usize {
        let (head, payload) = self.parts();
        head.len() + payload.len()
    }
}

/// What a reader gets of one stream.
#[derive(Debug, Clone, Copy)]
struct Gate {
    /// Frames other than key frames exist, so that it matters where it begins.
    video: bool,
    /// It goes on with a key frame.
    waiting: bool,
    /// Something was left out.
    lost: bool,
}

/// One reader: its socket and a bounded queue.
pub(crate) struct Reader {
    pub(crate) id: u32,
    /// Frames that were dropped since this was last told.
    pub(crate) untold: u64,
    socket: Box<dyn Stream>,
    limits: Limits,
    queue: VecDeque<Message>,
    /// Bytes of the first message that are written already.
    written: usize,
    frames: usize,
    frame_bytes: usize,
    text_bytes: usize,
    gates: HashMap<u32, Gate>,
    pub(crate) figures: Arc<ReaderFigures>,
    waiting: Arc<(AtomicUsize, AtomicUsize)>,
    common: Arc<Common>,
}

impl Reader {
    pub(crate) fn new(id: u32, socket: Box<dyn Stream>, limits: Limits, common: Arc<Common>) -> Self {
        let (figures, waiting) =
            (Arc::<ReaderFigures>::default(), Arc::<(AtomicUsize, AtomicUsize)>::default());
        let entry = ReaderEntry { figures: figures.clone(), waiting: waiting.clone() };
        common.board().readers.insert(id, entry);
        common.readers.fetch_add(1, Ordering::Relaxed);
        Reader {
            id,
            untold: 0,
            socket,
            limits,
            queue: VecDeque::new(),
            written: 0,
            frames: 0,
            frame_bytes: 0,
            text_bytes: 0,
            gates: HashMap::new(),
            figures,
            waiting,
            common,
        }
    }

    /// Sends an announcement.
    pub(crate) fn tell(&mut self, text: &[u8]) -> Result<(), StoppedReading> {
        if self.text_bytes + text.len() > TEXT_ROOM {
            return Err(StoppedReading);
        }
        self.text_bytes += text.len();
        self.queue.push_back(Message::Text(text.to_vec()));
        Ok(())
    }

    /// The reader knows this stream from now on.
    pub(crate) fn begin(&mut self, stream: u32, video: bool) {
        self.gates.insert(stream, Gate { video, waiting: video, lost: false });
    }

    /// A stream begins anew: video goes on with a key frame.
    pub(crate) fn restart(&mut self, stream: u32) {
        if let Some(gate) = self.gates.get_mut(&stream) {
            gate.waiting = gate.video;
        }
    }

    /// A stream has ended.
    pub(crate) fn end(&mut self, stream: u32) {
        self.gates.remove(&stream);
    }

    /// Queues a frame, whole or not at all.
    pub(crate) fn offer(&mut self, mut head: FrameHead, payload: &Arc<Vec<u8>>) -> Offered {
        let Some(gate) = self.gates.get_mut(&head.stream) else { return Offered::Unknown };
        let (figures, common) = (self.figures.clone(), self.common.clone());
        let counts = [&*figures, &common.reader_totals];
        if gate.waiting && head.flags & KEY_FRAME == 0 {
            counts.iter().for_each(|count| count.no_key_frame.add(1));
            // What a reader never had is no loss to it.
            gate.lost |= head.flags & DISCONTINUITY != 0;
            self.untold += u64::from(gate.lost);
            return Offered::NoKeyFrame;
        }
        let len = FRAME_HEAD + payload.len();
        if !self.has_room(len) {
            // Many frames may come between two flushes. That the reader is gone shows in the next one.
            let _ = self.write();
        }
        let has_room = self.has_room(len);
        let Some(gate) = self.gates.get_mut(&head.stream) else { return Offered::Unknown };
        if !has_room {
            counts.iter().for_each(|count| count.queue_full.add(1));
            (gate.waiting, gate.lost) = (gate.video, true);
            self.untold += 1;
            return Offered::Full;
        }
        if std::mem::take(&mut gate.lost) {
            head.flags |= DISCONTINUITY;
        }
        gate.waiting = false;
        self.frames += 1;
        self.frame_bytes += len;
        for count in counts {
            count.frames.add(1);
            count.bytes.add(payload.len() as u64);
        }
        self.queue.push_back(Message::Frame(head.to_bytes(payload.len()), payload.clone()));
        Offered::Queued
    }

    fn has_room(&self, len: usize) -> bool {
        self.frames < self.limits.frames && self.frame_bytes + len <= self.limits.bytes
    }

    /// Whether everything is written.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Writes as much as the socket takes now. An error: the reader is gone.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let outcome = self.write();
        self.waiting.0.store(self.frames, Ordering::Relaxed);
        self.waiting.1.store(self.frame_bytes, Ordering::Relaxed);
        outcome?;
        self.listen()
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some(first) = self.queue.front() {
            let (head, payload) = first.parts();
            let rest = [
                IoSlice::new(head.get(self.written..).unwrap_or_default()),
                IoSlice::new(payload.get(self.written.saturating_sub(head.len())..).unwrap_or_default()),
            ];
            match self.socket.write_vectored(&rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => self.written += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            if self.written >= first.len() {
                self.written = 0;
                match self.queue.pop_front() {
                    Some(Message::Text(text)) => self.text_bytes -= text.len(),
                    Some(message) => {
                        self.frames -= 1;
                        self.frame_bytes -= message.len();
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// Readers have nothing to say; but that one has closed its end shows here.
    fn listen(&mut self) -> io::Result<()> {
        let mut unwanted = [0; UNWANTED];
        match self.socket.read(&mut unwanted) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed by the reader")),
            Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.common.board().readers.remove(&self.id);
        self.common.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::text;
    use proptest::prelude::*;
    use sfu_core::serde_json::json;
    use std::io::{Read, Write};
    use std::sync::Mutex;

    /// A socket that takes so many bytes, and then no more.
    #[derive(Clone, Default)]
    struct Narrow(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut inner = self.0.lock().unwrap();
            let len = bytes.len().min(inner.0);
            if len == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            inner.0 -= len;
            inner.1.extend_from_slice(&bytes[..len]);
            Ok(len)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Narrow {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn reader(frames: usize, bytes: usize) -> (Reader, Narrow) {
        let socket = Narrow::default();
        let mut reader = Reader::new(1, Box::new(socket.clone()), Limits { frames, bytes }, Arc::default());
        reader.begin(7, true);
        (reader, socket)
    }

    fn offer(reader: &mut Reader, key: bool, len: usize) -> Offered {
        let head = FrameHead { stream: 7, flags: u8::from(key), timestamp: 0, captured: 0 };
        reader.offer(head, &Arc::new(vec![9; len]))
    }

    /// The flags and lengths of all frames among bytes.
    fn frames(mut bytes: &[u8]) -> Vec<(u8, usize)> {
        let mut frames = Vec::new();
        while let Some((len, rest)) = bytes.split_first_chunk() {
            let (message, rest) = rest.split_at(u32::from_be_bytes(*len) as usize);
            if message[0] == 1 {
                frames.push((message[1], message.len() - 20));
            }
            bytes = rest;
        }
        frames
    }

    #[test]
    fn video_begins_with_a_key_frame_and_goes_on_with_one_after_a_drop() {
        let (mut reader, socket) = reader(2, 100_000);
        let steps = [(false, Offered::NoKeyFrame), (true, Offered::Queued), (false, Offered::Queued)];
        for (key, offered) in steps {
            assert_eq!(offer(&mut reader, key, 10), offered);
        }
        assert_eq!((offer(&mut reader, false, 10), reader.untold), (Offered::Full, 1));
        socket.0.lock().unwrap().0 = usize::MAX;
        reader.flush().unwrap();
        assert!(reader.is_idle());
        assert_eq!(offer(&mut reader, false, 10), Offered::NoKeyFrame);
        assert_eq!(offer(&mut reader, true, 10), Offered::Queued);
        assert_eq!(offer(&mut reader, false, 10), Offered::Queued);
        reader.flush().unwrap();
        let flags: Vec<u8> = frames(&socket.0.lock().unwrap().1).into_iter().map(|frame| frame.0).collect();
        assert_eq!(flags, [1, 0, 1 | 2, 0]);
        assert_eq!((reader.figures.queue_full.get(), reader.figures.no_key_frame.get()), (1, 2));
    }

    #[test]
    fn a_frame_that_is_partly_written_counts_until_its_end() {
        let (mut reader, socket) = reader(100, 1000);
        assert_eq!(offer(&mut reader, true, 900), Offered::Queued);
        socket.0.lock().unwrap().0 = 800;
        reader.flush().unwrap();
        assert_eq!(offer(&mut reader, true, 100), Offered::Full);
        socket.0.lock().unwrap().0 = 124;
        reader.flush().unwrap();
        assert_eq!(offer(&mut reader, true, 900), Offered::Queued);
    }

    #[test]
    fn frames_that_come_at_once_are_written_before_one_is_dropped() {
        let (mut reader, socket) = reader(2, 100_000);
        socket.0.lock().unwrap().0 = 400;
        for n in 0..10 {
            // 34 bytes each: eleven fit into the socket.
            assert_eq!(offer(&mut reader, n == 0, 10), Offered::Queued, "{n}");
        }
    }

    #[test]
    fn announcements_beyond_a_mebibyte_mean_that_nobody_reads() {
        let (mut reader, _) = reader(1, 1000);
        let told = text(&json!({ "text": "x".repeat(500_000) }));
        assert_eq!(reader.tell(&told), Ok(()));
        assert_eq!(reader.tell(&told), Ok(()));
        assert_eq!(reader.tell(&told), Err(StoppedReading));
    }

    proptest! {
        #[test]
        fn what_is_written_is_whole_messages_whatever_the_socket_takes(
            steps in prop::collection::vec((any::<bool>(), 0usize..300, 0usize..400), 1..60),
        ) {
            let (mut reader, socket) = reader(5, 1000);
            let mut expected = Vec::new();
            for (key, len, room) in steps {
                if offer(&mut reader, key, len) == Offered::Queued {
                    expected.push(len);
                }
                socket.0.lock().unwrap().0 = room;
                prop_assert!(reader.flush().is_ok());
                prop_assert!(reader.frames <= 5 && reader.frame_bytes <= 1000);
            }
            socket.0.lock().unwrap().0 = usize::MAX;
            prop_assert!(reader.flush().is_ok());
            let lens: Vec<usize> =
                frames(&socket.0.lock().unwrap().1).into_iter().map(|frame| frame.1).collect();
            prop_assert_eq!(lens, expected);
            prop_assert_eq!((reader.frames, reader.frame_bytes, reader.text_bytes), (0, 0, 0));
        }
    }
}
