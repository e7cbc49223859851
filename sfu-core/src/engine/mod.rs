//! The sans-IO state machine of one media thread: datagrams, commands and `now` go in; datagrams, steps and deadlines come out.
//!
//! It owns no socket, no clock and no thread, and it never calls up: where a plugin has a say, a function returns a step to
//! the shell (`shell/`), which asks the plugins and calls the engine again.
//!
//! A packet's way: [`receive`] (authenticate, find its producer, count) → shell: `rtp_in` → [`forward`] (store, rewrite for each
//! consumer) → shell: `rtp_out` → [`depart`] (number, seal) → [`Outbox`].
mod bandwidth;
mod clock;
mod codec_table;
mod consumer;
mod control;
mod counters;
mod data;
mod data_consumer;
mod data_producer;
mod data_relay;
mod demux;
mod depart;
mod direct;
mod dtls;
mod egress_stream;
mod encoding;
mod filler;
mod forward;
mod ingress_streams;
mod inject;
mod layers;
#[cfg(feature = "bench")]
pub(crate) mod micro;
mod observer;
mod overload;
mod pacer;
mod pacing;
mod packet;
mod part;
mod probe;
mod producer;
mod random;
mod receive;
mod relay;
mod retransmit;
mod router;
mod rtcp_in;
mod rtcp_out;
mod scores;
mod sctp;
mod send_queue;
#[cfg(any(test, feature = "fuzzing"))]
mod sizes;
mod sockets;
mod stats;
pub(crate) mod stream;
mod stun;
mod table;
mod timeout;
mod timers;
mod trace;
mod transport;
mod view;
mod webrtc_server;

use std::collections::VecDeque;
use std::time::Instant;

use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, DtlsFingerprint, Event, EventBody, ProducerId, RouterId,
    RtpObserverId, SessionId, Target, Told, TransportId, WebRtcServerId,
};
use crate::net::Outbox;
use crate::transport::dtls::DtlsContext;

pub(crate) use clock::Clock;
pub(crate) use counters::Counters;
pub(crate) use data::{DataBuffers, IngressData};
pub(crate) use data_relay::{DataForOthers, RelayedData};
pub(crate) use forward::{Egress, Published};
pub(crate) use overload::Load;
pub(crate) use packet::Packet;
pub(crate) use random::Random;
pub(crate) use receive::{Ingress, Received};
pub(crate) use relay::{RELAY_RING, RelayWord, RelayedPacket};
pub(crate) use rtcp_in::IngressRtcp;
pub(crate) use rtcp_out::EgressRtcp;
#[cfg(any(test, feature = "fuzzing"))]
pub use sizes::Sizes;
pub(crate) use sockets::{ListenCandidate, SharedListen, SocketFactory, bind_allowed};

use consumer::Consumer;
use data_consumer::DataConsumer;
use data_producer::DataProducer;
use demux::Demux;
use observer::{ObserverTimers, RtpObserver};
use overload::Overload;
use packet::PacketPool;
use producer::Producer;
use router::{Router, Session};
use table::Table;
use timers::Timers;
use transport::Transport;
use webrtc_server::WebRtcServer;

/// Private copies that hooks may hold at the same time, per media thread.
const PRIVATE_PACKETS: usize = 2048;

/// Something that the shell deals with before the next packet's hooks.
#[derive(Debug)]
pub(crate) enum Change {
    /// Plugins and signaling are told.
    Told(Told),
    /// A data producer received a message: plugins are asked.
    Data(IngressData),
    /// A data consumer that was full takes messages again: plugins are told.
    DataReady(DataConsumerId),
    /// The peer closed a data channel: its data consumer is to be closed.
    DataChannelClosed(DataConsumerId),
}

impl From<Told> for Change {
    fn from(told: Told) -> Self {
        Change::Told(told)
    }
}

/// What an engine is made of.
pub(crate) struct EngineConfig {
    /// Index of its media thread.
    pub(crate) worker: u8,
    /// Sockets that WebRTC transports share, and how peers reach them.
    pub(crate) shared: SharedListen,
    /// Certificate and settings of DTLS.
    pub(crate) dtls: DtlsContext,
    /// Fingerprints of that certificate.
    pub(crate) fingerprints: Vec<DtlsFingerprint>,
    /// Wall clock.
    pub(crate) clock: Clock,
    /// Random numbers.
    pub(crate) random: Random,
    /// Bursts are spread.
    pub(crate) pacing: bool,
}

