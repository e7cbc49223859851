//! Starting a worker, in a program of its own or inside another one.
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime};

use tokio::sync::{broadcast, mpsc};

use super::cli::Cli;
use super::media_thread::{self, Around, Inbound, Peer};
use super::reload::{Reload, Source};
use super::running::{MediaThread, Running, TellsEnd};
use super::{RtcConfig, WorkerConfig, WorkerError};
use crate::control::{
    ControlHandle, DtlsFingerprint, FeedSender, FingerprintAlgorithm, Protocol, Spread, SrtpCryptoSuite,
    WorkerPort,
};
use crate::engine::{Clock, Engine, EngineConfig, ListenCandidate, RELAY_RING, Random, SharedListen};
use crate::http::HttpServer;
use crate::net::{BindError, Listening, Net, NetOptions, SocketId, TcpOptions, UdpOptions, local_addresses};
use crate::plugin::{Composition, Launch, PluginLimits, PluginSet, Plugins, Serving, drop_contained};
use crate::shell::{Relayed, Shell};
use crate::signaling::{Mounts, Shutdown, SignalingSet};
use crate::transport::dtls::{Certificate, DtlsContext, DtlsTimers, HashAlgorithm, SrtpProfile};

/// Commands that may wait for a media thread.
const COMMANDS: usize = 4096;

/// Largest DTLS datagram in bytes of UDP payload.
const DTLS_MTU: u16 = 1200;

/// Starts a worker: `Worker::builder().config(…).start().await`.
#[derive(Debug, Clone)]
pub struct Builder<C> {
    config: WorkerConfig,
    serve_http: bool,
    /// Whether media threads open ports that WebRTC transports share.
    share_ports: bool,
    /// Where a new configuration comes from while the worker runs, and what it said at first.
    source: Option<(Source, WorkerConfig)>,
    /// Where media threads log to, in place of the program's own log.
    log: Option<tracing::Dispatch>,
    composition: PhantomData<C>,
}

impl<C: Composition> Default for Builder<C> {
    fn default() -> Self {
        Builder {
            config: WorkerConfig::default(),
            serve_http: true,
            share_ports: true,
            source: None,
            log: None,
            composition: PhantomData,
        }
    }
}

/// What one media thread is started with.
struct Thread<S: PluginSet> {
    net: Net,
    shared: SharedListen,
    inbound: Inbound<S>,
    peers: Vec<Option<Peer<S>>>,
}

impl<C: Composition> Builder<C> {
    /// A builder with default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the environment says (`SFU_CONFIG`, `SFU_SET` and so on), for workers inside a program whose command line is not
    /// theirs. To be asked once: what it says does not change.
    pub fn config_of_environment() -> Result<WorkerConfig, WorkerError> {
        Cli::of_environment::<C>()?.settings.resolve()
    }

    /// Takes all settings.
    #[must_use]
    pub fn config(mut self, config: WorkerConfig) -> Self {
        self.config = config;
        self
    }

    /// Media threads; 0 takes the number of cores.
    #[must_use]
    pub fn workers(mut self, workers: u8) -> Self {
        self.config.workers = workers;
        self
    }

    /// Without HTTP server: signaling is driven through [`Running::control`], or puts its routes on [`Running::mounts`].
    #[must_use]
    pub fn without_http(mut self) -> Self {
        self.serve_http = false;
        self
    }

    /// Without ports that are open before a transport asks for one: transports that name none of their own have no
    /// candidates then.
    #[must_use]
    pub fn without_shared_ports(mut self) -> Self {
        self.share_ports = false;
        self
    }

    /// With a log of its own: media threads log there, and not where the program does. The thread that starts the worker
    /// decides for itself.
    #[must_use]
    pub fn log(mut self, log: tracing::Dispatch) -> Self {
        self.log = Some(log);
        self
    }

    /// Lets a configuration be read again while the worker runs, from `source`, which said `first` before it started.
    pub(super) fn source(mut self, source: Source, first: WorkerConfig) -> Self {
        self.source = Some((source, first));
        self
    }

    /// Checks the settings without starting anything.
    pub fn check(&self) -> Result<(), WorkerError> {
        self.config.plugins.check::<C::Plugins>()?;
        let ids = <C::Signaling as SignalingSet>::ids();
        for id in self.config.signaling.keys() {
            if !ids.contains(&id.as_str()) {
                return Err(WorkerError::Config(format!(
                    "signaling.{id}: not composed into this worker, which has: {}",
                    ids.join(", ")
                )));
            }
        }
        Ok(<C::Signaling as SignalingSet>::check(&self.signaling_tables(), &self.chosen())?)
    }

