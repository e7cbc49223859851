//! Many peers of one UDP port: what each way costs in the kernel, by one socket for all of them and by a connected one for each.
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::net::{Net, NetOptions, Outbox, Protocol, Route, RunHint, SocketId, UdpOptions, thread_time};

/// Datagrams flushed at a time, as in a busy turn of a media thread.
const TURN: usize = 4096;

/// Payload of a packet of video.
const VIDEO: usize = 1200;

/// Payload of feedback, or of audio.
const SMALL: usize = 100;

/// A worker's socket and a crowd of peers on addresses of the loopback network.
pub struct Crowd {
    worker: Net,
    peers: Net,
    /// The worker's ways to the peers.
    routes: Vec<(Route, RunHint)>,
    /// The peers' ways to the worker.
    ways: Vec<Route>,
    outbox: Outbox,
}

/// The worker's side of a crowd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One socket, bound to an address.
    Address,
    /// One socket, bound to all addresses of both families, which is told each time where to send from.
    Wildcard,
    /// A connected socket for each peer, beside one that is bound to an address.
    Connected,
}

/// Processor time for one datagram of each peer.
#[derive(Debug, Clone, Copy)]
pub struct Arriving {
    /// The peers send it, and the kernel looks for the socket that it belongs to.
    pub looked_up: Duration,
    /// The worker waits for it and reads it.
    pub read: Duration,
    /// How many came.
    pub count: usize,
}

impl Crowd {
    /// So many peers, up to 60 000. Fails when the system has no descriptor left, or no IPv6.
    pub fn new(peers: usize, kind: Kind) -> io::Result<Crowd> {
        let options = UdpOptions { may_hand_over: true, ..UdpOptions::default() };
        let open = |net: &mut Net, ip: IpAddr, options: UdpOptions| -> io::Result<(SocketId, SocketAddr)> {
            let id = net.add_udp((ip, 0).into(), options).map_err(io::Error::other)?;
            let address = net.local_addr(id).ok_or(io::ErrorKind::NotFound)?;
            Ok((id, address))
        };
        let mut worker = Net::new(NetOptions::default())?;
        let ip = match kind {
            Kind::Address | Kind::Connected => Ipv4Addr::LOCALHOST.into(),
            Kind::Wildcard => Ipv6Addr::UNSPECIFIED.into(),
        };
        let (socket, at) = open(&mut worker, ip, options)?;
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, at.port()));
        let mut crowd = Net::new(NetOptions::default())?;
        // Nobody reads what the peers are sent, and a small buffer is always full: the receiving half costs the same both times.
        let deaf = UdpOptions { recv_buffer: 4096, ..UdpOptions::default() };
        let (from, crowd_at) = open(&mut crowd, Ipv4Addr::UNSPECIFIED.into(), deaf)?;
        let address = |peer: usize| Ipv4Addr::from(0x7f01_0000 + peer as u32 + 1);
        let routes: Vec<_> = (0..peers)
            .map(|peer| Route {
                socket,
                protocol: Protocol::Udp,
                remote: (address(peer), crowd_at.port()).into(),
                local: Some(at.ip()),
            })
            .collect();
        let ways = routes
            .iter()
            .map(|route| Route { socket: from, remote: at, local: Some(route.remote.ip()), ..*route })
            .collect();
        if kind == Kind::Connected {
            worker.hand_over(socket, &routes)?;
        }
        Ok(Crowd {
            worker,
            peers: crowd,
            routes: routes.into_iter().map(|route| (route, RunHint::default())).collect(),
            ways,
            outbox: Outbox::default(),
        })
    }

    /// The worker sends each peer a run of so many packets: processor time of the system calls and of what is between them.
    pub fn leave(&mut self, run: usize) -> Duration {
        let mut spent = Duration::ZERO;
        for peers in self.routes.chunks_mut((TURN / run.max(1)).max(1)) {
            for (route, hint) in peers {
                for _ in 0..run {
                    self.outbox.push(*route, hint, |_| Some(VIDEO));
                }
            }
            let start = thread_time();
            self.worker.flush(&mut self.outbox);
            spent += thread_time() - start;
        }
        spent
    }

    /// Each peer sends the worker one small datagram, and the worker reads them all.
    pub fn arrive(&mut self) -> io::Result<Arriving> {
        for way in &self.ways {
            self.outbox.push_single(*way, |_| Some(SMALL));
        }
        let start = thread_time();
        self.peers.flush(&mut self.outbox);
        let looked_up = thread_time() - start;
        let (mut count, start) = (0, thread_time());
        loop {
            let before = count;
            self.worker.poll(Some(Instant::now()), |_, _, _| {
                count += 1;
                ControlFlow::Continue(())
            })?;
            if count == before {
                return Ok(Arriving { looked_up, read: thread_time() - start, count });
            }
        }
    }
}
