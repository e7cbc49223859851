//! The way from tokio to the media threads.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc, oneshot};

use super::steps::unexpected;
use super::*;

/// How many events a slow subscriber may lag behind before it misses some (and is told how many).
const EVENT_BACKLOG: usize = 8192;

/// How long peers that are just connecting keep a worker that drains from leaving its ports.
const CONNECTING: Duration = Duration::from_secs(5);

/// One command on its way to a media thread.
#[derive(Debug)]
pub struct Envelope {
    /// The command.
    pub command: Command,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Reply, ControlError>>,
}

/// The control side of one media thread.
#[derive(Clone)]
pub struct WorkerPort {
    commands: mpsc::Sender<Envelope>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl WorkerPort {
    /// A port whose thread is woken by `wake` after each command.
    pub fn new(commands: mpsc::Sender<Envelope>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        WorkerPort { commands, wake }
    }
}

/// Answers requests to plugins that need no media thread (`Plugin::serve`), or says that it can't.
pub trait ServeRequests: Send + Sync {
    /// Whether the plugin answers untargeted requests off the media threads.
    fn serves(&self, plugin: &str) -> bool;
    /// Answers one.
    fn serve(
        &self,
        plugin: &str,
        body: serde_json::Value,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Reply, ControlError>> + Send>>;
}

struct Shared {
    ports: Vec<WorkerPort>,
    spread: Spread,
    events: broadcast::Sender<Event>,
    feed: FeedSender,
    next_worker: AtomicUsize,
    serve: Arc<dyn ServeRequests>,
    /// Held while media threads get a new configuration: two at once could leave them with one each.
    reconfiguring: tokio::sync::Mutex<()>,
    /// Whether the worker drains.
    draining: tokio::sync::watch::Sender<bool>,
    /// Who takes over new configurations; nobody in a program that started the worker without saying where they come from.
    reload: OnceLock<Arc<dyn TakeConfig>>,
}

/// Speaks to a running worker: commands in, replies and events out. Cheap to clone.
#[derive(Clone)]
pub struct ControlHandle(Arc<Shared>);

impl ControlHandle {
    /// A handle on the given media threads.
    pub(crate) fn new(
        ports: Vec<WorkerPort>,
        spread: Spread,
        events: broadcast::Sender<Event>,
        feed: FeedSender,
        serve: Arc<dyn ServeRequests>,
    ) -> Self {
        let (next_worker, reconfiguring, reload) = Default::default();
        let draining = tokio::sync::watch::Sender::new(false);
        let shared =
            Shared { ports, spread, events, feed, next_worker, serve, reconfiguring, draining, reload };
        ControlHandle(Arc::new(shared))
    }

    /// A channel of the right depth for events.
    pub(crate) fn event_channel() -> broadcast::Sender<Event> {
        broadcast::channel(EVENT_BACKLOG).0
    }

    /// How many media threads there are.
    pub fn workers(&self) -> u8 {
        self.0.ports.len() as u8
    }

    /// Events from now on. A subscriber that lags by more than 8192 events is told how many it missed.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// All that media threads tell from now on: events without loss, and the packets and messages of direct transports. Told
    /// before the answer to the command that it comes of. There is one for a worker: `None` if it is taken.
    pub fn follow(&self) -> Option<Feed> {
        self.0.feed.follow()
    }

    /// A media thread for a new room, in turn.
    pub fn pick_worker(&self) -> u8 {
        (self.0.next_worker.fetch_add(1, Ordering::Relaxed) % self.0.ports.len().max(1)) as u8
    }

    /// Sends a command to a given media thread and waits for its answer.
    pub async fn command_on(&self, worker: u8, command: Command) -> Result<Reply, ControlError> {
        let makes_new = matches!(command, Command::CreateSession(_) | Command::CreateRouter { .. });
        if makes_new && self.is_draining() {
            return Err(ControlError::stopped(
                "control: this worker drains and takes nothing new; ask another one",
            ));
        }
        let port =
            self.0.ports.get(usize::from(worker)).ok_or_else(|| {
                ControlError::not_found(format!("control: there is no media thread {worker}"))
            })?;
        let (reply, answer) = oneshot::channel();
        port.commands.send(Envelope { command, reply }).await.map_err(|_| gone())?;
        (port.wake)();
        answer.await.map_err(|_| gone())?
    }