    /// Checks the settings as a start does, with what plugins find only when they make what their instances share: a folder,
    /// a file, a key. What they made is dropped again. Background work that they begin runs on the current tokio runtime.
    pub fn rehearse(&self) -> Result<(), WorkerError> {
        self.check()?;
        let launch = Launch::on(tokio::runtime::Handle::current(), 1);
        let seed = <C::Plugins as PluginSet>::prepare(&self.config.plugins, &launch)?;
        drop_contained(seed);
        Ok(())
    }

    /// Signaling crates that are not switched off by `enabled = false` in their table.
    fn chosen(&self) -> Vec<&'static str> {
        let off = |id: &&str| {
            let table = self.config.signaling.get(*id);
            table.and_then(|table| table.get("enabled")) == Some(&serde_json::Value::Bool(false))
        };
        <C::Signaling as SignalingSet>::ids().into_iter().filter(|id| !off(id)).collect()
    }

    /// Starts media threads, signaling and the HTTP server on the current tokio runtime.
    pub async fn start(mut self) -> Result<Running, WorkerError> {
        self.check()?;
        let runtime = tokio::runtime::Handle::current();
        let workers = match self.config.workers {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().min(64) as u8),
            workers => workers.min(64),
        };
        let now = Instant::now();
        let launch = Launch::on(runtime.clone(), workers);
        let seed = <C::Plugins as PluginSet>::prepare(&self.config.plugins, &launch)?;
        let (dtls, fingerprints) = dtls_context(&self.config.rtc)?;
        let events = ControlHandle::event_channel();
        let clock = Clock::new(now, SystemTime::now());
        let (threads, ports, stops) = self.open_threads(workers, &launch)?;
        let serving = Arc::new(Serving::<C::Plugins>::new(&seed, &launch));
        let feed = FeedSender::default();
        let spread = Spread::new(workers, self.config.spread_at);
        let control = ControlHandle::new(ports, spread, events.clone(), feed.clone(), serving);
        if let Some((source, first)) = self.source.take() {
            control.set_reload(Arc::new(Reload::<C>::new(source, first)));
        }
        let mut media = Vec::new();
        let (ended, media_ended) = mpsc::unbounded_channel();
        for ((worker, thread), stop) in threads.into_iter().enumerate().zip(stops) {
            let worker = worker as u8;
            let waker = thread.net.waker();
            let start = ThreadStart {
                worker,
                thread,
                seed: seed.clone(),
                settings: self.config.plugins.clone(),
                launch: launch.clone(),
                dtls: dtls.clone(),
                fingerprints: fingerprints.clone(),
                clock,
                pacing: self.config.rtc.pacing,
                events: events.clone(),
                feed: feed.clone(),
                control: control.clone(),
                runtime: runtime.clone(),
            };
            let (ready, started) = std::sync::mpsc::channel();
            let log = self.log.clone();
            let end = TellsEnd { worker, ended: ended.clone() };
            let handle = std::thread::Builder::new().name(format!("media-{worker}")).spawn(move || {
                let _log = log.as_ref().map(tracing::dispatcher::set_default);
                let _end = end;
                start.run(&ready);
            })?;
            // Made on its own thread, since an engine never leaves it; what fails there fails the start.
            let outcome = started.recv().unwrap_or_else(|_| {
                Err(WorkerError::Config("worker: a media thread ended while it started".to_owned()))
            });
            media.push(MediaThread { stop, waker, handle });
            if let Err(error) = outcome {
                Running::stop_threads(media);
                return Err(error);
            }
        }
        self.serve(control, media, media_ended).await
    }

    /// Starts what runs beside the media threads.
    async fn serve(
        &mut self,
        control: ControlHandle,
        media: Vec<MediaThread>,
        media_ended: mpsc::UnboundedReceiver<u8>,
    ) -> Result<Running, WorkerError> {
        let mounts = Mounts::new();
        let (switch, stop) = Shutdown::new();
        let mut server = None;
        if self.serve_http && <C::Signaling as SignalingSet>::LEN > 0 {
            match HttpServer::bind(&self.config.http).await {
                Ok(bound) => {
                    mounts.set_address(bound.url(), bound.address().ip().is_loopback());
                    server = Some(bound);
                }
                Err(error) => {
                    Running::stop_threads(media);
                    return Err(WorkerError::Http(error.to_string()));
                }
            }
        }
        // `enabled` is the core's own field.
        let tables = self.signaling_tables();
        let chosen = self.chosen();
        let signaling =
            match <C::Signaling as SignalingSet>::spawn(&tables, &chosen, &control, &mounts, &stop) {
                Ok(signaling) => signaling,
                Err(error) => {
                    Running::stop_threads(media);
                    return Err(error.into());
                }
            };
        let http = server.map(|server| tokio::spawn(server.run(mounts.clone(), stop, control.clone())));
        Ok(Running::new(control, mounts, switch, signaling, http, media, media_ended))
    }

    /// The tables as the signaling crates get them: `enabled` is the core's own field, and `--open` fills in `open`.
    fn signaling_tables(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut tables = self.config.signaling.clone();
        for table in tables.values_mut().filter_map(|table| table.as_object_mut()) {
            table.remove("enabled");
        }
        for about in <C::Signaling as SignalingSet>::about().iter().filter(|_| self.config.open) {
            if (about.schema)()["properties"]["open"].is_object()
                && let Some(table) =
                    tables.entry(about.id).or_insert_with(|| serde_json::json!({})).as_object_mut()
            {
                table.insert("open".to_owned(), true.into());
            }
        }
        tables
    }

    /// Opens the sockets and channels of all media threads.
    #[expect(clippy::type_complexity, reason = "the three lists run in parallel and are taken apart at once")]
    fn open_threads(
        &self,
        workers: u8,
        launch: &Launch,
    ) -> Result<(Vec<Thread<C::Plugins>>, Vec<WorkerPort>, Vec<Arc<AtomicBool>>), WorkerError> {
        let mut nets = Vec::new();
        for worker in 0..workers {
            let mut net = Net::new(NetOptions::default())?;
            let shared = match self.share_ports {
                true => open_shared(&mut net, &self.config.rtc, worker)?,
                false => SharedListen::default(),
            };
            let waker = net.waker();
            if let Some(bell) = launch.bells.get(usize::from(worker)) {
                bell.set_wake(move || waker.wake());
            }
            nets.push((net, shared));
        }
        let wakers: Vec<_> = nets.iter().map(|(net, _)| net.waker()).collect();
        let count = usize::from(workers);
        let mut peers: Vec<Vec<Option<Peer<C::Plugins>>>> =
            (0..count).map(|_| (0..count).map(|_| None).collect()).collect();
        let mut rings: Vec<Vec<rtrb::Consumer<Relayed<C::Plugins>>>> =
            (0..count).map(|_| Vec::new()).collect();
        let (words, mut heard): (Vec<_>, Vec<_>) = (0..count)
            .map(|_| std::sync::mpsc::channel())
            .map(|(send, receive)| (send, Some(receive)))
            .unzip();
        for (to, rings) in rings.iter_mut().enumerate() {
            for (from, peers) in peers.iter_mut().enumerate().filter(|(from, _)| *from != to) {
                let _ = from;
                let (packets, ring) = rtrb::RingBuffer::new(RELAY_RING);
                rings.push(ring);
                peers[to] = Some(Peer { packets, words: words[to].clone(), waker: wakers[to].clone() });
            }
        }
        let (mut threads, mut ports, mut stops) = (Vec::new(), Vec::new(), Vec::new());
        let parts = nets.into_iter().zip(peers).zip(rings).zip(heard.iter_mut());
        for ((((net, shared), peers), packets), words) in parts {
            let (commands, inbox) = mpsc::channel(COMMANDS);
            let waker = net.waker();
            ports.push(WorkerPort::new(commands, Arc::new(move || waker.wake())));
            let stop = Arc::new(AtomicBool::new(false));
            let Some(words) = words.take() else { continue };
            let inbound = Inbound { commands: inbox, packets, words, stop: stop.clone() };
            stops.push(stop);
            threads.push(Thread { net, shared, inbound, peers });
        }
        Ok((threads, ports, stops))
    }
}

