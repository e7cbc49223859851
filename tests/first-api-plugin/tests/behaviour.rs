//! The first API does what it did: each hook runs, each command is carried out, each answer comes. Never change it, except by adding.
use std::collections::BTreeSet;
use std::time::Duration;

use sfu_core::control::{Command, ControlError, DataConsumerId, ErrorKind, Labels, Target};
use sfu_core::plugin::{Hooks, Plugin, ppid};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Bench, Build, Conditions, Media, PeerOptions, Rtp, conformance};
use sfu_first_api_plugin::Witness;

sfu_core::worker! {
    /// A worker of the first API.
    pub struct FirstWorker;
    pub plugins = [Witness];
    pub signaling = [];
}

type Alone = Bench<<FirstWorker as sfu_core::plugin::Composition>::Plugins>;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn bench(workers: u8, config: Value) -> Alone {
    Build::composed::<FirstWorker>().workers(workers).config(config).start()
}

fn code(outcome: Result<Value, ControlError>) -> Option<u32> {
    outcome.expect_err("it is refused").code()
}

/// A peer of each kind, media both ways and a data channel.
struct Call {
    bench: Alone,
    audio: sfu_core::control::ProducerId,
    video: sfu_core::control::ProducerId,
    heard: sfu_core::control::ConsumerId,
    seen: sfu_core::control::ConsumerId,
    publisher: sfu_core::testing::PeerId,
    reader: sfu_core::testing::PeerId,
    channel: sfu_core::control::DataProducerId,
    reads: DataConsumerId,
}

fn call(workers: u8) -> Call {
    let mut bench = bench(workers, Value::Null);
    let publisher = bench.peer_with(PeerOptions::webrtc().data().labels(Labels::new().with("user", "ann")));
    let viewer = bench.peer_with(PeerOptions::webrtc().worker(workers - 1));
    let reader = bench.peer_with(PeerOptions::webrtc().data().path(Conditions::delay(ms(100))));
    let (audio, video) = (bench.produce(publisher, Media::opus()), bench.produce(publisher, Media::vp8()));
    let (heard, seen) = (bench.consume(viewer, audio), bench.consume(viewer, video));
    let channel = bench.data_producer(publisher, 1);
    let reads = bench.consume_data(reader, channel, 1);
    bench.play(&[audio, video], ms(1000));
    Call { bench, audio, video, heard, seen, publisher, reader, channel, reads }
}

#[test]
fn every_hook_runs() {
    for workers in [1, 2] {
        let Call { mut bench, audio, video, heard, seen, publisher, reader, channel, reads } = call(workers);
        bench.pause(video);
        bench.resume(video);
        bench.pause(heard);
        bench.resume(heard);
        bench.pli(seen);
        bench.send_data(publisher, 1, ppid::STRING, b"hello");
        bench.advance(ms(500));
        bench.command(Command::PauseDataProducer(channel));
        bench.command(Command::ResumeDataProducer(channel));
        // More than there is room for, then it drains.
        for _ in 0..30 {
            let payload = vec![1; 200_000].into();
            let _ =
                bench.try_command(Command::SendToDataConsumer { data_consumer: reads, ppid: 53, payload });
        }
        bench.advance(ms(60_000));
        bench.reconfigure("witness", json!({ "limit": 9 })).expect("another number is taken");
        bench.request("witness", audio, json!({ "method": "steer" })).expect("it is done");
        bench.advance(ms(1000));
        assert_eq!(bench.request("witness", Target::Worker, json!({ "method": "limit" })), Ok(json!(7)));
        bench.close_stream(publisher, 1);
        let session = bench.session(publisher);
        bench.close(session);
        let transport = bench.transport(reader);
        bench.close(transport);
        for worker in 0..workers {
            let router = bench.router(worker);
            bench.close(router);
        }
        bench.advance(ms(1000));
        let ran = bench.stats("witness");
        let ran: BTreeSet<&str> = ran
            .as_object()
            .expect("figures")
            .iter()
            .filter(|(_, n)| **n != 0)
            .map(|(name, _)| &**name)
            .collect();
        let hooks = Witness::HOOKS.to_string();
        // Of sessions and routers there are no events so far; three show otherwise that they run.
        let silent = ["session_event", "router_event", "serve", "stats", "stop"];
        let missing: Vec<&str> =
            hooks.split(", ").filter(|hook| !ran.contains(hook) && !silent.contains(hook)).collect();
        assert_eq!(missing, Vec::<&str>::new(), "{workers} media threads: {ran:?}");
        for outcome in ["figures came", "an answer came", "resumed", "a key frame was asked for"] {
            assert!(ran.contains(outcome), "{outcome}: {ran:?}");
        }
        assert_eq!(bench.faults(), []);
        let stopped = Witness::stopped();
        bench.stop();
        assert!(Witness::stopped() >= stopped + u64::from(workers));
    }
}

