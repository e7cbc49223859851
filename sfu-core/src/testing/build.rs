//! How a bench is made.
use std::marker::PhantomData;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::background::Background;
use super::bench::{Bench, Worker};
use super::secure::Identity;
use super::surroundings::{Around, Ring, SHARED_PORT, Sockets, hook_clock};
use crate::control::{Protocol, Spread};
use crate::engine::{Clock, Engine, EngineConfig, ListenCandidate, Random, SharedListen};
use crate::plugin::{
    CommandLimits, Composition, Cons, Error, FaultPolicy, Launch, Nil, Plugin, PluginLimits, PluginSet,
    PluginSettings, Plugins, Serving, Spawner,
};
use crate::shell::Shell;

/// Makes a [`Bench`]: `Build::of::<Count>().workers(2).config(json!({"count": {"limit": 3}})).start()`.
pub struct Build<S> {
    workers: u8,
    spread_at: usize,
    config: Value,
    seed: u64,
    pacing: bool,
    limits: PluginLimits,
    spawner: Option<Spawner>,
    hook_clock: fn() -> Instant,
    plugins: PhantomData<S>,
}

impl Build<Nil> {
    /// A worker with one plugin.
    pub fn of<P: Plugin>() -> Build<Cons<P, Nil>> {
        Build::new()
    }

    /// A worker of the composition that `worker!` made, without its signaling.
    pub fn composed<C: Composition>() -> Build<C::Plugins> {
        Build::new()
    }
}

impl<S: PluginSet> Default for Build<S> {
    fn default() -> Self {
        Build {
            workers: 1,
            spread_at: 0,
            config: Value::Null,
            seed: 1,
            pacing: false,
            limits: PluginLimits::default(),
            spawner: None,
            hook_clock,
            plugins: PhantomData,
        }
    }
}

impl<S: PluginSet> Build<S> {
    /// One worker, no configuration, seed 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many media threads. Producers live on the first, consumers on the last, unless a test says otherwise.
    #[must_use]
    pub fn workers(mut self, workers: u8) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Transports and consumers that a room has on a media thread before it takes another one; 0 takes what a worker does. Only
    /// peers that are [placed](super::PeerOptions::placed) go there.
    #[must_use]
    pub fn spread_at(mut self, room: usize) -> Self {
        self.spread_at = room;
        self
    }

    /// The `[plugins]` table: one table per plugin.
    #[must_use]
    pub fn config(mut self, plugins: Value) -> Self {
        self.config = plugins;
        self
    }

    /// Where chance begins: loss, order, and the worker's own random numbers. (Keys are not seeded.)
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Bursts of video are spread over time, as a worker does by default. Here it is off unless a test asks for it, so that what is
    /// sent arrives at the same moment, however much it is.
    #[must_use]
    pub fn pacing(mut self, pacing: bool) -> Self {
        self.pacing = pacing;
        self
    }

    /// How much a plugin is forgiven.
    #[must_use]
    pub fn faults(mut self, policy: FaultPolicy) -> Self {
        self.limits.faults = policy;
        self
    }

    /// How many commands a plugin may queue.
    #[must_use]
    pub fn commands(mut self, limits: CommandLimits) -> Self {
        self.limits.commands = limits;
        self
    }

    /// Where background work runs, instead of between the packets.
    #[must_use]
    pub fn spawner(mut self, spawner: Spawner) -> Self {
        self.spawner = Some(spawner);
        self
    }

    /// Hooks are timed by the system's clock, as in a worker.
    #[cfg(feature = "bench")]
    pub(super) fn real_clock(mut self) -> Self {
        self.hook_clock = Instant::now;
        self
    }

    /// The bench. Panics where [`Build::try_start`] fails.
    pub fn start(self) -> Bench<S> {
        self.try_start().unwrap_or_else(|error| panic!("testing: {error}"))
    }

    /// The bench; fails as a worker with this configuration would fail to start.
    pub fn try_start(self) -> Result<Bench<S>, Error> {
        let settings = PluginSettings::from_json(self.config)?;
        settings.check::<S>()?;
        let background = Background::new();
        let spawner = self.spawner.unwrap_or_else(|| background.spawner());
        let launch = Launch::with_spawner(spawner, self.workers);
        let seed = S::prepare(&settings, &launch)?;
        // Some way from the beginning of the clock, so that tests can look back.
        let now = Instant::now() + Duration::from_secs(3600);
        let clock = Clock::new(now, SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000));
        let identity = Identity::worker();
        let mut workers = Vec::new();
        // From each media thread, by index, to each.
        let ways: Vec<Vec<Ring<S>>> =
            (0..self.workers).map(|_| (0..self.workers).map(|_| Ring::default()).collect()).collect();
        for worker in 0..self.workers {
            let mut plugins = Plugins::<S>::start(&seed, &settings, &launch, self.limits, worker, now)?;
            plugins.desk.clock = self.hook_clock;
            plugins.desk.waited = || Duration::ZERO;
            let engine = Engine::new(EngineConfig {
                worker,
                shared: shared(worker),
                dtls: identity.context.clone(),
                fingerprints: vec![identity.fingerprint.clone()],
                clock,
                random: Random::seeded(self.seed.wrapping_mul(977).wrapping_add(u64::from(worker))),
                pacing: self.pacing,
            });
            let index = usize::from(worker);
            let outward = ways.get(index).cloned().unwrap_or_default();
            let inward = ways.iter().filter_map(|from| from.get(index).cloned()).collect();
            let shell = Shell::new(engine, plugins, Around::new(outward));
            workers.push(Worker::new(shell, Sockets::new(worker), inward));
        }
        let serving = Serving::<S>::new(&seed, &launch);
        let spread = Spread::new(self.workers, self.spread_at);
        Ok(Bench::assemble(now, clock, workers, spread, serving, background, self.seed))
    }
}

fn shared(worker: u8) -> SharedListen {
    let ip = Sockets::ip(worker);
    let port = SHARED_PORT;
    let candidate = |protocol, order| ListenCandidate {
        protocol,
        address: ip.to_string(),
        port,
        order,
        is_internal: false,
    };
    SharedListen {
        sockets: Sockets::shared(worker),
        candidates: vec![candidate(Protocol::Udp, 0), candidate(Protocol::Tcp, 1)],
    }
}
