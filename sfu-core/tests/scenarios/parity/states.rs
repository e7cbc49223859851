//! Which hooks run in which state of a plugin: on from the beginning, on late, off, refusing, in quarantine, with another
//! configuration, while the worker drains, and while it stops.
use std::collections::BTreeSet;

use serde_json::{Value, json};
use sfu_core::control::{Command, EventBody, Labels, Reply, Target};
use sfu_core::plugin::{ConsumerId, DataConsumerId, DataProducerId, ProducerId, ppid};
use sfu_core::testing::{Bench, Build, Conditions, Media, PeerId, PeerOptions};

use super::probe::{BREAKS, Probe, REFUSED, called};
use crate::{ms, quiet, seconds};

const HOT: [&str; 7] = ["data_in", "data_out", "data_ready", "rtcp_in", "rtcp_out", "rtp_in", "rtp_out"];
const EVENTS: [&str; 5] =
    ["consumer_event", "data_consumer_event", "data_producer_event", "producer_event", "transport_event"];
/// Of no entity that a plugin is on for.
const GENERAL: [&str; 6] = ["done", "event", "message", "request", "stats", "tick"];
const LATE: [&str; 7] = [
    "late session",
    "late router",
    "late transport",
    "late producer",
    "late consumer",
    "late data_producer",
    "late data_consumer",
];

