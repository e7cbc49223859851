//! What a plugin can see of a media thread, read-only.
use std::time::Instant;

use crate::control::{
    ConsumerId, ConsumerType, DataConsumerId, DataProducerId, DtlsState, EntityKind, IceState, Labels,
    MediaKind, ProducerId, RawId, RouterId, RtpParameters, SctpState, SessionId, Target, TransportId,
    TransportTuple,
};

use super::kind::{Kind, with_target};
use crate::rtcp::NtpTime;

/// A session.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SessionView<'a> {
    /// Its id.
    pub id: SessionId,
    /// The signaling crate that it belongs to.
    pub signaling: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
}

/// A router.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RouterView<'a> {
    /// Its id.
    pub id: RouterId,
    /// The router of another media thread that it is a part of: what its room has on this thread. Nobody but plugins knows parts by
    /// ids of their own.
    pub part_of: Option<RouterId>,
    /// Its labels.
    pub labels: &'a Labels,
}

/// How a transport reaches its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportKind {
    /// ICE, DTLS and SRTP.
    WebRtc,
    /// Plain RTP or SRTP.
    Plain,
    /// To another worker.
    Pipe,
    /// To the signaling side itself.
    Direct,
}

/// A transport.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TransportView<'a> {
    /// Its id.
    pub id: TransportId,
    /// Its router.
    pub router: RouterId,
    /// Its session, if it has one.
    pub session: Option<SessionId>,
    /// How it reaches its peer.
    pub kind: TransportKind,
    /// State of ICE, WebRTC only.
    pub ice_state: Option<IceState>,
    /// State of DTLS, WebRTC only.
    pub dtls_state: Option<DtlsState>,
    /// State of SCTP, where there is some.
    pub sctp_state: Option<SctpState>,
    /// The path in use.
    pub tuple: Option<TransportTuple>,
    /// What the peer may send at the most, bit/s; 0: no limit.
    pub max_incoming_bitrate: u32,
    /// What is sent to the peer at the most, bit/s; 0: no limit.
    pub max_outgoing_bitrate: u32,
    /// Its labels.
    pub labels: &'a Labels,
}

/// A producer.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ProducerView<'a> {
    /// Its id.
    pub id: ProducerId,
    /// Its router.
    pub router: RouterId,
    /// The transport that it arrives on.
    pub transport: TransportId,
    /// The session of that transport.
    pub session: Option<SessionId>,
    /// Audio or video.
    pub kind: MediaKind,
    /// What the peer sends.
    pub rtp_parameters: &'a RtpParameters,
    /// Paused by command.
    pub paused: bool,
    /// Its labels.
    pub labels: &'a Labels,
}

/// How the clock of an encoding stands to the wall clock of its sender, and that to ours: the last sender report
/// (RFC 3550 section 6.4.1).
///
/// Streams of one sender are brought in step by `ntp`: it is the same clock for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderClock {
    /// RTP timestamp in units of the codec's clock.
    pub rtp_timestamp: u32,
    /// The same instant on the sender's wall clock, which may be off by any time.
    pub ntp: NtpTime,
    /// The sender's wall clock less ours in 1/2^32 s, by the reports that were delayed least; short by the least delay.
    pub offset: i64,
    /// The same instant on the clock of [`Cx::now`](super::Cx::now), by `offset`; at the earliest when the worker began.
    pub at: Instant,
    /// RTP packets that the sender says it has sent, modulo 2^32.
    pub packets: u32,
    /// Octets of payload in them, modulo 2^32.
    pub octets: u32,
}

/// A consumer.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ConsumerView<'a> {
    /// Its id.
    pub id: ConsumerId,
    /// The router of its transport.
    pub router: RouterId,
    /// The transport that it leaves by.
    pub transport: TransportId,
    /// The session of that transport.
    pub session: Option<SessionId>,
    /// Its producer, which may live on another media thread.
    pub producer: ProducerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// How it chooses among the producer's encodings.
    pub consumer_type: ConsumerType,
    /// What is sent.
    pub rtp_parameters: &'a RtpParameters,
    /// Paused by command.
    pub paused: bool,
    /// Its producer is paused.
    pub producer_paused: bool,
    /// Its weight among the consumers of its transport, 1–255.
    pub priority: u8,
    /// Its labels.
    pub labels: &'a Labels,
}

