//! A new worker takes the address and the ports of one that drains, whose calls go on.
use std::time::Duration;

use hyper::Method;
use sfu_tests::peer::Viewer;
use sfu_tests::ports::free_pair;
use sfu_tests::stack::Stack;
use sfu_tests::worker::Start;
use sfu_tests::{http, needs, system_test};

const VIDEO: &str = "video/VP8";
const AUDIO: &str = "audio/opus";

system_test! {
    async fn calls_go_on_while_a_new_worker_takes_address_and_ports(workers) {
        needs!("/usr/bin/python3", "gst-inspect-1.0");
        let port = free_pair();
        let start = || {
            let worker = Start::with_workers(workers);
            worker.argument(format!("--udp-port={port}")).argument(format!("--tcp-port={port}"))
        };
        let mut old = start().start();
        let mut publisher = Stack::GStreamer.publish(&old.whip("call"), 60);
        publisher.connected().await;
        let viewer = Viewer::watch(&old.whep("call")).await;
        viewer.receives(VIDEO, 50, Duration::from_secs(15)).await;
        let answer = http::send(Method::POST, &old.api("drain"), &[("content-type", "application/json")], "").await;
        assert_eq!(answer.status, 204, "{}", answer.text());

        let address = old.url().trim_start_matches("http://").to_owned();
        let new = start().listen(address).start();
        assert_eq!(new.url(), old.url());
        let mut second = Stack::GStreamer.publish(&new.whip("call"), 60);
        second.connected().await;
        let other = Viewer::watch(&new.whep("call")).await;
        other.receives(VIDEO, 50, Duration::from_secs(15)).await;
        other.receives(AUDIO, 50, Duration::from_secs(15)).await;

        for codec in [VIDEO, AUDIO] {
            let before = viewer.of(codec).unwrap().packets;
            let after = viewer.receives(codec, before + 100, Duration::from_secs(15)).await;
            assert_eq!(after.missing(), 0, "{codec}: nothing is lost when the ports change hands");
        }
        assert!(old.is_running(), "{}", old.log());
        let transports = new.stats().await["transports"].as_array().map(Vec::len);
        assert_eq!(transports, Some(2), "each worker has its own peers");

        drop(publisher);
        viewer.close().await;
        // Whoever says no goodbye is missed for 30 s.
        let status = old.wait(Duration::from_secs(45)).await;
        assert!(status.success() && old.log().contains("drained"), "{status}");
        let before = other.of(VIDEO).unwrap().packets;
        other.receives(VIDEO, before + 50, Duration::from_secs(15)).await;
    }
}