#[test]
fn it_overrides_all_hooks_of_the_first_api() {
    // What came later is not among them: this list is never changed.
    let first = [
        "shared",
        "new",
        "reconfigure",
        "stop",
        "session_opened",
        "session_event",
        "session_closed",
        "router_opened",
        "router_event",
        "router_closed",
        "transport_opened",
        "transport_event",
        "transport_closed",
        "producer_opened",
        "producer_event",
        "producer_closed",
        "consumer_opened",
        "consumer_event",
        "consumer_closed",
        "data_producer_opened",
        "data_producer_event",
        "data_producer_closed",
        "data_consumer_opened",
        "data_consumer_event",
        "data_consumer_closed",
        "rtp_in",
        "rtp_out",
        "rtcp_in",
        "rtcp_out",
        "data_in",
        "data_out",
        "data_ready",
        "request",
        "serve",
        "message",
        "done",
        "event",
        "tick",
        "stats",
    ];
    assert_eq!(Witness::HOOKS.to_string(), first.join(", "));
    assert!(first.iter().all(|hook| Hooks::NAMES.contains(hook)));
}

#[test]
fn packets_are_changed_and_dropped() {
    for workers in [1, 2] {
        let Call { mut bench, audio, heard, .. } = call(workers);
        bench.take_received(heard);
        for (n, payload) in (1..).zip([&b"as it is"[..], b"drop me", b"please change me", b"the last"]) {
            bench.send(audio, Rtp::new(n * 960 + 1_000_000, payload));
        }
        let got = bench.take_received(heard);
        let payloads: Vec<&[u8]> = got.iter().map(|packet| &*packet.payload).collect();
        assert_eq!(payloads, [&b"as it is"[..], b"something shorte!", b"the last"]);
        assert!(got.windows(2).all(|two| two[1].sequence == two[0].sequence.wrapping_add(1)), "no gap");
    }
}

#[test]
fn messages_are_changed_addressed_and_dropped() {
    for workers in [1, 2] {
        let Call { mut bench, publisher, reader, .. } = call(workers);
        for text in ["a word", "drop this", "none hears this", "another word"] {
            bench.send_data(publisher, 1, ppid::STRING, text.as_bytes());
        }
        bench.advance(ms(1000));
        let told: Vec<Vec<u8>> = bench.take_data(reader).into_iter().map(|message| message.payload).collect();
        assert_eq!(told, [&b"a word, seen"[..], b"another word, seen"]);
    }
}

#[test]
fn commands_reach_media_and_data() {
    for workers in [1, 2] {
        let Call { mut bench, audio, heard, reader, .. } = call(workers);
        bench.take_received(heard);
        // What there is lies on one media thread or on both.
        for target in [Target::Producer(audio), Target::Consumer(heard)] {
            bench.request("witness", target, json!({ "method": "steer" })).expect("it is done");
        }
        bench.advance(ms(1000));
        let payloads: Vec<Vec<u8>> = bench.take_received(heard).into_iter().map(|one| one.payload).collect();
        assert!(payloads.iter().any(|payload| payload == b"from a plugin"), "{payloads:?}");
        assert!(payloads.iter().any(|payload| payload == b"injected"), "{payloads:?}");
        let told: Vec<Vec<u8>> = bench.take_data(reader).into_iter().map(|one| one.payload).collect();
        for text in [&b"a text"[..], b"bytes", b"either", b"injected"] {
            assert!(told.iter().any(|told| told == text), "{told:?}");
        }
        let notices = bench.notices("witness");
        assert!(notices.contains(&json!({ "event": "witness.steered" })), "{notices:?}");
        assert_eq!(bench.faults(), []);
    }
}

