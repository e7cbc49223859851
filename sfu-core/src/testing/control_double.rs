//! A stand-in for the media threads: it keeps the books of entities, and carries no media.
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};

use super::double_replies;
use crate::control::*;

/// How many commands may wait for one stand-in.
const QUEUE: usize = 1024;

/// A control handle on stand-ins for `workers` media threads, and the hand that steers them.
///
/// Must be called inside a tokio runtime; the stand-ins end with the last handle.
pub fn control_double(workers: u8) -> (ControlHandle, ControlDouble) {
    let events = ControlHandle::event_channel();
    let feed = FeedSender::default();
    let double = ControlDouble {
        world: Arc::new(Mutex::new(World { delay: Duration::ZERO, ..World::default() })),
        events: events.clone(),
        feed: feed.clone(),
    };
    let mut ports = Vec::new();
    for worker in 0..workers.max(1) {
        let (commands, mut inbox) = mpsc::channel::<Envelope>(QUEUE);
        ports.push(WorkerPort::new(commands, Arc::new(|| {})));
        let double = double.clone();
        tokio::spawn(async move {
            while let Some(Envelope { command, reply }) = inbox.recv().await {
                let delay = double.lock().delay;
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                let _ = reply.send(double.answer(worker, command));
            }
        });
    }
    let spread = Spread::new(workers.max(1), 0);
    (ControlHandle::new(ports, spread, events, feed, Arc::new(NobodyServes)), double)
}

/// Steers the stand-ins of [`control_double`] and looks at what they were told. Cheap to clone.
#[derive(Clone)]
pub struct ControlDouble {
    world: Arc<Mutex<World>>,
    events: broadcast::Sender<Event>,
    feed: FeedSender,
}

type Rule = Box<dyn FnMut(&Command) -> Option<ControlError> + Send>;

#[derive(Default)]
struct World {
    entities: BTreeMap<RawId, Entity>,
    log: Vec<Command>,
    next: u32,
    delay: Duration,
    refuse: Option<Rule>,
}

struct Entity {
    target: Target,
    parents: Vec<RawId>,
    labels: Labels,
    body: Body,
}

enum Body {
    Plain,
    Transport { ice: IceState, dtls: DtlsState, restarts: u32 },
    Producer(Box<ProducerOptions>),
    Consumer { producer: ProducerId, outlives_producer: bool },
}

impl ControlDouble {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Every command so far, in order, refused ones too.
    pub fn commands(&self) -> Vec<Command> {
        self.lock().log.clone()
    }

    /// Forgets the commands so far.
    pub fn clear_commands(&self) {
        self.lock().log.clear();
    }

    /// How many entities of a kind are open.
    pub fn open(&self, kind: EntityKind) -> usize {
        self.lock().entities.values().filter(|entity| entity.target.kind() == Some(kind)).count()
    }

    /// How many entities of any kind are open: 0 when nothing leaked.
    pub fn open_entities(&self) -> usize {
        self.lock().entities.len()
    }

    /// The open entities of a kind, oldest first.
    pub fn targets(&self, kind: EntityKind) -> Vec<Target> {
        self.lock().entities.values().map(|e| e.target).filter(|t| t.kind() == Some(kind)).collect()
    }

    /// The labels of an open entity.
    pub fn labels(&self, target: Target) -> Option<Labels> {
        self.lock().entities.values().find(|entity| entity.target == target).map(|e| e.labels.clone())
    }

    /// The transports of a session.
    pub fn transports_of(&self, session: SessionId) -> Vec<TransportId> {
        let world = self.lock();
        let of_session = |e: &&Entity| e.parents.contains(&session.raw());
        world
            .entities
            .values()
            .filter(of_session)
            .filter_map(|e| match e.target {
                Target::Transport(id) => Some(id),
                _ => None,
            })
            .collect()
    }

    /// The producer that a consumer is fed by.
    pub fn producer_of(&self, consumer: ConsumerId) -> Option<ProducerId> {
        match self.lock().entities.get(&consumer.raw())?.body {
            Body::Consumer { producer, .. } => Some(producer),
            _ => None,
        }
    }