/// All that a media thread takes along.
struct ThreadStart<S: PluginSet> {
    worker: u8,
    thread: Thread<S>,
    seed: S::Seed,
    settings: crate::plugin::PluginSettings,
    launch: Launch,
    dtls: DtlsContext,
    fingerprints: Vec<DtlsFingerprint>,
    clock: Clock,
    pacing: bool,
    events: broadcast::Sender<crate::control::Event>,
    feed: FeedSender,
    control: ControlHandle,
    runtime: tokio::runtime::Handle,
}

impl<S: PluginSet> ThreadStart<S> {
    fn run(self, ready: &std::sync::mpsc::Sender<Result<(), WorkerError>>) {
        let _context = self.runtime.enter();
        let limits = PluginLimits::default();
        let plugins = Plugins::<S>::start(
            &self.seed,
            &self.settings,
            &self.launch,
            limits,
            self.worker,
            Instant::now(),
        );
        let plugins = match plugins {
            Ok(plugins) => plugins,
            Err(error) => {
                let _ = ready.send(Err(error.into()));
                return;
            }
        };
        let engine = Engine::new(EngineConfig {
            worker: self.worker,
            shared: self.thread.shared,
            dtls: self.dtls,
            fingerprints: self.fingerprints,
            clock: self.clock,
            random: Random::system(),
            pacing: self.pacing,
        });
        let around = Around {
            events: self.events,
            feed: self.feed,
            peers: self.thread.peers,
            control: self.control,
            runtime: self.runtime.clone(),
            to_wake: 0,
        };
        let _ = ready.send(Ok(()));
        media_thread::run(Shell::new(engine, plugins, around), self.thread.net, self.thread.inbound);
    }
}

