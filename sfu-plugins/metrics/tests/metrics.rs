//! What the text says of a busy worker, in virtual time, with one media thread and with two.
mod strict;

use std::time::Duration;

use proptest::prelude::*;
use sfu_core::control::{ConsumerId, Labels, ProducerId};
use sfu_core::plugin::{Cons, Nil};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Bench, Build, Media, PeerOptions, conformance};
use sfu_metrics::Metrics;
use strict::Exposition;

type Alone = Bench<Cons<Metrics, Nil>>;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

fn bench(workers: u8, config: Value) -> Alone {
    Build::of::<Metrics>().workers(workers).config(json!({ "metrics": config })).start()
}

/// A publisher of audio and video on the first media thread, and a viewer on the last.
fn call(bench: &mut Alone, room: &str) -> (Vec<ProducerId>, Vec<ConsumerId>) {
    let labels = || Labels::new().with("room", room).with("stream", "cam").with("user", "ann");
    let last = bench.workers() - 1;
    let publisher = bench.peer_with(PeerOptions::webrtc().labels(labels()));
    let producers = vec![bench.produce(publisher, Media::opus()), bench.produce(publisher, Media::vp8())];
    let viewer = bench.peer_with(PeerOptions::webrtc().worker(last).labels(labels()));
    let consumers = producers.iter().map(|producer| bench.consume(viewer, *producer)).collect();
    (producers, consumers)
}

/// The text in one of the formats, which has to be flawless.
fn text(bench: &mut Alone, accept: Option<&str>) -> (String, Exposition) {
    let answer = bench
        .request("metrics", sfu_core::control::Target::Worker, json!({ "method": "text", "accept": accept }))
        .expect("figures");
    let text = answer["text"].as_str().expect("a text").to_owned();
    let read = strict::read(&text, accept == Some(OPEN_METRICS)).unwrap_or_else(|error| panic!("{error}"));
    (text, read)
}

fn figures(bench: &mut Alone) -> Exposition {
    text(bench, None).1
}

#[test]
fn what_was_sent_and_received_is_shown_at_each_level() {
    for workers in [1, 2] {
        let mut bench = bench(workers, json!({ "detail": "stream" }));
        let (producers, consumers) = call(&mut bench, "studio");
        bench.play(&producers, Duration::from_secs(4));
        for consumer in &consumers {
            bench.nack(*consumer, &[1, 2, 3]);
        }
        bench.pli(consumers[1]);
        bench.advance(Duration::from_millis(200));
        let shown = figures(&mut bench);
        for (producer, kind) in producers.iter().zip(["audio", "video"]) {
            let stats = bench.producer_stats(*producer).streams[0].clone();
            let id = producer.to_string();
            let labels =
                [("producer", id.as_str()), ("room", "studio"), ("stream", "cam"), ("encoding", "0")];
            assert_eq!(shown.sum("sfu_producer_packets_total", &labels), stats.packets as f64);
            assert_eq!(shown.sum("sfu_producer_bytes_total", &labels), stats.bytes as f64);
            assert_eq!(shown.sum("sfu_producer_score", &labels), f64::from(stats.score));
            let sum =
                shown.sum("sfu_media_packets_total", &[("direction", "in"), ("kind", kind), ("worker", "0")]);
            assert_eq!(sum, stats.packets as f64, "{workers} media threads");
        }
        for consumer in &consumers {
            let stats = bench.consumer_stats(*consumer).stream;
            let id = consumer.to_string();
            let labels = [("consumer", id.as_str()), ("room", "studio")];
            assert_eq!(shown.sum("sfu_consumer_packets_total", &labels), stats.packets as f64);
            assert_eq!(shown.sum("sfu_consumer_nacks_total", &labels), 1.0);
            assert_eq!(shown.sum("sfu_consumer_nack_packets_total", &labels), 3.0);
        }
        assert_eq!(shown.sum("sfu_consumer_plis_total", &[("kind", "video")]), 1.0);
        assert_eq!(shown.sum("sfu_media_nack_packets_total", &[("direction", "out")]), 6.0);
        let last = (workers - 1).to_string();
        let out = shown.sum("sfu_router_packets_total", &[("direction", "out"), ("worker", &last)]);
        assert_eq!(out, shown.sum("sfu_consumer_packets_total", &[]));
        assert_eq!(shown.sum("sfu_router_producers", &[("room", "studio")]), 2.0);
        assert_eq!(shown.sum("sfu_router_consumers", &[("room", "studio")]), 2.0);
        assert_eq!(shown.sum("sfu_transport_connected", &[]), 2.0);
        assert_eq!(shown.sum("sfu_media_threads", &[]), f64::from(workers));
        assert_eq!(shown.sum("sfu_transports", &[]), 2.0);
        assert_eq!(shown.sum("sfu_dtls_handshakes_total", &[("outcome", "connected")]), 2.0);
        for name in ["panics", "overruns", "calls", "seconds", "drops"] {
            assert_eq!(shown.sum(&format!("sfu_hook_{name}_total"), &[("plugin", "metrics")]), 0.0);
        }
        assert!(shown.sum("sfu_transport_received_bytes_total", &[("worker", "0")]) > 10_000.0);
        // Not asked for.
        assert!(shown.samples.keys().all(|(_, labels)| !labels.contains_key("user")));
    }
}

