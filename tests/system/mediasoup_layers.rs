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

/// Publishes layers of these heights, the highest first, and asks for each: from the lowest up, and down again.
async fn chooses(codec: &str, encodings: Value, kind: &str, width: u64, heights: &[u64]) {
    let conference = Conference::start().await;
    let router = conference.router(&conference.worker().await, codec).await;
    let browser = Browser::launch(Kind::Chromium).await;
    let alice = Participant::join(&conference, &browser, &router).await;
    let bob = Participant::join(&conference, &browser, &router).await;
    let size = json!({ "width": width, "height": heights[0], "encodings": encodings });
    let published = alice.publish_with(size).await;
    assert_eq!(conference.show(&published.video).await["type"], kind);
    let consumer = bob.watch(&published).await.video;

    // A machine that is busy with something else has more than one try.
    let top = heights.len() - 1;
    let mut late = Vec::new();
    for _ in 0..4 {
        late.clear();
        for layer in (0..=top).chain((0..top).rev()) {
            let asked = Instant::now();
            conference.call(&consumer, "setPreferredLayers", json!([{ "spatialLayer": layer }])).await;
            bob.sees_height(heights[top - layer], Duration::from_secs(30)).await;
            if asked.elapsed() >= SEEN_WITHIN {
                late.push((layer, asked.elapsed()));
            }
            conference.wait_for(&consumer, "layerschange", |layers| layers[0]["spatialLayer"] == layer).await;
        }
        if late.is_empty() {
            break;
        }
    }
    assert!(late.is_empty(), "layers that were not seen within {SEEN_WITHIN:?}: {late:?}");
    let figures = bob.sees().await;
    // A picture that can't be decoded is asked for anew.
    assert!(number(&figures, "inbound-video", "pliCount") <= 1.0, "pictures were asked for: {figures:#}");
    bob.page.has_no_errors().await;
    conference.wait_for(&published.video, "score", |_| true).await;
    let figures = conference.call(&published.video, "getStats", json!([])).await;
    let streams = figures.as_array().expect("figures of each stream");
    let by_layer = |stream: &Value| stream["bitrateByLayer"].as_object().cloned().unwrap_or_default();
    let measured =
        streams.iter().flat_map(by_layer).filter(|(_, bitrate)| bitrate.as_u64() > Some(0)).count();
    assert!(measured >= heights.len(), "rates of {measured} layers: {figures:#}");
}

call_test! {
    async fn preferred_layers_of_simulcast_are_sent() {
        needs!("chromium", "node");
        let encodings = json!([
            { "scaleResolutionDownBy": 4, "maxBitrate": 100_000, "scalabilityMode": "L1T2" },
            { "scaleResolutionDownBy": 2, "maxBitrate": 250_000, "scalabilityMode": "L1T2" },
            { "scaleResolutionDownBy": 1, "maxBitrate": 700_000, "scalabilityMode": "L1T2" },
        ]);
        chooses("VP8", encodings, "simulcast", 960, &[540, 270, 135]).await;
    }
}

call_test! {
    async fn preferred_layers_of_vp9_svc_are_sent() {
        needs!("chromium", "node");
        // Heights are even in SVC.
        let encodings = json!([{ "maxBitrate": 1_200_000, "scalabilityMode": "L3T3_KEY" }]);
        chooses("VP9", encodings, "svc", 960, &[540, 270, 136]).await;
    }
}

call_test! {
    async fn preferred_layers_of_av1_svc_are_sent() {
        needs!("chromium", "node");
        let encodings = json!([{ "maxBitrate": 1_200_000, "scalabilityMode": "L3T3_KEY" }]);
        chooses("AV1", encodings, "svc", 960, &[540, 270, 136]).await;
    }
}