/// The state machine of one media thread.
pub(crate) struct Engine {
    config: EngineConfig,
    sessions: Table<SessionId, Session>,
    routers: Table<RouterId, Router>,
    webrtc_servers: Table<WebRtcServerId, WebRtcServer>,
    transports: Table<TransportId, Transport>,
    producers: Table<ProducerId, Producer>,
    consumers: Table<ConsumerId, Consumer>,
    observers: Table<RtpObserverId, RtpObserver>,
    data_producers: Table<DataProducerId, DataProducer>,
    data_consumers: Table<DataConsumerId, DataConsumer>,
    demux: Demux,
    timers: Timers,
    /// When runs of what waits are due.
    pace_timers: Timers,
    observer_timers: ObserverTimers,
    ticker: clock::Ticker,
    pool: PacketPool,
    /// When the pool gives back what nobody needs.
    trim_due: Option<Instant>,
    /// Private copies in use.
    privates: usize,
    /// What changed, for the shell to tell plugins and signaling.
    changes: VecDeque<Change>,
    /// RTCP that waits for the shell's hooks.
    rtcp_out: VecDeque<EgressRtcp>,
    /// Packets for other media threads, and wishes to them, that wait for the shell.
    relays: relay::RelayOut,
    /// What stands for producers of other media threads.
    copies: relay::Copies,
    data_copies: data_relay::DataCopies,
    /// Messages on their way to other media threads.
    data_ways: data_relay::DataWays,
    /// Room to share out bandwidth in.
    wishes: Vec<layers::Wish>,
    /// What leaves this turn.
    pub(crate) outbox: Outbox,
    /// When the datagram that is being received came, where the network layer knows better than the turn's time.
    pub(crate) arrived: Option<Instant>,
    /// Counters beside those of streams.
    pub(crate) counters: Counters,
    /// What is left out where more comes than can be carried.
    overload: Overload,
    /// TCP connections whose peer ICE has validated, for the network layer.
    confirmed: Vec<crate::net::SocketId>,
    /// The next number of a packet whose producer numbers them; none before the first.
    next_packet_id: Option<u32>,
    scratch: Box<[u8; 2048]>,
    /// Buffers of data channel messages, for the next ones.
    data_buffers: Vec<DataBuffers>,
}

impl Engine {
    /// An engine without entities.
    pub(crate) fn new(config: EngineConfig) -> Self {
        let worker = config.worker;
        Engine {
            ticker: clock::Ticker::new(&config.clock),
            config,
            sessions: Table::new(worker),
            routers: Table::new(worker),
            webrtc_servers: Table::new(worker),
            transports: Table::new(worker),
            producers: Table::new(worker),
            consumers: Table::new(worker),
            observers: Table::new(worker),
            data_producers: Table::new(worker),
            data_consumers: Table::new(worker),
            demux: Demux::default(),
            timers: Timers::default(),
            pace_timers: Timers::default(),
            observer_timers: ObserverTimers::default(),
            pool: PacketPool::default(),
            trim_due: None,
            privates: 0,
            changes: VecDeque::new(),
            rtcp_out: VecDeque::new(),
            relays: relay::RelayOut::default(),
            copies: relay::Copies::default(),
            data_copies: data_relay::DataCopies::default(),
            data_ways: data_relay::DataWays::default(),
            wishes: Vec::new(),
            outbox: Outbox::default(),
            arrived: None,
            counters: Counters::default(),
            overload: Overload::default(),
            confirmed: Vec::new(),
            next_packet_id: None,
            scratch: Box::new([0; 2048]),
            data_buffers: Vec::new(),
        }
    }

    /// Index of its media thread.
    pub(crate) fn worker(&self) -> u8 {
        self.config.worker
    }

    /// The next thing that changed, or that goes to signaling by a direct transport, oldest first.
    pub(crate) fn next_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// Whether [`Engine::next_change`] has something.
    #[inline]
    pub(crate) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// When [`Engine::handle_timeout`] wants to be called.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.timers.next(), self.pace_timers.next(), self.observer_timers.next()].into_iter().flatten().min()
    }

    /// TCP connections that proved to belong to a peer since the last call.
    pub(crate) fn take_confirmed(&mut self) -> std::vec::Drain<'_, crate::net::SocketId> {
        self.confirmed.drain(..)
    }

    fn change(&mut self, target: impl Into<Target>, body: EventBody) {
        self.changes.push_back(Told::Event(Event { target: target.into(), body }).into());
    }

    /// Sees to it that a transport is looked at by `deadline`.
    #[inline]
    fn arm(&mut self, transport: TransportId, deadline: Instant) {
        if let Some(entity) = self.transports.get_mut(transport) {
            self.timers.arm(transport, &mut entity.armed, deadline);
        }
    }
}
