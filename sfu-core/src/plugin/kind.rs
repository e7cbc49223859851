//! The seven kinds of entity, as types: dispatch is written once for all of them.
use super::attach::Attach;
use super::compose::PluginSet;
use super::cx::Cx;
use super::hooks::Hooks;
use super::info::Info;
use super::kind_event::{self as ev, FromBody};
use super::plugin_trait::Plugin;
use super::rows::{KindRows, PluginRows, Rows};
use super::tables::{Table, Tables};
use super::view::{self, ViewSource};
use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, EntityId, EntityKind, EventBody, ProducerId, RouterId,
    SessionId, Target, TransportId,
};

/// A kind of entity that plugins attach to; the typed ids implement it, nobody else.
pub trait Kind: EntityId + Into<Target> + Sealed {
    /// The state that a plugin keeps for each of them.
    type State<P: Plugin>: 'static;
    /// What can be seen of one.
    type View<'a>;
    /// What happens to one.
    type Event;
    /// The kind that the id names.
    const KIND: EntityKind;
    /// The hook for opening.
    #[doc(hidden)]
    const OPENED: Hooks;
    /// The hook for events.
    #[doc(hidden)]
    const EVENT: Hooks;
    /// The hook for closing.
    #[doc(hidden)]
    const CLOSED: Hooks;
    /// Hooks that decide over what flows through one.
    #[doc(hidden)]
    const GUARDS: Hooks;

