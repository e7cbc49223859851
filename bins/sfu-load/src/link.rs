//! A peer's socket: runs of packets go out in one call (GSO) and come in as the kernel merged them (GRO), or all singly.
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use crate::sinks::Reading;

/// What a socket may hold until it is read, in bytes.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Packets of one call; the kernel takes 64.
const RUN: usize = 60;

/// Bytes of one call; a datagram may have 65 507.
const RUN_BYTES: usize = 64_000;

/// Tries to send where the system has no room.
const TRIES: u32 = 50;

/// A socket.
pub struct Link {
    socket: UdpSocket,
    /// Where runs are sent and read; making it switches GRO on.
    runs: Option<UdpSocketState>,
    to: SocketAddr,
}

/// Buffers that all links of a thread read into.
pub struct Buffers {
    bytes: Vec<Vec<u8>>,
    metas: [RecvMeta; BATCH_SIZE],
}

impl Default for Buffers {
    fn default() -> Self {
        Self { bytes: vec![vec![0; 65_536]; BATCH_SIZE], metas: [RecvMeta::default(); BATCH_SIZE] }
    }
}

impl Buffers {
    /// The datagrams of the last read.
    pub fn datagrams(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        self.bytes
            .iter()
            .zip(&self.metas)
            .take(count)
            .flat_map(|(buffer, meta)| buffer.get(..meta.len).unwrap_or_default().chunks(meta.stride.max(1)))
    }
}

impl Link {
    /// Opens a socket at an address of this machine; until [`Link::connect`] it sends to itself.
    pub fn open(at: IpAddr, reading: Reading) -> io::Result<Self> {
        let socket = UdpSocket::bind((at, 0))?;
        socket.set_nonblocking(true)?;
        let to = socket.local_addr()?;
        let runs = match reading {
            Reading::Merged => {
                let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
                state.set_recv_buffer_size(UdpSockRef::from(&socket), RECEIVE_BUFFER)?;
                Some(state)
            }
            Reading::Single => None,
        };
        Ok(Self { socket, runs, to })
    }

    /// Sends there from now on.
    pub fn connect(&mut self, to: SocketAddr) {
        self.to = to;
    }

    /// Where it sends from.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// For waiting.
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Sends packets that lie one after the other in `bytes`, in runs of equal size; returns how many the system took.
    pub fn send(&self, bytes: &[u8], sizes: &[usize]) -> usize {
        let (mut at, mut taken, mut rest) = (0, 0, sizes);
        let most = self.runs.as_ref().map_or(1, |runs| runs.max_gso_segments().clamp(1, RUN));
        while let Some(&size) = rest.first() {
            let equal = rest.iter().take_while(|other| **other == size).count();
            let count = equal.min(most).min((RUN_BYTES / size.max(1)).max(1));
            let contents = bytes.get(at..at + count * size).unwrap_or_default();
            let segment_size = (count > 1).then_some(size);
            let transmit = Transmit { destination: self.to, ecn: None, contents, segment_size, src_ip: None };
            taken += if self.try_send(&transmit) { count } else { 0 };
            at += count * size;
            rest = rest.get(count..).unwrap_or_default();
        }
        taken
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> bool {
        for _ in 0..TRIES {
            let result = match &self.runs {
                Some(runs) => runs.try_send(UdpSockRef::from(&self.socket), transmit),
                None => self.socket.send_to(transmit.contents, transmit.destination).map(drop),
            };
            match result {
                Ok(()) => return true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(_) => return false,
            }
        }
        false
    }

    /// Reads what is there: the number of reads, 0 where nothing is.
    pub fn receive(&self, buffers: &mut Buffers) -> io::Result<usize> {
        let result = match &self.runs {
            Some(runs) => {
                let mut slices = buffers.bytes.iter_mut().map(|buffer| IoSliceMut::new(buffer));
                let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                    std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
                runs.recv(UdpSockRef::from(&self.socket), &mut slices, &mut buffers.metas)
            }
            None => match (buffers.bytes.first_mut(), buffers.metas.first_mut()) {
                (Some(buffer), Some(meta)) => self.socket.recv(buffer).map(|len| {
                    (meta.len, meta.stride) = (len, len);
                    1
                }),
                _ => Ok(0),
            },
        };
        match result {
            Ok(count) => Ok(count),
            // Who was there is there no more; that is seen elsewhere.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }
}
