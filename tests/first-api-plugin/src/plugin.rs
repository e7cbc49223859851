//! Every hook and every type.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sfu_core::plugin::{
    Attach, ConsumerEvent, ConsumerId, ConsumerInfo, Cx, DataConsumerEvent, DataConsumerId, DataConsumerInfo,
    DataMessage, DataProducerEvent, DataProducerId, DataProducerInfo, Error, Event, Offload, Plugin,
    PluginHandle, ProducerEvent, ProducerId, ProducerInfo, Refusal, Reply, Responder, RouterEvent, RouterId,
    RouterInfo, Rows, RtcpPacket, RtpPacket, SessionEvent, SessionId, SessionInfo, Start, Stats, Target,
    TransportEvent, TransportId, TransportInfo, Verdict, plugin,
};
use sfu_core::serde_json::json;
use sfu_core::{control::Labels, tracing};

use crate::settings::{Config, Mode, Options, Request};
use crate::{commands, packets};

/// What all instances share.
#[derive(Debug, Default)]
pub struct Ledger {
    /// How often `serve` ran.
    pub served: AtomicU64,
    limit: AtomicU64,
}

/// What instances tell each other, and background work tells them.
#[derive(Debug, Clone)]
pub enum Message {
    /// Another instance greets.
    Hello(u8),
    /// Background work is done.
    Done(u64),
}

/// Its state about each entity: packets, messages or events so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub(crate) count: u64,
    late: bool,
}

/// Notes what is called.
pub struct Witness {
    config: Config,
    handle: PluginHandle<Message>,
    jobs: Offload<u64>,
    calls: BTreeMap<&'static str, u64>,
    /// Requests whose answers come from background work.
    waiting: Vec<Responder>,
}

/// How many instances of all workers of this program have stopped.
static STOPPED: AtomicU64 = AtomicU64::new(0);

impl Witness {
    /// How many instances of all workers of this program have stopped.
    pub fn stopped() -> u64 {
        STOPPED.load(Ordering::Relaxed)
    }

    pub(crate) fn note(&mut self, hook: &'static str) {
        *self.calls.entry(hook).or_default() += 1;
    }

    fn attach(&mut self, hook: &'static str, labels: &Labels, late: bool, options: &Options) -> Attach<Seen> {
        self.note(hook);
        let has = |label: &Option<String>| label.as_ref().is_some_and(|label| labels.get(label).is_some());
        if has(&options.refuse) {
            return Attach::Refuse(Refusal::new("witness: not here; take the label off").with_code(461));
        }
        if has(&options.leave) {
            return Attach::Off;
        }
        Attach::On(Seen { count: 0, late })
    }
}

/// Notes which of its hooks are called.
#[plugin(id = "witness", on_panic = "close", tick_ms = 500)]
impl Plugin for Witness {
    type Config = Config;
    type Options = Options;
    type Request = Request;
    type Message = Message;
    type Shared = Ledger;
    type Note = [u32; 4];
    type Session = Seen;
    type Router = Seen;
    type Transport = Seen;
    type Producer = Seen;
    type Consumer = Seen;
    type DataProducer = Seen;
    type DataConsumer = Seen;

    fn shared(config: &Config) -> Result<Ledger, Error> {
        if config.limit == 0 {
            return Err(Error::at("plugins.witness.limit", "0 is nothing; leave it out, or say how much"));
        }
        Ok(Ledger { limit: u64::from(config.limit).into(), ..Ledger::default() })
    }

    fn new(config: Config, start: Start<'_, Self>) -> Result<Self, Error> {
        assert!(start.worker() < start.workers());
        let handle = start.handle();
        assert_eq!(start.shared().limit.load(Ordering::Relaxed), u64::from(config.limit));
        let back = handle.clone();
        let work = move |job: u64| {
            let _ = back.send(Message::Done(job * 2));
        };
        let jobs = Offload::spawn("witness", 16, work).map_err(|error| Error::new(error.to_string()))?;
        // What no mailbox has room for is not told again.
        let _ = handle.broadcast(Message::Hello(start.worker()));
        let calls = BTreeMap::from([("shared", 1), ("new", 1)]);
        Ok(Witness { config, handle, jobs, calls, waiting: Vec::new() })
    }

