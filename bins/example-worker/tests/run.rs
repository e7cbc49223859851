//! The worker runs, its plugins see media.
mod support;

use std::path::Path;

use sfu_core::serde_json::{Value, json};
use support::Process;

const WORKER: &str = env!("CARGO_BIN_EXE_example-worker");

#[test]
fn the_own_plugin_counts_and_the_recorder_records_on_one_media_thread() {
    support::counts_and_records(Path::new(WORKER), 1);
}

#[test]
fn the_own_plugin_counts_and_the_recorder_records_on_two_media_threads() {
    support::counts_and_records(Path::new(WORKER), 2);
}

#[test]
fn a_hangup_is_told_and_ends_nothing() {
    let process = Process::start(Path::new(WORKER), &["--workers", "1"]);
    let _ = process.publish("before", 1);
    for round in 1..=2 {
        process.signal("-HUP");
        let told = || json!(process.log().matches("SIGHUP: the configuration can't be read again").count());
        support::until("the hangup is told", told, |told| told == &json!(round));
    }
    let _ = process.publish("after", 1);
    let streams = process.http("GET", "/api/streams", &Value::Null).1.to_string();
    assert!(streams.contains("before") && streams.contains("after"), "{streams}");
    let (status, _) = process.terminate();
    assert!(status.success(), "{status}");
}