#[test]
fn both_formats_say_the_same() {
    for workers in [1, 2] {
        let mut bench = bench(workers, json!({ "detail": "stream" }));
        let (producers, _) = call(&mut bench, "studio");
        bench.play(&producers, Duration::from_secs(1));
        let (plain, read) = text(&mut bench, Some("text/plain;q=0.5,*/*;q=0.1"));
        let (open, read_open) = text(&mut bench, Some(OPEN_METRICS));
        assert!(open.ends_with("\n# EOF\n") && !plain.contains("# EOF"));
        assert_eq!(read.samples.keys().collect::<Vec<_>>(), read_open.samples.keys().collect::<Vec<_>>());
        assert!(read.samples.len() > 100);
        let kinds =
            |read: &Exposition, kind: &str| read.kinds.values().filter(|other| *other == kind).count();
        assert_eq!(kinds(&read, "counter"), kinds(&read_open, "counter"));
        assert!(read.help.values().all(|help| help.ends_with('.')));
    }
}

#[test]
fn counters_never_fall_while_streams_come_and_go() {
    for workers in [1, 2] {
        let mut bench = bench(workers, json!({ "detail": "stream" }));
        let mut before = figures(&mut bench);
        for round in 0..6 {
            let (producers, consumers) = call(&mut bench, "studio");
            bench.play(&producers, Duration::from_millis(600));
            let mut now = figures(&mut bench);
            assert_eq!(now.fallen(&before), [], "round {round}");
            before = now;
            match round % 3 {
                0 => bench.close(consumers[0]),
                1 => bench.close(producers[1]),
                _ => {
                    let publisher = bench.peer_of_producer(producers[0]);
                    let session = bench.session(publisher);
                    bench.close(session);
                }
            }
            bench.advance(Duration::from_secs(1));
            now = figures(&mut bench);
            assert_eq!(now.fallen(&before), [], "round {round}");
            let kinds = [("direction", "in"), ("kind", "audio")];
            assert_eq!(now.sum("sfu_media_packets_total", &kinds), 30.0 * f64::from(round + 1));
            before = now;
        }
    }
}

#[test]
fn each_level_adds_to_the_one_before() {
    let prefixes = ["sfu_router_", "sfu_transport_", "sfu_producer_"];
    for (level, detail) in ["worker", "router", "transport", "stream"].into_iter().enumerate() {
        let mut bench = bench(2, json!({ "detail": detail }));
        let (producers, _) = call(&mut bench, "studio");
        bench.play(&producers, Duration::from_millis(400));
        let shown = figures(&mut bench);
        for (index, prefix) in prefixes.into_iter().enumerate() {
            assert_eq!(
                shown.names().iter().any(|name| name.starts_with(prefix)),
                index < level,
                "{detail} {prefix}"
            );
        }
        assert!(shown.names().contains("sfu_media_packets_total"));
    }
}

