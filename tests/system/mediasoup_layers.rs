//! A consumer of a mediasoup call chooses among the layers that a browser sends.
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::stream::number;
use sfu_tests::{call_test, needs};

/// How soon a layer that was asked for is seen.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// Publishes layers of these heights, the highest first, and asks for each: from the lowest up, and for the lowest again.
async fn chooses(codec: &str, encodings: Value, kind: &str, heights: &[u64]) {
    let conference = Conference::start().await;
    let router = conference.router(&conference.worker().await, codec).await;
    let browser = Browser::launch(Kind::Chromium).await;
    let alice = Participant::join(&conference, &browser, &router).await;
    let bob = Participant::join(&conference, &browser, &router).await;
    let size = json!({ "width": heights[0] * 4 / 3, "height": heights[0], "encodings": encodings });
    let published = alice.publish_with(size).await;
    assert_eq!(conference.show(&published.video).await["type"], kind);
    let consumer = bob.watch(&published).await.video;
    bob.sees_height(heights[0], Duration::from_secs(20)).await;

    let top = heights.len() - 1;
    for layer in (0..=top).chain([0]) {
        let asked = Instant::now();
        conference.call(&consumer, "setPreferredLayers", json!([{ "spatialLayer": layer }])).await;
        bob.sees_height(heights[top - layer], Duration::from_secs(15)).await;
        let took = asked.elapsed();
        assert!(took < SEEN_WITHIN, "layer {layer} was seen after {took:?}");
        conference.wait_for(&consumer, "layerschange", |layers| layers[0]["spatialLayer"] == layer).await;
    }
    let figures = bob.sees().await;
    // A picture that can't be decoded is one that is dropped or asked for anew.
    assert_eq!(number(&figures, "inbound-video", "pliCount"), 0.0, "pictures were asked for: {figures:#}");
    bob.page.has_no_errors().await;
    for id in [&published.video, &consumer] {
        conference.wait_for(id, "score", |_| true).await;
    }
}

call_test! {
    async fn preferred_layers_of_simulcast_are_sent() {
        needs!("chromium", "node");
        let encodings = json!([
            { "scaleResolutionDownBy": 4, "maxBitrate": 100_000, "scalabilityMode": "L1T2" },
            { "scaleResolutionDownBy": 2, "maxBitrate": 250_000, "scalabilityMode": "L1T2" },
            { "scaleResolutionDownBy": 1, "maxBitrate": 600_000, "scalabilityMode": "L1T2" },
        ]);
        chooses("VP8", encodings, "simulcast", &[480, 240, 120]).await;
    }
}

call_test! {
    async fn preferred_layers_of_vp9_svc_are_sent() {
        needs!("chromium", "node");
        let encodings = json!([{ "maxBitrate": 900_000, "scalabilityMode": "L3T3_KEY" }]);
        chooses("VP9", encodings, "svc", &[480, 240, 120]).await;
    }
}

call_test! {
    async fn preferred_layers_of_av1_svc_are_sent() {
        needs!("chromium", "node");
        let encodings = json!([{ "maxBitrate": 900_000, "scalabilityMode": "L3T3_KEY" }]);
        chooses("AV1", encodings, "svc", &[360, 180, 90]).await;
    }
}