#[test]
fn each_kind_of_answer_comes() {
    for workers in [1, 2] {
        let Call { mut bench, audio, .. } = call(workers);
        let mut ask = |request: Value| bench.request("witness", audio, request);
        assert_eq!(ask(json!({ "method": "limit" })), Ok(json!(7)));
        assert!(ask(json!({ "method": "calls" })).is_ok_and(|calls| calls["producer_opened"] == json!(2)));
        assert_eq!(
            ask(json!({ "method": "describe" })),
            Ok(json!({ "result": { "is": "here" }, "jsep": { "type": "offer" } }))
        );
        assert_eq!(
            ask(json!({ "method": "later", "hint": "soon" })),
            Ok(json!({ "ack": true, "hint": "soon" }))
        );
        assert_eq!(code(ask(json!({ "method": "fail", "code": 433 }))), Some(433));
        assert!(ask(json!({ "method": "forget", "on_purpose": true })).is_err());
        assert!(ask(json!({ "method": "no such method" })).is_err());
        assert!(ask(json!({ "method": "fail", "code": 1, "more": 2 })).is_err());
        let slow = bench.request_later("witness", audio, json!({ "method": "slow" }));
        let mut slow = slow;
        let mut answer = None;
        for _ in 0..500 {
            std::thread::yield_now();
            bench.finish_background();
            answer = answer.or_else(|| slow.take());
            if answer.is_some() {
                break;
            }
            std::thread::sleep(ms(10));
        }
        let answer = format!("{answer:?}");
        assert!(answer.contains("42"), "{answer}");
        // Off the media threads.
        assert_eq!(bench.request("witness", Target::Worker, json!({ "method": "limit" })), Ok(json!(7)));
        assert_eq!(code(bench.request("witness", Target::Worker, json!({ "method": "slow" }))), Some(404));
    }
}

#[test]
fn configuration_and_options_are_taken_or_refused() {
    let start = |table: Value| {
        Build::composed::<FirstWorker>().config(json!({ "witness": table })).try_start().map(|_| ())
    };
    assert!(start(json!({ "limit": 3, "name": "x", "mode": "loud", "enabled": false })).is_ok());
    for (table, named) in [
        (json!({ "limt": 3 }), "plugins.witness: unknown field `limt`"),
        (json!({ "limit": 0 }), "plugins.witness.limit: 0 is nothing"),
        (json!({ "mode": "silent" }), "plugins.witness: unknown variant `silent`"),
        (json!({ "options": { "refse": "x" } }), "plugins.witness.options: unknown field `refse`"),
    ] {
        let refused = start(table).expect_err("it is refused").to_string();
        assert!(refused.starts_with(named), "{refused}");
    }
    for workers in [1, 2] {
        let config = json!({ "witness": { "mode": "loud", "options": { "refuse": "bad", "leave": "shy" } } });
        let mut bench = bench(workers, config);
        let labels = |label: &str| PeerOptions::webrtc().labels(Labels::new().with(label, "x"));
        let refused = bench.try_peer(labels("bad")).expect_err("it is refused");
        assert!(refused.to_string().contains("take the label off"), "{refused}");
        assert_eq!(refused.kind, ErrorKind::Refused);
        bench.peer_with(labels("shy"));
        bench.peer_with(labels("any"));
        bench.advance(ms(2000));
        assert!(bench.notices("witness").iter().any(|notice| notice["event"] == "witness.tick"));
        let refused = bench.reconfigure("witness", json!({ "name": "another" }));
        assert!(refused.expect_err("it is refused").to_string().contains("needs a restart"));
    }
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    conformance::<Witness>();
}