    #[doc(hidden)]
    fn view(source: &dyn ViewSource, id: Self) -> Option<Self::View<'_>>;
    #[doc(hidden)]
    fn event_of(body: &EventBody) -> Option<Self::Event>;
    #[doc(hidden)]
    fn opened<P: Plugin>(
        plugin: &mut P,
        info: &Info<Self::View<'_>>,
        options: &P::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::State<P>>;
    #[doc(hidden)]
    fn event<P: Plugin>(
        plugin: &mut P,
        id: Self,
        event: &Self::Event,
        rows: &mut Rows<'_, P>,
        cx: &mut Cx<'_>,
    );
    #[doc(hidden)]
    fn closed<P: Plugin>(plugin: &mut P, id: Self, state: Self::State<P>, cx: &mut Cx<'_>);
    #[doc(hidden)]
    fn table<S: PluginSet>(tables: &Tables<S>) -> &Table<S, Self>;
    #[doc(hidden)]
    fn table_mut<S: PluginSet>(tables: &mut Tables<S>) -> &mut Table<S, Self>;
    #[doc(hidden)]
    fn rows<'r, P: Plugin>(all: &'r (dyn PluginRows<P> + 'r)) -> &'r (dyn KindRows<P, Self> + 'r);
    #[doc(hidden)]
    fn rows_mut<'r, P: Plugin>(all: &'r mut (dyn PluginRows<P> + 'r))
    -> &'r mut (dyn KindRows<P, Self> + 'r);
}

/// Keeps [`Kind`] to the seven ids.
pub trait Sealed {}

macro_rules! kinds {
    ($($Id:ident, $State:ident, $View:ident, $Event:ident, $table:ident,
       $opened:ident $OPENED:ident, $event:ident $EVENT:ident, $closed:ident $CLOSED:ident, $guards:expr;)*) => {$(
        impl Sealed for $Id {}
        impl Kind for $Id {
            type State<P: Plugin> = P::$State;
            type View<'a> = view::$View<'a>;
            type Event = ev::$Event;
            const KIND: EntityKind = EntityKind::$State;
            const OPENED: Hooks = Hooks::$OPENED;
            const EVENT: Hooks = Hooks::$EVENT;
            const CLOSED: Hooks = Hooks::$CLOSED;
            const GUARDS: Hooks = $guards;

            fn view(source: &dyn ViewSource, id: Self) -> Option<Self::View<'_>> {
                source.$table(id)
            }
            fn event_of(body: &EventBody) -> Option<Self::Event> {
                ev::$Event::from_body(body)
            }
            fn opened<P: Plugin>(
                plugin: &mut P, info: &Info<Self::View<'_>>, options: &P::Options, cx: &mut Cx<'_>,
            ) -> Attach<Self::State<P>> {
                plugin.$opened(info, options, cx)
            }
            fn event<P: Plugin>(
                plugin: &mut P, id: Self, event: &Self::Event, rows: &mut Rows<'_, P>, cx: &mut Cx<'_>,
            ) {
                plugin.$event(id, event, rows, cx);
            }
            fn closed<P: Plugin>(plugin: &mut P, id: Self, state: Self::State<P>, cx: &mut Cx<'_>) {
                plugin.$closed(id, state, cx);
            }
            #[inline]
            fn table<S: PluginSet>(tables: &Tables<S>) -> &Table<S, Self> {
                &tables.$table
            }
            #[inline]
            fn table_mut<S: PluginSet>(tables: &mut Tables<S>) -> &mut Table<S, Self> {
                &mut tables.$table
            }
            fn rows<'r, P: Plugin>(all: &'r (dyn PluginRows<P> + 'r)) -> &'r (dyn KindRows<P, Self> + 'r) {
                all
            }
            fn rows_mut<'r, P: Plugin>(
                all: &'r mut (dyn PluginRows<P> + 'r),
            ) -> &'r mut (dyn KindRows<P, Self> + 'r) {
                all
            }
        }
    )*};
}

kinds! {
    SessionId, Session, SessionView, SessionEvent, session,
        session_opened SESSION_OPENED, session_event SESSION_EVENT, session_closed SESSION_CLOSED, Hooks::NONE;
    RouterId, Router, RouterView, RouterEvent, router,
        router_opened ROUTER_OPENED, router_event ROUTER_EVENT, router_closed ROUTER_CLOSED, Hooks::NONE;
    TransportId, Transport, TransportView, TransportEvent, transport,
        transport_opened TRANSPORT_OPENED, transport_event TRANSPORT_EVENT, transport_closed TRANSPORT_CLOSED,
        Hooks::RTCP_IN.with(Hooks::RTCP_OUT);
    ProducerId, Producer, ProducerView, ProducerEvent, producer,
        producer_opened PRODUCER_OPENED, producer_event PRODUCER_EVENT, producer_closed PRODUCER_CLOSED,
        Hooks::RTP_IN;
    ConsumerId, Consumer, ConsumerView, ConsumerEvent, consumer,
        consumer_opened CONSUMER_OPENED, consumer_event CONSUMER_EVENT, consumer_closed CONSUMER_CLOSED,
        Hooks::RTP_OUT;
    DataProducerId, DataProducer, DataProducerView, DataProducerEvent, data_producer,
        data_producer_opened DATA_PRODUCER_OPENED, data_producer_event DATA_PRODUCER_EVENT,
        data_producer_closed DATA_PRODUCER_CLOSED, Hooks::DATA_IN;
    DataConsumerId, DataConsumer, DataConsumerView, DataConsumerEvent, data_consumer,
        data_consumer_opened DATA_CONSUMER_OPENED, data_consumer_event DATA_CONSUMER_EVENT,
        data_consumer_closed DATA_CONSUMER_CLOSED, Hooks::DATA_OUT;
}

/// Runs a block once for each kind, parents before children.
macro_rules! for_each_kind {
    ($K:ident => $body:block) => {
        $crate::plugin::kind::for_each_kind!(@ $K $body SessionId RouterId TransportId ProducerId ConsumerId
            DataProducerId DataConsumerId)
    };
    (@ $K:ident $body:block $($Id:ident)*) => {
        $({ type $K = $crate::control::$Id; $body })*
    };
}
/// Runs a block for the kind of a target, with the id bound; another for the worker and what no plugin attaches to.
macro_rules! with_target {
    ($target:expr, $id:ident => $body:expr, $worker:expr) => {
        match $target {
            $crate::control::Target::Worker
            | $crate::control::Target::WebRtcServer(_)
            | $crate::control::Target::RtpObserver(_) => $worker,
            $crate::control::Target::Session($id) => $body,
            $crate::control::Target::Router($id) => $body,
            $crate::control::Target::Transport($id) => $body,
            $crate::control::Target::Producer($id) => $body,
            $crate::control::Target::Consumer($id) => $body,
            $crate::control::Target::DataProducer($id) => $body,
            $crate::control::Target::DataConsumer($id) => $body,
        }
    };
}
pub(crate) use {for_each_kind, with_target};
