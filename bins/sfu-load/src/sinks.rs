//! Receivers: one socket per viewer, all read by one thread.
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use std::os::fd::AsRawFd;

use crate::latency::{Departures, Histogram};

/// What a socket may hold until it is read, in bytes.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Room for what the kernel merged into one read.
const READ: usize = 65_536;

/// How sinks read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Runs that the kernel leaves together (UDP_GRO): the receiving half of loopback costs the sender little.
    Merged,
    /// Each datagram by itself, as an ordinary receiver.
    Single,
}

/// What all viewers got until now.
#[derive(Debug, Default)]
pub struct Counts {
    /// RTP packets.
    pub packets: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// Packets missing between two that came, in the order of their numbers.
    pub gaps: AtomicU64,
}

/// Sockets of viewers and the thread that reads them. The thread ends when this is dropped.
pub struct Sinks {
    addresses: Vec<SocketAddr>,
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<Histogram>>>,
}

struct Sink {
    socket: UdpSocket,
    merging: Option<UdpSocketState>,
    stream: Option<Stream>,
}

/// The stream of a viewer, as its first packet showed it. Others (those of the floor) are only counted.
#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: [u8; 4],
    last: u16,
    /// What the worker adds to timestamps.
    offset: u32,
}

impl Sinks {
    /// Opens so many sockets on loopback and begins to read them on the given core.
    pub fn open(
        count: usize,
        reading: Reading,
        core: Option<usize>,
        departures: Arc<Departures>,
    ) -> io::Result<Self> {
        let mut sinks = Vec::new();
        let mut addresses = Vec::new();
        for _ in 0..count {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            let reference = UdpSockRef::from(&socket);
            let merging = match reading {
                Reading::Merged => {
                    let state = UdpSocketState::new(reference)?;
                    state.set_recv_buffer_size(UdpSockRef::from(&socket), RECEIVE_BUFFER)?;
                    Some(state)
                }
                Reading::Single => None,
            };
            addresses.push(socket.local_addr()?);
            sinks.push(Sink { socket, merging, stream: None });
        }
        let counts = Arc::new(Counts::default());
        let stop = Arc::new(AtomicBool::new(false));
        let (counted, stopped) = (counts.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("sinks".into()).spawn(move || {
            if let Some(core) = core {
                crate::cpu::pin_this_thread(core)?;
            }
            read(&mut sinks, &counted, &stopped, &departures)
        })?;
        Ok(Self { addresses, counts, stop, thread: Some(thread) })
    }

    /// Where the viewers are.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Packets, bytes and gaps until now.
    pub fn counted(&self) -> (u64, u64, u64) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (of(&self.counts.packets), of(&self.counts.bytes), of(&self.counts.gaps))
    }

    /// Waits until nothing has come for a while.
    pub fn settle(&self) {
        let mut last = self.counted().0;
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.counted().0;
            if now == last {
                return;
            }
            last = now;
        }
    }

    /// Stops reading; how long packets were under way.
    pub fn stop(mut self) -> io::Result<Histogram> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(histogram)) => histogram,
            _ => Err(io::Error::other("sinks: the thread that reads has failed")),
        }
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read(
    sinks: &mut [Sink],
    counts: &Counts,
    stop: &AtomicBool,
    departures: &Departures,
) -> io::Result<Histogram> {
    let mut poll = Poll::new()?;
    for (index, sink) in sinks.iter().enumerate() {
        let fd = sink.socket.as_raw_fd();
        poll.registry().register(&mut SourceFd(&fd), Token(index), Interest::READABLE)?;
    }
    let mut events = Events::with_capacity(1024);
    let mut buffers = vec![vec![0; READ]; BATCH_SIZE];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    let mut histogram = Histogram::default();
    while !stop.load(Ordering::Relaxed) {
        match poll.poll(&mut events, Some(Duration::from_millis(20))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let Some(sink) = sinks.get_mut(event.token().0) else { continue };
            while let Some(count) = sink.receive(&mut buffers, &mut metas)? {
                let now = Instant::now();
                for (buffer, meta) in buffers.iter().zip(&metas).take(count) {
                    for packet in buffer[..meta.len].chunks(meta.stride.max(1)) {
                        sink.take(packet, now, counts, departures, &mut histogram);
                    }
                }
            }
        }
    }
    Ok(histogram)
}

impl Sink {
    /// What came: the number of reads, or nothing.
    fn receive(&self, buffers: &mut [Vec<u8>], metas: &mut [RecvMeta]) -> io::Result<Option<usize>> {
        let result = match &self.merging {
            Some(state) => {
                let mut slices: Vec<IoSliceMut<'_>> =
                    buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
                state.recv(UdpSockRef::from(&self.socket), &mut slices, metas)
            }
            None => self.socket.recv(&mut buffers[0]).map(|len| {
                (metas[0].len, metas[0].stride) = (len, len);
                1
            }),
        };
        match result {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn take(
        &mut self,
        packet: &[u8],
        now: Instant,
        counts: &Counts,
        departures: &Departures,
        histogram: &mut Histogram,
    ) {
        let Some(&[first, second, n0, n1, t0, t1, t2, t3, s0, s1, s2, s3]) = packet.first_chunk::<12>()
        else {
            return;
        };
        // RTCP lies where RTP has payload types 64 to 95 (RFC 5761 §4).
        if first >> 6 != 2 || (192..=223).contains(&second) {
            return;
        }
        counts.packets.fetch_add(1, Ordering::Relaxed);
        counts.bytes.fetch_add(packet.len() as u64, Ordering::Relaxed);
        let (number, timestamp) = (u16::from_be_bytes([n0, n1]), u32::from_be_bytes([t0, t1, t2, t3]));
        let ssrc = [s0, s1, s2, s3];
        let stream = self.stream.get_or_insert_with(|| Stream {
            ssrc,
            last: number.wrapping_sub(1),
            offset: timestamp.wrapping_sub(departures.latest()),
        });
        if stream.ssrc != ssrc {
            return;
        }
        let missing = number.wrapping_sub(stream.last).wrapping_sub(1);
        if missing < 0x8000 {
            counts.gaps.fetch_add(u64::from(missing), Ordering::Relaxed);
        }
        stream.last = number;
        // The last packet of a frame has the marker: it waited the longest.
        if second & 0x80 != 0
            && let Some(sent) = departures.of(timestamp.wrapping_sub(stream.offset))
        {
            histogram.add(now.saturating_duration_since(sent));
        }
    }
}
