//! A media thread without an engine, for the tests beside.
use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::control::{
    ConsumerId, ConsumerType, DataConsumerId, DataProducerId, EntityId, EntityKind, Labels, MediaKind,
    ProducerId, RawId, RouterId, RtpParameters, SessionId, Target, TransportId,
};
use crate::plugin::view::*;
use crate::plugin::*;
use crate::rtcp::Compound;
use crate::rtp::{ExtensionIds, PacketInfo, RtpHeader};

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes a hook call.
pub fn log(line: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(line.into()));
}

/// All calls since the last look.
pub fn take_log() -> Vec<String> {
    LOG.take()
}

/// Any id of media thread 0.
pub fn id<K: EntityId>(index: u32) -> K {
    K::from_raw(RawId::new(0, index, 1))
}

/// Any RTP packet.
pub fn with_rtp<R>(run: impl FnOnce(&mut RtpPacket<'_>) -> R) -> R {
    let mut bytes = [0u8; 64];
    bytes[0] = 0x80;
    let header = RtpHeader::parse(&bytes[..16]).unwrap();
    let (ids, info) = (ExtensionIds::default(), PacketInfo::new(crate::rtp::Codec::Opus));
    run(&mut RtpPacket::ingress(&mut bytes, &header, &ids, &info))
}

/// Any RTCP packet.
pub fn with_rtcp<R>(run: impl FnOnce(&mut RtcpPacket<'_>) -> R) -> R {
    let receiver_report = [0x80, 201, 0, 1, 0, 0, 0, 1];
    run(&mut Compound::new(&receiver_report).next_packet().unwrap().unwrap())
}

/// One room: session 0, router 0, transport 0, producer 0 on it, consumers of it, a data producer and data consumers.
pub struct Room {
    pub labels: Labels,
    pub parameters: RtpParameters,
    pub consumers: u32,
    /// Also the room's transport, producer and so on are there.
    pub open: bool,
}

impl Default for Room {
    fn default() -> Self {
        let labels = Labels::new().with("room", "blue");
        Room { labels, parameters: RtpParameters::default(), consumers: 2, open: true }
    }
}

impl ViewSource for Room {
    fn session(&self, id: SessionId) -> Option<SessionView<'_>> {
        Some(SessionView { id, signaling: "test", labels: &self.labels })
    }
    fn router(&self, id: RouterId) -> Option<RouterView<'_>> {
        Some(RouterView { id, part_of: None, labels: &self.labels })
    }
    fn transport(&self, id: TransportId) -> Option<TransportView<'_>> {
        Some(TransportView {
            id,
            router: self::id(0),
            session: Some(self::id(0)),
            kind: TransportKind::WebRtc,
            ice_state: None,
            dtls_state: None,
            sctp_state: None,
            tuple: None,
            max_incoming_bitrate: 0,
            max_outgoing_bitrate: 0,
            labels: &self.labels,
        })
    }
    fn producer(&self, id: ProducerId) -> Option<ProducerView<'_>> {
        Some(ProducerView {
            id,
            router: self::id(0),
            transport: self::id(0),
            session: Some(self::id(0)),
            kind: MediaKind::Video,
            rtp_parameters: &self.parameters,
            paused: false,
            labels: &self.labels,
        })
    }
    fn consumer(&self, id: ConsumerId) -> Option<ConsumerView<'_>> {
        Some(ConsumerView {
            id,
            router: self::id(0),
            transport: self::id(0),
            session: Some(self::id(0)),
            producer: self::id(0),
            kind: MediaKind::Video,
            consumer_type: ConsumerType::Simple,
            rtp_parameters: &self.parameters,
            paused: false,
            producer_paused: false,
            priority: 1,
            labels: &self.labels,
        })
    }
    fn data_producer(&self, id: DataProducerId) -> Option<DataProducerView<'_>> {
        Some(DataProducerView {
            id,
            router: self::id(0),
            transport: self::id(0),
            session: Some(self::id(0)),
            label: "chat",
            protocol: "",
            paused: false,
            labels: &self.labels,
        })
    }
    fn data_consumer(&self, id: DataConsumerId) -> Option<DataConsumerView<'_>> {
        Some(DataConsumerView {
            id,
            router: self::id(0),
            transport: self::id(0),
            session: Some(self::id(0)),
            data_producer: self::id(0),
            label: "chat",
            protocol: "",
            paused: false,
            buffered: 0,
            labels: &self.labels,
        })
    }
    fn each_below(&self, parent: Target, kind: EntityKind, each: &mut dyn FnMut(RawId)) {
        if !self.open {
            return;
        }
        let count = match kind {
            EntityKind::Consumer | EntityKind::DataConsumer => self.consumers,
            _ => 1,
        };
        for index in 0..count {
            let raw = RawId::new(0, index, 1);
            let itself = target_of(kind, raw);
            if itself == parent || View::new(self).lineage(itself).contains(&parent) {
                each(raw);
            }
        }
    }
}

