//! The load tool against a real worker: it loses nothing, counts what arrives, and says what it found in JSON.
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The worker of the same build, or the one that `SFU_WORKER` names.
fn worker() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_sfu-load")).with_file_name("sfu-worker");
    std::env::var_os("SFU_WORKER").map_or(built, PathBuf::from)
}

fn load(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sfu-load"))
        .args(arguments)
        .arg("--worker")
        .arg(worker())
        .output()
        .expect("sfu-load starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "sfu-load: {error}");
    String::from_utf8(output.stdout).expect("text")
}

fn fanout(more: &[&str]) -> Value {
    let common = ["fanout", "--viewers", "4", "--rate", "50", "--rounds", "1", "--seconds", "0.5", "--json"];
    let text = load(&[&common[..], more].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn each_viewer_gets_each_packet_under_each_protection() {
    for srtp in ["off", "gcm128", "gcm256", "cm80"] {
        let report = fanout(&["--srtp", srtp]);
        assert_eq!(report["lost"], 0, "{srtp}: {report}");
        // 4 viewers, 50 frames a second, 10 packets each.
        let rate = report["forwarded_per_second"].as_f64().unwrap();
        assert!((1500.0..=2500.0).contains(&rate), "{srtp}: {report}");
        assert!(report["ratio"].as_f64().is_some_and(|ratio| ratio > 0.5), "{srtp}: {report}");
        assert!(report["latency_p99_micros"].as_f64().is_some_and(|micros| micros > 0.0), "{srtp}: {report}");
    }
}

#[test]
fn paced_bursts_and_viewers_that_read_singly_are_measured_too() {
    let report = fanout(&["--burst", "2", "--single"]);
    assert_eq!((&report["lost"], &report["packets_per_burst"]), (&0.into(), &2.into()), "{report}");
}

#[test]
fn idle_transports_of_each_kind_are_measured() {
    let text = load(&["idle", "--transports", "20", "--seconds", "0.2"]);
    for kind in ["WebRtc:", "WebRtcWithConsumer:", "PlainWithConsumer:"] {
        assert!(text.contains(kind), "{text}");
    }
}

#[test]
fn an_overload_is_measured_and_what_comes_after_it() {
    let rates = ["--capacity", "20", "--factor", "1.5", "--seconds", "1", "--after-seconds", "1"];
    let common = ["overload", "--viewers", "4", "--json"];
    let text = load(&[&common[..], &rates[..]].concat());
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    // No overload at all for any machine: nothing is lost.
    assert_eq!(report["lossless_after"], 0.0, "{report}");
    let count = |phase: &str| report[phase].as_array().map(Vec::len);
    assert_eq!((count("overload"), count("after")), (Some(1), Some(2)), "{report}");
    assert!(report["memory_after"].as_u64().is_some_and(|bytes| bytes > 0), "{report}");
}

#[test]
fn a_worker_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_sfu-load"))
        .args(["idle", "--worker", "/nowhere/sfu-worker"])
        .output()
        .expect("sfu-load starts");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/sfu-worker"));
}
