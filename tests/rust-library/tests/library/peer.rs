//! A peer of a plain transport: a UDP socket of the test's own.
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::rig::PATIENCE;
use crate::rtcp::Rtcp;
use crate::rtp::{Seen, parse};

pub struct Peer {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Peer {
    /// Talks to a port of this machine.
    pub fn of(port: u16) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self { socket, to: (Ipv4Addr::LOCALHOST, port).into() }
    }

    pub fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    pub fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.to).unwrap();
    }

    /// The first datagram of which something is wanted; `between` is done while there is none.
    #[track_caller]
    pub fn find<T>(&self, mut between: impl FnMut(), mut wanted: impl FnMut(&[u8]) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        while Instant::now() < end {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    assert_eq!(from, self.to);
                    if let Some(found) = wanted(&buffer[..length]) {
                        return found;
                    }
                }
                Err(_) => between(),
            }
        }
        panic!("nothing that is wanted for {PATIENCE:?}")
    }

    /// The next RTP.
    #[track_caller]
    pub fn rtp(&self) -> Seen {
        self.find(|| (), parse)
    }

    /// The first RTCP that fits.
    #[track_caller]
    pub fn rtcp(&self, between: impl FnMut(), mut fits: impl FnMut(&Rtcp) -> bool) -> Rtcp {
        self.find(between, |bytes| Rtcp::parse(bytes).into_iter().find(&mut fits))
    }
}