    /// Sends a command to the media thread that owns its target; commands that name none go to the first.
    ///
    /// `Stats(Target::Worker)`, plugin settings and plugin requests without a target reach every thread and are merged. A room that
    /// outgrows its media thread spreads over others: a new transport may be on another thread than its router, and what is said
    /// to the router, or asked of it, reaches all threads that it is on.
    pub async fn command(&self, command: Command) -> Result<Reply, ControlError> {
        if let Command::PluginRequest { plugin, body, target: Target::Worker } = &command
            && self.0.serve.serves(plugin)
        {
            return self.0.serve.serve(plugin, body.clone()).await;
        }
        let Some(steps) = steps(&command, self.0.spread) else {
            let worker = match (&command, command.target().and_then(Target::worker)) {
                (_, Some(worker)) => worker,
                // Its ports are those that were named; other threads take the ones behind them, once they need some.
                (Command::CreateWebRtcServer(_), None) => 0,
                (_, None) => self.pick_worker(),
            };
            return self.command_on(worker, command).await;
        };
        if matches!(command, Command::ReconfigurePlugin { .. }) {
            let work = self.clone().reconfigure(steps);
            return match tokio::runtime::Handle::try_current() {
                // In a task of its own: who hangs up in the middle leaves no threads behind that differ.
                Ok(runtime) => runtime.spawn(work).await.unwrap_or_else(|_| Err(gone())),
                Err(_) => work.await,
            };
        }
        self.take(steps).await
    }

    async fn take(&self, mut steps: Box<dyn Steps>) -> Result<Reply, ControlError> {
        while let Some((worker, command)) = steps.next() {
            steps.note(self.command_on(worker, command).await);
        }
        steps.outcome()
    }

    async fn reconfigure(self, steps: Box<dyn Steps>) -> Result<Reply, ControlError> {
        let _one_by_one = self.0.reconfiguring.lock().await;
        self.take(steps).await
    }