    /// Refuses commands for which `rule` gives an error, before they do anything.
    pub fn refuse(&self, rule: impl FnMut(&Command) -> Option<ControlError> + Send + 'static) {
        self.lock().refuse = Some(Box::new(rule));
    }

    /// Refuses nothing any more.
    pub fn accept(&self) {
        self.lock().refuse = None;
    }

    /// Lets every command wait before it is done.
    pub fn set_delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Tells an event, and keeps the state in it for the statistics.
    pub fn emit(&self, target: impl Into<Target>, body: EventBody) {
        let target = target.into();
        {
            let mut world = self.lock();
            if let Some(Entity { body: Body::Transport { ice, dtls, .. }, .. }) =
                world.entities.values_mut().find(|entity| entity.target == target)
            {
                match &body {
                    EventBody::IceState(state) => *ice = *state,
                    EventBody::DtlsState(state) => *dtls = *state,
                    _ => {}
                }
            }
        }
        self.say(Event { target, body });
    }

    /// Closes an entity and what is below it, as a peer or a plugin would; tells `Closed` for each.
    pub fn close(&self, target: impl Into<Target>, reason: CloseReason) {
        let closed = {
            let mut world = self.lock();
            let target = target.into();
            let id = world.entities.iter().find(|(_, e)| e.target == target).map(|(id, _)| *id);
            id.map(|id| world.close(id)).unwrap_or_default()
        };
        self.tell_closed(closed, reason);
    }

    /// The same without telling anybody, as if the events had been missed.
    pub fn close_unseen(&self, target: impl Into<Target>) {
        let target = target.into();
        let mut world = self.lock();
        if let Some(id) = world.entities.iter().find(|(_, e)| e.target == target).map(|(id, _)| *id) {
            world.close(id);
        }
    }

    /// Floods the event channel, so that slow subscribers miss events.
    pub fn flood(&self) {
        for _ in 0..20_000 {
            let _ = self.events.send(Event {
                target: Target::Worker,
                body: EventBody::Plugin { plugin: "flood".into(), body: serde_json::Value::Null },
            });
        }
    }

    /// Tells whoever follows: packets and messages of direct transports.
    pub fn tell(&self, told: Told) {
        self.feed.tell(told);
    }

    fn say(&self, event: Event) {
        self.feed.tell(Told::Event(event.clone()));
        let _ = self.events.send(event);
    }

    fn tell_closed(&self, closed: Vec<Target>, reason: CloseReason) {
        for (place, target) in closed.into_iter().enumerate() {
            let reason = if place == 0 { reason } else { CloseReason::Parent };
            self.say(Event { target, body: EventBody::Closed(reason) });
        }
    }

    fn answer(&self, worker: u8, command: Command) -> Result<Reply, ControlError> {
        let (answer, closed, opened) = {
            let mut world = self.lock();
            // Looking for a place is none of what somebody told a worker to do.
            if !matches!(command, Command::Part(_)) {
                world.log.push(command.clone());
            }
            if let Some(rule) = &mut world.refuse
                && let Some(error) = rule(&command)
            {
                return Err(error);
            }
            let known = world.next;
            let (answer, closed) = world.apply(worker, command)?;
            let newest = world.entities.get(&RawId::new(worker, world.next, 0));
            (answer, closed, newest.filter(|_| world.next != known).map(|e| (e.target, e.labels.clone())))
        };
        if let Some((target, labels)) = opened {
            self.say(Event { target, body: EventBody::Opened { labels } });
        }
        self.tell_closed(closed, CloseReason::Requested);
        Ok(answer)
    }
}

impl World {
    fn open(
        &mut self,
        worker: u8,
        target: impl FnOnce(RawId) -> Target,
        parents: Vec<RawId>,
        labels: Labels,
        body: Body,
    ) -> RawId {
        self.next += 1;
        let id = RawId::new(worker, self.next, 0);
        self.entities.insert(id, Entity { target: target(id), parents, labels, body });
        id
    }

