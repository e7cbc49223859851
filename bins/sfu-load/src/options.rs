//! What all calls have in common on the command line.
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::path::Impairment;
use crate::sinks::Reading;
use crate::srtp::Srtp;

/// How peers come to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Signaling {
    /// The worker is driven as mediasoup's Node library drives one; `mediasoup-worker` itself can be compared so.
    Mediasoup,
    /// Publishers come over WHIP, viewers over WHEP.
    Whip,
    /// A Janus server with its VideoRoom; viewers over plain RTP are forwarders of the publisher's stream.
    Janus,
}

/// How peers send and receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Plain RTP, with SRTP under given keys.
    Plain,
    /// ICE, DTLS, SRTP.
    Webrtc,
    /// Every other peer the one, the rest the other.
    Mixed,
}

/// Settings of a call.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The worker to put under load; it ends with the measurement
    #[arg(long, required_unless_present = "url")]
    pub worker: Option<PathBuf>,
    /// Arguments of the worker
    #[arg(long = "worker-arg", allow_hyphen_values = true)]
    pub worker_arguments: Vec<String>,
    /// A worker that runs already, by the URL of its HTTP server (WHIP and WHEP)
    #[arg(long, conflicts_with = "worker")]
    pub url: Option<String>,
    /// Its process id, to tell its CPU time
    #[arg(long, requires = "url")]
    pub pid: Option<u32>,
    /// A bearer token for it
    #[arg(long, requires = "url")]
    pub token: Option<String>,
    /// How peers come to it
    #[arg(long, value_enum, default_value = "mediasoup")]
    pub signaling: Signaling,
    /// How peers send and receive
    #[arg(long, value_enum, default_value = "plain")]
    pub transport: Transport,
    /// How media is protected
    #[arg(long, value_enum, default_value = "gcm128")]
    pub srtp: Srtp,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Measurements of the worker and of the floor, in turns
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// What chance is drawn from: the same seed sends the same packets
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads that peers live on
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Peers read each datagram by itself, as ordinary receivers do
    #[arg(long)]
    pub single: bool,
    /// Keeps the worker and the floor on the first core, the peers on the second
    #[arg(long)]
    pub pin: bool,
    /// Measures no floor
    #[arg(long)]
    pub no_floor: bool,
    /// Viewers give transport-wide feedback
    #[arg(long)]
    pub feedback: bool,
    /// Percent of datagrams that get lost on the way of each peer, in each direction
    #[arg(long, default_value_t = 0.0)]
    pub loss: f64,
    /// Milliseconds that datagrams take, in each direction
    #[arg(long, default_value_t = 0)]
    pub delay: u64,
    /// Up to so many milliseconds more, different for each datagram
    #[arg(long, default_value_t = 0)]
    pub jitter: u64,
    /// kbit/s that the way of each peer carries, in each direction; 0: any
    #[arg(long, default_value_t = 0)]
    pub path_rate: u64,
    /// JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Writes a report with plots to this file
    #[arg(long)]
    pub html: Option<PathBuf>,
}

impl Options {
    /// Refuses what can't be meant.
    pub fn check(&self) -> io::Result<()> {
        let wrong = |what: &str| Err(io::Error::other(what));
        let webrtc = self.transport != Transport::Plain;
        if webrtc && self.srtp == Srtp::Off {
            return wrong("--srtp off: WebRTC is always protected; take --transport plain");
        }
        if self.signaling == Signaling::Whip && self.transport != Transport::Webrtc {
            return wrong("--signaling whip: its peers are WebRTC peers; add --transport webrtc");
        }
        if self.signaling == Signaling::Janus && self.transport == Transport::Mixed {
            return wrong(
                "--signaling janus: --transport plain or webrtc; publishers are WebRTC peers always",
            );
        }
        if self.signaling == Signaling::Mediasoup && self.url.is_some() {
            return wrong("--url: a server that runs already is reached by --signaling whip or janus");
        }
        if !(0.0..=100.0).contains(&self.loss) {
            return wrong("--loss: 0 to 100 percent");
        }
        if !(self.seconds > 0.0 && self.seconds <= 86_400.0) || self.rounds == 0 {
            return wrong("--seconds, --rounds: more than nothing");
        }
        Ok(())
    }

    /// How peers read.
    pub fn reading(&self) -> Reading {
        if self.single { Reading::Single } else { Reading::Merged }
    }

    /// How long each measurement takes.
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Where peers are.
    pub fn address(&self) -> io::Result<IpAddr> {
        match self.signaling {
            Signaling::Janus => own_address(),
            Signaling::Mediasoup | Signaling::Whip => Ok(Ipv4Addr::LOCALHOST.into()),
        }
    }

    /// What the network of each peer does.
    pub fn impairment(&self) -> Impairment {
        Impairment {
            loss: self.loss / 100.0,
            delay: Duration::from_millis(self.delay),
            jitter: Duration::from_millis(self.jitter),
            rate: self.path_rate * 1000,
        }
    }

    /// The cores of the worker and of the peers, where they are kept apart.
    pub fn cores(&self) -> (Option<usize>, Option<usize>) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.pin { (Some(0), (cores > 1).then_some(1)) } else { (None, None) }
    }
}

/// The address of this machine that others would see. Janus binds its sockets to the interface of such a one: it could not answer to
/// loopback. What goes to it stays on this machine.
fn own_address() -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // Nothing is sent: the system only looks up the way. An address for documentation (RFC 5737).
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).map_err(|error| {
        io::Error::other(format!(
            "--signaling janus: this machine needs an address that is not loopback, and a default route: {error}"
        ))
    })?;
    Ok(socket.local_addr()?.ip())
}
