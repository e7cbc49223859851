//! A call: a worker, peers that have joined it, and who watches whom.
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::crew::Crew;
use crate::janus::Janus;
use crate::options::{Options, Signaling};
use crate::server::Server;
use crate::set_up::SetUp;
use crate::timetable::Pattern;
use crate::worker::Worker;

/// Who takes part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Member {
    /// What it sends: each source with its layers, the smallest one first.
    pub publishes: Vec<Vec<Pattern>>,
    /// Whether it gets what all others send.
    pub watches: bool,
}

/// The worker.
pub enum Target {
    /// Driven over mediasoup's channel.
    Mediasoup(Worker),
    /// Over HTTP.
    Http(Server),
    /// Over the HTTP API of Janus.
    Janus(Janus),
}

impl Target {
    fn process(&self) -> Option<u32> {
        match self {
            Target::Mediasoup(worker) => Some(worker.pid()),
            Target::Http(server) => server.process(),
            Target::Janus(janus) => janus.process(),
        }
    }
}

/// One source of the call, as viewers get it: what the floor sends, too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Source {
    /// How it sends; of layers, the largest one.
    pub pattern: Pattern,
    /// Its place among the streams of the seed.
    pub user: u64,
}

/// A call.
pub struct Call {
    target: Target,
    crew: Crew,
    members: Vec<Member>,
    sources: Vec<Source>,
    viewers: Vec<SocketAddr>,
    /// URLs that end the sessions of peers over HTTP.
    sessions: Vec<String>,
    joined_in: Duration,
    memory: Option<u64>,
}

impl Call {
    /// Starts a worker, if none runs, and lets everybody join.
    pub fn set_up(options: &Options, members: Vec<Member>) -> io::Result<Self> {
        options.check()?;
        let (core, own_core) = options.cores();
        let mut set_up = SetUp::begin(options, members.len(), own_core)?;
        let begun = Instant::now();
        let program = options.worker.as_deref();
        let missing = || io::Error::other("--worker: a worker is needed");
        let target = match (options.signaling, &options.url) {
            (Signaling::Mediasoup, _) => Target::Mediasoup(Worker::start(
                program.ok_or_else(missing)?,
                core,
                &options.worker_arguments,
            )?),
            (Signaling::Whip, Some(url)) => {
                Target::Http(Server::running(url, options.pid, options.token.clone()))
            }
            (Signaling::Whip, None) => {
                Target::Http(Server::start(program.ok_or_else(missing)?, core, &options.worker_arguments)?)
            }
            (Signaling::Janus, Some(url)) => Target::Janus(Janus::running(url, options.pid)?),
            (Signaling::Janus, None) => {
                Target::Janus(Janus::start(program.ok_or_else(missing)?, core, &options.worker_arguments)?)
            }
        };
        let empty = target.process().map(crate::process::memory).transpose()?;
        let target = match target {
            Target::Mediasoup(mut worker) => {
                set_up.over_mediasoup(&mut worker, &members)?;
                Target::Mediasoup(worker)
            }
            Target::Http(server) => {
                set_up.over_http(&server, &members)?;
                Target::Http(server)
            }
            Target::Janus(janus) => {
                set_up.over_janus(&janus, &members)?;
                Target::Janus(janus)
            }
        };
        set_up.wait_for(0)?;
        let SetUp { crew, sources, viewers, sessions, .. } = set_up;
        let full = target.process().map(crate::process::memory).transpose()?;
        let memory = full.zip(empty).map(|(full, empty)| full.saturating_sub(empty));
        Ok(Self { target, crew, members, sources, viewers, sessions, joined_in: begun.elapsed(), memory })
    }

    /// The peers.
    pub fn crew(&mut self) -> &mut Crew {
        &mut self.crew
    }

    /// Who takes part; the number of a member is that of its peer.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// All sources.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Where those are who watch.
    pub fn viewers(&self) -> &[SocketAddr] {
        &self.viewers
    }

    /// How many watch a member.
    pub fn watchers_of(&self, member: &Member) -> u64 {
        self.viewers.len() as u64 - u64::from(member.watches)
    }

    /// Whether what viewers get can be told from what was sent: not where the worker chooses among layers.
    pub fn is_exact(&self) -> bool {
        self.members.iter().flat_map(|member| &member.publishes).all(|layers| layers.len() == 1)
    }

    /// How long it took until all had joined.
    pub fn joined_in(&self) -> Duration {
        self.joined_in
    }

    /// How much more memory the worker has with everybody in the call, in bytes.
    pub fn memory(&self) -> Option<u64> {
        self.memory
    }

    /// CPU time of the worker, if it can be told.
    pub fn worker_cpu(&self) -> io::Result<Option<Duration>> {
        self.target.process().map(crate::process::cpu).transpose()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Target::Http(server) = &self.target {
            server.end(&self.sessions);
        }
    }
}