#[test]
fn many_streams_are_bounded_and_what_is_left_out_is_counted() {
    for workers in [1, 2] {
        let mut bench = bench(workers, json!({ "detail": "stream", "max_series": 600 }));
        let mut last = Vec::new();
        for n in 0..40 {
            last = call(&mut bench, &format!("room {n}")).0;
        }
        bench.play(&last, Duration::from_millis(100));
        let shown = figures(&mut bench);
        assert!(shown.samples.len() <= 602, "{}", shown.samples.len());
        assert_eq!(shown.sum("sfu_metrics_series", &[]), shown.samples.len() as f64 - 2.0);
        let left_out = shown.sum("sfu_metrics_series_left_out", &[]);
        assert!(left_out > 1000.0, "{left_out}");
        // What stands for more was there first.
        assert_eq!(shown.sum("sfu_producers", &[("worker", "0")]), 80.0);
        bench.reconfigure("metrics", json!({ "detail": "worker" })).expect("it takes another configuration");
        let shown = figures(&mut bench);
        assert_eq!(shown.sum("sfu_metrics_series_left_out", &[]), 0.0);
        let series = shown.samples.len();
        for n in 0..10 {
            call(&mut bench, &format!("more {n}"));
        }
        assert_eq!(figures(&mut bench).samples.len(), series, "media threads are as many as before");
    }
}

#[test]
fn labels_are_those_that_were_chosen() {
    let mut bench = bench(1, json!({ "detail": "stream", "labels": ["user", "nobody_has_it"] }));
    let (producers, _) = call(&mut bench, "studio");
    bench.play(&producers, Duration::from_millis(100));
    let shown = figures(&mut bench);
    assert!(shown.sum("sfu_producer_packets_total", &[("user", "ann")]) > 0.0);
    assert!(shown.samples.keys().all(|(_, labels)| !labels.contains_key("room")));
    for (config, at) in [
        (json!({ "labels": ["a-b"] }), "can't name a label"),
        (json!({ "labels": ["worker"] }), "of their own"),
        (json!({ "labels": ["room", "room"] }), "twice"),
        (json!({ "max_series": 0 }), "is not from 1"),
        (json!({ "detail": "everything" }), "everything"),
    ] {
        let error = Build::of::<Metrics>().config(json!({ "metrics": config })).try_start().err();
        let text = error.expect("a refusal").to_string();
        assert!(text.starts_with("plugins.metrics") && text.contains(at), "{text}");
    }
}

#[test]
fn an_entity_has_no_text_of_its_own() {
    let mut bench = bench(1, json!({}));
    let (producers, _) = call(&mut bench, "studio");
    let refused = bench.request("metrics", producers[0], json!({ "method": "text" })).expect_err("a refusal");
    assert!(refused.text.contains("ask without a target"), "{refused}");
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    conformance::<Metrics>();
}

#[test]
fn its_readme_has_its_configuration() {
    sfu_core::testing::check_readme::<Metrics>(include_str!("../README.md"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_stands_in_a_label_comes_out_as_it_was(room in "[\\PC\n\r\t\"\\\\]{1,40}") {
        let mut bench = bench(1, json!({ "detail": "transport" }));
        let labels = Labels::new().with("room", room.as_str());
        bench.peer_with(PeerOptions::webrtc().labels(labels));
        for accept in [None, Some(OPEN_METRICS)] {
            let shown = text(&mut bench, accept).1;
            prop_assert_eq!(shown.sum("sfu_router_transports", &[("room", room.as_str())]), 1.0);
        }
    }
}
