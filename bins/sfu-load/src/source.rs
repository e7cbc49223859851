//! A publisher: frames of RTP packets, sealed, sent in bursts as encoders make them.
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use sfu_core::control::SrtpCryptoSuite;
use sfu_core::testing::bench_support::{Seal, key_len, overhead};

use crate::latency::{Departures, TICKS};

/// Room for one datagram.
const DATAGRAM: usize = 2048;

/// The payload type of what is sent.
pub const PAYLOAD_TYPE: u8 = 96;

/// Frames between two key frames.
const KEY_FRAMES: u32 = 100;

/// What the publisher sends.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Packets of a frame.
    pub packets: usize,
    /// Bytes of a packet on the wire, with header and tag.
    pub size: usize,
    /// Packets that leave together; the next ones wait for a share of the time between frames.
    pub burst: usize,
    /// Frames a second.
    pub rate: f64,
}

/// A socket, a key, and where the stream is.
pub struct Source {
    socket: UdpSocket,
    state: UdpSocketState,
    to: SocketAddr,
    seal: Option<Seal>,
    /// Bytes that sealing adds.
    overhead: usize,
    ssrc: u32,
    sequence: u16,
    frame: u32,
    departures: Arc<Departures>,
    slab: Vec<u8>,
}

impl Source {
    /// Opens a socket on loopback; [`Source::connect`] says where the packets go.
    pub fn open(ssrc: u32, departures: Arc<Departures>) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let to = socket.local_addr()?;
        Ok(Self {
            socket,
            state,
            to,
            seal: None,
            overhead: 0,
            ssrc,
            sequence: 0,
            frame: 1,
            departures,
            slab: Vec::new(),
        })
    }

    /// Where it sends from.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends there from now on, sealed where a suite is given.
    pub fn connect(&mut self, to: SocketAddr, suite: Option<SrtpCryptoSuite>) {
        self.to = to;
        self.seal = suite.map(|suite| Seal::new(suite, &key(suite)));
        self.overhead = overhead(suite);
    }

    /// Sends frames for so long; returns the number of packets. A frame that is late is sent at once.
    pub fn run(&mut self, shape: Shape, time: Duration) -> io::Result<u64> {
        let interval = Duration::from_secs_f64(1.0 / shape.rate);
        let bursts = shape.packets.div_ceil(shape.burst.max(1)) as u32;
        let begun = Instant::now();
        let (mut due, mut sent) = (begun, 0);
        while due.duration_since(begun) < time {
            let frame_due = due;
            self.begin_frame(shape);
            for burst in 0..bursts {
                wait_until(frame_due + interval * burst / bursts);
                let first = burst as usize * shape.burst;
                let last = (first + shape.burst).min(shape.packets);
                if burst == 0 {
                    self.departures.leaves(self.frame.wrapping_mul(TICKS));
                }
                sent += self.send(shape, first, last)?;
            }
            self.frame += 1;
            due += interval;
        }
        Ok(sent)
    }

    /// Seals the packets of the next frame, one after the other without room between them.
    fn begin_frame(&mut self, shape: Shape) {
        self.slab.resize(shape.packets * DATAGRAM, 0);
        let mut payload = vec![0x5a; shape.size.saturating_sub(12 + self.overhead)];
        for number in 0..shape.packets {
            let mut header = [0; 12];
            header[0] = 0x80;
            header[1] = PAYLOAD_TYPE | u8::from(number + 1 == shape.packets) << 7;
            header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
            header[4..8].copy_from_slice(&self.frame.wrapping_mul(TICKS).to_be_bytes());
            header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
            self.sequence = self.sequence.wrapping_add(1);
            // A VP8 payload descriptor without extension, then a frame header whose first bit says whether other frames are needed
            // (RFC 7741 §4.2, §4.3).
            if let [descriptor, frame, ..] = &mut payload[..] {
                *descriptor = if number == 0 { 0x10 } else { 0 };
                *frame = if self.frame % KEY_FRAMES == 1 { 0x10 } else { 0x11 };
            }
            let out = &mut self.slab[number * shape.size..(number + 1) * shape.size];
            match &mut self.seal {
                Some(seal) => {
                    seal.rtp(&header, &payload, out);
                }
                None => {
                    out[..12].copy_from_slice(&header);
                    out[12..].copy_from_slice(&payload);
                }
            }
        }
    }

    fn send(&self, shape: Shape, first: usize, last: usize) -> io::Result<u64> {
        let contents = &self.slab[first * shape.size..last * shape.size];
        for call in contents.chunks(shape.size * self.state.max_gso_segments().clamp(1, 40)) {
            let transmit = Transmit {
                destination: self.to,
                ecn: None,
                contents: call,
                segment_size: Some(shape.size),
                src_ip: None,
            };
            self.state.try_send(UdpSockRef::from(&self.socket), &transmit)?;
        }
        Ok((last - first) as u64)
    }
}

/// The key that all peers of the load tool have.
pub fn key(suite: SrtpCryptoSuite) -> Vec<u8> {
    vec![7; key_len(suite)]
}

/// Sleeps most of the time, and is exact in the rest.
fn wait_until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > Duration::from_micros(200) {
            std::thread::sleep(left - Duration::from_micros(150));
        } else {
            std::hint::spin_loop();
        }
    }
}
