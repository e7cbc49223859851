{%- assign id = project-name | remove_first: "sfu-" -%}
{%- assign type = id | upper_camel_case -%}
//! What it does, in a worker in virtual time: no socket, no thread, the same every time.
use std::time::Duration;

use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Build, Conditions, Direction, check_readme, conformance};

use {{crate_name}}::{{type}};

#[test]
fn it_counts_and_tells() {
    for workers in [1, 2] {
        let config = json!({ "{{id}}": { "tell_every": 20 } });
        let mut bench = Build::of::<{{type}}>()
            .workers(workers)
            .config(config)
            .start();
        let producer = bench.audio_producer();
        // 50 packets of audio.
        bench.play(&[producer], Duration::from_secs(1));
        let told: Vec<Value> = bench
            .notices("{{id}}")
            .iter()
            .map(|told| told["packets"].clone())
            .collect();
        assert_eq!(told, [20, 40]);
        let total = bench.request("{{id}}", producer, json!({ "method": "total" }));
        assert_eq!(total, Ok(json!(50)));
        assert_eq!(bench.stats("{{id}}")["packets"], 50);
    }
}

#[test]
fn packets_that_are_lost_and_sent_again_count_once() {
    let mut bench = Build::of::<{{type}}>().start();
    let producer = bench.audio_producer();
    let sender = bench.peer_of_producer(producer);
    bench.set_path(sender, Direction::ToWorker, Conditions::perfect().loss(0.1));
    bench.play(&[producer], Duration::from_secs(10));
    let counted = bench.stats("{{id}}")["packets"].as_u64();
    let received = bench.producer_stats(producer).streams[0].packets;
    assert_eq!(counted, Some(received));
}

#[test]
fn its_readme_has_its_configuration() {
    check_readme::<{{type}}>(include_str!("../README.md"));
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    conformance::<{{type}}>();
}