fn set(groups: &[&[&'static str]]) -> BTreeSet<&'static str> {
    groups.iter().flat_map(|group| group.iter().copied()).collect()
}

/// A call with a data channel, of two peers on the last media thread.
struct Call {
    bench: Bench<sfu_core::plugin::Cons<Probe, sfu_core::plugin::Nil>>,
    ann: PeerId,
    bob: PeerId,
    video: ProducerId,
    seen: ConsumerId,
    chat: DataProducerId,
    ear: DataConsumerId,
    /// How often the viewer has changed its address.
    moves: u8,
}

impl Call {
    fn begin(workers: u8, config: Value) -> Self {
        quiet();
        REFUSED.set("");
        BREAKS.set(false);
        called();
        let mut bench = Build::of::<Probe>().workers(workers).config(json!({ "probe": config })).start();
        let options = || {
            let path = Conditions::delay(ms(20));
            PeerOptions::webrtc().data().worker(workers - 1).path(path)
        };
        let (ann, bob) = (bench.peer_with(options()), bench.peer_with(options()));
        let video = bench.produce(ann, Media::vp8());
        let seen = bench.consume(bob, video);
        let chat = bench.data_producer(ann, 1);
        let ear = bench.consume_data(bob, chat, 1);
        bench.advance(seconds(1));
        Call { bench, ann, bob, video, seen, chat, ear, moves: 0 }
    }

    /// Everything that there are hooks for happens to what is there already. Answers which were called.
    fn go_on(&mut self) -> BTreeSet<&'static str> {
        called();
        let bench = &mut self.bench;
        let before = bench.received(self.seen).len();
        for command in [
            Command::PauseDataProducer(self.chat),
            Command::ResumeDataProducer(self.chat),
            Command::PauseDataConsumer(self.ear),
            Command::ResumeDataConsumer(self.ear),
        ] {
            bench.command(command);
        }
        bench.pause(self.video);
        bench.resume(self.video);
        bench.send_data(self.ann, 1, ppid::STRING, b"hello");
        bench.play(&[self.video], seconds(3));
        bench.pli(self.seen);
        // More than fits, and time to drain.
        for _ in 0..30 {
            let payload = vec![1; 200_000].into();
            let data_consumer = self.ear;
            let _ =
                bench.try_command(Command::SendToDataConsumer { data_consumer, ppid: ppid::BINARY, payload });
        }
        bench.advance(seconds(20));
        // ICE chooses another way.
        self.moves += 1;
        bench.move_peer(self.bob, ([10, 9, 9, self.moves], 9).into());
        bench.check(self.bob);
        bench.advance(seconds(6));
        let _ = bench.request("probe", self.video, json!(1));
        let _ = bench.worker_stats();
        bench.advance(ms(1));
        assert!(bench.take_data(self.bob).iter().any(|told| told.payload == b"hello"), "data goes on");
        assert!(bench.received(self.seen).len() > before + 200, "media goes on");
        assert_eq!(bench.receiver(self.seen).lost(), 0);
        called().into_iter().collect()
    }
}

#[test]
fn on_from_the_beginning_every_hook_runs() {
    for workers in [1, 2] {
        let mut call = Call::begin(workers, json!({}));
        assert_eq!(call.go_on(), set(&[&HOT, &EVENTS, &GENERAL]), "{workers} workers");
        assert!(call.bench.faults().is_empty());
    }
}

#[test]
fn what_opens_while_media_flows_meets_its_hooks_from_the_first_packet() {
    for workers in [1, 2] {
        let mut call = Call::begin(workers, json!({}));
        let Call { bench, video, seen, .. } = &mut call;
        bench.play(&[*video], seconds(1));
        bench.advance(ms(100));
        let before = bench.received(*seen).len();
        called();
        let late = bench.consumer(*video);
        let opened = ["session_opened", "transport_opened", "consumer_opened"];
        let names = called();
        assert_eq!(names.into_iter().filter(|name| name.ends_with("opened")).collect::<Vec<_>>(), opened);
        bench.play(&[*video], seconds(1));
        bench.advance(ms(100));
        let out = called().into_iter().filter(|name| *name == "rtp_out").count();
        assert_eq!(
            out,
            bench.received(late).len() + bench.received(*seen).len() - before,
            "{workers} workers"
        );
        assert!(bench.received(late).len() > 80);
    }
}

#[test]
fn switched_on_late_it_meets_what_is_there_parents_first_and_every_hook_runs() {
    for workers in [1, 2] {
        let mut call = Call::begin(workers, json!({ "enabled": false }));
        let off = call.go_on();
        assert_eq!(off, set(&[&GENERAL]), "{workers} workers: about no entity");
        called();
        call.bench.enable("probe", Target::Worker, json!(null)).unwrap();
        let mut kinds = called();
        kinds.retain(|name| name.starts_with("late"));
        kinds.dedup();
        assert_eq!(kinds, LATE, "{workers} workers");
        assert_eq!(call.go_on(), set(&[&HOT, &EVENTS, &GENERAL]), "{workers} workers");
    }
}

#[test]
fn switched_off_it_says_goodbye_children_first_and_hears_of_no_entity() {
    let closed = [
        "data_consumer_closed",
        "data_producer_closed",
        "consumer_closed",
        "producer_closed",
        "transport_closed",
        "router_closed",
        "session_closed",
    ];
    for workers in [1, 2] {
        let mut call = Call::begin(workers, json!({}));
        called();
        call.bench.disable("probe", Target::Worker).unwrap();
        let mut goodbyes = called();
        goodbyes.retain(|name| name.ends_with("closed"));
        goodbyes.dedup();
        assert_eq!(goodbyes, closed, "{workers} workers");
        assert_eq!(call.go_on(), set(&[&GENERAL]), "{workers} workers");
        // For one entity alone.
        call.bench.enable("probe", call.seen, json!(null)).unwrap();
        let expected = set(&[&GENERAL, &["rtp_out", "consumer_event"]]);
        assert_eq!(call.go_on(), expected, "{workers} workers");
    }
}

#[test]
fn what_it_refuses_is_not_there_and_no_other_hook_is_about_it() {
    for workers in [1, 2] {
        for kind in ["session", "transport", "producer", "consumer", "data_producer", "data_consumer"] {
            let mut call = Call::begin(workers, json!({}));
            REFUSED.set(kind);
            called();
            let Call { bench, ann, video, chat, .. } = &mut call;
            let transport = bench.transport(*ann);
            let path = || sfu_core::control::DataPath::Sctp(sfu_core::testing::stream(7));
            let error = match kind {
                "producer" => bench.try_produce(*ann, Media::opus()).unwrap_err(),
                "consumer" => bench.try_consume(*ann, *video).unwrap_err(),
                "data_producer" => bench.try_data_producer(transport, path()).unwrap_err(),
                "data_consumer" => bench.try_data_consumer(transport, *chat, path(), &[]).unwrap_err(),
                _ => bench.try_peer(PeerOptions::plain().worker(workers - 1)).unwrap_err(),
            };
            assert!(error.text.contains("not today"), "{error}");
            let heard = called();
            let closed = format!("{kind}_closed");
            assert!(!heard.contains(&closed.as_str()), "{workers} workers, {kind}: {heard:?}");
            assert_eq!(heard.iter().filter(|name| **name == format!("{kind}_opened")).count(), 1);
            // Switched off and on it would refuse what is there: it stays off for that.
            bench.disable("probe", Target::Worker).unwrap();
            bench.enable("probe", Target::Worker, json!(null)).unwrap();
            let about: &[&'static str] = match kind {
                "session" => &[],
                "transport" => &["rtcp_in", "rtcp_out", "transport_event"],
                "producer" => &["rtp_in", "producer_event"],
                "consumer" => &["rtp_out", "consumer_event"],
                "data_producer" => &["data_in", "data_producer_event"],
                _ => &["data_out", "data_ready", "data_consumer_event"],
            };
            let mut expected = set(&[&HOT, &EVENTS, &GENERAL]);
            expected.retain(|name| !about.contains(name));
            assert_eq!(call.go_on(), expected, "{workers} workers, {kind}");
        }
    }
}

#[test]
fn in_quarantine_no_hook_runs_on_that_media_thread() {
    for workers in [1, 2] {
        let mut call = Call::begin(workers, json!({}));
        BREAKS.set(true);
        call.bench.advance(seconds(8));
        BREAKS.set(false);
        let steps: Vec<String> = call.bench.faults().into_iter().map(|(_, step)| step).collect();
        let quarantined = steps.iter().filter(|step| *step == "quarantined").count();
        assert_eq!(quarantined, usize::from(workers), "{steps:?}");
        assert_eq!(call.go_on(), set(&[]), "{workers} workers");
        let error = call.bench.request("probe", call.video, json!(1)).unwrap_err();
        assert_eq!(error.text, "plugins.probe: quarantined after repeated faults");
        // Neither for what opens now, nor when it is switched off and on, nor at the end.
        called();
        let Call { mut bench, video, .. } = call;
        bench.consumer(video);
        bench.disable("probe", Target::Worker).unwrap();
        bench.enable("probe", Target::Worker, json!(null)).unwrap();
        assert!(bench.reconfigure("probe", json!({ "number": 2 })).is_err());
        bench.stop();
        assert_eq!(called(), [""; 0], "{workers} workers");
    }
}

#[test]
fn with_another_configuration_it_goes_on_with_the_states_it_had() {
    for workers in [1, 2] {
        let mut call = Call::begin(workers, json!({}));
        call.go_on();
        let packets = call.bench.stats_of("probe", call.video)["packets"].clone();
        called();
        call.bench.reconfigure("probe", json!({ "number": 7 })).unwrap();
        assert_eq!(called(), vec!["reconfigure"; workers.into()], "nothing is opened or closed");
        assert_eq!(call.bench.stats_of("probe", call.video)["packets"], packets);
        assert_eq!(call.go_on(), set(&[&HOT, &EVENTS, &GENERAL]), "{workers} workers");
        assert!(call.bench.stats_of("probe", call.video)["packets"].as_u64() > packets.as_u64());
        // Off and on by configuration, with what that means for entities.
        called();
        call.bench.reconfigure("probe", json!({ "enabled": false })).unwrap();
        assert!(called().contains(&"producer_closed"));
        assert_eq!(call.go_on(), set(&[&GENERAL]), "{workers} workers");
    }
}

#[test]
fn while_the_worker_drains_every_hook_runs() {
    for workers in [1, 2] {
        let mut call = Call::begin(workers, json!({}));
        // What is told to media threads when a worker drains.
        call.bench.command(Command::ReleasePorts);
        assert_eq!(call.go_on(), set(&[&HOT, &EVENTS, &GENERAL]), "{workers} workers");
        // Calls end one by one, and their plugins are told.
        called();
        let Call { bench, ann, .. } = &mut call;
        let session = bench.session(*ann);
        bench.close(session);
        let mut goodbyes = called();
        goodbyes.retain(|name| name.ends_with("closed"));
        let expected = [
            "data_consumer_closed",
            "data_producer_closed",
            "consumer_closed",
            "producer_closed",
            "transport_closed",
            "session_closed",
        ];
        assert_eq!(goodbyes, expected, "{workers} workers");
    }
}

#[test]
fn when_the_worker_stops_all_is_closed_children_first_and_stop_is_the_last_hook() {
    for workers in [1, 2] {
        let mut call = Call::begin(workers, json!({}));
        call.bench.play(&[call.video], ms(100));
        called();
        call.bench.stop();
        let mut heard = called();
        heard.retain(|name| name.ends_with("closed") || *name == "stop");
        let of = |name: &str| heard.iter().filter(|heard| **heard == name).count();
        let place = |name: &str| heard.iter().position(|heard| *heard == name).unwrap();
        assert_eq!(of("stop"), usize::from(workers));
        assert_eq!(heard.last(), Some(&"stop"));
        assert_eq!((of("session_closed"), of("router_closed")), (2, 1));
        let order = ["data_consumer_closed", "data_producer_closed", "consumer_closed", "producer_closed"];
        assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{heard:?}");
        assert!(place("producer_closed") < place("transport_closed"), "{heard:?}");
        assert!(place("transport_closed") < place("session_closed"), "{heard:?}");
    }
}

/// Rooms open and close with the plugin on, too.
#[test]
fn a_router_that_it_refuses_is_not_there() {
    let mut bench = Build::of::<Probe>().start();
    REFUSED.set("router");
    let labels = Labels::new();
    let error = bench.try_command(Command::CreateRouter { labels: labels.clone() }).unwrap_err();
    assert!(error.text.contains("not today"), "{error}");
    assert_eq!(bench.counter("routers"), 0);
    REFUSED.set("");
    called();
    let Reply::Router(router) = bench.command(Command::CreateRouter { labels }) else { panic!() };
    bench.close(router);
    let mut heard = called();
    heard.retain(|name| name.starts_with("router"));
    assert_eq!(heard, ["router_opened", "router_closed"]);
    assert!(bench.events_of(router).iter().any(|body| matches!(body, EventBody::Closed(_))));
}
