//! Small calls through a real worker: everybody gets everything, and the report says so. Counts alone, no times.
use std::path::{Path, PathBuf};

use clap::Parser;
use sfu_core::{Running, WorkerConfig};
use sfu_load::broadcast::Broadcast;
use sfu_load::conference::Conference;
use sfu_load::report::Report;

sfu_core::worker! {
    /// The worker under load.
    pub struct Loaded;
    pub plugins = [];
    pub signaling = [sfu_mediasoup::Mediasoup, sfu_whip::Whip];
}

/// The program that these tests are is the worker, too: the load tool starts it with what a worker of mediasoup's library finds.
#[test]
fn be_the_worker() {
    if std::env::var_os("MEDIASOUP_VERSION").is_some() {
        let _ = sfu_core::run::<Loaded>();
    }
}

#[derive(Debug, Parser)]
#[command(args_override_self = true)]
struct BroadcastArguments {
    #[command(flatten)]
    broadcast: Broadcast,
}

#[derive(Debug, Parser)]
#[command(args_override_self = true)]
struct ConferenceArguments {
    #[command(flatten)]
    conference: Conference,
}

/// Short, and slow enough for a machine that does much else.
const SMALL: &[&str] = &["--seconds", "0.5", "--rounds", "1"];

fn with_worker(arguments: &[&str]) -> Vec<String> {
    let program = std::env::current_exe().unwrap().display().to_string();
    let worker = ["load", "--worker", &program, "--worker-arg", "be_the_worker"];
    [&worker, SMALL, arguments].concat().iter().map(|word| (*word).to_owned()).collect()
}

fn broadcast(arguments: &[&str]) -> Report {
    measured(&BroadcastArguments::parse_from(with_worker(arguments)).broadcast)
}

fn measured(broadcast: &Broadcast) -> Report {
    broadcast.scenario().unwrap().measure(&broadcast.options).unwrap()
}

fn conference(arguments: &[&str]) -> Report {
    let ConferenceArguments { conference } = ConferenceArguments::parse_from(with_worker(arguments));
    conference.scenario().unwrap().measure(&conference.options).unwrap()
}

/// So many watched each packet, and all of them got it, once and readable.
fn assert_whole(report: &Report, watchers: u64) {
    assert!(report.sent > 0, "{report}");
    assert_eq!(report.received, report.sent * watchers, "{report}");
    assert_eq!(report.expected, Some(report.received), "{report}");
    assert_eq!((report.lost, report.repeated, report.unreadable, report.unsent), (0, 0, 0, 0), "{report}");
    assert!(report.loss_per_viewer.iter().all(|loss| *loss == 0.0), "{report}");
    assert!(report.latency_micros.count > 0, "stamps were read: {report}");
}

#[test]
fn viewers_over_plain_rtp_get_every_packet_whatever_protects_it() {
    for srtp in ["off", "gcm128", "gcm256", "cm80"] {
        let report = broadcast(&["--viewers", "5", "--packets", "3", "--size", "700", "--srtp", srtp]);
        assert_whole(&report, 5);
        assert_eq!((report.peers, report.viewers), (6, 5));
        assert!(report.worker_nanos.is_some() && report.floor_nanos.is_some());
        let bits = report.bits_per_second / report.packets_per_second;
        assert!((bits - 700.0 * 8.0).abs() < 0.001, "sizes on the wire: {bits}");
    }
}

#[test]
fn viewers_over_webrtc_get_every_packet_of_a_paced_source() {
    for srtp in ["gcm128", "cm80"] {
        let arguments =
            ["--viewers", "4", "--content", "paced", "--transport", "webrtc", "--srtp", srtp, "--feedback"];
        assert_whole(&broadcast(&arguments), 4);
    }
}

#[test]
fn each_datagram_read_by_itself_is_counted_like_merged_ones() {
    assert_whole(&broadcast(&["--viewers", "3", "--single", "--packets", "5"]), 3);
}

#[test]
fn everybody_in_a_room_gets_what_all_others_send() {
    assert_whole(&conference(&["--participants", "4", "--media", "video"]), 3);
    assert_whole(&conference(&["--participants", "5", "--media", "audio", "--seconds", "1"]), 4);
    let mixed = conference(&["--participants", "4", "--transport", "mixed"]);
    assert_whole(&mixed, 3);
}

#[test]
fn of_layers_viewers_get_one() {
    let report =
        broadcast(&["--viewers", "3", "--content", "layers", "--transport", "webrtc", "--seconds", "1"]);
    assert_eq!((report.expected, report.lost, report.unreadable), (None, 0, 0), "{report}");
    assert!(report.received > 0 && report.received < report.sent * 3, "{report}");
}