fn target_of(kind: EntityKind, raw: RawId) -> Target {
    match kind {
        EntityKind::Session => SessionId::from_raw(raw).into(),
        EntityKind::Router => RouterId::from_raw(raw).into(),
        EntityKind::Transport => TransportId::from_raw(raw).into(),
        EntityKind::Producer => ProducerId::from_raw(raw).into(),
        EntityKind::Consumer => ConsumerId::from_raw(raw).into(),
        EntityKind::DataProducer => DataProducerId::from_raw(raw).into(),
        EntityKind::DataConsumer => DataConsumerId::from_raw(raw).into(),
    }
}

/// One media thread.
pub struct Bench<S: PluginSet> {
    pub plugins: Plugins<S>,
    pub room: Room,
    pub now: Instant,
}

impl<S: PluginSet> Bench<S> {
    pub fn new() -> Self {
        Self::with(PluginSettings::default())
    }

    pub fn with(settings: PluginSettings) -> Self {
        Self::workers(settings, 1).remove(0)
    }

    /// So many media threads that share one process.
    pub fn workers(settings: PluginSettings, workers: u8) -> Vec<Self> {
        settings.check::<S>().unwrap();
        let spawner: Spawner = std::sync::Arc::new(|work| {
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
        });
        let launch = Launch::with_spawner(spawner, workers);
        let seed = S::prepare(&settings, &launch).unwrap();
        let now = Instant::now();
        (0..workers)
            .map(|worker| {
                let limits = PluginLimits::default();
                let mut plugins = Plugins::start(&seed, &settings, &launch, limits, worker, now).unwrap();
                plugins.desk.clock = || *FIXED.get_or_init(Instant::now);
                Bench { plugins, room: Room::default(), now }
            })
            .collect()
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Calls with the moment.
    pub fn at<T>(&mut self, call: impl FnOnce(&mut Plugins<S>, Moment<'_>) -> T) -> T {
        call(&mut self.plugins, Moment { now: self.now, view: &self.room })
    }

    /// Opens the whole room, parents first.
    pub fn open(&mut self) -> &mut Self {
        let consumers = self.room.consumers;
        self.at(|p, m| {
            p.opened(id::<SessionId>(0), m).unwrap();
            p.opened(id::<RouterId>(0), m).unwrap();
            p.opened(id::<TransportId>(0), m).unwrap();
            p.opened(id::<ProducerId>(0), m).unwrap();
            p.opened(id::<DataProducerId>(0), m).unwrap();
            for i in 0..consumers {
                p.opened(id::<ConsumerId>(i), m).unwrap();
                p.opened(id::<DataConsumerId>(i), m).unwrap();
            }
        });
        self
    }

    /// Closes the whole room, children first.
    pub fn close(&mut self) {
        let consumers = self.room.consumers;
        self.at(|p, m| {
            for i in 0..consumers {
                p.closed(id::<DataConsumerId>(i), m);
                p.closed(id::<ConsumerId>(i), m);
            }
            p.closed(id::<DataProducerId>(0), m);
            p.closed(id::<ProducerId>(0), m);
            p.closed(id::<TransportId>(0), m);
            p.closed(id::<RouterId>(0), m);
            p.closed(id::<SessionId>(0), m);
        });
    }

    /// One packet of the producer; how many consumers get it.
    pub fn packet(&mut self) -> usize {
        self.packet_in(Untimed)
    }

    pub fn packet_in<M: Mode>(&mut self, mode: M) -> usize {
        let consumers = self.room.consumers;
        self.at(|p, m| {
            let mut notes = S::Notes::default();
            if with_rtp(|packet| p.rtp_in(id(0), packet, &mut notes, m, mode)) == Verdict::Drop {
                return 0;
            }
            (0..consumers)
                .filter(|i| with_rtp(|packet| p.rtp_out(id(*i), packet, &notes, m, mode)) == Verdict::Forward)
                .count()
        })
    }

    /// One message of the data producer; who gets it.
    pub fn message(&mut self, text: &str) -> Vec<DataConsumerId> {
        let consumers = self.room.consumers;
        self.at(|p, m| {
            let (mut bytes, mut to) = (text.as_bytes().to_vec(), Recipients::new());
            (0..consumers).for_each(|i| to.push(id(i)));
            let mut message = DataMessage::new(&mut bytes, ppid::STRING, id(0), &mut to);
            match p.data_in(id(0), &mut message, m, Untimed) {
                Verdict::Drop => Vec::new(),
                Verdict::Forward => to.iter().collect(),
            }
        })
    }

    /// A request, answered by the end of the call.
    pub fn request(
        &mut self,
        plugin: &str,
        target: impl Into<Target>,
        body: serde_json::Value,
    ) -> Result<Reply, crate::control::ControlError> {
        let (reply, mut answer) = tokio::sync::oneshot::channel();
        self.at(|p, m| p.request(plugin, target.into(), body, reply, m));
        answer.try_recv().unwrap()
    }
}

/// Hooks take no time, unless a test says so.
static FIXED: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();

/// Keeps the panics of this test, which are meant, off the output.
pub fn quiet() {
    thread_local! {
        static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
}
