//! A plugin that overrides every hook, and writes down which are called.
use std::cell::{Cell, RefCell};

use serde_json::Value;
use sfu_core::control::{Command, Target};
use sfu_core::plugin::{
    Attach, ConsumerEvent, ConsumerId, ConsumerInfo, Cx, DataConsumerEvent, DataConsumerId, DataConsumerInfo,
    DataMessage, DataProducerEvent, DataProducerId, DataProducerInfo, Error, Event, Plugin, PluginHandle,
    ProducerEvent, ProducerId, ProducerInfo, Refusal, Reply, Responder, RouterId, RouterInfo, Rows,
    RtcpPacket, RtpPacket, SessionId, SessionInfo, Start, Stats, TransportEvent, TransportId, TransportInfo,
    Verdict, config, plugin,
};

thread_local! {
    /// What was called since somebody looked, in order.
    static CALLS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    /// The kind of entity that is refused.
    pub(super) static REFUSED: Cell<&'static str> = const { Cell::new("") };
    /// Whether ticks panic.
    pub(super) static BREAKS: Cell<bool> = const { Cell::new(false) };
}

fn call(name: &'static str) {
    CALLS.with_borrow_mut(|calls| calls.push(name));
}

fn open(kind: &'static str, late: bool) -> Attach<u32> {
    call(match (kind, late) {
        ("session", false) => "session_opened",
        ("router", false) => "router_opened",
        ("transport", false) => "transport_opened",
        ("producer", false) => "producer_opened",
        ("consumer", false) => "consumer_opened",
        ("data_producer", false) => "data_producer_opened",
        ("data_consumer", false) => "data_consumer_opened",
        ("session", true) => "late session",
        ("router", true) => "late router",
        ("transport", true) => "late transport",
        ("producer", true) => "late producer",
        ("consumer", true) => "late consumer",
        ("data_producer", true) => "late data_producer",
        _ => "late data_consumer",
    });
    match REFUSED.get() {
        refused if refused == kind => Attach::Refuse(Refusal::new("not today")),
        _ => Attach::On(0),
    }
}

/// Writes down each call.
pub(super) struct Probe {
    handle: PluginHandle<()>,
}

#[config]
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Of no meaning.
    number: u32,
}

#[plugin(id = "probe", on_panic = "forward")]
impl Plugin for Probe {
    type Config = Settings;
    type Request = Value;
    type Message = ();
    type Session = u32;
    type Router = u32;
    type Transport = u32;
    type Producer = u32;
    type Consumer = u32;
    type DataProducer = u32;
    type DataConsumer = u32;

    fn new(_: Settings, start: Start<'_, Self>) -> Result<Self, Error> {
        Ok(Probe { handle: start.handle() })
    }
    fn reconfigure(&mut self, _: Settings, _: &mut Cx<'_>) -> Result<(), Error> {
        call("reconfigure");
        Ok(())
    }
    fn stop(&mut self, _: &mut Cx<'_>) {
        call("stop");
    }
    fn session_opened(&mut self, info: &SessionInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u32> {
        open("session", info.late())
    }
    fn session_closed(&mut self, _: SessionId, _: u32, _: &mut Cx<'_>) {
        call("session_closed");
    }
    fn router_opened(&mut self, info: &RouterInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u32> {
        open("router", info.late())
    }
    fn router_closed(&mut self, _: RouterId, _: u32, _: &mut Cx<'_>) {
        call("router_closed");
    }
    fn transport_opened(
        &mut self,
        info: &TransportInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<u32> {
        open("transport", info.late())
    }
    fn transport_event(
        &mut self,
        _: TransportId,
        _: &TransportEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        call("transport_event");
    }
    fn transport_closed(&mut self, _: TransportId, _: u32, _: &mut Cx<'_>) {
        call("transport_closed");
    }
    fn producer_opened(&mut self, info: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u32> {
        open("producer", info.late())
    }
    fn producer_event(&mut self, _: ProducerId, _: &ProducerEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        call("producer_event");
    }
    fn producer_closed(&mut self, _: ProducerId, _: u32, _: &mut Cx<'_>) {
        call("producer_closed");
    }
    fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u32> {
        open("consumer", info.late())
    }
    fn consumer_event(&mut self, _: ConsumerId, _: &ConsumerEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        call("consumer_event");
    }
    fn consumer_closed(&mut self, _: ConsumerId, _: u32, _: &mut Cx<'_>) {
        call("consumer_closed");
    }
    fn data_producer_opened(
        &mut self,
        info: &DataProducerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<u32> {
        open("data_producer", info.late())
    }
    fn data_producer_event(
        &mut self,
        _: DataProducerId,
        _: &DataProducerEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        call("data_producer_event");
    }
    fn data_producer_closed(&mut self, _: DataProducerId, _: u32, _: &mut Cx<'_>) {
        call("data_producer_closed");
    }
    fn data_consumer_opened(
        &mut self,
        info: &DataConsumerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<u32> {
        open("data_consumer", info.late())
    }
    fn data_consumer_event(
        &mut self,
        _: DataConsumerId,
        _: &DataConsumerEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        call("data_consumer_event");
    }
    fn data_consumer_closed(&mut self, _: DataConsumerId, _: u32, _: &mut Cx<'_>) {
        call("data_consumer_closed");
    }
    fn rtp_in(&mut self, st: &mut u32, _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        *st += 1;
        call("rtp_in");
        Verdict::Forward
    }
    fn rtp_out(&mut self, _: &mut u32, _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        call("rtp_out");
        Verdict::Forward
    }
    fn rtcp_in(&mut self, _: &mut u32, _: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        call("rtcp_in");
        Verdict::Forward
    }
    fn rtcp_out(&mut self, _: &mut u32, _: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        call("rtcp_out");
        Verdict::Forward
    }
    fn data_in(&mut self, _: &mut u32, _: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        call("data_in");
        Verdict::Forward
    }
    fn data_out(&mut self, _: &mut u32, _: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        call("data_out");
        Verdict::Forward
    }
    fn data_ready(&mut self, _: &mut u32, _: &mut Cx<'_>) {
        call("data_ready");
    }
    fn request(&mut self, _: Value, _: Target, re: Responder, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        call("request");
        cx.control(Command::Stats(Target::Worker), 1);
        let _ = self.handle.send(());
        re.ok(());
    }
    fn message(&mut self, (): (), _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        call("message");
    }
    fn done(&mut self, _: u64, _: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        call("done");
    }
    fn event(&mut self, _: &Event, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        call("event");
    }
    fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        call("tick");
        if BREAKS.get() {
            std::panic::panic_any("meant");
        }
    }
    fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        call("stats");
        if let Target::Producer(id) = at {
            out.put_sum("packets", rows.get(id).copied().unwrap_or_default());
        }
    }
}

/// What was called since this was last asked, in order.
pub(super) fn called() -> Vec<&'static str> {
    CALLS.take()
}