    /// Where in a room a new peer is placed best: the router itself, or the part of it on another media thread. Whoever gives a peer
    /// a session makes that on the media thread of the answer, since all transports of a session are where it is.
    pub async fn place(&self, router: RouterId) -> Result<RouterId, ControlError> {
        if self.workers() < 2 {
            return Ok(router);
        }
        match self.take(Box::new(Placing::in_router(router, self.0.spread))).await? {
            Reply::Router(place) => Ok(place),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes no new sessions and rooms from now on, and leaves the ports that WebRTC transports share to another worker. Whoever
    /// is connected stays connected and loses no packet; TCP connections stay, too. [`Running::drained`](crate::Running::drained)
    /// tells when the last one has gone.
    ///
    /// Peers that are just connecting have five seconds for it.
    pub async fn drain(&self) -> Result<(), ControlError> {
        self.0.draining.send_replace(true);
        let end = Instant::now() + CONNECTING;
        while Instant::now() < end {
            let stats = self.stats(Target::Worker).await?;
            if stats
                .transports
                .iter()
                .all(|transport| transport.ice_state.is_none() || transport.tuple.is_some())
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.run(Command::ReleasePorts).await
    }

    /// Whether [`ControlHandle::drain`] was called.
    pub fn is_draining(&self) -> bool {
        *self.0.draining.borrow()
    }

    /// Waits until [`ControlHandle::drain`] is called.
    pub(crate) async fn begins_to_drain(&self) {
        // The sender lives as long as this handle.
        let _ = self.0.draining.subscribe().wait_for(|draining| *draining).await;
    }

    /// Says who takes over new configurations; once.
    pub(crate) fn set_reload(&self, reload: Arc<dyn TakeConfig>) {
        let _ = self.0.reload.set(reload);
    }

    /// Takes over a new configuration: all of it, or nothing and an error that says why. What plugins are told can change
    /// while the worker runs; the rest needs a restart.
    ///
    /// `config` has the form of the configuration file, as JSON; with `None` the file is read again. What the command line and
    /// the environment say stays on top. A plugin of which it says the same as before keeps what a request gave it since.
    pub async fn reload(&self, config: Option<serde_json::Value>) -> Result<Reloaded, ControlError> {
        let Some(reload) = self.0.reload.get().cloned() else {
            let text = "config: this worker was started without a file; reconfigure plugins one by one";
            return Err(ControlError::unsupported(text));
        };
        let control = self.clone();
        // In a task of its own: who hangs up in the middle leaves no half of it behind.
        let taken = tokio::spawn(async move { reload.take(control, config).await });
        taken.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Makes a session on a given media thread.
    pub async fn create_session(
        &self,
        worker: u8,
        options: CreateSession,
    ) -> Result<SessionId, ControlError> {
        match self.command_on(worker, Command::CreateSession(options)).await? {
            Reply::Session(id) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a router on a given media thread.
    pub async fn create_router(&self, worker: u8, labels: Labels) -> Result<RouterId, ControlError> {
        match self.command_on(worker, Command::CreateRouter { labels }).await? {
            Reply::Router(id) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a WebRTC transport.
    pub async fn create_webrtc_transport(
        &self,
        router: RouterId,
        options: WebRtcTransportOptions,
    ) -> Result<WebRtcTransportCreated, ControlError> {
        match self.command(Command::CreateWebRtcTransport { router, options }).await? {
            Reply::WebRtcTransport(created) => Ok(created),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives a WebRTC transport its peer's DTLS parameters; answers with our role.
    pub async fn connect_webrtc_transport(
        &self,
        transport: TransportId,
        dtls_parameters: DtlsParameters,
    ) -> Result<DtlsRole, ControlError> {
        match self.command(Command::ConnectWebRtcTransport { transport, dtls_parameters }).await? {
            Reply::DtlsRole(role) => Ok(role),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives a transport new ICE credentials.
    pub async fn restart_ice(&self, transport: TransportId) -> Result<IceParameters, ControlError> {
        match self.command(Command::RestartIce(transport)).await? {
            Reply::IceParameters(parameters) => Ok(parameters),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a plain RTP transport.
    pub async fn create_plain_transport(
        &self,
        router: RouterId,
        options: PlainTransportOptions,
    ) -> Result<PlainTransportCreated, ControlError> {
        match self.command(Command::CreatePlainTransport { router, options }).await? {
            Reply::PlainTransport(created) => Ok(created),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives a plain transport its peer.
    pub async fn connect_plain_transport(
        &self,
        transport: TransportId,
        peer: ConnectPlainTransport,
    ) -> Result<PlainTransportCreated, ControlError> {
        match self.command(Command::ConnectPlainTransport { transport, peer }).await? {
            Reply::PlainTransport(created) => Ok(created),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a producer.
    pub async fn produce(
        &self,
        transport: TransportId,
        options: ProducerOptions,
    ) -> Result<ProducerCreated, ControlError> {
        match self.command(Command::Produce { transport, options }).await? {
            Reply::Producer(created) => Ok(created),
            other => Err(unexpected(&other)),
        }
    }

    /// What a producer sends, for signaling that did not make it itself.
    pub async fn describe_producer(&self, producer: ProducerId) -> Result<ProducerDescription, ControlError> {
        match self.command(Command::DescribeProducer(producer)).await? {
            Reply::ProducerDescription(description) => Ok(*description),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a consumer. Producer and transport may live on different media threads.
    pub async fn consume(
        &self,
        transport: TransportId,
        options: ConsumerOptions,
    ) -> Result<ConsumerId, ControlError> {
        match self.command(Command::Consume { transport, options }).await? {
            Reply::Consumer(id) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes data channel messages from a transport.
    pub async fn produce_data(
        &self,
        transport: TransportId,
        options: DataProducerOptions,
    ) -> Result<DataProducerId, ControlError> {
        match self.command(Command::ProduceData { transport, options }).await? {
            Reply::DataProducer(id) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends a data producer's messages over a transport of the same router.
    pub async fn consume_data(
        &self,
        transport: TransportId,
        options: DataConsumerOptions,
    ) -> Result<DataConsumerId, ControlError> {
        match self.command(Command::ConsumeData { transport, options }).await? {
            Reply::DataConsumer(id) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    /// Any command that answers `Done`: close, pause, resume, labels, settings.
    pub async fn run(&self, command: Command) -> Result<(), ControlError> {
        self.command(command).await.map(|_| ())
    }

    /// Figures of a target and all below it, merged over media threads.
    pub async fn stats(&self, target: Target) -> Result<WorkerStats, ControlError> {
        match self.command(Command::Stats(target)).await? {
            Reply::Stats(stats) => Ok(stats),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks a plugin; without a target every instance answers into one array, unless the plugin has `serve`.
    pub async fn plugin_request(
        &self,
        plugin: impl Into<String>,
        target: Target,
        body: serde_json::Value,
    ) -> Result<serde_json::Value, ControlError> {
        match self.command(Command::PluginRequest { plugin: plugin.into(), target, body }).await? {
            Reply::Json(value) => Ok(value),
            other => Err(unexpected(&other)),
        }
    }
}

fn gone() -> ControlError {
    ControlError::stopped("control: the media thread is gone; the worker is stopping")
}