    fn close(&mut self, id: RawId) -> Vec<Target> {
        let Some(entity) = self.entities.remove(&id) else { return Vec::new() };
        let mut closed = vec![entity.target];
        let below: Vec<RawId> = self
            .entities
            .iter()
            .filter(|(_, e)| {
                e.parents.contains(&id)
                    || matches!(e.body, Body::Consumer { producer, outlives_producer: false } if producer.raw() == id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in below {
            closed.extend(self.close(id));
        }
        closed
    }

    fn known(&self, id: RawId) -> Result<&Entity, ControlError> {
        self.entities.get(&id).ok_or_else(|| ControlError::not_found(format!("control: {id} is not open")))
    }

    fn parents(&self, router: RouterId, session: Option<SessionId>) -> Result<Vec<RawId>, ControlError> {
        let parents: Vec<RawId> =
            [Some(router.raw()), session.map(SessionId::raw)].into_iter().flatten().collect();
        parents.iter().try_for_each(|id| self.known(*id).map(|_| ()))?;
        Ok(parents)
    }

    /// Media stays within a router.
    fn same_router(&self, a: RawId, b: RawId) -> Result<(), ControlError> {
        if self.router_of(a) == self.router_of(b) {
            return Ok(());
        }
        Err(ControlError::invalid(format!("control: {a} and {b} are not in the same router")))
    }

    fn router_of(&self, id: RawId) -> Option<RawId> {
        let entity = self.entities.get(&id)?;
        match entity.target {
            Target::Router(_) => Some(id),
            _ => entity.parents.iter().find_map(|parent| self.router_of(*parent)),
        }
    }

    fn ice(id: RawId, restarts: u32) -> IceParameters {
        IceParameters {
            username_fragment: format!("ufrag{}r{restarts}", id.index()),
            password: format!("password-of-{}-number-{restarts}", id.index()),
            ice_lite: true,
        }
    }

    fn apply(&mut self, worker: u8, command: Command) -> Result<(Reply, Vec<Target>), ControlError> {
        let done = (Reply::Done, Vec::new());
        Ok(match command {
            Command::CreateSession(options) => {
                let target = |id| Target::Session(SessionId::from_raw(id));
                let id = self.open(worker, target, Vec::new(), options.labels, Body::Plain);
                (Reply::Session(SessionId::from_raw(id)), Vec::new())
            }
            Command::CreateRouter { labels } => {
                let target = |id| Target::Router(RouterId::from_raw(id));
                let id = self.open(worker, target, Vec::new(), labels, Body::Plain);
                (Reply::Router(RouterId::from_raw(id)), Vec::new())
            }
            // Rooms of stand-ins are small: they stay where they are.
            Command::Part(_) => (Reply::RouterWeight(Box::default()), Vec::new()),
            Command::CreateWebRtcTransport { router, options } => {
                let parents = self.parents(router, options.session)?;
                let target = |id| Target::Transport(TransportId::from_raw(id));
                let body = Body::Transport { ice: IceState::New, dtls: DtlsState::New, restarts: 0 };
                let id = self.open(worker, target, parents, options.labels, body);
                let created = WebRtcTransportCreated {
                    id: TransportId::from_raw(id),
                    ice_parameters: World::ice(id, 0),
                    ice_candidates: vec![IceCandidate {
                        foundation: "1".into(),
                        priority: 2_130_706_431,
                        address: "127.0.0.1".into(),
                        protocol: Protocol::Udp,
                        port: 40_000,
                    }],
                    dtls_parameters: DtlsParameters {
                        role: DtlsRole::Auto,
                        fingerprints: vec![DtlsFingerprint {
                            algorithm: FingerprintAlgorithm::Sha256,
                            value: vec!["AB"; 32].join(":"),
                        }],
                    },
                };
                (Reply::WebRtcTransport(created), Vec::new())
            }
            Command::ConnectWebRtcTransport { transport, dtls_parameters } => {
                self.known(transport.raw())?;
                let ours = match dtls_parameters.role {
                    DtlsRole::Server => DtlsRole::Client,
                    _ => DtlsRole::Server,
                };
                (Reply::DtlsRole(ours), Vec::new())
            }
            Command::CreatePlainTransport { router, options } => {
                let parents = self.parents(router, options.session)?;
                let target = |id| Target::Transport(TransportId::from_raw(id));
                let id = self.open(worker, target, parents, options.labels.clone(), Body::Plain);
                let created = double_replies::created(TransportId::from_raw(id), &options);
                (Reply::PlainTransport(created), Vec::new())
            }
            Command::ConnectPlainTransport { transport, peer } => {
                self.known(transport.raw())?;
                (Reply::PlainTransport(double_replies::connected(transport, &peer)), Vec::new())
            }
            Command::CreateDirectTransport { router, options } => {
                let parents = self.parents(router, options.session)?;
                let target = |id| Target::Transport(TransportId::from_raw(id));
                let id = self.open(worker, target, parents, options.labels, Body::Plain);
                (Reply::DirectTransport(TransportId::from_raw(id)), Vec::new())
            }
            Command::Dump(Target::Transport(transport)) => {
                let router = self.known(transport.raw())?.parents.first().copied();
                let router = RouterId::from_raw(router.unwrap_or(RawId::new(0, 0, 0)));
                (Reply::Dump(double_replies::direct_dump(transport, router)), Vec::new())
            }
            Command::RestartIce(transport) => {
                let Some(Entity { body: Body::Transport { restarts, .. }, .. }) =
                    self.entities.get_mut(&transport.raw())
                else {
                    return Err(ControlError::not_found(format!("control: {transport} is not open")));
                };
                *restarts += 1;
                (Reply::IceParameters(World::ice(transport.raw(), *restarts)), Vec::new())
            }
            Command::Produce { transport, options } => {
                self.known(transport.raw())?;
                let target = |id| Target::Producer(ProducerId::from_raw(id));
                let labels = options.labels.clone();
                let body = Body::Producer(Box::new(options));
                let id = self.open(worker, target, vec![transport.raw()], labels, body);
                let created = ProducerCreated { id: ProducerId::from_raw(id), kind: ConsumerType::default() };
                (Reply::Producer(created), Vec::new())
            }
            Command::DescribeProducer(id) => {
                let Entity { body: Body::Producer(options), parents, labels, .. } = self.known(id.raw())?
                else {
                    return Err(ControlError::not_found(format!("control: {id} is not open")));
                };
                let router = parents.first().and_then(|transport| self.router_of(*transport));
                let router = RouterId::from_raw(router.unwrap_or(RawId::new(0, 0, 0)));
                let described = double_replies::described(id, router, labels, options);
                (Reply::ProducerDescription(Box::new(described)), Vec::new())
            }
            Command::Consume { transport, options } => {
                self.known(transport.raw())?;
                self.known(options.producer.raw())?;
                self.same_router(transport.raw(), options.producer.raw())?;
                let target = |id| Target::Consumer(ConsumerId::from_raw(id));
                let body = Body::Consumer {
                    producer: options.producer,
                    outlives_producer: options.outlives_producer,
                };
                let id = self.open(worker, target, vec![transport.raw()], options.labels, body);
                (Reply::Consumer(ConsumerId::from_raw(id)), Vec::new())
            }
            Command::ProduceData { transport, options } => {
                self.known(transport.raw())?;
                let target = |id| Target::DataProducer(DataProducerId::from_raw(id));
                let id = self.open(worker, target, vec![transport.raw()], options.labels, Body::Plain);
                (Reply::DataProducer(DataProducerId::from_raw(id)), Vec::new())
            }
            Command::ConsumeData { transport, options } => {
                self.known(transport.raw())?;
                self.known(options.data_producer.raw())?;
                self.same_router(transport.raw(), options.data_producer.raw())?;
                let target = |id| Target::DataConsumer(DataConsumerId::from_raw(id));
                let id = self.open(worker, target, vec![transport.raw()], options.labels, Body::Plain);
                (Reply::DataConsumer(DataConsumerId::from_raw(id)), Vec::new())
            }
            Command::SwitchConsumer { consumer, producer: to } => {
                self.known(to.raw())?;
                self.known(consumer.raw())?;
                self.same_router(consumer.raw(), to.raw())?;
                match self.entities.get_mut(&consumer.raw()) {
                    Some(Entity { body: Body::Consumer { producer, .. }, .. }) => *producer = to,
                    _ => return Err(ControlError::not_found(format!("control: {consumer} is not open"))),
                }
                done
            }
            Command::CloseSession(id) => return self.close_known(id.raw()),
            Command::CloseRouter(id) => return self.close_known(id.raw()),
            Command::CloseTransport(id) => return self.close_known(id.raw()),
            Command::CloseProducer(id) => return self.close_known(id.raw()),
            Command::CloseConsumer(id) => return self.close_known(id.raw()),
            Command::Stats(target) => (Reply::Stats(self.stats(worker, target)), Vec::new()),
            Command::PluginRequest { body, .. } => (Reply::Json(body), Vec::new()),
            Command::ReconfigurePlugin { .. } => (Reply::Reconfigured(serde_json::Value::Null), Vec::new()),
            _ => done,
        })
    }

    fn close_known(&mut self, id: RawId) -> Result<(Reply, Vec<Target>), ControlError> {
        self.known(id)?;
        Ok((Reply::Done, self.close(id)))
    }

    fn is_below(&self, id: RawId, target: Target) -> bool {
        let Some(entity) = self.entities.get(&id) else { return false };
        target == Target::Worker
            || entity.target == target
            || entity.parents.iter().any(|parent| self.is_below(*parent, target))
    }

    fn stats(&self, worker: u8, target: Target) -> WorkerStats {
        let mut stats = WorkerStats::default();
        // Those of the whole worker are asked of every stand-in and added up.
        let here = |id: RawId| target != Target::Worker || id.worker() == worker;
        for (id, entity) in self.entities.iter().filter(|(id, _)| here(**id) && self.is_below(**id, target)) {
            match (&entity.body, entity.target) {
                (body @ (Body::Plain | Body::Transport { .. }), Target::Transport(id)) => {
                    let (ice_state, dtls_state) = match body {
                        Body::Transport { ice, dtls, .. } => (Some(*ice), Some(*dtls)),
                        _ => (None, None),
                    };
                    let parent = |wanted: EntityKind| {
                        let kind = |p: &&RawId| {
                            self.entities.get(p).is_some_and(|e| e.target.kind() == Some(wanted))
                        };
                        entity.parents.iter().find(kind).copied()
                    };
                    let router = parent(EntityKind::Router).unwrap_or(RawId::new(0, 0, 0));
                    let session = parent(EntityKind::Session).map(SessionId::from_raw);
                    stats.transports.push(TransportStats {
                        ice_state,
                        dtls_state,
                        ..double_replies::idle(id, RouterId::from_raw(router), session, &entity.labels)
                    });
                }
                (Body::Producer(options), Target::Producer(producer)) => {
                    stats.producers.push(ProducerStats {
                        id: producer,
                        transport: TransportId::from_raw(entity.parents.first().copied().unwrap_or(*id)),
                        kind: options.kind,
                        labels: entity.labels.clone(),
                        paused: options.paused,
                        dropped_by_plugins: 0,
                        streams: vec![StreamStats { score: 10, ..StreamStats::default() }],
                    })
                }
                (Body::Consumer { producer, .. }, Target::Consumer(consumer)) => {
                    let kind = match self.entities.get(&producer.raw()).map(|e| &e.body) {
                        Some(Body::Producer(options)) => options.kind,
                        _ => MediaKind::Video,
                    };
                    stats.consumers.push(ConsumerStats {
                        id: consumer,
                        producer: *producer,
                        transport: TransportId::from_raw(entity.parents.first().copied().unwrap_or(*id)),
                        kind,
                        labels: entity.labels.clone(),
                        paused: false,
                        producer_paused: false,
                        dropped_by_plugins: 0,
                        stream: StreamStats::default(),
                        others: Vec::new(),
                    });
                }
                _ => {}
            }
        }
        stats
    }
}

struct NobodyServes;

impl ServeRequests for NobodyServes {
    fn serves(&self, _: &str) -> bool {
        false
    }
    fn serve(
        &self,
        plugin: &str,
        _: serde_json::Value,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, ControlError>> + Send>> {
        let error = ControlError::unsupported(format!("control: `{plugin}` is not in this worker"));
        Box::pin(async move { Err(error) })
    }
}

#[cfg(test)]
mod tests;
