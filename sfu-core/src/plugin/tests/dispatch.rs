//! Who is called, in which order, with what.
use std::time::Duration;

use serde_json::json;

use super::bench::*;
use crate::control::{Event, EventBody, IceState};
use crate::plugin::*;

/// A plugin that notes every call. `$out` is what its egress hooks answer.
macro_rules! noting {
    ($Name:ident, $id:literal) => {
        #[derive(Default)]
        pub struct $Name {
            ticks: u64,
        }

        #[plugin(id = $id, on_panic = "forward")]
        impl Plugin for $Name {
            type Message = u32;
            type Note = u8;
            type Request = Value;
            type Session = ();
            type Router = ();
            type Transport = u64;
            type Producer = u64;
            type Consumer = u64;
            type DataProducer = u64;
            type DataConsumer = u64;

            fn new(_: Self::Config, start: Start<'_, Self>) -> Result<Self, Error> {
                if start.worker() + 1 == start.workers() {
                    start.handle().broadcast(7).unwrap();
                }
                Ok(Self::default())
            }
            fn stop(&mut self, _: &mut Cx<'_>) {
                log(concat!($id, ".stop"));
            }
            fn transport_event(
                &mut self,
                id: TransportId,
                ev: &TransportEvent,
                rows: &mut Rows<'_, Self>,
                _: &mut Cx<'_>,
            ) {
                *rows.get_mut(id).unwrap() += 1;
                log(format!("{}.transport_event {ev:?}", $id));
            }
            fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<u64> {
                let room = info.labels.get("room").unwrap_or_default();
                log(format!("{}.consumer_opened {room} late={}", $id, info.late()));
                Attach::On(0)
            }
            fn consumer_closed(&mut self, _: ConsumerId, packets: u64, _: &mut Cx<'_>) {
                log(format!("{}.consumer_closed {packets}", $id));
            }
            fn rtp_in(&mut self, st: &mut u64, _: &mut RtpPacket<'_>, note: &mut u8, _: &mut Cx<'_>) -> Verdict {
                *st += 1;
                *note = *st as u8;
                log(concat!($id, ".rtp_in"));
                Verdict::Forward
            }
            fn rtp_out(&mut self, st: &mut u64, _: &mut RtpPacket<'_>, note: &u8, _: &mut Cx<'_>) -> Verdict {
                *st += 1;
                log(format!("{}.rtp_out {note}", $id));
                Verdict::Forward
            }
            fn rtcp_in(&mut self, _: &mut u64, _: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
                log(concat!($id, ".rtcp_in"));
                Verdict::Forward
            }
            fn rtcp_out(&mut self, _: &mut u64, _: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
                log(concat!($id, ".rtcp_out"));
                Verdict::Forward
            }
            fn data_in(&mut self, _: &mut u64, msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
                log(format!("{}.data_in {}", $id, msg.to().len()));
                msg.to().retain(|to| to.index() == 0);
                if msg.payload() == b"no" { Verdict::Drop } else { Verdict::Forward }
            }
            fn data_out(&mut self, _: &mut u64, _: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
                log(concat!($id, ".data_out"));
                Verdict::Forward
            }
            fn data_ready(&mut self, _: &mut u64, _: &mut Cx<'_>) {
                log(concat!($id, ".data_ready"));
            }
            fn request(&mut self, req: Value, at: Target, re: Responder, rows: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                if let Target::Producer(id) = at {
                    return re.ok(rows.get(id));
                }
                let packets: u64 = rows.iter::<ConsumerId>().map(|(_, packets)| packets).sum();
                rows.for_each(|_: ConsumerId, packets| *packets = 0);
                re.ok(serde_json::json!({ "echo": req, "packets": packets }));
            }
            fn message(&mut self, msg: u32, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                log(format!("{}.message {msg}", $id));
            }
            fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                log(format!("{}.done {tag} {outcome:?}", $id));
            }
            fn event(&mut self, ev: &Event, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                log(format!("{}.event {:?}", $id, ev.target));
            }
            fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
                self.ticks += 1;
                log(format!("{}.tick {}", $id, rows.iter::<ProducerId>().count()));
                if self.ticks == 1 {
                    cx.wake_at(cx.now() + Duration::from_millis(10));
                }
            }
            fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
                out.put_sum("ticks", self.ticks);
            }
        }
    };
}

use serde_json::Value;
noting!(A, "a");
noting!(B, "b");
noting!(C, "c");

sfu_core::worker! { struct Three; plugins = [A, B, C]; }
type Set = <Three as Composition>::Plugins;

#[test]
fn ingress_meets_the_first_plugin_first_and_egress_meets_it_last() {
    let mut bench = Bench::<Set>::new();
    bench.room.consumers = 1;
    bench.open();
    take_log();
    assert_eq!(bench.packet(), 1);
    assert_eq!(take_log(), ["a.rtp_in", "b.rtp_in", "c.rtp_in", "c.rtp_out 1", "b.rtp_out 1", "a.rtp_out 1"]);
    bench.at(|p, m| {
        let _ = with_rtcp(|packet| p.rtcp_in(id(0), packet, m, Untimed));
        let _ = with_rtcp(|packet| p.rtcp_out(id(0), packet, m, Timed));
        p.data_ready(id(0), m);
    });
    let expected = ["a.rtcp_in", "b.rtcp_in", "c.rtcp_in", "c.rtcp_out", "b.rtcp_out", "a.rtcp_out"];
    let log = take_log();
    assert_eq!(log[..6], expected);
    assert_eq!(log[6..], ["c.data_ready", "b.data_ready", "a.data_ready"]);
}