    fn reconfigure(&mut self, config: Config, cx: &mut Cx<'_>) -> Result<(), Error> {
        self.note("reconfigure");
        if config.name != self.config.name {
            return Err(Error::new("another name needs a restart"));
        }
        tracing::debug!(worker = cx.worker(), limit = config.limit, "witness: configured anew");
        self.config = config;
        Ok(())
    }

    fn stop(&mut self, _: &mut Cx<'_>) {
        STOPPED.fetch_add(1, Ordering::Relaxed);
    }

    fn session_opened(&mut self, info: &SessionInfo<'_>, options: &Options, _: &mut Cx<'_>) -> Attach<Seen> {
        assert!(!info.signaling.is_empty());
        self.attach("session_opened", info.labels, info.late(), options)
    }
    fn session_event(&mut self, _: SessionId, _: &SessionEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        self.note("session_event");
    }
    fn session_closed(&mut self, id: SessionId, _: Seen, cx: &mut Cx<'_>) {
        self.note("session_closed");
        let _ = cx.view().session(id);
    }

    fn router_opened(&mut self, info: &RouterInfo<'_>, options: &Options, cx: &mut Cx<'_>) -> Attach<Seen> {
        assert_eq!(info.id.worker(), cx.worker());
        self.attach("router_opened", info.labels, info.late(), options)
    }
    fn router_event(&mut self, _: RouterId, _: &RouterEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        self.note("router_event");
    }
    fn router_closed(&mut self, id: RouterId, _: Seen, cx: &mut Cx<'_>) {
        self.note("router_closed");
        let _ = cx.view().router(id);
    }