/// A data producer.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DataProducerView<'a> {
    /// Its id.
    pub id: DataProducerId,
    /// Its router.
    pub router: RouterId,
    /// The transport that it arrives on.
    pub transport: TransportId,
    /// The session of that transport.
    pub session: Option<SessionId>,
    /// Label of the data channel.
    pub label: &'a str,
    /// Sub-protocol of the data channel.
    pub protocol: &'a str,
    /// Paused by command.
    pub paused: bool,
    /// Its labels.
    pub labels: &'a Labels,
}

/// A data consumer.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DataConsumerView<'a> {
    /// Its id.
    pub id: DataConsumerId,
    /// The router of its transport.
    pub router: RouterId,
    /// The transport that it leaves by.
    pub transport: TransportId,
    /// The session of that transport.
    pub session: Option<SessionId>,
    /// Its data producer, which may live on another media thread.
    pub data_producer: DataProducerId,
    /// Label of the data channel.
    pub label: &'a str,
    /// Sub-protocol of the data channel.
    pub protocol: &'a str,
    /// Paused by command.
    pub paused: bool,
    /// Bytes that wait to be sent.
    pub buffered: u64,
    /// Its labels.
    pub labels: &'a Labels,
}

/// What the engine shows of itself. The defaults show nothing.
pub trait ViewSource {
    /// One session.
    fn session(&self, _id: SessionId) -> Option<SessionView<'_>> {
        None
    }
    /// One router.
    fn router(&self, _id: RouterId) -> Option<RouterView<'_>> {
        None
    }
    /// One transport.
    fn transport(&self, _id: TransportId) -> Option<TransportView<'_>> {
        None
    }
    /// One producer.
    fn producer(&self, _id: ProducerId) -> Option<ProducerView<'_>> {
        None
    }
    /// The clock of an encoding's sender.
    fn sender_clock(&self, _id: ProducerId, _encoding: u8) -> Option<SenderClock> {
        None
    }
    /// One consumer.
    fn consumer(&self, _id: ConsumerId) -> Option<ConsumerView<'_>> {
        None
    }
    /// One data producer.
    fn data_producer(&self, _id: DataProducerId) -> Option<DataProducerView<'_>> {
        None
    }
    /// One data consumer.
    fn data_consumer(&self, _id: DataConsumerId) -> Option<DataConsumerView<'_>> {
        None
    }
    /// All entities of `kind` that belong to `parent`, near or far; a target counts as belonging to itself.
    ///
    /// A consumer belongs to its transport and to its producer, and to all that these belong to.
    fn each_below(&self, _parent: Target, _kind: EntityKind, _each: &mut dyn FnMut(RawId)) {}
}

/// A media thread without entities, for tests.
#[cfg(test)]
#[derive(Debug, Clone, Copy, Default)]
pub struct NoView;

#[cfg(test)]
impl ViewSource for NoView {}

/// What a plugin can see of its media thread: entities of other threads are not there.
#[derive(Clone, Copy)]
pub struct View<'a>(&'a dyn ViewSource);

impl<'a> View<'a> {
    #[inline]
    pub(crate) fn new(source: &'a dyn ViewSource) -> Self {
        View(source)
    }