/// Opens the sockets that the WebRTC transports of a media thread share.
fn open_shared(net: &mut Net, rtc: &RtcConfig, worker: u8) -> Result<SharedListen, WorkerError> {
    let port = |first: u16| if first == 0 { 0 } else { first.saturating_add(u16::from(worker)) };
    let socket_error = |error: BindError| WorkerError::Socket(error.to_string());
    let mut shared = SharedListen::default();
    let udp_options = UdpOptions {
        recv_buffer: rtc.recv_buffer,
        send_buffer: rtc.send_buffer,
        may_hand_over: true,
        ..UdpOptions::default()
    };
    let udp =
        on_any_family(rtc.listen_ip, |ip| net.add_udp(SocketAddr::new(ip, port(rtc.udp_port)), udp_options))
            .map_err(socket_error)?;
    advertise(net, &mut shared, udp, Protocol::Udp, rtc);
    if rtc.tcp {
        let tcp = on_any_family(rtc.listen_ip, |ip| {
            net.add_tcp(SocketAddr::new(ip, port(rtc.tcp_port)), TcpOptions::default())
        })
        .map_err(socket_error)?;
        advertise(net, &mut shared, tcp, Protocol::Tcp, rtc);
    }
    Ok(shared)
}

/// Binds to an address; to all of IPv4 where all of both families was asked for and the system has no IPv6.
fn on_any_family<T>(
    ip: IpAddr,
    mut bind: impl FnMut(IpAddr) -> Result<T, BindError>,
) -> Result<T, BindError> {
    match bind(ip) {
        Err(BindError::NoSuchFamily { .. } | BindError::NoSuchAddress { .. })
            if ip.is_ipv6() && ip.is_unspecified() =>
        {
            bind(Ipv4Addr::UNSPECIFIED.into())
        }
        bound => bound,
    }
}

/// Says how a socket is reached: as announced, else by every address of this machine, loopback last.
fn advertise(net: &Net, shared: &mut SharedListen, socket: SocketId, protocol: Protocol, rtc: &RtcConfig) {
    let Some(bound) = net.local_addr(socket) else { return };
    shared.sockets.push(Listening { socket, protocol, address: bound });
    let addresses: Vec<String> = if !rtc.announce.is_empty() {
        rtc.announce.clone()
    } else if bound.ip().is_unspecified() {
        let same = |ip: &IpAddr| bound.is_ipv6() || ip.is_ipv4();
        local_addresses().into_iter().filter(same).map(|ip| ip.to_string()).collect()
    } else {
        vec![bound.ip().to_string()]
    };
    for address in addresses {
        let order = shared.candidates.len().min(255) as u8;
        let port = bound.port();
        shared.candidates.push(ListenCandidate { protocol, address, port, order, is_internal: false });
    }
}