    fn transport_opened(
        &mut self,
        info: &TransportInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Seen> {
        assert!(cx.view().is_below(info.id, info.router.into()));
        assert!(info.session.is_none_or(|session| cx.view().session(session).is_some()));
        let _ = (info.kind, info.tuple, info.max_incoming_bitrate, info.max_outgoing_bitrate);
        self.attach("transport_opened", info.labels, info.late(), options)
    }
    fn transport_event(
        &mut self,
        id: TransportId,
        ev: &TransportEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        self.note("transport_event");
        match ev {
            TransportEvent::IceState(state) => {
                let seen = cx.view().transport(id).and_then(|view| view.ice_state);
                tracing::trace!(?state, ?seen, "witness: ICE");
            }
            TransportEvent::DtlsState(_) | TransportEvent::SctpState(_) => {}
            TransportEvent::Path(tuple) | TransportEvent::RtcpPath(tuple) => {
                tracing::trace!(?tuple, "witness: path");
            }
            // There will be more.
            _ => {}
        }
        if let Some(seen) = rows.get_mut(id) {
            seen.count += 1;
        }
    }
    fn transport_closed(&mut self, id: TransportId, seen: Seen, cx: &mut Cx<'_>) {
        self.note("transport_closed");
        tracing::trace!(packets = seen.count, late = seen.late, "witness: transport closed");
        let _ = cx.view().transport(id);
    }

    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Seen> {
        assert!(cx.view().is_below(info.id, info.transport.into()));
        assert!(!info.rtp_parameters.codecs.is_empty() && !info.paused);
        let _ = (info.router, info.session, info.kind);
        self.attach("producer_opened", info.labels, info.late(), options)
    }
    fn producer_event(
        &mut self,
        id: ProducerId,
        ev: &ProducerEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        self.note("producer_event");
        match *ev {
            ProducerEvent::Paused => assert!(cx.view().producer(id).is_some_and(|view| view.paused)),
            ProducerEvent::Resumed => self.note("resumed"),
            ProducerEvent::StreamStarted { encoding, ssrc } => {
                tracing::trace!(encoding, ssrc, "witness: a stream");
            }
            ProducerEvent::Score { encoding, score } => tracing::trace!(encoding, score, "witness: a score"),
            ProducerEvent::VideoOrientation { camera, flip, rotation } => {
                tracing::trace!(camera, flip, rotation, "witness: a camera");
            }
            _ => {}
        }
        assert!(rows.get(id).is_some());
    }
    fn producer_closed(&mut self, id: ProducerId, _: Seen, cx: &mut Cx<'_>) {
        self.note("producer_closed");
        let _ = cx.view().producer(id);
        cx.notify(id, json!({ "event": "witness.closed" }));
    }

    fn consumer_opened(
        &mut self,
        info: &ConsumerInfo<'_>,
        options: &Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Seen> {
        assert!(cx.view().is_below(info.id, info.transport.into()));
        let _ = (info.router, info.session, info.producer, info.kind, info.consumer_type, info.priority);
        let _ = (info.rtp_parameters, info.paused, info.producer_paused);
        self.attach("consumer_opened", info.labels, info.late(), options)
    }
    fn consumer_event(&mut self, _: ConsumerId, ev: &ConsumerEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        self.note("consumer_event");
        match *ev {
            ConsumerEvent::Paused { by_producer: true } => self.note("paused by its producer"),
            ConsumerEvent::Paused { by_producer: false } | ConsumerEvent::Resumed { by_producer: _ } => {}
            ConsumerEvent::Score(score) => assert!(score <= 10),
            ConsumerEvent::KeyFrameRequested => self.note("a key frame was asked for"),
            _ => {}
        }
    }
    fn consumer_closed(&mut self, id: ConsumerId, _: Seen, cx: &mut Cx<'_>) {
        self.note("consumer_closed");
        let _ = cx.view().consumer(id);
    }

    fn data_producer_opened(
        &mut self,
        info: &DataProducerInfo<'_>,
        options: &Options,
        _: &mut Cx<'_>,
    ) -> Attach<Seen> {
        let _ = (info.router, info.transport, info.session, info.label, info.protocol, info.paused);
        self.attach("data_producer_opened", info.labels, info.late(), options)
    }
    fn data_producer_event(
        &mut self,
        _: DataProducerId,
        ev: &DataProducerEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        if matches!(ev, DataProducerEvent::Paused | DataProducerEvent::Resumed) {
            self.note("data_producer_event");
        }
    }
    fn data_producer_closed(&mut self, id: DataProducerId, _: Seen, cx: &mut Cx<'_>) {
        self.note("data_producer_closed");
        let _ = cx.view().data_producer(id);
    }

    fn data_consumer_opened(
        &mut self,
        info: &DataConsumerInfo<'_>,
        options: &Options,
        _: &mut Cx<'_>,
    ) -> Attach<Seen> {
        let _ = (info.router, info.transport, info.session, info.label, info.protocol, info.paused);
        let _ = (info.data_producer, info.buffered);
        self.attach("data_consumer_opened", info.labels, info.late(), options)
    }
    fn data_consumer_event(
        &mut self,
        _: DataConsumerId,
        ev: &DataConsumerEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        self.note("data_consumer_event");
        match ev {
            DataConsumerEvent::BufferedAmountLow { buffered_amount: _ }
            | DataConsumerEvent::SendBufferFull
            | DataConsumerEvent::Paused { by_producer: _ }
            | DataConsumerEvent::Resumed { by_producer: _ } => {}
            _ => {}
        }
    }
    fn data_consumer_closed(&mut self, id: DataConsumerId, _: Seen, cx: &mut Cx<'_>) {
        self.note("data_consumer_closed");
        let _ = cx.view().data_consumer(id);
    }

    fn rtp_in(
        &mut self,
        st: &mut Seen,
        pkt: &mut RtpPacket<'_>,
        note: &mut [u32; 4],
        _: &mut Cx<'_>,
    ) -> Verdict {
        self.note("rtp_in");
        st.count += 1;
        packets::look_at(pkt);
        *note = [pkt.ssrc(), pkt.timestamp(), pkt.payload().len() as u32, st.count as u32];
        if pkt.payload().ends_with(b"drop me") { Verdict::Drop } else { Verdict::Forward }
    }
    fn rtp_out(
        &mut self,
        st: &mut Seen,
        pkt: &mut RtpPacket<'_>,
        note: &[u32; 4],
        _: &mut Cx<'_>,
    ) -> Verdict {
        self.note("rtp_out");
        st.count += 1;
        // What it made itself it has not seen on the way in.
        assert!(note[2] == 0 || note[2] as usize == pkt.payload().len());
        if pkt.payload().ends_with(b"change me") {
            packets::change(pkt);
        }
        Verdict::Forward
    }
    fn rtcp_in(&mut self, st: &mut Seen, pkt: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        self.note("rtcp_in");
        st.count += 1;
        let _ = (pkt.item(), pkt.as_bytes(), pkt.is_consumed());
        Verdict::Forward
    }
    fn rtcp_out(&mut self, st: &mut Seen, pkt: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        self.note("rtcp_out");
        st.count += 1;
        // Packets of application-defined types stay here.
        if pkt.as_bytes().get(1) == Some(&204) { Verdict::Drop } else { Verdict::Forward }
    }
    fn data_in(&mut self, st: &mut Seen, msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        self.note("data_in");
        st.count += 1;
        packets::address(msg)
    }
    fn data_out(&mut self, st: &mut Seen, msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
        self.note("data_out");
        st.count += 1;
        msg.payload_mut().extend(b", seen");
        Verdict::Forward
    }
    fn data_ready(&mut self, st: &mut Seen, _: &mut Cx<'_>) {
        self.note("data_ready");
        st.count += 1;
    }

    fn request(
        &mut self,
        req: Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        self.note("request");
        match req {
            Request::Calls {} => re.ok(&self.calls),
            Request::Limit => re.ok(self.config.limit),
            Request::Describe {} => re.ok_with_jsep(json!({ "is": "here" }), json!({ "type": "offer" })),
            Request::Later { hint } => re.ack(hint.as_deref()),
            Request::Slow {} => {
                if self.jobs.offer(21).is_ok() {
                    self.waiting.push(re);
                }
            }
            Request::Fail { code } => re.error(code, "witness: as you wished"),
            Request::Forget { .. } => drop(re),
            Request::Steer {} => {
                commands::steer(at, rows, cx);
                cx.wake_at(cx.now() + Duration::from_millis(10));
                re.ok(json!({}));
            }
        }
    }

    async fn serve(shared: &Arc<Ledger>, req: Request, re: Responder) {
        shared.served.fetch_add(1, Ordering::Relaxed);
        match req {
            Request::Limit => re.ok(shared.limit.load(Ordering::Relaxed)),
            _ => re.error(404, "witness: say of what"),
        }
    }

    fn message(&mut self, msg: Message, rows: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        self.note("message");
        match msg {
            Message::Hello(worker) => tracing::debug!(worker, "witness: hello"),
            Message::Done(answer) => {
                let sessions = rows.iter::<SessionId>().count();
                for re in self.waiting.drain(..) {
                    re.ok(json!({ "answer": answer, "sessions": sessions }));
                }
            }
        }
    }

    fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        self.note("done");
        match (tag, outcome) {
            (commands::STATS, Ok(Reply::Stats(_))) => self.note("figures came"),
            (commands::ASKED, Err(error)) => {
                assert!(!error.text().is_empty() && error.code() != Some(0), "{error}");
                self.note("an answer came");
            }
            (tag, outcome) => panic!("{tag}: {outcome:?}"),
        }
    }

    fn event(&mut self, ev: &Event, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        self.note("event");
        let _ = (ev.target, &ev.body);
    }

    fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        self.note("tick");
        let mut sum = 0;
        rows.for_each(|_: ProducerId, seen| sum += seen.count);
        if self.config.mode == Mode::Loud {
            cx.notify(Target::Worker, json!({ "event": "witness.tick", "packets": sum }));
            let handle = self.handle.clone();
            self.handle.spawn(async move {
                let _ = handle.send(Message::Hello(0));
            });
        }
    }

    fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        for (hook, calls) in &self.calls {
            out.put_sum(*hook, *calls);
        }
        out.put_max("longest", rows.iter::<ProducerId>().map(|(_, seen)| seen.count).max().unwrap_or(0));
        out.put_per_worker("share", 0.5_f64);
        out.put_sum("of_a_producer", u64::from(matches!(at, Target::Producer(_))));
        self.jobs.put("jobs", out);
    }
}