#[test]
fn what_a_plugin_injects_meets_only_the_plugins_below_it() {
    let mut bench = Bench::<Set>::new();
    bench.room.consumers = 1;
    bench.open();
    take_log();
    let b = Set::slot_of("b").unwrap();
    bench.packet_in(Below(b, Untimed));
    assert_eq!(take_log(), ["c.rtp_in", "a.rtp_out 0"]);
}

#[test]
fn a_message_goes_to_whom_the_plugins_leave_on_the_list() {
    let mut bench = Bench::<Set>::new();
    bench.room.consumers = 3;
    bench.open();
    take_log();
    assert_eq!(bench.message("yes"), [id(0)]);
    assert_eq!(take_log(), ["a.data_in 3", "b.data_in 1", "c.data_in 1"]);
    assert_eq!(bench.message("no"), []);
    assert_eq!(take_log(), ["a.data_in 3"], "a drop is final");
}

#[test]
fn entities_open_in_order_and_close_in_reverse() {
    let mut bench = Bench::<Set>::new();
    bench.room.consumers = 1;
    bench.open();
    let opened = |who| format!("{who}.consumer_opened blue late=false");
    assert_eq!(take_log(), ["a", "b", "c"].map(opened));
    bench.packet();
    take_log();
    bench.close();
    assert_eq!(take_log(), ["c.consumer_closed 1", "b.consumer_closed 1", "a.consumer_closed 1"]);
    assert_eq!(bench.packet(), 1, "nobody is called for what is closed");
    assert_eq!(take_log(), Vec::<String>::new());
}

#[test]
fn an_event_reaches_those_that_are_on_and_everybody_but_its_author() {
    let mut bench = Bench::<Set>::new();
    bench.room.consumers = 0;
    bench.open();
    take_log();
    let transport: TransportId = id(0);
    let event = Event { target: transport.into(), body: EventBody::IceState(IceState::Connected) };
    bench.at(|p, m| p.deliver(&event, Some(Set::slot_of("b").unwrap()), m));
    assert_eq!(
        take_log(),
        [
            "a.transport_event IceState(Connected)",
            "b.transport_event IceState(Connected)",
            "c.transport_event IceState(Connected)",
            "a.event Transport(TransportId(0.0.1))",
            "c.event Transport(TransportId(0.0.1))",
        ]
    );
}

#[test]
fn a_tick_comes_every_second_and_when_asked_for() {
    let mut bench = Bench::<Set>::new();
    bench.open();
    take_log();
    let start = bench.now;
    assert_eq!(bench.at(|p, m| p.next_tick(m)), Some(start + Duration::from_secs(1)));
    bench.pass(Duration::from_secs(1));
    bench.at(|p, m| p.tick(m));
    assert_eq!(take_log(), ["a.tick 1", "b.tick 1", "c.tick 1"]);
    assert_eq!(bench.at(|p, m| p.next_tick(m)), Some(start + Duration::from_millis(1010)));
    bench.at(|p, m| p.tick(m));
    assert_eq!(take_log(), Vec::<String>::new());
    bench.pass(Duration::from_millis(10));
    bench.at(|p, m| p.tick(m));
    assert_eq!(take_log().len(), 3);
    assert_eq!(bench.at(|p, m| p.next_tick(m)), Some(start + Duration::from_secs(2)));
}

#[test]
fn a_message_reaches_the_instances_of_all_media_threads() {
    let mut benches = Bench::<Set>::workers(PluginSettings::default(), 2);
    for bench in &mut benches {
        assert!(!bench.at(|p, m| p.messages(m)));
        assert_eq!(take_log(), ["a.message 7", "b.message 7", "c.message 7"]);
        bench.at(|p, m| p.messages(m));
        assert_eq!(take_log(), Vec::<String>::new());
    }
}

#[test]
fn a_request_sees_all_rows_of_its_plugin_and_no_other() {
    let mut bench = Bench::<Set>::new();
    bench.open();
    for _ in 0..3 {
        bench.packet();
    }
    let reply = bench.request("b", Target::Worker, json!("hello")).unwrap();
    assert_eq!(reply, Reply::Json(json!({ "echo": "hello", "packets": 6 })));
    let reply = bench.request("b", Target::Worker, json!(1)).unwrap();
    assert_eq!(reply, Reply::Json(json!({ "echo": 1, "packets": 0 })));
    assert_eq!(bench.request("c", id::<ProducerId>(0), json!(0)).unwrap(), Reply::Json(json!(3)));
}

#[test]
fn figures_of_all_plugins_are_collected() {
    let mut bench = Bench::<Set>::new();
    let stats = bench.at(|p, m| p.stats(Target::Worker, m));
    assert_eq!(stats.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn the_end_is_said_to_each_in_reverse() {
    let bench = Bench::<Set>::new();
    take_log();
    bench.plugins.stop(Moment { now: bench.now, view: &NoView });
    assert_eq!(take_log(), ["c.stop", "b.stop", "a.stop"]);
}

#[test]
fn the_state_of_a_closed_entity_is_gone_when_its_place_is_used_again() {
    let mut bench = Bench::<Set>::new();
    bench.open();
    bench.packet();
    let stale: ProducerId = id(0);
    let fresh = <ProducerId as crate::control::EntityId>::from_raw(crate::control::RawId::new(0, 0, 2));
    bench.at(|p, m| {
        p.closed(stale, m);
        p.opened(fresh, m).unwrap();
    });
    assert_eq!(bench.request("a", fresh, json!(0)).unwrap(), Reply::Json(json!(0)));
    assert_eq!(bench.request("a", stale, json!(0)).unwrap(), Reply::Json(json!(null)));
}