/// The certificate and the settings of DTLS.
fn dtls_context(rtc: &RtcConfig) -> Result<(DtlsContext, Vec<DtlsFingerprint>), WorkerError> {
    let fail = |text: String| WorkerError::Dtls(text);
    let certificate = match (&rtc.dtls_cert, &rtc.dtls_key) {
        (Some(cert), Some(key)) => Certificate::from_pem_files(cert, key),
        (None, None) => Certificate::generate(),
        _ => return Err(fail("dtls_cert and dtls_key are given together, or neither".to_owned())),
    }
    .map_err(|error| fail(error.to_string()))?;
    let profiles: Vec<SrtpProfile> = rtc.srtp.iter().map(|suite| profile(*suite)).collect();
    let context = DtlsContext::new(&certificate, &profiles, DtlsTimers::default(), DTLS_MTU)
        .map_err(|error| fail(error.to_string()))?;
    let fingerprint = certificate.fingerprint(HashAlgorithm::Sha256);
    let fingerprints =
        vec![DtlsFingerprint { algorithm: FingerprintAlgorithm::Sha256, value: fingerprint.value() }];
    Ok((context, fingerprints))
}

fn profile(suite: SrtpCryptoSuite) -> SrtpProfile {
    match suite {
        SrtpCryptoSuite::AeadAes256Gcm => SrtpProfile::AeadAes256Gcm,
        SrtpCryptoSuite::AeadAes128Gcm => SrtpProfile::AeadAes128Gcm,
        SrtpCryptoSuite::AesCm128HmacSha1_80 => SrtpProfile::Aes128CmSha1_80,
        SrtpCryptoSuite::AesCm128HmacSha1_32 => SrtpProfile::Aes128CmSha1_32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of_ipv6() -> IpAddr {
        RtcConfig::default().listen_ip
    }

    /// What media sockets with these settings are advertised as.
    fn candidates(rtc: &RtcConfig) -> (Vec<ListenCandidate>, SocketAddr) {
        let mut net = Net::new(NetOptions::default()).unwrap();
        let shared = open_shared(&mut net, rtc, 0).unwrap();
        (shared.candidates.clone(), shared.sockets[0].address)
    }

    #[test]
    fn by_default_every_address_of_this_machine_is_advertised_and_both_families_arrive() {
        assert_eq!(all_of_ipv6(), IpAddr::from([0u16; 8]));
        let mut net = Net::new(NetOptions::default()).unwrap();
        let shared = open_shared(&mut net, &RtcConfig::default(), 0).unwrap();
        let told: Vec<&str> = shared.candidates.iter().map(|candidate| candidate.address.as_str()).collect();
        let own: Vec<String> = local_addresses().iter().map(IpAddr::to_string).collect();
        assert_eq!(told, own.iter().chain(&own).collect::<Vec<_>>(), "by UDP, then by TCP");
        let port = shared.sockets[0].address.port();
        for own in ["127.0.0.1", "::1"] {
            let Ok(peer) = std::net::UdpSocket::bind((own, 0)) else {
                crate::testing::skipped(&format!("this machine has no {own}"));
                continue;
            };
            peer.send_to(&[0; 20], (own, port)).unwrap();
            let mut from = None;
            let end = Instant::now() + std::time::Duration::from_secs(10);
            while from.is_none() && Instant::now() < end {
                let polled = net.poll(Some(end), |_, route, _| {
                    from = Some(route.remote);
                    std::ops::ControlFlow::Break(())
                });
                polled.unwrap();
            }
            assert_eq!(from, Some(peer.local_addr().unwrap()), "IPv4 is not wrapped in IPv6");
        }
    }

    #[test]
    fn listening_on_ipv4_alone_advertises_ipv4_alone() {
        let rtc = RtcConfig { listen_ip: [0, 0, 0, 0].into(), ..RtcConfig::default() };
        let (told, bound) = candidates(&rtc);
        assert!(bound.is_ipv4() && told.iter().all(|candidate| !candidate.address.contains(':')), "{told:?}");
    }

    #[test]
    fn without_ipv6_all_of_ipv4_is_taken_and_only_where_all_was_meant() {
        let lacks_ipv6 = |ip: IpAddr| match ip {
            IpAddr::V4(_) => Ok(ip),
            IpAddr::V6(_) => Err(BindError::NoSuchFamily {
                protocol: crate::net::Protocol::Udp,
                address: SocketAddr::new(ip, 0),
            }),
        };
        assert_eq!(on_any_family(all_of_ipv6(), lacks_ipv6).unwrap(), IpAddr::from([0, 0, 0, 0]));
        assert!(on_any_family("::1".parse().unwrap(), lacks_ipv6).is_err(), "one address was meant");
        let taken = |ip| {
            let address = SocketAddr::new(ip, 1);
            Err::<(), _>(BindError::Taken { protocol: crate::net::Protocol::Udp, address })
        };
        assert!(on_any_family(all_of_ipv6(), taken).is_err(), "another port would not help");
    }
}
