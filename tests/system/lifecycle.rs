//! The life of a stream: who may publish, who may watch, and what happens when a publisher goes.
use std::time::{Duration, Instant};

use serde_json::json;
use sfu_tests::browser::{Browser, Kind, Page};
use sfu_tests::config;
use sfu_tests::front::Front;
use sfu_tests::stack::Stack;
use sfu_tests::stream::{self, Publish, number};
use sfu_tests::worker::{Start, Worker};
use sfu_tests::{http, needs, system_test};

/// Publishes; gives the error if it is refused.
async fn try_publish(page: &Page<'_>, whip: &str) -> Result<serde_json::Value, String> {
    page.try_evaluate("return await raw.publish('up', argument)", json!(whip)).await
}

/// Watches; gives the error if it is refused.
async fn try_watch(page: &Page<'_>, whep: &str) -> Result<serde_json::Value, String> {
    page.try_evaluate("return await raw.watch('down', argument)", json!(whep)).await
}

/// Whether the worker says that something is published as `name`.
async fn is_published(worker: &Worker, name: &str) -> bool {
    let streams = http::get(&format!("{}/streams", worker.url())).await.json();
    streams["streams"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|s| s["name"] == name && !s["publisher"].is_null())
}

system_test! {
    async fn a_second_publisher_gets_409_until_the_first_has_left(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let first = browser.open(front.url()).await;
        stream::publish(&first, &front.whip("s"), &Publish::default()).await;
        let second = browser.open(front.url()).await;
        let refused = try_publish(&second, &front.whip("s")).await.unwrap_err();
        assert!(refused.contains(": 409 "), "{refused}");
        let left = first.evaluate("return await raw.stop('up')", json!(null)).await;
        assert!(left == 200 || left == 204, "DELETE: {left}");
        stream::publish(&second, &front.whip("s"), &Publish::default()).await;
    }
}

system_test! {
    async fn a_takeover_keeps_the_viewers(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).config(config::TAKEOVER).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let first = browser.open(front.url()).await;
        stream::publish(&first, &front.whip("s"), &Publish { codec: Some("VP8"), size: None, ..Publish::default() }).await;
        let viewer = browser.open(front.url()).await;
        stream::watch(&viewer, &front.whep("s")).await;
        stream::flows(&viewer, "down").await;
        let second = browser.open(front.url()).await;
        stream::publish(&second, &front.whip("s"), &Publish { codec: Some("VP8"), size: None, ..Publish::default() }).await;
        stream::flows(&viewer, "down").await;
    }
}

system_test! {
    async fn without_a_publisher_watching_is_404_with_retry_after(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let viewer = browser.open(front.url()).await;
        let refused = try_watch(&viewer, &front.whep("nobody")).await.unwrap_err();
        assert!(refused.contains(": 404 "), "{refused}");
        let seconds = refused.split("Retry-After=").nth(1).and_then(|rest| rest.split(' ').next());
        assert!(seconds.is_some_and(|s| s.parse::<u32>().is_ok_and(|s| s > 0)), "{refused}");
    }
}

system_test! {
    async fn with_wait_watching_begins_when_a_publisher_comes(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let viewer = browser.open(front.url()).await;
        let publisher = browser.open(front.url()).await;
        let whep = format!("{}?wait=20", front.whep("later"));
        let publishes = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            stream::publish(&publisher, &front.whip("later"), &Publish::default()).await;
        };
        let ((), ()) = tokio::join!(stream::watch(&viewer, &whep), publishes);
        stream::flows(&viewer, "down").await;
        // And not for ever.
        let start = Instant::now();
        let refused = try_watch(&viewer, &format!("{}?wait=2", front.whep("never"))).await.unwrap_err();
        assert!(refused.contains(": 404 ") && start.elapsed() >= Duration::from_secs(2), "{refused}");
    }
}

system_test! {
    async fn viewers_continue_when_the_publisher_comes_back(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let how = Publish { codec: Some("VP8"), size: None, ..Publish::default() };
        let publisher = browser.open(front.url()).await;
        stream::publish(&publisher, &front.whip("s"), &how).await;
        let viewer = browser.open(front.url()).await;
        stream::watch(&viewer, &front.whep("s")).await;
        stream::flows(&viewer, "down").await;
        publisher.evaluate("await raw.stop('up')", json!(null)).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let before = stream::figures(&viewer, "down").await;
        assert_eq!(before["state"], "connected", "the viewer's session outlives the publisher");
        stream::publish(&publisher, &front.whip("s"), &how).await;
        let after = stream::flows(&viewer, "down").await;
        let keys = |figures| number(figures, "inbound-video", "keyFramesDecoded");
        assert!(keys(&after) > keys(&before), "a key frame came first: {after:#}");
        assert_eq!(number(&after, "inbound-video", "framesDropped"), number(&before, "inbound-video", "framesDropped"));
    }
}

system_test! {
    async fn a_publisher_that_vanishes_is_closed_after_consent_is_lost(workers) {
        needs!("node");
        let worker = Start::with_workers(workers).config(config::IMPATIENT).start();
        let mut publisher = Stack::Wrtc.publish(&worker.whip("s"), 100);
        publisher.connected().await;
        assert!(is_published(&worker, "s").await);
        // Dropping kills the process: no DELETE, no close_notify.
        drop(publisher);
        let start = Instant::now();
        while is_published(&worker, "s").await {
            assert!(start.elapsed() < Duration::from_secs(20), "still published 20 s after the publisher died");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        assert!(start.elapsed() > Duration::from_secs(5), "given up too early: {:?}", start.elapsed());
        let mut again = Stack::Wrtc.publish(&worker.whip("s"), 5);
        again.connected().await;
    }
}
