//! A call that goes on while viewers come and go, recorded all the time: nothing piles up.
use std::time::{Duration, Instant};

use hyper::Method;
use sfu_tests::config;
use sfu_tests::peer::Viewer;
use sfu_tests::run::is_long;
use sfu_tests::stack::Stack;
use sfu_tests::worker::Start;
use sfu_tests::{http, needs, system_test};

/// Anonymous memory that may come on top of what the first viewers needed.
const SLACK: u64 = 8 << 20;

system_test! {
    async fn viewers_that_come_and_go_leave_nothing_behind(workers) {
        needs!("/usr/bin/python3");
        let length = Duration::from_secs(if is_long() { 300 } else { 20 });
        let worker = Start::with_workers(workers).config(config::RECORDER).start();
        let mut publisher = Stack::GStreamer.publish(&worker.whip("call"), length.as_secs() as u32 + 60);
        publisher.connected().await;
        let (began, mut before, mut calls) = (Instant::now(), None, 0);
        while began.elapsed() < length {
            let viewers = [Viewer::watch(&worker.whep("call")).await, Viewer::watch(&worker.whep("call")).await];
            for viewer in &viewers {
                let video = viewer.receives("video/VP8", 50, Duration::from_secs(20)).await;
                viewer.receives("audio/opus", 50, Duration::from_secs(20)).await;
                assert_eq!(video.missing(), 0, "after {calls} calls");
            }
            for viewer in viewers {
                let session = format!("{}{}", worker.url(), viewer.location());
                assert_eq!(http::send(Method::DELETE, &session, &[], "").await.status, 200);
                viewer.close().await;
            }
            calls += 1;
            // The stores and pools of the first calls have their size after some seconds.
            if began.elapsed() > length / 3 && before.is_none() {
                before = Some(worker.anonymous_memory());
            }
        }
        let (before, after) = (before.expect("more than one call"), worker.anonymous_memory());
        assert!(after < before + SLACK, "{before} bytes grew to {after} over {calls} calls");
        let stats = worker.stats().await;
        let count = |entities: &str| stats[entities].as_array().map_or(0, Vec::len);
        assert_eq!((count("transports"), count("producers"), count("consumers")), (1, 2, 0), "{stats:#}");
        assert_eq!(stats["plugins"]["recorder"]["dropped"]["sum"], 0, "{stats:#}");
    }
}