#[test]
fn a_bad_network_loses_packets_and_the_report_says_so() {
    let report = broadcast(&["--viewers", "4", "--loss", "10", "--delay", "5", "--seconds", "1"]);
    assert!(report.loss > 0.05 && report.loss < 0.4, "{report}");
    assert!(report.received > 0 && report.loss_per_viewer.iter().all(|loss| *loss > 0.0), "{report}");
    assert!(report.latency_micros.p50 > 9_000.0, "twice the delay: {report}");
}

async fn worker_with_http() -> Running {
    let mut config = WorkerConfig { workers: 2, ..WorkerConfig::default() };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.rtc.listen_ip = [127, 0, 0, 1].into();
    Loaded::builder().config(config).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_over_whep_get_every_packet_of_a_publisher_over_whip() {
    let running = worker_with_http().await;
    let url = running.url().unwrap().to_owned();
    for more in [["--content", "frames"], ["--content", "audio"]] {
        let fixed = [
            "load",
            "--url",
            &url,
            "--signaling",
            "whip",
            "--transport",
            "webrtc",
            "--viewers",
            "40",
            "--feedback",
        ];
        let arguments = [&fixed[..], SMALL, &more].concat();
        let broadcast = BroadcastArguments::parse_from(arguments).broadcast;
        let report = tokio::task::spawn_blocking(move || measured(&broadcast)).await.unwrap();
        assert_whole(&report, 40);
        assert_eq!(report.worker_nanos, None, "its process was not named");
    }
    running.stop().await;
}

#[test]
fn a_report_is_json_and_a_page_with_plots_that_loads_nothing() {
    let folder = std::env::temp_dir().join(format!("sfu-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("report.html");
    let report = broadcast(&["--viewers", "2"]);
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(json["received"], report.received);
    assert_eq!(json["rounds"].as_array().map(Vec::len), Some(1));
    assert!(json["latency_micros"]["buckets"].as_array().is_some_and(|buckets| !buckets.is_empty()));
    let page = written(&file, &["--viewers", "2", "--html", file.to_str().unwrap(), "--json"]);
    assert!(page.matches("<svg ").count() >= 4, "plots");
    assert_eq!(page.matches("<svg ").count(), page.matches("</svg>").count());
    for foreign in ["<script", "<link", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(!page.contains("NaN"));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn written(file: &Path, arguments: &[&str]) -> String {
    let BroadcastArguments { broadcast } = BroadcastArguments::parse_from(with_worker(arguments));
    broadcast.run().unwrap();
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_worker_that_ends_at_once_is_noticed() {
    let arguments = ["load", "--worker", "/bin/true"];
    let BroadcastArguments { broadcast } = BroadcastArguments::parse_from(arguments);
    let result = broadcast.scenario().and_then(|scenario| scenario.measure(&broadcast.options));
    let error = result.expect_err("nobody is there").to_string();
    assert!(error.contains("/bin/true: did not start"), "{error}");
}

#[test]
fn what_cannot_be_meant_is_refused_in_words() {
    let refusal = |arguments: &[&str]| {
        let all = [&["load"], arguments].concat();
        let BroadcastArguments { broadcast } = BroadcastArguments::parse_from(all);
        let result = broadcast.scenario().and_then(|scenario| scenario.measure(&broadcast.options));
        result.expect_err("it can't be meant").to_string()
    };
    let nowhere: PathBuf = "/nowhere/worker".into();
    let nowhere = nowhere.to_str().unwrap();
    for (arguments, word) in [
        (&["--worker", nowhere][..], "no such program"),
        (&["--worker", nowhere, "--transport", "webrtc", "--srtp", "off"], "--srtp off"),
        (&["--worker", nowhere, "--signaling", "whip"], "--transport webrtc"),
        (&["--worker", nowhere, "--loss", "101"], "--loss"),
        (&["--worker", nowhere, "--viewers", "0"], "--viewers"),
        (&["--worker", nowhere, "--speed", "0"], "--speed"),
        (&["--worker", nowhere, "--load", "100"], "--load"),
        (&["--worker", nowhere, "--signaling", "janus", "--transport", "mixed"], "--transport"),
        (&["--url", "http://127.0.0.1:9"], "--url"),
    ] {
        let refusal = refusal(arguments);
        assert!(refusal.contains(word), "{arguments:?}: {refusal}");
    }
}
