//! The load tool with Debian's Janus in the worker's place: its peers are real ones to a foreign server, too.
use std::process::Command;

use serde_json::Value;
use sfu_tests::{call_test, needs, tools, worker};

/// A short call from one publisher to three viewers; what the load tool says of it.
fn call(arguments: &[&str]) -> Value {
    let janus = tools::find("janus").expect("looked for");
    let output = Command::new(worker::binary_beside("sfu-load"))
        .args(["broadcast", "--signaling", "janus", "--viewers", "3", "--packets", "4", "--json"])
        .args(["--seconds", "1", "--rounds", "1", "--worker"])
        .arg(janus)
        .args(arguments)
        .output()
        .expect("the load tool starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "sfu-load: {error}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|json| panic!("{json}: {error}"))
}

/// Most of it arrives, readable; a busy Janus drops what is older than a second.
fn assert_carried(report: &Value) {
    let number = |name: &str| report[name].as_f64().unwrap_or_default();
    assert!(number("sent") > 0.0 && number("received") >= number("sent") * 3.0 * 0.9, "{report:#}");
    assert_eq!(number("unreadable"), 0.0, "{report:#}");
    assert!(report["latency_micros"]["count"].as_u64() > Some(0), "stamps were read: {report:#}");
    assert!(report["worker_nanos"]["median"].as_f64() > Some(0.0), "its process is known: {report:#}");
}

call_test! {
    async fn viewers_over_webrtc_get_what_janus_forwards() {
        needs!("janus");
        assert_carried(&call(&["--transport", "webrtc"]));
    }
}

call_test! {
    async fn viewers_over_plain_rtp_are_forwarders_of_janus() {
        needs!("janus");
        assert_carried(&call(&["--srtp", "cm80"]));
        assert_carried(&call(&["--srtp", "off", "--content", "audio"]));
    }
}