    /// One session.
    pub fn session(&self, id: SessionId) -> Option<SessionView<'a>> {
        self.0.session(id)
    }
    /// One router.
    pub fn router(&self, id: RouterId) -> Option<RouterView<'a>> {
        self.0.router(id)
    }
    /// What a router is known as outside, and on all threads that its room is on: a part by the name of the router that it is of.
    pub fn known_router(&self, id: RouterId) -> RouterId {
        self.router(id).and_then(|router| router.part_of).unwrap_or(id)
    }
    /// One transport.
    pub fn transport(&self, id: TransportId) -> Option<TransportView<'a>> {
        self.0.transport(id)
    }
    /// One producer.
    pub fn producer(&self, id: ProducerId) -> Option<ProducerView<'a>> {
        self.0.producer(id)
    }
    /// The clock of the sender of a producer's encoding; none before its first sender report.
    pub fn sender_clock(&self, id: ProducerId, encoding: u8) -> Option<SenderClock> {
        self.0.sender_clock(id, encoding)
    }
    /// One consumer.
    pub fn consumer(&self, id: ConsumerId) -> Option<ConsumerView<'a>> {
        self.0.consumer(id)
    }
    /// One data producer.
    pub fn data_producer(&self, id: DataProducerId) -> Option<DataProducerView<'a>> {
        self.0.data_producer(id)
    }
    /// One data consumer.
    pub fn data_consumer(&self, id: DataConsumerId) -> Option<DataConsumerView<'a>> {
        self.0.data_consumer(id)
    }

    /// Calls `each` for all entities of one kind below `parent`, without allocating:
    /// `cx.view().each_below(router, |id: ProducerId| …)`.
    pub fn each_below<K: Kind>(&self, parent: impl Into<Target>, mut each: impl FnMut(K)) {
        self.0.each_below(parent.into(), K::KIND, &mut |raw| each(K::from_raw(raw)));
    }

    /// The same as a list; allocates, so not for hot hooks: `cx.view().below::<ConsumerId>(producer)`.
    pub fn below<K: Kind>(&self, parent: impl Into<Target>) -> Vec<K> {
        let mut ids = Vec::new();
        self.each_below(parent, |id| ids.push(id));
        ids
    }

    /// The labels of an entity; none if it can't be seen.
    pub fn labels(&self, target: Target) -> Labels {
        match target {
            Target::Worker | Target::WebRtcServer(_) | Target::RtpObserver(_) => None,
            Target::Session(id) => self.session(id).map(|view| view.labels),
            Target::Router(id) => self.router(id).map(|view| view.labels),
            Target::Transport(id) => self.transport(id).map(|view| view.labels),
            Target::Producer(id) => self.producer(id).map(|view| view.labels),
            Target::Consumer(id) => self.consumer(id).map(|view| view.labels),
            Target::DataProducer(id) => self.data_producer(id).map(|view| view.labels),
            Target::DataConsumer(id) => self.data_consumer(id).map(|view| view.labels),
        }
        .cloned()
        .unwrap_or_default()
    }

    /// Whether an entity is there.
    pub fn exists(&self, target: Target) -> bool {
        with_target!(target, id => Kind::view(self.0, id).is_some(), target == Target::Worker)
    }

    /// Whether an entity is `above`, or belongs to it; everything belongs to the worker.
    pub fn is_below(&self, target: impl Into<Target>, above: Target) -> bool {
        self.lineage(target.into()).contains(&above)
    }

    /// The chain of what an entity belongs to, nearest first, ending with the worker.
    ///
    /// A consumer belongs to its producer first, then to its transport, the session, the router.
    pub fn lineage(&self, target: Target) -> Lineage {
        let mut chain = Lineage::new();
        let mut add = |target: Option<Target>| {
            if let Some(target) = target {
                let _ = chain.try_push(target);
            }
        };
        let up = match target {
            Target::Worker
            | Target::Session(_)
            | Target::Router(_)
            | Target::WebRtcServer(_)
            | Target::RtpObserver(_) => None,
            Target::Transport(id) => self.transport(id).map(|v| (None, None, v.session, v.router)),
            Target::Producer(id) => self.producer(id).map(|v| (None, Some(v.transport), v.session, v.router)),
            Target::Consumer(id) => self
                .consumer(id)
                .map(|v| (Some(Target::Producer(v.producer)), Some(v.transport), v.session, v.router)),
            Target::DataProducer(id) => {
                self.data_producer(id).map(|v| (None, Some(v.transport), v.session, v.router))
            }
            Target::DataConsumer(id) => self.data_consumer(id).map(|v| {
                (Some(Target::DataProducer(v.data_producer)), Some(v.transport), v.session, v.router)
            }),
        };
        if target != Target::Worker {
            add(Some(target));
        }
        if let Some((source, transport, session, router)) = up {
            add(source);
            add(transport.map(Target::Transport));
            add(session.map(Target::Session));
            add(Some(Target::Router(router)));
        }
        add(Some(Target::Worker));
        chain
    }
}

/// What an entity belongs to, nearest first.
pub type Lineage = arrayvec::ArrayVec<Target, 6>;
